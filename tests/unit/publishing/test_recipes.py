"""The recipes for BI tools: their SQL runs on what is served, and dbt knows who reads its models."""

import re
from pathlib import Path

import duckdb
import pytest
import sqlglot
import yaml
from recipes import QUESTIONS

from orchestration.publishing.catalogue import NIGHT_ID, contract
from orchestration.publishing.forecast_page.reading import READ as FORECAST
from orchestration.publishing.insights_page.reading import READ as INSIGHTS
from orchestration.publishing.review.compose import READ as REVIEW

PROJECT = Path(__file__).resolve().parents[3]
MARTS = PROJECT / "dbt_project" / "models" / "marts"
MODELS = {path.stem for path in MARTS.rglob("*.sql")}


def test_there_are_ten_questions() -> None:
    assert [re.match(r"-- (\d+)\.", each).group(1) for each in QUESTIONS] == [str(n) for n in range(1, 11)]  # type: ignore[union-attr]


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda each: each.splitlines()[0][3:])
def test_a_question_can_be_asked_of_what_is_served(question: str) -> None:
    with duckdb.connect() as connection:
        for name, told in contract().items():
            columns = {column: kind for column, (kind, _) in told["columns"].items()} | {NIGHT_ID: "VARCHAR"}
            connection.execute(f"create table {name} ({', '.join(f'{each} {kind}' for each, kind in columns.items())})")
        connection.execute(question)
    assert sqlglot.parse_one(question, read="postgres") is not None


@pytest.mark.parametrize(
    ("page", "read"), [("morning_review", REVIEW), ("forecast_page", FORECAST), ("insights_page", INSIGHTS)]
)
def test_dbt_knows_which_of_its_models_a_page_reads(page: str, read: dict[str, object]) -> None:
    told = yaml.safe_load((MARTS / "_exposures.yml").read_text(encoding="utf-8"))["exposures"]
    (exposure,) = (each for each in told if each["name"] == page)
    named = {re.fullmatch(r"ref\('(\w+)'\)", each).group(1) for each in exposure["depends_on"]}  # type: ignore[union-attr]
    assert set(read) & MODELS <= named <= MODELS
