"""What a past date knows of random companies is what its own night knew, however the forecast is cut.

A company is told twice to the models: up to a date, and up to a later one, when its deals have lived on: moved, been
reopened, deleted, handed over, repriced, renamed. What hands the past over to a method must not tell the two apart.
"""

import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from compiled_models import CompiledModels, compile_models
from polars.testing import assert_frame_equal

from orchestration.forecasting.backtest import backtest
from orchestration.forecasting.inputs import INPUT_TABLES, ForecastHistory, ForecastInputs, read_history
from orchestration.forecasting.registry import METHODS
from orchestration.night import PROJECT, Home, Night
from orchestration.opening import clock

SHIPPED = PROJECT / "quality" / "standards"
AS_OF, LATER = date(2026, 6, 30), date(2026, 9, 20)
BEGUN, LIVED_UNTIL = datetime(2025, 9, 1), datetime(2026, 9, 20, 12)
NEW_VERSION = date(2026, 8, 1)
MARTS = tuple(table for table in INPUT_TABLES if table.startswith("forecast_"))
SEGMENTS = ("icp_band", "owner", "team", "product", "lead_source", "deal_type", "amount_band", "region")
FRAMES = ("open_deals", "past_deals", "hazard_counts", "won_deals", "stage_amounts", "creations")
OPEN, WON, LOST = ("one", "two", "three"), ("signed", "live"), ("lost", "rival", "nurture")
CHOICES: dict[str, tuple[str | None, ...]] = {
    "owner_id": ("ann", "bob", "cai", None),
    "product": ("Big", "Small", None),
    "lead_source": ("Web", "Event"),
    "deal_type": ("New", "Renewal"),
    "account_id": ("a", "b", "c"),
    "amount": ("1000.00", "150000.00", "900000.00", None),
    "expected_close_date": ("2026-03-31", "2026-08-31", "2026-12-31"),
}

Facts = tuple[datetime, str, str | None]


@dataclass
class Life:
    """A deal: what it began with, and each fact about it with its instant; `stage` and `deleted` are facts too."""

    deal_id: str
    created_at: datetime
    currency: str
    began: dict[str, str | None]
    facts: list[Facts] = field(default_factory=list)

    def at(self, until: datetime) -> dict[str, str | None]:
        return self.began | {name: value for at, name, value in self.facts if at < until}


@dataclass(frozen=True)
class Company:
    """Models that are compiled, and what fills them."""

    models: CompiledModels
    root: Path

    def history(
        self,
        lives: list[Life],
        night: date,
        segment: str = "icp_band",
        *,
        has_new_version: bool = True,
        instead: Callable[[CompiledModels], dict[str, pl.DataFrame]] | None = None,
    ) -> ForecastHistory:
        """What the forecast of a night knows. instead: as CompiledModels.rebuild, made of the rows that were built."""
        folder = self.root / "standards"
        shutil.rmtree(folder, ignore_errors=True)
        write_standards(folder, segment, has_new_version=has_new_version)
        self.models.write_standards(folder)
        opened = Night(night, "Asia/Shanghai", Home(self.root), folder)
        self.models.warehouse.write("night", {"clock": clock(opened)})
        self.models.write_raw(raw(lives, opened.as_of_at.replace(tzinfo=None)))
        self.models.rebuild()
        if instead is not None:
            self.models.rebuild(instead(self.models))
        read = {
            table: self.models.warehouse.read(f"{'marts' if table in MARTS else 'standards'}.{table}")
            for table in INPUT_TABLES
        }
        return read_history(read, night)


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Company:
    root = tmp_path_factory.mktemp("past")
    return Company(compile_models(root, SHIPPED, LATER, MARTS), root)


def write_standards(folder: Path, segment: str, *, has_new_version: bool) -> None:
    """The shipped ones with a funnel that has two won stages, and from NEW_VERSION on one more open stage."""
    shutil.copytree(SHIPPED, folder)
    for path in (folder / "funnels").glob("*.yml"):
        path.unlink()
    rules = yaml.safe_load((folder / "rules.yml").read_text(encoding="utf-8"))
    rules |= {"rules": [], "stalls": {**rules["stalls"], "reasons": []}}
    (folder / "rules.yml").write_text(yaml.safe_dump(rules, allow_unicode=True), encoding="utf-8")
    settings = yaml.safe_load((folder / "company.yml").read_text(encoding="utf-8"))
    settings |= {"forecast_segment": segment, "segments": [*SEGMENTS], "minimum_n": 5}
    (folder / "company.yml").write_text(yaml.safe_dump(settings, allow_unicode=True), encoding="utf-8")

    def stages(*names: str) -> list[dict[str, Any]]:
        outcomes = {"signed": "won", "live": "won", "lost": "lost", "rival": "lost", "nurture": "nurtured"}
        return [
            {"stage": name, "name": {"en": name, "zh": name}, "crm_names": {"generic": [name.title()]}}
            | ({"outcome": outcomes[name]} if name in outcomes else {})
            for name in names
        ]

    versions = [{"valid_from": date(2000, 1, 1), "stages": stages(*OPEN, *WON, *LOST)}]
    if has_new_version:
        versions.append({"valid_from": NEW_VERSION, "stages": stages("one", "two", "trial", "three", *WON, *LOST)})
    funnel = {"funnel": "f", "name": {"en": "f", "zh": "f"}, "is_default": True, "versions": versions}
    (folder / "funnels" / "f.yml").write_text(yaml.safe_dump(funnel, allow_unicode=True), encoding="utf-8")


