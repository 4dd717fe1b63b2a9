"""One fetch: from the cursors of the last one to a new extract folder, and only then to new cursors.

Killed anywhere it leaves nothing or a whole folder, and the next fetch takes at least what this one did.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration.ingest.api import salesforce
from orchestration.ingest.api.client import Patience
from orchestration.ingest.api.cursors import Cursor, Cursors, read_cursors, write_cursors
from orchestration.ingest.api.extract import Draft
from orchestration.ingest.api.tables import Api, FetchRefused, Row, Table, Window
from orchestration.ingest.mapping import CrmMapping, Extract

if TYPE_CHECKING:
    from dlt.extract import DltResource, DltSource

APIS: Mapping[str, Callable[[CrmMapping, Mapping[str, str], Patience], Api]] = {
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
    `is_past`: `until` is not now. An API only has records as they are now, so a whole table cannot be taken then.

    Raises:
        FetchRefused: the API refuses or cannot be reached; no folder is written and no cursor moves.
    """
    known = _known(api, cursor_file, is_full=is_full)
    windows = _windows(api.tables, known, until, timedelta(minutes=mapping.fetch.overlap_minutes))
    whole = [name for name, window in windows.items() if window.since is None]
    if is_past and whole:
        raise FetchRefused(
            f"{', '.join(whole)}: can only be taken as they are now, not as of an earlier instant; leave --until out"
        )
    taken = source(api, mapping.crm, windows)
    draft = Draft(inbox, mapping.crm, until, mapping.delimiter)
    cursors = dict(known.tables)
    files: dict[str, tuple[int, Extract]] = {}
    try:
        for table in api.tables:
            window = windows[table.name]
            newest = _Newest(table, known.tables[table.name].changed_at if window.since else None)
            extract: Extract = "delta" if window.since else "full"
            rows = draft.write(table.name, table.header, newest.noting(_rows(taken, table.name)), extract)
            files[table.name] = (rows, extract)
            if newest.changed_at is not None:
                # A stamp later than this machine's clock must not carry the cursor past what is still to come.
                cursors[table.name] = Cursor(min(newest.changed_at, until), table.header)
        path = draft.publish()
    except BaseException:
        draft.discard()
        raise
    write_cursors(cursor_file, Cursors(api.account, cursors))
    return Fetched(path, files)


def source(api: Api, crm: str, windows: Mapping[str, Window]) -> "DltSource":
    """The tables of an API as a dlt source: one resource for each, in an order that has followers come later."""
    import dlt

    @dlt.source(name=crm, max_table_nesting=0)
    def tables() -> "Iterator[DltResource]":
        for each in api.tables:
            yield dlt.resource(each.rows(windows[each.name]), name=each.name)

    return tables()


class _Newest:
    """Notes the newest change while rows pass by."""

    def __init__(self, table: Table, known: datetime | None) -> None:
        self._table = table
        self.changed_at = known

    def noting(self, rows: Iterable[Row]) -> Iterator[Row]:
        for row in rows:
            changed_at = self._table.changed_at(row)
            if changed_at is not None and (self.changed_at is None or changed_at > self.changed_at):
                self.changed_at = changed_at
            yield row


def _known(api: Api, cursor_file: Path, *, is_full: bool) -> Cursors:
    known = Cursors() if is_full else read_cursors(cursor_file)
    if known.account not in (None, api.account):
        raise FetchRefused(
            f"The last fetch was of {known.account}, this one is of {api.account}; give each account a STAGEPROOF_HOME "
            f"of its own, or begin anew with --full"
        )
    return known


def _windows(tables: Sequence[Table], known: Cursors, until: datetime, overlap: timedelta) -> dict[str, Window]:
    windows: dict[str, Window] = {}
    for table in tables:
        cursor = known.tables.get(table.name)
        if table.follows is not None:
            since = windows[table.follows].since
        elif cursor is None or cursor.header != table.header:
            since = None
        else:
            since = cursor.changed_at - overlap
        windows[table.name] = Window(since, until)
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
