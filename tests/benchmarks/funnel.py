"""CPU and memory of the marts about funnel, fit, stalls and movement, as a ratio to SQL written by hand.

Run by `make bench`. The hand-written script (`funnel_by_hand.sql`) answers less, for one funnel and one CRM: conversion
of cohorts, censored dwell and stalled deals, by the segments. Both read the same Parquet files of the lake.
"""

import os
import shutil
import sys
from datetime import date
from pathlib import Path

from measuring import Bar, bench, costs, in_own_process, in_turns, write_demo

BUSINESS_DATE = date(2026, 6, 30)
BAR = Bar(cpu_ratio=3, memory_mb=2000)
MARTS = ("funnel", "icp", "stalls", "movement")
# What stalls read of the quality marts is made before: gates and rules have a measure of their own.
QUALITY = (
    *("int_deal_field_values", "int_condition_facts", "int_condition_inputs", "int_gate_passages"),
    *("int_gate_judgements", "int_gate_evaluations", "int_rule_evaluations", "quality_findings"),
)


def compare(root: Path, deals: int, rounds: int) -> bool:
    write_demo(root, deals, until=BUSINESS_DATE)
    in_own_process(__file__, root, "opening")
    print(f"{deals:,} deals")
    return in_turns(__file__, root, ("by_hand", "marts"), rounds, BAR)


def open_night(root: Path) -> None:
    """All that stands before the marts: the lake, the raw views over it, the standards and the clock as tables."""
    os.environ["STAGEPROOF_HOME"] = str(root)
    from orchestration.components.nightly import Nightly
    from orchestration.ingest.load import known_objects, load
    from orchestration.opening import clock, known_inputs, mappings
    from quality.standards import tables

    nightly = Nightly()
    night = nightly.night(str(BUSINESS_DATE))
    for mapping in mappings().values():
        load(night.home.shelf, mapping, night.time_zone, night.as_of_at)
        known = known_objects(night.home.shelf, mapping, night.as_of_at)
        nightly.warehouse().expose((each, found.files) for each, found in known)
    nightly.warehouse().write("standards", tables(nightly.standards()))
    nightly.warehouse().write("night", {"clock": clock(night), "inputs": known_inputs(night)})
    dbt(root, "--select", "+quality_findings")
    shutil.copy2(night.home.warehouse, night.home.warehouse.with_suffix(".opened"))


def dbt(root: Path, *selection: str) -> None:
    """Run models of the project on the warehouse under this root."""
    from dagster_dbt import DbtProject

    from orchestration.components.dbt_models import prepare_manifest
    from orchestration.components.dbt_run import DbtRun
    from orchestration.night import PROJECT

    project = DbtProject(project_dir=PROJECT / "dbt_project")
    prepare_manifest(project)
    run = DbtRun(project, root / "warehouse" / "dbt")
    for _ in run.events(["--quiet", "run", *selection]):
        pass
    run.raise_on_failure()


def by_hand(root: Path) -> None:
    import duckdb

    script = Path(__file__).with_name("funnel_by_hand.sql").read_text(encoding="utf-8")
    as_of = f"{BUSINESS_DATE} 16:00:00+00"
    connection = duckdb.connect(config={"threads": 2, "temp_directory": str(root / "spilled")})
    connection.execute("set TimeZone = 'UTC'")
    costs(lambda: connection.execute(script.format(lake=root / "lake" / "generic", as_of=as_of)))


def marts(root: Path) -> None:
    os.environ["STAGEPROOF_HOME"] = str(root)
    from orchestration.night import home_from_environment

    warehouse = home_from_environment().warehouse
    shutil.copy2(warehouse.with_suffix(".opened"), warehouse)
    # Imports and the parsing of the project are the same for ten deals.
    dbt(root, "--select", "stg_night__clock")
    wanted = [f"+stageproof.marts.{room}" for room in MARTS]
    costs(lambda: dbt(root, "--select", *wanted, "--exclude", *QUALITY))


if __name__ == "__main__":
    sys.exit(bench(__doc__, 1_000_000, {"opening": open_night, "by_hand": by_hand, "marts": marts}, compare))
