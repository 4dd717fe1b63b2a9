"""Audit, then publish: the served database and its copies, the pages, and the record that makes the night published."""

import os
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import version

import dagster as dg
import polars as pl

from orchestration.components.catalogue import ROWS, measured
from orchestration.components.nightly import (
    ONE_NIGHT_A_RUN,
    Blocked,
    Nightly,
    nightly_partitions,
)
from orchestration.keeping import keep_page, keep_standards
from orchestration.movement import BROUGHT, LEADING
from orchestration.night import Night, NightRecord, code_version, rate_date, read_record, replace_file
from orchestration.opening import (
    InputRefused,
    config_hash,
    held_reasons,
    input_hash,
    loads_of_the_night,
    night_fingerprint,
    records,
    refused_records,
)
from orchestration.publishing.archive import LATER_WORD, content, history, kept, name_of_word
from orchestration.publishing.catalogue import meaning
from orchestration.publishing.contracts import SERVED_TABLES
from orchestration.publishing.dictionary import dictionary_page
from orchestration.publishing.forecast_page.reading import READ as FORECAST_READ
from orchestration.publishing.forecast_page.render import forecast_page as render_forecast
from orchestration.publishing.insights_page.reading import READ as INSIGHTS_READ
from orchestration.publishing.insights_page.render import insights_page as render_insights
from orchestration.publishing.review.compose import READ, compose
from orchestration.publishing.review.render import render
from orchestration.publishing.review.violations import TREND_NIGHTS
from orchestration.serving import PUBLISHED, publish_to_postgres, retire, switch, write_parquet
from orchestration.warehouse import Warehouse
from quality.audit import errored_rules, unmapped_stages
from quality.data_quality import blocked
from quality.standards import tables

AUDITED = [*(table.name for table in SERVED_TABLES), "quality_unmapped_stages"]
# A server that restarts is back by then; one that is away for longer is what running the night again is for.
POSTGRES_WAIT_SECONDS = 5
# What a night leaves for the nights after it, and where the warehouse holds it.
ARCHIVED = {
    "violations": "quality.violations_tonight",
    "rule_nights": "quality.rule_nights_tonight",
    "expectations": "quality.expectations_tonight",
    "incidents": "quality.incidents_tonight",
    "positions": "forecast.positions_tonight",
    "expected": "forecast.expected_tonight",
    BROUGHT: "forecast.brought_tonight",
    LEADING: "forecast.leading_tonight",
}


@dg.asset(
    deps=AUDITED,
    group_name="publish",
    kinds={"duckdb"},
    partitions_def=nightly_partitions(),
    backfill_policy=ONE_NIGHT_A_RUN,
    description="Whether the night may be published: every stage mapped, every rule judged, no block on the data.",
)
@measured
def audit(context: dg.AssetExecutionContext, nightly: Nightly) -> dg.MaterializeResult[None]:
    night, warehouse, standards = nightly.night(context.partition_key), nightly.warehouse(), nightly.standards()
    warehouse.require_night(night.business_date)
    sentences = unmapped_stages(warehouse.read("marts.quality_unmapped_stages"), tables(standards)["stage_crm_names"])
    if sentences and standards.company.unmapped_stages == "refuse":
        raise InputRefused(sentences[0])
    errored = errored_rules(warehouse.read("quality.rule_nights_tonight"))
    if errored:
        raise Blocked(errored[0])
    about_data = blocked(warehouse.read("quality.expectations_tonight"))
    if about_data:
        raise Blocked(about_data[0])
    for sentence in sentences:
        context.log.warning(sentence)
    return dg.MaterializeResult(metadata={"tables": len(AUDITED), "unmapped stages": len(sentences)})