def random_lives(seed: int, deals: int, *, uses_new_stage: bool = True) -> list[Life]:
    """Deals that go forward, back, won, on to live, lost, lost again, reopened and deleted, and whose fields change."""
    draw = random.Random(seed)
    # A CRM keeps the history of a field from its first change on.
    first = Life("first", BEGUN, "CNY", {name: values[0] for name, values in CHOICES.items()} | {"stage": "One"})
    first.facts = [(BEGUN + timedelta(hours=1), name, values[1]) for name, values in CHOICES.items()]
    lives = [first]
    for number in range(deals):
        created = BEGUN + draw.random() * (LIVED_UNTIL - BEGUN - timedelta(days=3))
        began = {name: draw.choice(values) for name, values in CHOICES.items()} | {"stage": "One"}
        life = Life(f"D{number:04d}", created, draw.choice(["CNY", "CNY", "EUR"]), began)
        at, stage = created, "one"
        while (at := at + timedelta(days=draw.expovariate(1 / 25))) < LIVED_UNTIL:
            stage = draw.choice(ways_on(stage, has_trial=uses_new_stage and at.date() >= NEW_VERSION))
            life.facts.append((at, "stage", stage.title()))
        won_at = next((at for at, _, stage in life.facts if stage in ("Signed", "Live")), LIVED_UNTIL)
        for name, values in CHOICES.items():
            now = created
            # An amount that is corrected after the win is known tonight as it is, and of a past date as it was won.
            until = won_at if name == "amount" else LIVED_UNTIL
            while draw.random() < 0.4 and (now := now + timedelta(days=draw.expovariate(1 / 60))) < until:
                life.facts.append((now, name, draw.choice(values)))
        if draw.random() < 0.1:
            life.facts.append((created + draw.random() * (LIVED_UNTIL - created), "deleted", "true"))
        life.facts.sort(key=lambda fact: fact[0])
        lives.append(life)
    return lives


def ways_on(stage: str, *, has_trial: bool) -> list[str]:
    ways = {
        "one": ["two", "two", "three", "lost"],
        "two": ["trial" if has_trial else "three", "three", "three", "one", "lost", "nurture"],
        "trial": ["three", "lost"],
        "three": ["signed", "signed", "live", "two", "lost", "rival"],
        "signed": ["live", "live", "three"],
        "live": ["live", "live", "two"],
        "lost": ["lost", "rival", "one"],
        "rival": ["rival", "rival", "two"],
        "nurture": ["nurture", "one"],
    }
    return ways[stage]


