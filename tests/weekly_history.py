"""What forecasting knew of a company at the ends of weeks: the SQL of its night, run again with other as-of dates.

For companies that were watched for too short a time to tell anything by months.
"""

import json
import shutil
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import duckdb
import polars as pl
from clones import Clone

from orchestration.forecasting.inputs import INPUT_TABLES, ForecastHistory, read_history

AS_OFS = "int_as_ofs"


def weekly_history(company: Clone, sundays: Sequence[date], folder: Path) -> ForecastHistory:
    """The history of the company's last night, whose zone is UTC, with past dates at the ends of these weeks.

    In its fiscal calendar a week stands where months do, and four weeks, from the first on, where quarters do.
    """
    # Views name the database by its file, so that the copy has the same name.
    copy = Path(shutil.copy(company.home / "warehouse" / "stageproof.duckdb", folder))
    with duckdb.connect(str(copy)) as connection:
        connection.execute("set TimeZone = 'UTC'")
        business_date, as_of_at = connection.execute(
            "select business_date, as_of_at::timestamptz from night.clock"
        ).fetchall()[0]
        rows = [(day, day + timedelta(days=1), False) for day in sundays] + [(business_date, as_of_at, True)]
        connection.execute(f"create or replace table intermediate.{AS_OFS} as from intermediate.{AS_OFS} limit 0")
        for row in rows:
            connection.execute(f"insert into intermediate.{AS_OFS} values (?, ?, ?, null)", row)
        connection.execute(
            f"""create or replace table intermediate.{AS_OFS} as
                select as_of_date, as_of_at, is_tonight, lag(as_of_at) over (order by as_of_date) as previous_as_of_at
                from intermediate.{AS_OFS}"""
        )
        for table, sql in _tables_after_as_ofs(company.home / "warehouse" / "dbt"):
            connection.execute(f"create or replace table {table} as {sql}")
        schemas = {name: "marts" if name.startswith("forecast_") else "standards" for name in INPUT_TABLES}
        tables = {name: connection.execute(f"select * from {schema}.{name}").pl() for name, schema in schemas.items()}
    tables["periods"] = pl.DataFrame(_weeks(sundays[0], business_date), schema=tables["periods"].schema, orient="row")
    return read_history(tables, business_date)


def _tables_after_as_ofs(artifacts: Path) -> list[tuple[str, str]]:
    """Name and SQL of every table that reads the as-of dates, itself or through others, in the order dbt built them."""
    manifest = json.loads((artifacts / "manifest.json").read_text(encoding="utf-8"))
    ran = json.loads((artifacts / "run_results.json").read_text(encoding="utf-8"))["results"]
    nodes, after = manifest["nodes"], {next(key for key, node in manifest["nodes"].items() if node["name"] == AS_OFS)}
    found = []
    for result in ran:
        key = result["unique_id"]
        if key in nodes and nodes[key]["resource_type"] == "model" and after & set(nodes[key]["depends_on"]["nodes"]):
            after.add(key)
            if nodes[key]["config"]["materialized"] == "table":
                found.append((f"{nodes[key]['schema']}.{nodes[key]['name']}", result["compiled_code"]))
    return found


def _weeks(first_sunday: date, business_date: date) -> list[tuple[str, date, date, str]]:
    # Whatever is known lies in some period; a year before the first is more than enough.
    start, rows = first_sunday + timedelta(days=1) - timedelta(weeks=52), []
    for number in range((business_date - start).days // 7 + 30):
        begin = start + timedelta(weeks=number)
        rows.append(("month", begin, begin + timedelta(days=6), f"week of {begin}"))
        if number % 4 == 0:
            rows.append(("quarter", begin, begin + timedelta(days=27), f"four weeks from {begin}"))
    return rows