@dg.asset(
    deps=[audit],
    group_name="publish",
    kinds={"duckdb"},
    partitions_def=nightly_partitions(),
    backfill_policy=ONE_NIGHT_A_RUN,
    description="The night as readers get it: one DuckDB file, complete under its name or not there.",
)
@measured
def served_database(context: dg.AssetExecutionContext, nightly: Nightly) -> dg.MaterializeResult[None]:
    night, warehouse = nightly.night(context.partition_key), nightly.warehouse()
    warehouse.require_night(night.business_date)
    contents = warehouse.contents(SERVED_TABLES)
    loads, held = loads_of_the_night(night), held_reasons(night)
    deals = warehouse.read("marts.deals_current", ["is_open", "currency", "rate_date"])
    violations = warehouse.read("quality.quality_violations", ["state"])["state"]
    started = context.instance.get_run_stats(context.run_id).start_time or time.time()
    record = NightRecord(
        business_date=night.business_date,
        as_of_at=night.as_of_at,
        fingerprint=night_fingerprint(night, version("stageproof")),
        config_hash=config_hash(night),
        code_version=code_version(version("stageproof")),
        inputs_hash=input_hash(night),
        rate_date=rate_date(deals, nightly.standards().company.reporting_currency),
        previous_business_date=night.previous_business_date(),
        rows_in=int(loads["rows_in"].sum()),
        rows_loaded=int(loads["rows_loaded"].sum()),
        rows_quarantined=int(loads["rows_quarantined"].sum()),
        extracts_held=len(held),
        held_reasons=held,
        deals=deals.height,
        open_deals=int(deals["is_open"].sum()),
        open_violations=int((violations == "open").sum()),
        table_rows={name: each.rows for name, each in contents.items()},
        table_hashes={name: each.sha256 for name, each in contents.items()},
        duration_seconds=round(time.time() - started, 1),
    )
    warehouse.write("night", {"nights": NightRecord.frame([*records(night), record])})
    comments = {name: meaning(table).comments() for name, table in PUBLISHED.items()}
    warehouse.build_served(night.served_file, list(PUBLISHED.values()), record.night_id, comments)
    return dg.MaterializeResult(
        metadata={"dagster/row_count": sum(record.table_rows.values()), "path": str(night.served_file)}
    )


@dg.asset(
    deps=[served_database],
    group_name="publish",
    kinds={"parquet"},
    partitions_def=nightly_partitions(),
    backfill_policy=ONE_NIGHT_A_RUN,
    description="The same tables as Parquet files, in a folder of the night's own.",
)
@measured
def served_parquet(context: dg.AssetExecutionContext, nightly: Nightly) -> dg.MaterializeResult[None]:
    night, warehouse = nightly.night(context.partition_key), nightly.warehouse()
    warehouse.require_night(night.business_date)
    record = recorded(warehouse, night)
    folder = write_parquet(night, record)
    return dg.MaterializeResult(metadata={ROWS: sum(record.table_rows.values()), "path": str(folder)})


@dg.asset(
    deps=[served_database],
    group_name="publish",
    kinds={"html"},
    partitions_def=nightly_partitions(),
    backfill_policy=ONE_NIGHT_A_RUN,
    description="The morning review of the night, one self-contained page.",
)
@measured
def review_page(context: dg.AssetExecutionContext, nightly: Nightly) -> dg.MaterializeResult[None]:
    night, warehouse = nightly.night(context.partition_key), nightly.warehouse()
    warehouse.require_night(night.business_date)
    page = compose(
        read_for_page(warehouse, READ),
        tables(nightly.standards()),
        night.business_date,
        loads=loads_of_the_night(night),
        refused=refused_records(night),
        earlier_violations=history(night.earlier_archives()[-TREND_NIGHTS:], "violations"),
    )
    keep_page(night, night.review_file, render(page).encode())
    return dg.MaterializeResult(metadata={"bytes": night.review_file.stat().st_size, "path": str(night.review_file)})


@dg.asset(
    deps=[served_database],
    group_name="publish",
    kinds={"html"},
    partitions_def=nightly_partitions(),
    backfill_policy=ONE_NIGHT_A_RUN,
    description="What is expected, how sure that is and how good it has been, one self-contained page.",
)
@measured
def forecast_page(context: dg.AssetExecutionContext, nightly: Nightly) -> dg.MaterializeResult[None]:
    night, warehouse = nightly.night(context.partition_key), nightly.warehouse()
    warehouse.require_night(night.business_date)
    page = render_forecast(
        read_for_page(warehouse, FORECAST_READ),
        tables(nightly.standards()),
        night.business_date,
    )
    keep_page(night, night.forecast_file, page.encode())
    return dg.MaterializeResult(
        metadata={"bytes": night.forecast_file.stat().st_size, "path": str(night.forecast_file)}
    )


