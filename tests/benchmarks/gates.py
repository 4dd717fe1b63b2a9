"""CPU and memory of all gates and standing rules, as a ratio to one pass of SQL written by hand for the same rows.

Run by `make bench`. Both begin at the same tables (where deals stand, activities, stated evidence), which stalls and
the funnel read too and whose cost stands in their measure. What Great Expectations takes to judge the findings of a
night is printed beside it.
"""

import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any

from funnel import BUSINESS_DATE, dbt, open_night
from measuring import Bar, bench, costs, in_own_process, in_turns, write_demo

BAR = Bar(cpu_ratio=2, memory_mb=2000)
MODELS = (
    *("int_deal_field_values", "int_condition_facts", "int_condition_inputs", "int_gate_passages"),
    *("int_gate_judgements", "int_gate_evaluations", "int_rule_evaluations", "quality_findings", "deals_next_gate"),
)
# Everything but where the fact was looked up: what is found has to be the same to the letter.
COMPARED = (
    "rule_id, deal_key, visit_id, outcome, status, passed_at, claimed, observed, evidence_at, is_late, is_in_scope"
)


def measure(root: Path, deals: int, rounds: int) -> bool:
    write_demo(root, deals, until=BUSINESS_DATE)
    in_own_process(__file__, root, "opening")
    print(f"{deals:,} deals")
    is_kept = in_turns(__file__, root, ("by_hand", "models"), rounds, BAR)
    in_own_process(__file__, root, "compare")
    return is_kept


def by_hand(root: Path) -> None:
    connection = _warehouse(root)
    costs(lambda: connection.execute(_by_hand_sql(root)))


def models(root: Path) -> None:
    os.environ["STAGEPROOF_HOME"] = str(root)
    _reopen(root)
    # Imports and the parsing of the project are the same for ten deals.
    dbt(root, "--select", "stg_night__clock")
    costs(lambda: dbt(root, "--select", *MODELS))


def compare(root: Path) -> None:
    """Both give the same rows, or the ratio says nothing."""
    import polars as pl

    from quality.expectations import Suites, evaluate
    from quality.standards import load, suite_rules

    os.environ["STAGEPROOF_HOME"] = str(root)
    dbt(root, "--select", *MODELS)
    connection = _warehouse(root, is_copy=False)
    connection.execute(_by_hand_sql(root))
    for one, other in (("findings", "marts.quality_findings"), ("marts.quality_findings", "findings")):
        left = connection.execute(
            f"select count(*) from (select {COMPARED} from {one} except all select {COMPARED} from {other})"
        ).fetchone()
        assert left == (0,), f"{left} rows of {one} are not in {other}"
    findings = connection.execute("select * from marts.quality_findings where is_in_scope").pl()
    print(f"the same {connection.execute('select count(*) from findings').fetchall()[0][0]:,} rows from both")
    from orchestration.night import PROJECT

    rules = suite_rules(load(PROJECT / "quality" / "standards"))
    before = time.process_time()
    outcomes = evaluate(findings, rules, Suites(BUSINESS_DATE))
    failing = outcomes.select(pl.col("failing").sum()).item()
    took = time.process_time() - before
    print(f"Great Expectations judged {findings.height:,} findings, {failing:,} failing: {took:.1f} CPU seconds")


def _reopen(root: Path) -> Path:
    opened = root / "warehouse" / "stageproof.opened"
    return Path(shutil.copy2(opened, root / "warehouse" / "stageproof.duckdb"))


def _warehouse(root: Path, *, is_copy: bool = True) -> Any:
    import duckdb

    path = _reopen(root) if is_copy else root / "warehouse" / "stageproof.duckdb"
    # As in the profile of the project.
    settings = {"threads": 2, "memory_limit": "1200MB", "preserve_insertion_order": False}
    connection = duckdb.connect(str(path), config=settings | {"temp_directory": str(root / "spilled")})
    connection.execute("set TimeZone = 'UTC'")
    return connection


def _by_hand_sql(root: Path) -> str:
    script = Path(__file__).with_name("gates_by_hand.sql").read_text(encoding="utf-8")
    return script.format(
        lake=root / "lake" / "generic", as_of=f"{BUSINESS_DATE} 16:00:00+00", business_date=BUSINESS_DATE
    )


if __name__ == "__main__":
    steps = {"opening": open_night, "by_hand": by_hand, "models": models, "compare": compare}
    sys.exit(bench(__doc__, 1_000_000, steps, measure))
