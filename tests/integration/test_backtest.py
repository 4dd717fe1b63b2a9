"""What a whole night knows of a past date: the same as a night of that date knew, whatever came after.

One demo company, told twice. Once up to a date; and once up to a later one, when its deals have lived on, with facts
planted into the later extract that no company would live through. One thing that a CRM tells too late is kept out of
it: activities that were entered after they took place, as nothing says when.
"""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from clones import Clone, put_extract
from polars.testing import assert_frame_equal

from orchestration.demo.prepare import prepare
from orchestration.forecasting.inputs import INPUT_TABLES, ForecastHistory, read_history

BEGUN, AS_OF, LATER = date(2025, 10, 1), date(2026, 6, 30), date(2026, 9, 20)
DEALS = 2000
# After all that the company did: a history in which facts go back in time would be another past.
PLANTED_AT = "2026-09-20T23:30:00+08:00"
WON = "赢单"
# What every touched deal is since, which hardly any was before.
PLANTED = {
    "amount": "9999999.00",
    "expected_close_date": "2026-09-30",
    "owner_id": "U-0007",
    "product": "Planted product",
    "lead_source": "Planted source",
    "deal_type": "planted_type",
}


def forecasting_by_product(company: Clone) -> Clone:
    """Hazards, wins and creations are then cut by a field that may change."""
    settings = company.root / "quality" / "standards" / "company.yml"
    text = settings.read_text(encoding="utf-8")
    assert "forecast_segment: icp_band" in text
    settings.write_text(text.replace("forecast_segment: icp_band", "forecast_segment: product"), encoding="utf-8")
    return company


@pytest.fixture(scope="module")
def then(clone: Callable[[str | None], Clone]) -> Clone:
    """The company on the night of the as-of date."""
    company = forecasting_by_product(clone(None))
    prepare(company.home, AS_OF, deals=DEALS, nights=1, since=BEGUN)
    company.night(str(AS_OF))
    return company


@pytest.fixture(scope="module")
def later(clone: Callable[[str | None], Clone], then: Clone) -> Clone:
    """The same company eleven weeks later, with planted facts."""
    company = forecasting_by_product(clone(None))
    prepare(company.home, LATER, deals=DEALS, nights=1, since=BEGUN)
    opened = history_of(then, AS_OF).inputs().open_deals["deal_key"].str.strip_prefix("generic:")
    extracts = [each.inbox / "generic" / str(night) for each, night in ((then, AS_OF), (company, LATER))]
    plant(extracts[1], opened.to_list(), without_late_entries(*extracts))
    company.night(str(LATER))
    return company


def without_late_entries(then: Path, later: Path) -> pl.DataFrame:
    """The activities of the later extract, without those of up to the as-of date that the earlier one does not have."""
    activities, known = read(later, "activities"), read(then, "activities")["activity_id"].implode()
    is_late = (pl.col("occurred_at").str.slice(0, 10) <= str(AS_OF)) & ~pl.col("activity_id").is_in(known)
    assert 0 < activities.filter(is_late).height < activities.height / 50
    return activities.filter(~is_late)