@dg.asset(
    deps=[served_database],
    group_name="publish",
    kinds={"html"},
    partitions_def=nightly_partitions(),
    backfill_policy=ONE_NIGHT_A_RUN,
    description="Where the funnel loses, why, and what it should be, one self-contained page.",
)
@measured
def insights_page(context: dg.AssetExecutionContext, nightly: Nightly) -> dg.MaterializeResult[None]:
    night, warehouse = nightly.night(context.partition_key), nightly.warehouse()
    warehouse.require_night(night.business_date)
    page = render_insights(
        read_for_page(warehouse, INSIGHTS_READ),
        tables(nightly.standards()),
        night.business_date,
    )
    keep_page(night, night.insights_file, page.encode())
    return dg.MaterializeResult(
        metadata={"bytes": night.insights_file.stat().st_size, "path": str(night.insights_file)}
    )


@dg.asset(
    group_name="publish",
    kinds={"html"},
    partitions_def=nightly_partitions(),
    backfill_policy=ONE_NIGHT_A_RUN,
    description="What every served table and column means, one self-contained page for all nights.",
)
@measured
def data_dictionary(context: dg.AssetExecutionContext, nightly: Nightly) -> dg.MaterializeResult[None]:
    night = nightly.night(context.partition_key)
    page = dictionary_page(map(meaning, PUBLISHED.values()), nightly.standards().company.language).encode()
    keep_page(night, night.home.dictionary_file, page)
    return dg.MaterializeResult(metadata={"bytes": len(page), "path": str(night.home.dictionary_file)})


@dg.asset(
    deps=[served_database, served_parquet, review_page, forecast_page, insights_page, data_dictionary],
    group_name="publish",
    kinds={"parquet", "duckdb"},
    partitions_def=nightly_partitions(),
    backfill_policy=ONE_NIGHT_A_RUN,
    description="The last step: what later nights need, the record of this one, and the switch of the served file.",
)
@measured
def publication(context: dg.AssetExecutionContext, nightly: Nightly) -> dg.MaterializeResult[None]:
    night, warehouse = nightly.night(context.partition_key), nightly.warehouse()
    warehouse.require_night(night.business_date)
    said = warehouse.read("forecast.forecast_period_tonight")
    word = name_of_word(night.archive, said, is_published=night.is_published)
    if word is not None:
        replace_file(night.archive / f"{word}.parquet", content(kept(said)))
    for name, table in ARCHIVED.items():
        replace_file(night.archive / f"{name}.parquet", content(warehouse.read(table)))
    # Which deals were stalled tonight: the alerts of the next night tell those that were not.
    stalled = warehouse.read("marts.deals_stalled", ["deal_key"]).sort("deal_key")
    replace_file(night.archive / "stalled.parquet", content(stalled))
    record = recorded(warehouse, night)
    keep_standards(night, record.config_hash)
    record.write(night.archive)
    # Before the switch, so that who reads the night before is not left without its files.
    retired = retire(night.home, nightly.standards().serving.keep_nights)
    is_latest = switch(night, record)
    return dg.MaterializeResult(
        metadata={
            ROWS: sum(record.table_rows.values()),
            "is_latest": is_latest,
            "path": str(night.current_file),
            "is_later_word": word == LATER_WORD,
            "files retired": len(retired),
        }
    )


@dg.asset(
    deps=[publication],
    group_name="publish",
    kinds={"postgres"},
    partitions_def=nightly_partitions(),
    backfill_policy=ONE_NIGHT_A_RUN,
    description="The same tables in a schema of PostgreSQL, where serving.yml names one.",
)
@measured
def served_postgres(context: dg.AssetExecutionContext, nightly: Nightly) -> dg.MaterializeResult[None]:
    night = nightly.night(context.partition_key)
    try:
        said = publish_to_postgres(night, nightly.standards(), os.environ)
    except Exception as error:
        # By an attribute, because the driver is an extra. A variable that is not set will not be set in a moment.
        if getattr(error, "is_passing", False):
            raise dg.RetryRequested(max_retries=2, seconds_to_wait=POSTGRES_WAIT_SECONDS) from error
        raise
    rows = sum(read_record(night.archive).table_rows.values()) if said else 0
    return dg.MaterializeResult(metadata={ROWS: rows, "published": said or "nothing is to be published there"})


def read_for_page(warehouse: Warehouse, read: Mapping[str, Sequence[str]]) -> dict[str, pl.DataFrame]:
    """What a page reads of the served tables."""
    return {name: warehouse.read(PUBLISHED[name].source, columns) for name, columns in read.items()}


def recorded(warehouse: Warehouse, night: Night) -> NightRecord:
    """The record of the night that is being published."""
    rows = warehouse.read("night.nights").filter(pl.col("business_date") == night.business_date)
    return NightRecord.from_row(rows.row(0, named=True))
