"""What any CRM's API is to a fetch: tables that give the records changed within a window. Plain values, no calls."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

Row = Mapping[str, object]


class FetchRefused(Exception):
    """Nothing was fetched; the sentence says why and what to do, and never holds a credential."""


@dataclass(frozen=True)
class Window:
    """Records changed from `since` on and before `until`. Without `since`: all that there are, whenever changed."""

    since: datetime | None
    until: datetime


@dataclass(frozen=True)
class Table:
    """One file of an extract and the calls that give its rows, page by page.

    `header`: the columns of the file; a row may hold more. `cursor`: the field that says when a record changed; None
    for a table that is taken whole each time. `follows`: the table whose records it belongs to and whose window it
    shares; that one comes before it.
    """

    name: str
    header: tuple[str, ...]
    rows: Callable[[Window], Iterator[Sequence[Row]]]
    cursor: str | None = None
    follows: str | None = None

    def changed_at(self, row: Row) -> datetime | None:
        """When a row last changed, where the table has a cursor and the row a value for it."""
        value = row.get(self.cursor) if self.cursor else None
        return instant(str(value)) if value else None


@dataclass(frozen=True)
class Api:
    """The tables of one account of a CRM. `account` says whose they are, and is no secret."""

    account: str
    tables: tuple[Table, ...]


def instant(text: str) -> datetime:
    """An ISO 8601 instant of an API, in UTC. Both name the offset; one without it is in UTC."""
    parsed = datetime.fromisoformat(text)
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