def raw(lives: list[Life], until: datetime) -> dict[str, list[dict[str, Any]]]:
    """The company as the lake shows it at an instant."""
    rows: dict[str, list[dict[str, Any]]] = {
        "deals": [],
        "stage_changes": [],
        "field_changes": [],
        "users": [
            {"user_id": "ann", "user_name": "Ann", "team": "North"},
            {"user_id": "bob", "user_name": "Bob", "team": "South"},
            {"user_id": "cai", "user_name": "Cai", "team": "South"},
        ],
        "fx_rates": [
            {"rate_date": date(2025, 1, 1), "currency": "EUR", "rate": 7},
            {"rate_date": date(2026, 5, 1), "currency": "EUR", "rate": 8},
        ],
        "accounts": [],
        "accounts_observed": [],
    }
    # The customer a moves before the date and after it.
    regions = [(BEGUN, "a", "East"), (BEGUN, "b", "West"), (BEGUN, "c", None)]
    regions += [(datetime(2026, 2, 5), "a", "North"), (datetime(2026, 8, 5), "a", "South")]
    known = [each for each in regions if each[0] < until]
    rows["accounts_observed"] = [
        {"account_id": account, "region": region, "is_present": True, "observed_at": at}
        for at, account, region in known
    ]
    rows["accounts"] = [
        {"account_id": account, "region": region} for account, region in {each[1]: each[2] for each in known}.items()
    ]
    for life in lives:
        if life.created_at >= until:
            continue
        now = life.at(until)
        deleted = [at for at, name, _ in life.facts if name == "deleted" and at < until]
        rows["deals"].append(
            {name: now[name] for name in ("owner_id", "product", "lead_source", "deal_type", "account_id", "stage")}
            | {
                "deal_id": life.deal_id,
                "amount": None if now["amount"] is None else float(now["amount"]),
                "currency": life.currency,
                "expected_close_date": date.fromisoformat(str(now["expected_close_date"])),
                "created_at": life.created_at,
                "is_deleted": bool(deleted),
                "modified_at": deleted[0] if deleted else until - timedelta(hours=1),
            }
        )
        held = dict(life.began)
        rows["stage_changes"].append({"deal_id": life.deal_id, "stage": "One", "changed_at": life.created_at})
        for at, name, value in life.facts:
            if at >= until or name == "deleted":
                continue
            if name == "stage":
                rows["stage_changes"].append({"deal_id": life.deal_id, "stage": value, "changed_at": at})
            elif value != held[name]:
                change = {"field": name, "old_value": held[name], "new_value": value or "", "changed_at": at}
                rows["field_changes"].append({"deal_id": life.deal_id} | change)
            held[name] = value
    return rows


def known(inputs: ForecastInputs, frame: str) -> pl.DataFrame:
    # No CRM says what a deal's category was in the past.
    rows: pl.DataFrame = getattr(inputs, frame)
    return rows.drop("forecast_category", strict=False)


def differences(own: ForecastInputs, now: ForecastInputs) -> list[str]:
    """The frames that tell the two apart."""
    found = []
    for frame in FRAMES:
        assert known(own, frame).height > 5, frame
        try:
            assert_frame_equal(known(own, frame), known(now, frame), check_exact=True, check_row_order=False)
        except AssertionError as difference:
            found.append(f"{frame}: {difference}")
    return found


# team goes by the owner, lead_source and deal_type as product does.
@pytest.mark.parametrize("segment", ["icp_band", "owner", "product", "amount_band", "region"])
def test_a_past_date_knows_what_its_own_night_knew(company: Company, segment: str) -> None:
    lives = random_lives(SEGMENTS.index(segment), 160)
    own = company.history(lives, AS_OF, segment).inputs()
    now = company.history(lives, LATER, segment).inputs(AS_OF)
    assert differences(own, now) == []


def test_a_past_date_that_knows_the_owners_and_products_of_tonight_is_caught(company: Company) -> None:
    lives = random_lives(1, 160)

    def as_of_tonight(models: CompiledModels) -> dict[str, pl.DataFrame]:
        bounds = ("from_as_of_date", "until_as_of_date", "known_from_at", "known_until_at")
        held = models.warehouse.read("intermediate.int_deal_forecast_segments")
        last = held.filter(pl.col("until_as_of_date").is_null())
        return {
            "int_deal_forecast_segments": last.with_columns(pl.lit(None).cast(held[b].dtype).alias(b) for b in bounds)
        }

    own = company.history(lives, AS_OF, "owner").inputs()
    now = company.history(lives, LATER, "owner", instead=as_of_tonight).inputs(AS_OF)
    found = " ".join(differences(own, now))
    for frame in ("open_deals", "past_deals", "hazard_counts", "won_deals", "creations"):
        assert frame in found


def test_a_version_of_the_funnel_from_last_month_changes_nothing_that_is_said_of_the_months_before(
    company: Company,
) -> None:
    lives = random_lives(99, 240)
    history = company.history(lives, LATER)
    said = backtest(history, draws=60).said
    then = backtest(company.history(lives, LATER, has_new_version=False), draws=60).said
    before = pl.col("as_of_date") < NEW_VERSION
    assert said.filter(before).height > 100
    assert_frame_equal(said.filter(before), then.filter(before), check_exact=True)
    # And after it the deals of the new stage are in what each method says.
    after = history.inputs(date(2026, 8, 31))
    assert after.open_deals.filter(stage="trial").height > 2
    spoken = said.filter((pl.col("as_of_date") == after.business_date) & (pl.col("funnel") == "f"))
    assert set(spoken["method"]) == {method.name for method in METHODS}
    # This CRM gives no probabilities.
    silent = spoken.filter(pl.col("forecast_amount").is_null())
    assert set(silent["method"]) == {"crm_probability"}
