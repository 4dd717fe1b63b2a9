"""Publishes a night into a schema of PostgreSQL: all tables in one transaction, or none.

Belongs here: the statements that a schema needs, in their order. Not here: what a table holds (it comes as the text of
a file for COPY), where the address of the server comes from, which night is the latest.

Rows are deleted and copied anew under the names that readers know. Swapping tables was refused: who reads in a
transaction that is older than the swap would find the new tables, and find them empty. Deleted rows stay visible to
such a reader, and nobody waits for a lock unless a table gets other columns.

The schema may have tables and views of others. A table is one of this product where its comment says so; no other is
written, dropped or granted.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from datetime import date
from typing import IO, Any

import psycopg
from psycopg import sql

from orchestration.publishing.catalogue import TableMeaning

# What a column type of DuckDB is called by PostgreSQL, where the two differ.
TYPES = {"DOUBLE": "double precision", "VARCHAR": "text", "HUGEINT": "numeric(38, 0)", "TINYINT": "smallint"}
# The night that a schema holds is told by this table, which every night publishes.
NIGHTS = "nights"
# Ends the comment of each table that was made here.
MARK = "Published by stageproof."
# A reader that does not end keeps a table from getting another column; the night waits no longer for it than this.
LOCK_TIMEOUT = "30s"
_READ_BYTES = 1 << 20


class PostgresRefused(Exception):
    """The night could not be published into the schema; the sentence says what to do.

    is_passing: the server was away or busy, so that it may work in a moment; false where it said no.
    """

    def __init__(self, sentence: str, *, is_passing: bool = False) -> None:
        super().__init__(sentence)
        self.is_passing = is_passing


@dataclass(frozen=True)
class Schema:
    """Where a night is published: the schema, and the role that may read it and do nothing else."""

    name: str
    reader_role: str


@dataclass(frozen=True)
class PublishedTable:
    """A table with the types that DuckDB tells of its columns, what it means, and the columns to look it up by."""

    name: str
    columns: dict[str, str]
    meaning: TableMeaning
    indexed_by: tuple[tuple[str, ...], ...]


def publish(
    url: str,
    schema: Schema,
    business_date: date,
    tables: Sequence[PublishedTable],
    rows: Callable[[str], AbstractContextManager[IO[bytes]]],
) -> bool:
    r"""Put all tables of a night in place of those of the night before, in one transaction.

    rows: opens the rows of a table as CSV without header, columns in their order, null as \N, for reading as bytes.

    Returns whether the night was published: a schema that holds a later night is left as it is, so that no reader
    ever steps back.

    Raises:
        PostgresRefused: the server cannot be reached, or refuses, or the schema has a table of another's under the name
            of a served one; nothing has changed for readers.
    """
    try:
        with psycopg.connect(url) as connection:
            with connection.transaction(), connection.cursor() as cursor:
                if not _begin(cursor, schema, business_date):
                    return False
                found = _relations(cursor, schema)
                _refuse_foreign(schema, found, tables)
                for table in tables:
                    _fit(cursor, schema, table)
                    with rows(table.name) as file:
                        _fill(cursor, schema, table, file)
                    _describe(cursor, schema, table)
                _drop_others(cursor, schema, found, tables)
                _grant(cursor, schema, tables)
            # The night is published by now, and what is not tidied here the server's own autovacuum does.
            with suppress(psycopg.Error):
                _tidy(connection, schema, tables)
    except psycopg.Error as error:
        raise _refused(schema, error) from error
    return True


def held_night(url: str, schema: Schema) -> str | None:
    """The id of the night that the schema holds, or None.

    Raises:
        PostgresRefused: the server cannot be reached, or refuses.
    """
    try:
        with psycopg.connect(url) as connection, connection.cursor() as cursor:
            if not _relations(cursor, schema).get(NIGHTS):
                return None
            cursor.execute(sql.SQL("select max(night_id) from {}").format(_named(schema, NIGHTS)))
            row = cursor.fetchone()
            return None if row is None else row[0]
    except psycopg.Error as error:
        raise _refused(schema, error) from error


def _refused(schema: Schema, error: psycopg.Error) -> PostgresRefused:
    return PostgresRefused(
        f"PostgreSQL, schema {schema.name}: {_first_line(error)}; the schema holds the night it held before. Mend"
        f" what the server says and run the night again.",
        is_passing=isinstance(error, psycopg.OperationalError),
    )


def _begin(cursor: psycopg.Cursor[Any], schema: Schema, business_date: date) -> bool:
    """Make the schema, let no other publisher in until the end, and say whether this night may follow what it holds."""
    cursor.execute("set local time zone 'UTC'")
    cursor.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"stageproof {schema.name}"])
    cursor.execute(sql.SQL("create schema if not exists {}").format(sql.Identifier(schema.name)))
    cursor.execute(sql.SQL("set local lock_timeout = {}").format(sql.Literal(LOCK_TIMEOUT)))
    if not _relations(cursor, schema).get(NIGHTS):
        return True
    cursor.execute(sql.SQL("select max(business_date) from {}").format(_named(schema, NIGHTS)))
    held = cursor.fetchone()
    return held is None or held[0] is None or held[0] <= business_date


def _relations(cursor: psycopg.Cursor[Any], schema: Schema) -> dict[str, bool]:
    """Everything in the schema that goes by the name of a table, and whether this product has made it."""
    cursor.execute(
        "select relname, relkind = 'r' and coalesce(obj_description(pg_class.oid, 'pg_class'), '') like %s"
        " from pg_class join pg_namespace on pg_namespace.oid = relnamespace"
        " where nspname = %s and relkind in ('r', 'p', 'v', 'm', 'f')",
        [f"%{MARK}", schema.name],
    )
    return dict(cursor.fetchall())


def _refuse_foreign(schema: Schema, found: Mapping[str, bool], tables: Sequence[PublishedTable]) -> None:
    """Raise where a name that is served belongs to others. found: what `_relations` tells."""
    foreign = sorted(table.name for table in tables if not found.get(table.name, True))
    if foreign:
        raise PostgresRefused(
            f"PostgreSQL, schema {schema.name}: {', '.join(foreign)} was not published from here (its comment does not "
            f"end with '{MARK}'), so nothing is written over it. Name a schema of its own in serving.yml, or take the "
            f"table out of this one, and run the night again."
        )


def _fit(cursor: psycopg.Cursor[Any], schema: Schema, table: PublishedTable) -> None:
    """Give the table the columns of tonight and no row. A table whose columns are the same is not locked."""
    named = _named(schema, table.name)
    wanted = {name: _type(kind) for name, kind in table.columns.items()}
    cursor.execute(
        "select attname, format_type(atttypid, atttypmod) from pg_attribute"
        " where attrelid = to_regclass(%s) and attnum > 0 and not attisdropped",
        [sql.Identifier(schema.name, table.name).as_string(cursor)],
    )
    held = dict(cursor.fetchall())
    if not held:
        columns = [sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind)) for name, kind in wanted.items()]
        cursor.execute(sql.SQL("create table {} ({})").format(named, sql.SQL(", ").join(columns)))
        return
    cursor.execute(sql.SQL("delete from {}").format(named))
    kinds = {name: _canonical(cursor, kind) for name, kind in wanted.items()}
    gone = [name for name, kind in held.items() if kinds.get(name) != kind]
    new = [name for name, kind in kinds.items() if held.get(name) != kind]
    changes = [sql.SQL("drop column {}").format(sql.Identifier(name)) for name in gone]
    changes += [sql.SQL("add column {} {}").format(sql.Identifier(name), sql.SQL(kinds[name])) for name in new]
    if changes:
        cursor.execute(sql.SQL("alter table {} {}").format(named, sql.SQL(", ").join(changes)))


def _fill(cursor: psycopg.Cursor[Any], schema: Schema, table: PublishedTable, file: IO[bytes]) -> None:
    columns = sql.SQL(", ").join(map(sql.Identifier, table.columns))
    statement = sql.SQL(r"copy {} ({}) from stdin (format csv, null '\N')").format(_named(schema, table.name), columns)
    with cursor.copy(statement) as copy:
        for chunk in _chunks(file):
            copy.write(chunk)


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    while chunk := file.read(_READ_BYTES):
        yield chunk


def _describe(cursor: psycopg.Cursor[Any], schema: Schema, table: PublishedTable) -> None:
    """Comments and indexes. Both are made once and then found; neither is touched where it is the same."""
    named = _named(schema, table.name)
    regclass = sql.Identifier(schema.name, table.name).as_string(cursor)
    cursor.execute("select objsubid, description from pg_description where objoid = to_regclass(%s)", [regclass])
    said = dict(cursor.fetchall())
    cursor.execute(
        "select attname, attnum from pg_attribute where attrelid = to_regclass(%s) and attnum > 0 and not attisdropped",
        [regclass],
    )
    numbers = dict(cursor.fetchall())
    comment = f"{table.meaning.comment()} {MARK}".lstrip()
    if said.get(0) != comment:
        cursor.execute(sql.SQL("comment on table {} is {}").format(named, sql.Literal(comment)))
    for name, comment in table.meaning.comments().items():
        if name in numbers and said.get(numbers[name]) != comment:
            column = sql.SQL("{}.{}").format(named, sql.Identifier(name))
            cursor.execute(sql.SQL("comment on column {} is {}").format(column, sql.Literal(comment)))
    for columns in table.indexed_by:
        name = f"{table.name}_{'_'.join(columns)}_idx"[:63]
        cursor.execute(
            sql.SQL("create index if not exists {} on {} ({})").format(
                sql.Identifier(name), named, sql.SQL(", ").join(map(sql.Identifier, columns))
            )
        )


def _drop_others(
    cursor: psycopg.Cursor[Any], schema: Schema, found: Mapping[str, bool], tables: Sequence[PublishedTable]
) -> None:
    """A table that is no longer served leaves the schema. Where a view of others needs it, the server says which."""
    made_here = {name for name, is_ours in found.items() if is_ours}
    for name in sorted(made_here - {table.name for table in tables}):
        cursor.execute(sql.SQL("drop table {}").format(_named(schema, name)))


def _grant(cursor: psycopg.Cursor[Any], schema: Schema, tables: Sequence[PublishedTable]) -> None:
    role = sql.Identifier(schema.reader_role)
    cursor.execute("select 1 from pg_roles where rolname = %s", [schema.reader_role])
    if cursor.fetchone() is None:
        # Without a password nobody logs in as it: it is granted to those who read.
        cursor.execute(sql.SQL("create role {} nologin").format(role))
    cursor.execute(sql.SQL("grant usage on schema {} to {}").format(sql.Identifier(schema.name), role))
    readable = sql.SQL(", ").join(_named(schema, table.name) for table in tables)
    cursor.execute(sql.SQL("grant select on {} to {}").format(readable, role))


def _tidy(connection: psycopg.Connection[Any], schema: Schema, tables: Sequence[PublishedTable]) -> None:
    """Give back the room of the deleted rows, and tell the planner of the new ones."""
    connection.autocommit = True
    for table in tables:
        connection.execute(sql.SQL("vacuum (analyze, truncate false) {}").format(_named(schema, table.name)))


def _named(schema: Schema, table: str) -> sql.Identifier:
    return sql.Identifier(schema.name, table)


def _type(kind: str) -> str:
    return TYPES.get(kind.upper(), kind.lower())


def _canonical(cursor: psycopg.Cursor[Any], kind: str) -> str:
    """A type as the server spells it."""
    cursor.execute(sql.SQL("select format_type(to_regtype({}), null)").format(sql.Literal(kind)))
    plain = cursor.fetchone()
    if "(" in kind and plain is not None:
        return f"{plain[0]}({kind.split('(', 1)[1].replace(' ', '')}"
    return str(plain[0]) if plain is not None else kind


def _first_line(error: psycopg.Error) -> str:
    said = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    # Which view of others it is stands apart.
    if isinstance(error, psycopg.errors.DependentObjectsStillExist):
        said = f"{said} ({str(error.diag.message_detail).splitlines()[0]})"
    return said
