"""A night in PostgreSQL, on a real server: whole or not there, typed as served, described, read by its role alone."""

import io
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from typing import IO, Any

import psycopg
import pytest
from postgres_server import postgres

from orchestration.publishing import postgres as publishing
from orchestration.publishing.catalogue import TableMeaning, column_meaning
from orchestration.publishing.postgres import PostgresRefused, PublishedTable, Schema, publish

SCHEMA = Schema("stageproof", "stageproof_reader")
COLUMNS = {
    "deal_key": "VARCHAR",
    "amount": "DECIMAL(18,2)",
    "share": "DOUBLE",
    "deals": "BIGINT",
    "is_open": "BOOLEAN",
    "closed_at": "TIMESTAMP",
    "business_date": "DATE",
    "night_id": "VARCHAR",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with postgres(tmp_path_factory.mktemp("postgres")) as url:
        yield url


@pytest.fixture
def url(server: str) -> Iterator[str]:
    yield server
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("drop schema if exists stageproof cascade")


def table(name: str, columns: Mapping[str, str] | None = None) -> PublishedTable:
    kinds = dict(columns or COLUMNS)
    means = tuple(column_meaning(column, kind, f"What {column} is.", ("deal_key",)) for column, kind in kinds.items())
    meaning = TableMeaning(name, f"One row per deal of {name}.", ("deal_key",), (), means)
    return PublishedTable(name, kinds, meaning, (("deal_key",),) if "deal_key" in kinds else ())


def csv(night: str, rows: int, business_date: str) -> str:
    return "".join(
        f"generic:{number},{number}.10,0.1,{number},true,2026-01-01 10:00:00.123456,{business_date},{night}\n"
        for number in range(rows)
    )


def nights(business_date: str, night: str) -> str:
    return f"{business_date},{night}\n"


NIGHTS = table("nights", {"business_date": "DATE", "night_id": "VARCHAR"})
Opened = Callable[[str], Any]


def opened(texts: Mapping[str, str]) -> Opened:
    @contextmanager
    def rows(name: str) -> Iterator[IO[bytes]]:
        yield io.BytesIO(texts[name].encode())

    return rows


def put(url: str, day: str, night: str, rows: int = 3, tables: Sequence[PublishedTable] | None = None) -> bool:
    texts = {"deals": csv(night, rows, day), "stages": csv(night, rows + 1, day), "nights": nights(day, night)}
    return publish(
        url, SCHEMA, date.fromisoformat(day), tables or [table("deals"), table("stages"), NIGHTS], opened(texts)
    )


def rows_of(url: str, statement: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(statement).fetchall()


def test_a_night_is_read_as_it_was_served(url: str) -> None:
    text = 'generic:"1",,\\N,,false,\\N,2026-01-31,n1\n'.replace('generic:"1"', '"generic:""1"", 单\n"')
    texts = {"deals": text.replace(",,\\N,,", ",1234567890123456.78,0.1,9007199254740993,")}
    assert publish(url, SCHEMA, date(2026, 1, 31), [table("deals")], opened(texts))
    (row,) = rows_of(url, "select * from stageproof.deals")
    assert row[0] == 'generic:"1", 单\n'
    assert [str(row[1]), row[2], row[3], row[4], row[5]] == ["1234567890123456.78", 0.1, 9007199254740993, False, None]
    types = rows_of(
        url,
        "select format_type(atttypid, atttypmod) from pg_attribute"
        " where attrelid = 'stageproof.deals'::regclass and attnum > 0 order by attnum",
    )
    assert [kind for (kind,) in types] == [
        *("text", "numeric(18,2)", "double precision", "bigint", "boolean"),
        *("timestamp without time zone", "date", "text"),
    ]


def test_an_empty_text_stays_apart_from_none(url: str) -> None:
    kinds = {"deal_key": "VARCHAR", "stage": "VARCHAR"}
    texts = {"deals": '"a",\n"b",\\N\n"c","\\N"\n'}
    publish(url, SCHEMA, date(2026, 1, 31), [table("deals", kinds)], opened(texts))
    assert rows_of(url, "select * from stageproof.deals order by 1") == [("a", ""), ("b", None), ("c", "\\N")]


def test_the_next_night_replaces_all_rows(url: str) -> None:
    assert put(url, "2026-01-30", "n1", rows=5)
    assert put(url, "2026-01-31", "n2", rows=2)
    assert rows_of(url, "select night_id, count(*) from stageproof.deals group by 1") == [("n2", 2)]


def test_an_earlier_night_never_replaces_a_later_one(url: str) -> None:
    assert put(url, "2026-01-31", "n2")
    assert not put(url, "2026-01-30", "n1")
    assert put(url, "2026-01-31", "n3"), "the same night, made anew, replaces itself"
    assert rows_of(url, "select distinct night_id from stageproof.deals") == [("n3",)]


def test_a_night_that_breaks_off_changes_nothing(url: str) -> None:
    put(url, "2026-01-30", "n1")
    texts = {"deals": csv("n2", 9, "2026-01-31"), "stages": "not,a,row\n"}
    broken = r"schema stageproof: .*invalid input syntax.*holds the night it held"
    with pytest.raises(PostgresRefused, match=broken) as refused:
        publish(url, SCHEMA, date(2026, 1, 31), [table("deals"), table("stages")], opened(texts))
    assert not refused.value.is_passing, "it would be refused again"
    assert rows_of(url, "select night_id, count(*) from stageproof.deals group by 1") == [("n1", 3)]


def test_a_server_that_is_not_there_is_said_in_one_sentence() -> None:
    with pytest.raises(PostgresRefused, match=r"^PostgreSQL, schema stageproof: .*connection.*") as refused:
        put("postgresql://stageproof:secret@127.0.0.1:9/postgres?connect_timeout=2", "2026-01-30", "n1")
    assert "secret" not in str(refused.value)
    assert refused.value.is_passing, "it may be there in a moment"


def test_a_reader_in_one_transaction_sees_one_night_while_the_next_is_published(url: str) -> None:
    put(url, "2026-01-30", "n1")
    with psycopg.connect(url) as reader:
        reader.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        first = reader.execute("select night_id, count(*) from stageproof.deals group by 1").fetchall()
        publisher = threading.Thread(target=put, args=(url, "2026-01-31", "n2", 7))
        publisher.start()
        publisher.join(timeout=30)
        assert not publisher.is_alive(), "a reader keeps no night from being published"
        second = reader.execute("select night_id, count(*) from stageproof.stages group by 1").fetchall()
    assert (first, second) == ([("n1", 3)], [("n1", 4)])
    assert rows_of(url, "select night_id, count(*) from stageproof.stages group by 1") == [("n2", 8)]


def test_columns_that_come_and_go_follow_the_contract(url: str) -> None:
    put(url, "2026-01-30", "n1")
    kinds = {name: kind for name, kind in COLUMNS.items() if name != "share"} | {"deals": "DOUBLE", "team": "VARCHAR"}
    text = "generic:1,1.10,2.5,true,2026-01-01 10:00:00,2026-01-31,n2,East\n"
    assert publish(url, SCHEMA, date(2026, 1, 31), [table("deals", kinds)], opened({"deals": text}))
    assert rows_of(url, "select deal_key, amount::text, deals, team from stageproof.deals") == [
        ("generic:1", "1.10", 2.5, "East")
    ]
    assert rows_of(url, "select count(*) from information_schema.columns where table_schema = 'stageproof'") == [(8,)]
    assert rows_of(url, "select table_name from information_schema.tables where table_schema = 'stageproof'") == [
        ("deals",)
    ], "what is not served any longer leaves the schema"


def test_tables_and_views_of_others_in_the_schema_are_left_alone(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("create schema stageproof")
        connection.execute("create table stageproof.budget as select 1 as amount")
    put(url, "2026-01-30", "n1")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("create view stageproof.big_deals as select * from stageproof.deals where amount > 1")
    put(url, "2026-01-31", "n2")
    assert rows_of(url, "select amount from stageproof.budget") == [(1,)]
    assert rows_of(url, "select distinct night_id from stageproof.big_deals") == [("n2",)]
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("set role stageproof_reader")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select * from stageproof.budget")


@pytest.mark.parametrize("made", ["table stageproof.deals as select 1 as a", "view stageproof.deals as select 1 as a"])
def test_a_table_of_others_under_the_name_of_a_served_one_is_refused(url: str, made: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("create schema stageproof")
        connection.execute(f"create {made}")
    with pytest.raises(PostgresRefused, match="deals was not published from here") as refused:
        put(url, "2026-01-30", "n1")
    assert not refused.value.is_passing
    assert rows_of(url, "select a from stageproof.deals") == [(1,)]
    assert rows_of(url, "select count(*) from pg_tables where schemaname = 'stageproof' and tablename <> 'deals'") == [
        (0,)
    ]


def test_a_view_that_needs_a_table_which_leaves_is_named_and_nothing_changes(url: str) -> None:
    put(url, "2026-01-30", "n1")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("create view stageproof.mine as select * from stageproof.stages")
    with pytest.raises(PostgresRefused, match=r"cannot drop table stages .* \(view mine depends"):
        put(url, "2026-01-31", "n2", tables=[table("deals"), NIGHTS])
    assert rows_of(url, "select distinct night_id from stageproof.deals") == [("n1",)]


def test_a_reader_that_does_not_end_keeps_a_new_column_waiting_and_the_night_says_so(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "LOCK_TIMEOUT", "200ms")
    put(url, "2026-01-30", "n1")
    text = csv("n2", 1, "2026-01-31").replace("\n", ",East\n")
    with psycopg.connect(url) as reader:
        reader.execute("select * from stageproof.deals")
        with pytest.raises(PostgresRefused, match="lock timeout") as refused:
            publish(
                url, SCHEMA, date(2026, 1, 31), [table("deals", COLUMNS | {"team": "VARCHAR"})], opened({"deals": text})
            )
    assert refused.value.is_passing, "the reader may be gone in a moment"


def test_a_night_that_cannot_be_tidied_up_after_is_published(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise psycopg.errors.QueryCanceled("canceling statement due to statement timeout")

    monkeypatch.setattr(publishing, "_tidy", fail)
    assert put(url, "2026-01-30", "n1")
    assert rows_of(url, "select distinct night_id from stageproof.deals") == [("n1",)]


def test_what_a_column_means_stands_beside_it(url: str) -> None:
    put(url, "2026-01-30", "n1")
    said = dict(
        rows_of(
            url,
            "select attname, col_description(attrelid, attnum) from pg_attribute"
            " where attrelid = 'stageproof.deals'::regclass and attnum > 0",
        )
    )
    assert said["amount"] == "What amount is. In money. Adds up."
    assert said["share"] == "What share is. A share from 0 to 1. Never add up or average."
    assert rows_of(url, "select obj_description('stageproof.deals'::regclass)") == [
        ("One row per deal of deals. Published by stageproof.",)
    ]
    indexes = rows_of(url, "select indexdef from pg_indexes where schemaname = 'stageproof' and tablename = 'deals'")
    assert ["(deal_key)" in definition for (definition,) in indexes] == [True]


def test_the_reader_role_reads_and_does_nothing_else(url: str) -> None:
    put(url, "2026-01-30", "n1")
    put(url, "2026-01-31", "n2")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("set role stageproof_reader")
        assert connection.execute("select count(*) from stageproof.deals").fetchone() == (3,)
        for statement in (
            "delete from stageproof.deals",
            "update stageproof.deals set amount = 0",
            "insert into stageproof.deals (deal_key) values ('x')",
            "create table stageproof.mine (a int)",
            "create table public.mine (a int)",
            "truncate stageproof.deals",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)


def test_a_night_published_again_does_not_grow_the_schema(url: str) -> None:
    put(url, "2026-01-30", "n1", rows=2000)
    for _ in range(6):
        put(url, "2026-01-30", "n1", rows=2000)
    ((size,),) = rows_of(url, "select pg_relation_size('stageproof.deals')")
    assert size < 3 * 2000 * 120
