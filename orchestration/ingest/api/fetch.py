"""One fetch: from the cursors of the last one to a new extract folder, and only then to new cursors.

Killed anywhere it leaves nothing or a whole folder, and the next fetch takes at least what this one did.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration.ingest.api import hubspot, salesforce
from orchestration.ingest.api.client import Patience
from orchestration.ingest.api.cursors import Cursor, Cursors, alone, read_cursors, write_cursors
from orchestration.ingest.api.extract import Draft
from orchestration.ingest.api.tables import Api, FetchRefused, Row, Table, Window
from orchestration.ingest.mapping import CrmMapping, Extract

if TYPE_CHECKING:
    from dlt.extract import DltResource, DltSource

APIS: Mapping[str, Callable[[CrmMapping, Mapping[str, str], Patience], Api]] = {
    "hubspot": hubspot.api,
    "salesforce": salesforce.api,
}


@dataclass(frozen=True)
class Fetched:
    """A written extract: its folder, and for each file its rows and whether they are all records or the changed."""

    path: Path
    files: Mapping[str, tuple[int, Extract]]


def connect(mapping: CrmMapping, environment: Mapping[str, str], patience: Patience | None = None) -> Api:
    """The API of a CRM, its credentials taken from the environment.

    Raises:
        FetchRefused: there is no API for this CRM, a credential is missing, or dlt is not installed.
    """
    if mapping.crm not in APIS:
        raise FetchRefused(f"There is no API to fetch {mapping.crm} from, only for {', '.join(sorted(APIS))}")
    return APIS[mapping.crm](mapping, environment, patience or Patience())


def fetch(
    api: Api, mapping: CrmMapping, inbox: Path, cursor_file: Path, *, until: datetime, is_full: bool, is_past: bool
) -> Fetched:
    """Take what changed in a CRM before `until` (aware) into an extract folder named by it.

    A table without a cursor, or with other columns than at the last fetch, is taken whole; `is_full` takes all so.
    `is_past`: `until` is not now. An API only has records as they are now, so a whole table cannot be taken then; short
    lists that carry no dates are as they are now each time.

    Raises:
        FetchRefused: the API refuses or cannot be reached, or another fetch is under way; no folder is written and no
            cursor moves.
    """
    with alone(cursor_file):
        return _fetch_alone(api, mapping, inbox, cursor_file, until=until, is_full=is_full, is_past=is_past)


def _fetch_alone(
    api: Api, mapping: CrmMapping, inbox: Path, cursor_file: Path, *, until: datetime, is_full: bool, is_past: bool
) -> Fetched:
    known = _known(api, cursor_file, is_full=is_full)
    windows = _windows(api.tables, known, until, timedelta(minutes=mapping.fetch.overlap_minutes))
    whole = [each.name for each in api.tables if each.cursor and windows[each.name].since is None]
    if is_past and whole:
        raise FetchRefused(
            f"{', '.join(whole)}: can only be taken as they are now, not as of an earlier instant; leave --until out"
        )
    taken = source(api, mapping.crm, windows)
    draft = Draft(inbox, mapping.crm, until, mapping.delimiter)
    files: dict[str, tuple[int, Extract]] = {}
    newest = {name: cursor.changed_at for name, cursor in known.tables.items()}
    try:
        for table in api.tables:
            extract: Extract = "delta" if windows[table.name].since else "full"
            rows = _noting(table, _rows(taken, table.name), newest)
            files[table.name] = (draft.write(table.name, table.header, rows, extract), extract)
        path = draft.publish()
    except BaseException:
        draft.discard()
        raise
    write_cursors(cursor_file, Cursors(api.account, _advanced(api.tables, newest, until)))
    return Fetched(path, files)


def source(api: Api, crm: str, windows: Mapping[str, Window]) -> "DltSource":
    """The tables of an API as a dlt source: one resource for each, in an order that has followers come later."""
    import dlt

    @dlt.source(name=crm, max_table_nesting=0)
    def tables() -> "Iterator[DltResource]":
        for each in api.tables:
            yield dlt.resource(each.rows(windows[each.name]), name=each.name)

    return tables()


def _noting(table: Table, rows: Iterable[Row], newest: dict[str, datetime]) -> Iterator[Row]:
    """The same rows; the latest change of the table is noted while they pass by."""
    for row in rows:
        changed_at = table.changed_at(row)
        if changed_at is not None and changed_at > newest.get(table.name, changed_at - timedelta.resolution):
            newest[table.name] = changed_at
        yield row


def _advanced(tables: Sequence[Table], newest: Mapping[str, datetime], until: datetime) -> dict[str, Cursor]:
    """The cursors for the next fetch; a table that never had a row has none and is asked for everything again."""
    cursors = {}
    for table in tables:
        changed_at = newest.get(table.follows or table.name)
        if changed_at is not None:
            # A stamp later than this machine's clock must not carry the cursor past what is still to come.
            cursors[table.name] = Cursor(min(changed_at, until), table.header)
    return cursors


def _known(api: Api, cursor_file: Path, *, is_full: bool) -> Cursors:
    known = Cursors() if is_full else read_cursors(cursor_file)
    if known.account not in (None, api.account):
        raise FetchRefused(
            f"The last fetch was of {known.account}, this one is of {api.account}; give each account a STAGEPROOF_HOME "
            f"of its own, or begin anew with --full"
        )
    return known


def _windows(tables: Sequence[Table], known: Cursors, until: datetime, overlap: timedelta) -> dict[str, Window]:
    """The window of each table. One that is asked for what it was not asked for before begins anew, with its group."""
    anew = {
        each.follows or each.name
        for each in tables
        if each.name not in known.tables or known.tables[each.name].header != each.header
    }
    windows = {}
    for each in tables:
        leader = each.follows or each.name
        since = None if leader in anew else known.tables[leader].changed_at - overlap
        windows[each.name] = Window(since, until)
    return windows


def _rows(source: "DltSource", name: str) -> Iterator[Row]:
    """The rows of one resource. dlt wraps what a resource raises; a refusal of ours comes out as it was."""
    try:
        yield from source.resources[name]
    except Exception as error:
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, FetchRefused):
            cause = cause.__cause__
        if cause is None:
            raise
        raise cause from None