def plant(extract: Path, opened: list[str], activities: pl.DataFrame) -> None:
    """After the as-of date, deals that were open on it are won for a fortune, moved, met and proved, some deleted.

    They are handed over to another owner, and are of another product, source and type.
    """
    (extract / "manifest.json").unlink()
    deals = read(extract, "deals")
    won, moved = (pl.col("deal_id").is_in(opened[start::2]) & (pl.col("stage") != WON) for start in range(2))
    chosen = deals.filter(won)
    changes = read(extract, "stage_changes")
    add(
        extract,
        "stage_changes",
        changes,
        chosen.select(
            pl.format("planted-{}", "deal_id").alias("change_id"),
            "deal_id",
            pl.lit(WON).alias("stage"),
            pl.lit(PLANTED_AT).alias("changed_at"),
            pl.lit("9999999.00").alias("amount"),
        ),
    )
    touched = deals.filter(won | moved)
    add(
        extract,
        "field_changes",
        read(extract, "field_changes"),
        *(
            touched.select(
                "deal_id",
                pl.lit(field).alias("field"),
                pl.col(field).alias("old_value"),
                pl.lit(value).alias("new_value"),
                pl.lit(PLANTED_AT).alias("changed_at"),
            )
            for field, value in PLANTED.items()
        ),
    )
    add(
        extract,
        "activities",
        activities,
        deals.filter(pl.col("deal_id").is_in(opened)).select(
            pl.format("planted-{}", "deal_id").alias("activity_id"),
            "deal_id",
            "account_id",
            pl.lit("demo").alias("activity_type"),
            pl.lit(PLANTED_AT).alias("occurred_at"),
            pl.lit("60").alias("minutes"),
            pl.lit("inbound").alias("direction"),
            pl.lit("held").alias("status"),
            pl.lit("true").alias("customer_present"),
        ),
    )
    add(
        extract,
        "evidence",
        read(extract, "evidence"),
        deals.filter(pl.col("deal_id").is_in(opened)).select(
            "deal_id",
            pl.lit("pain_points").alias("evidence_key"),
            pl.lit(PLANTED_AT).alias("observed_at"),
            pl.lit("9").alias("number"),
            pl.lit("recorded_event").alias("kind"),
            pl.format("planted-{}", "deal_id").alias("source_id"),
        ),
    )
    planted_at = pl.lit(PLANTED_AT)
    deals.with_columns(
        *(pl.when(won | moved).then(pl.lit(value)).otherwise(field).alias(field) for field, value in PLANTED.items()),
        stage=pl.when(won).then(pl.lit(WON)).otherwise("stage"),
        closed_at=pl.when(won).then(planted_at).otherwise("closed_at"),
        stage_entered_at=pl.when(won).then(planted_at).otherwise("stage_entered_at"),
        is_deleted=pl.when(pl.col("deal_id").is_in(opened[::5])).then(pl.lit("true")).otherwise("is_deleted"),
        probability=pl.when(won).then(pl.lit("1.00")).otherwise("probability"),
        modified_at=pl.when(won | moved).then(planted_at).otherwise("modified_at"),
    ).write_csv(extract / "deals.csv")


def read(extract: Path, name: str) -> pl.DataFrame:
    return pl.read_csv(extract / f"{name}.csv", infer_schema_length=0)


def add(extract: Path, name: str, rows: pl.DataFrame, *more: pl.DataFrame) -> None:
    pl.concat([rows, *more], how="diagonal").write_csv(extract / f"{name}.csv")


def history_of(company: Clone, night: date) -> ForecastHistory:
    schemas = {table: "marts" if table.startswith("forecast_") else "standards" for table in INPUT_TABLES}
    read = {table: company.query_warehouse(f"select * from {schema}.{table}") for table, schema in schemas.items()}
    return read_history(read, night)


def test_much_happened_after_the_date(then: Clone, later: Clone) -> None:
    before, after = history_of(then, AS_OF), history_of(later, LATER)
    opened = before.inputs().open_deals.height
    assert opened > 50
    came = after.outcomes.filter(pl.col("as_of_date") == AS_OF)
    assert came["won_on"].count() > opened / 4
    left = came.filter(pl.col("outcome") == "deleted")
    assert left.height > 3
    assert left["won_on"].is_null().all()
    now, then_open = after.inputs().open_deals, before.inputs().open_deals
    assert now["amount_reporting"].max() != then_open["amount_reporting"].max()
    assert now.filter(pl.col("segment") == PLANTED["product"]).height > 10
    planted = after.tables["forecast_won_deals"].filter(pl.col("owner_key") == f"generic:{PLANTED['owner_id']}")
    assert planted["from_as_of_date"].is_not_null().any()


@pytest.mark.parametrize(
    "table", ["open_deals", "past_deals", "hazard_counts", "won_deals", "stage_amounts", "creations", "stages"]
)
def test_what_is_known_of_a_past_date_is_what_its_own_night_knew(table: str, then: Clone, later: Clone) -> None:
    own: pl.DataFrame = getattr(history_of(then, AS_OF).inputs(), table)
    now: pl.DataFrame = getattr(history_of(later, LATER).inputs(AS_OF), table)
    # No CRM says what a deal's category was in the past: a past date knows none.
    own, now = (frame.drop("forecast_category", strict=False) for frame in (own, now))
    assert own.height > 0
    assert_frame_equal(own, now, check_exact=True, check_row_order=False)


def test_the_command_says_how_good_each_method_was(later: Clone) -> None:
    told = later.run("backtest")
    assert f"as known on {LATER}" in told
    assert "champion" in told
    for method in ("crm_probability", "stage_average", "weighted_stage", "timed"):
        assert method in told
    served = later.query(
        "select method, n, wape from forecast_accuracy where source = 'backtest' and funnel = 'all' and part = 'total'"
        " and period_kind = 'month' and lead_bucket = '15-45' order by n desc"
    )
    assert served["n"].min() > 4
    for method, n, wape in served.iter_rows():
        line = next(line for line in told.splitlines() if line.split()[:3] == ["month", "15-45", method])
        assert line.split()[3:5] == [str(n), f"{wape:.1%}"]


def test_a_night_keeps_what_it_worked_out_of_its_past_dates(later: Clone) -> None:
    kept = later.query_warehouse("select count(*) as n, count(distinct fingerprint) as n_told from forecast.said_then")
    assert kept.row(0) == (len(history_of(later, LATER).as_of_dates),) * 2


def test_a_published_night_tells_what_it_published(later: Clone) -> None:
    assert later.run("backtest", "--date", str(LATER)) == later.run("backtest")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--date", "2025-01-01"), "No night of 2025-01-01 is built or published; see: stageproof nights"),
        (("--funnel", "nobody"), "--funnel nobody: the night of 2026-09-20 tells of all, "),
        (("--part", "half"), "--part half: should be total or open."),
        (("--lead", "7"), "--lead 7: should be one of 0-14, 15-45, 46-75, 76-105, 106+, 30+, all."),
    ],
)
def test_what_cannot_be_told_is_refused_in_one_sentence(
    later: Clone, arguments: tuple[str, str], sentence: str
) -> None:
    told = later.run("backtest", *arguments, expect=2)
    assert sentence in told
    assert "Traceback" not in told


def test_a_deal_that_is_deleted_later_was_open_on_the_dates_before(clone: Callable[[str | None], Clone]) -> None:
    company = clone(None)
    header = "deal_id,deal_name,stage,amount,currency,owner_id,created_at,stage_entered_at,modified_at,is_deleted"
    put_extract(
        company,
        "2026-08-15",
        {
            "deals.csv": f"{header}\n"
            "1,Kept,资格确认,100.00,CNY,ann,2026-05-04T09:00:00+08:00,2026-05-05T09:00:00+08:00,2026-05-05T09:00:00+08:00,false\n"
            "2,Gone,资格确认,100.00,CNY,ann,2026-05-04T09:00:00+08:00,2026-05-05T09:00:00+08:00,2026-07-05T09:00:00+08:00,true\n",
            "stage_changes.csv": "change_id,deal_id,stage,changed_at\n"
            + "".join(
                f"{deal}{stage},{deal},{stage},2026-05-0{day}T09:00:00+08:00\n"
                for deal in (1, 2)
                for stage, day in (("初步接洽", 4), ("资格确认", 5))
            ),
        },
    )
    company.night("2026-08-15")
    known = history_of(company, date(2026, 8, 15))
    assert known.inputs().open_deals["deal_key"].to_list() == ["generic:1"]
    assert known.inputs(date(2026, 7, 31)).open_deals["deal_key"].to_list() == ["generic:1"]
    then = known.inputs(date(2026, 5, 31))
    assert then.open_deals["deal_key"].to_list() == ["generic:1", "generic:2"]


def test_a_deal_that_a_later_extract_does_not_have_any_more_was_open_on_the_dates_before(
    clone: Callable[[str | None], Clone],
) -> None:
    company = clone(None)
    header = "deal_id,deal_name,stage,amount,currency,owner_id,created_at,stage_entered_at,modified_at"
    for day, gone in (("2026-07-10", 0), ("2026-08-15", 1)):
        entered = "2026-05-05T09:00:00+08:00"
        rows = [
            f"{deal},Deal {deal},资格确认,100.00,CNY,ann,2026-05-04T09:00:00+08:00,{entered},{entered}"
            for deal in range(10 + gone, 30)
        ]
        put_extract(company, day, {"deals.csv": "\n".join([header, *rows, ""])})
    company.night("2026-08-15")
    known = history_of(company, date(2026, 8, 15))
    assert known.inputs().open_deals.height == 19
    for day in (date(2026, 5, 31), date(2026, 7, 31)):
        purged = known.inputs(day).open_deals.filter(pl.col("deal_key") == "generic:10").to_dicts()
        assert [(row["stage"], row["owner_key"]) for row in purged] == [("qualification", "generic:ann")]
    outcome = known.outcomes.filter(pl.col("deal_key") == "generic:10")
    assert set(outcome["outcome"]) == {"absent"}
