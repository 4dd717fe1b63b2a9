"""The input tables of forecasting once more, slowly and plainly, from a demo company's true life: no SQL, no extracts.

Independent of the product on purpose: it loops over what deals went through and shares no code with what it checks.
What the world knows and no CRM tells (how it goes on after the last as-of date) is in `TrueDeal`.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from typing import Any, NamedTuple
from unittest.mock import patch
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from orchestration.demo import lives
from orchestration.demo.calendar import Calendar, add_months
from orchestration.demo.company import CRM_PROBABILITIES, FUNNEL, STAGE_LABELS, STAGES, TEAMS
from orchestration.demo.customers import draw_customers, draw_owners
from orchestration.demo.frames import change_frame, truth_frame
from orchestration.demo.log import Life, Log
from orchestration.demo.world import ARRIVAL_MONTHS, WORLD_MONTHS, World
from orchestration.forecasting.inputs import ForecastHistory, input_schema, read_history

ZONE = ZoneInfo("Asia/Shanghai")
OUTCOMES = {"won": "won", "lost": "lost", "nurture": "nurtured"}
Row = dict[str, Any]


class Change(NamedTuple):
    """One row of a deal's log: what it was from then on. Amount in the deal's own currency."""

    at: datetime
    stage: str
    amount: Decimal | None
    close_on: date | None
    category: str | None
    is_stage: bool


class Stay(NamedTuple):
    """One unbroken stay in a stage, closed ones too; `left` and `next` are None where the world ends first."""

    stage: str
    entered: datetime
    left: datetime | None
    next: str | None


@dataclass
class TrueDeal:
    """All that ever happened to one deal."""

    key: str
    created: datetime
    segment: str
    team: str
    owner: str
    currency: str
    changes: list[Change] = field(default_factory=list)
    deleted: datetime | None = None
    customer_acts: list[datetime] = field(default_factory=list)
    gates: list[tuple[datetime, bool]] = field(default_factory=list)
    stays: list[Stay] = field(default_factory=list)

    def stay_at(self, instant: datetime) -> Stay | None:
        """Where the deal stands just before an instant; None where it is not yet created or is deleted."""
        if self.created >= instant or (self.deleted is not None and self.deleted < instant):
            return None
        return next(
            stay for stay in self.stays if stay.entered < instant and (stay.left is None or stay.left >= instant)
        )

    def first_won_after(self, instant: datetime) -> Stay | None:
        return next((stay for stay in self.stays if stay.stage == "won" and stay.entered >= instant), None)


def true_deals(world: World) -> list[TrueDeal]:
    """Every deal of a world with its whole life."""
    users = world.users
    bands = world.truth["icp_band"].to_list()
    deals = []
    for number, owner, created, currency in world.deals.select("deal", "owner", "created_at", "currency").iter_rows():
        user = users.row(owner + users["manager_id"].null_count(), named=True)
        deals.append(TrueDeal(f"D{number:06d}", created, bands[number], user["team"], user["user_id"], str(currency)))
    stages = dict(zip(STAGE_LABELS, STAGES, strict=True))
    columns = ("deal", "kind", "changed_at", "stage", "amount", "close_on", "forecast_category")
    for number, kind, at, label, cents, close_on, category in world.changes.select(columns).iter_rows():
        if kind == "deleted":
            deals[number].deleted = at
        else:
            amount = None if cents is None else Decimal(cents) / 100
            deals[number].changes.append(Change(at, stages[label], amount, close_on, category, kind == "stage"))
    heard = (pl.col("direction") == "inbound") | pl.col("customer_present")
    for number, at in world.activities.filter(heard).select("deal", "occurred_at").iter_rows():
        deals[number].customer_acts.append(at)
    for number, at, is_met in world.gates.select("deal", "passed_at", "is_met").iter_rows():
        deals[number].gates.append((at, is_met))
    for deal in deals:
        moves = [change for change in deal.changes if change.is_stage]
        after = [*moves[1:], None]
        deal.stays = [
            Stay(move.stage, move.at, following and following.at, following and following.stage)
            for move, following in zip(moves, after, strict=True)
        ]
    return deals


def more_of_the_company(seed: int, deals: int, since: date, more: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(changes, truth) of `more` other deals of the very company that simulate(seed, deals, since) lives.

    Created evenly over the world's 48 months; the same owners carry the same shares of them. What happens to so many
    is as good as the truth about the company; the deals of another seed have other owners, and win another share.
    """
    calendar, until = Calendar.around(since), add_months(since, WORLD_MONTHS)
    first, end = calendar.model_time(since), calendar.model_time(until)
    middle = calendar.model_time(add_months(since, ARRIVAL_MONTHS))
    # Drawn as `simulate` draws: days of creation, owners, customers, how much each owner carries.
    rng = np.random.Generator(np.random.PCG64(seed))
    later = round(deals * (WORLD_MONTHS - ARRIVAL_MONTHS) / ARRIVAL_MONTHS)
    created = np.sort(np.concatenate([rng.uniform(first, middle, deals), rng.uniform(middle, end, later)]))
    owners = draw_owners(rng, deals)
    draw_customers(rng, created, first, calendar)
    carried = []
    for number in range(len(TEAMS)):
        weights = rng.uniform(0.6, 1.4, int((owners.team == number).sum()))
        carried.append(weights / weights.sum())
        rng.choice(weights.size, created.size, p=carried[-1])

    def as_they_carry(rng: np.random.Generator, team: Any, team_of_owner: Any) -> Any:
        chosen = [
            rng.choice(np.flatnonzero(team_of_owner == number), team.size, p=carried[number])
            for number in range(len(TEAMS))
        ]
        return np.choose(team, chosen)

    rng = np.random.Generator(np.random.PCG64([seed, more]))
    created = np.sort(rng.uniform(first, end, more))
    customers = draw_customers(rng, created, first, calendar)
    with patch.object(lives, "choose_owners", as_they_carry):
        life = Life(rng, lives.new_deals(rng, created, customers, owners, first), Log(end))
    lives.start(life)
    lives.live(life)
    return change_frame(life.log.changes.joined(), calendar), truth_frame(life.deals, calendar)


def met_on(days: Sequence[date], changes: pl.DataFrame, truth: pl.DataFrame) -> pl.DataFrame:
    """One row per day and deal open on it: funnel, segment, stage, days_in_stage, and won_in (days, null if never)."""
    stages = dict(zip(STAGE_LABELS, STAGES, strict=True))
    at, stay = pl.col("changed_at"), ["deal", "changed_at"]
    stays = (
        changes.filter(pl.col("kind") == "stage")
        .select("deal", pl.col("stage").cast(pl.String).replace_strict(stages), "changed_at")
        .sort(stay)
        .with_columns(at.shift(-1).over("deal").alias("left"))
        .join(changes.filter(pl.col("kind") == "deleted").select("deal", at.alias("deleted")), on="deal", how="left")
        .join(truth.select("deal", pl.col("icp_band").cast(pl.String).alias("segment")), on="deal")
    )
    rows = []
    for day in days:
        instant = pl.lit(end_of(day))
        first_won = (
            stays.filter((pl.col("stage") == "won") & (at >= instant)).group_by("deal").agg(at.min().alias("won"))
        )
        rows.append(
            stays.filter(
                (at < instant)
                & (pl.col("left").is_null() | (pl.col("left") >= instant))
                & (pl.col("deleted").is_null() | (pl.col("deleted") >= instant))
                & ~pl.col("stage").is_in(list(OUTCOMES))
            )
            .join(first_won, on="deal", how="left")
            .select(
                pl.lit(day).alias("as_of_date"),
                pl.lit(FUNNEL).alias("funnel"),
                "segment",
                "stage",
                ((instant - at).dt.total_seconds() / 86400).alias("days_in_stage"),
                ((pl.col("won") - instant).dt.total_seconds() / 86400).alias("won_in"),
            )
        )
    return pl.concat(rows)


def end_of(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), datetime.min.time(), tzinfo=ZONE).astimezone(UTC)


def local_date(instant: datetime) -> date:
    return instant.astimezone(ZONE).date()


def days_between(start: datetime, end: datetime) -> float:
    return (end - start) / timedelta(days=1)


def months(first_year: int, last_year: int) -> list[Row]:
    """Calendar months and quarters, as the demo's fiscal year is the calendar's."""
    rows = []
    for kind, length in (("month", 1), ("quarter", 3)):
        for number in range(first_year * 12, (last_year + 1) * 12, length):
            start = date(number // 12, number % 12 + 1, 1)
            after = number + length
            end = date(after // 12, after % 12 + 1, 1) - timedelta(days=1)
            label = f"{start:%Y-%m}" if kind == "month" else f"FY{start.year}-Q{start.month // 3 + 1}"
            rows.append({"period_kind": kind, "period_start": start, "period_end": end, "period_label": label})
    return rows


def month_ends(business_date: date, count: int) -> list[date]:
    """The last days of the `count` months before that of the business date, in order."""
    first = business_date.year * 12 + business_date.month - 1
    return [
        date((first - back) // 12, (first - back) % 12 + 1, 1) - timedelta(days=1) for back in reversed(range(count))
    ]


class Rates:
    """Reporting currency per unit, of the latest day not after the one asked for (the first where there is none)."""

    def __init__(self, world: World) -> None:
        self.by_currency: dict[str, list[tuple[date, Decimal]]] = defaultdict(list)
        for day, currency, rate in world.fx_rates.sort("rate_date").iter_rows():
            self.by_currency[currency].append((day, Decimal(str(rate))))

    def money(self, amount: Decimal | None, currency: str, day: date) -> Decimal | None:
        if amount is None:
            return None
        rate = Decimal(1)
        for number, (valid_from, each) in enumerate(self.by_currency.get(currency, [])):
            if number == 0 or valid_from <= day:
                rate = each
        return (amount * rate).quantize(Decimal("0.01"), ROUND_HALF_UP)


def open_deal_rows(deals: Iterable[TrueDeal], day: date, rates: Rates) -> list[Row]:
    instant = end_of(day)
    rows = []
    for deal in deals:
        stay = deal.stay_at(instant)
        if stay is None or stay.stage in OUTCOMES:
            continue
        known = [change for change in deal.changes if change.at < instant]
        dates = [change.close_on for change in known if change.close_on is not None]
        acts = [at for at in deal.customer_acts if at < instant]
        gates = [is_met for at, is_met in deal.gates if at < instant]
        amount = rates.money(known[-1].amount, deal.currency, day)
        rank = STAGES.index(stay.stage) + 1
        rows.append(
            {
                "as_of_date": day,
                "deal_key": deal.key,
                "funnel": FUNNEL,
                "stage": stay.stage,
                "stage_rank": rank,
                "segment": deal.segment,
                "team": deal.team,
                "owner_key": deal.owner,
                "amount_reporting": amount,
                "amount_exclusion": "missing_amount" if amount is None else None,
                "expected_close_date": known[-1].close_on,
                "probability": float(CRM_PROBABILITIES[rank - 1]),
                "forecast_category": known[-1].category,
                "days_in_stage": days_between(stay.entered, instant),
                "days_since_created": days_between(deal.created, instant),
                "days_since_customer_activity": days_between(max(acts), instant) if acts else None,
                "pushes": sum(later > earlier for earlier, later in pairwise(dates)),
                "icp_band": deal.segment,
                "criteria_asked": len(gates),
                "criteria_met": sum(gates),
                "criteria_late": 0,
                "criteria_violated": len(gates) - sum(gates),
                "criteria_waived": 0,
                "criteria_not_evaluated": 0,
            }
        )
    return rows


def outcome_rows(deals: Iterable[TrueDeal], day: date, known_until: date, rates: Rates) -> list[Row]:
    """What came of each deal open on a day, as known at the end of another."""
    instant, horizon = end_of(day), end_of(known_until)
    rows = []
    for deal in deals:
        stay = deal.stay_at(instant)
        if stay is None or stay.stage in OUTCOMES:
            continue
        row: Row = {"as_of_date": day, "deal_key": deal.key}
        gone = deal.deleted if deal.deleted is not None and deal.deleted < horizon else None
        later = [each for each in deal.stays if instant <= each.entered < (gone or horizon)]
        closed = next((each for each in later if each.stage in OUTCOMES), None)
        won = next((each for each in later if each.stage == "won"), None)
        if closed is not None:
            row |= {"closed_on": local_date(closed.entered), "outcome": OUTCOMES[closed.stage]}
        elif gone is not None:
            row |= {"closed_on": local_date(gone), "outcome": "deleted"}
        if won is not None:
            row |= {"won_on": local_date(won.entered), "won_amount_reporting": won_amount(deal, won, rates)}
        rows.append(row)
    return rows


def won_amount(deal: TrueDeal, won: Stay, rates: Rates) -> Decimal | None:
    amount = [change.amount for change in deal.changes if change.at <= won.entered][-1]
    return rates.money(amount, deal.currency, local_date(won.entered))


def hazard_rows(deals: Iterable[TrueDeal], day: date) -> list[Row]:
    """Visits of every stage but won by segment, whole weeks and next state, as known at the end of a day."""
    instant = end_of(day)
    visits: Counter[tuple[str, str, int, str]] = Counter()
    broken: defaultdict[tuple[str, str, int, str], float] = defaultdict(float)
    for deal in deals:
        if deal.deleted is not None and deal.deleted < instant:
            continue
        for stay in deal.stays:
            if stay.entered >= instant or stay.stage == "won":
                continue
            is_ended = stay.left is not None and stay.left < instant
            end = stay.left if is_ended and stay.left is not None else instant
            next_state = str(stay.next) if is_ended else "(ongoing)"
            weeks, rest = divmod(days_between(stay.entered, end), 7)
            for segment in ("all", deal.segment):
                visits[segment, stay.stage, int(weeks), next_state] += 1
                broken[segment, stay.stage, int(weeks), next_state] += rest
    return [
        {
            "as_of_date": day,
            "funnel": FUNNEL,
            "segment": segment,
            "stage": stage,
            "weeks_in_stage": weeks,
            "next_state": next_state,
            "visits": count,
            "days": broken[segment, stage, weeks, next_state],
        }
        for (segment, stage, weeks, next_state), count in sorted(visits.items())
    ]


def won_rows(deals: Iterable[TrueDeal], day: date, rates: Rates) -> list[Row]:
    """Every win up to a day; it is undone where the deal is reopened, or deleted before it is."""
    instant = end_of(day)

    def undone(deal: TrueDeal, stay: Stay) -> date | None:
        ends = [at for at in (stay.left, deal.deleted) if at is not None and at < instant]
        return local_date(min(ends)) if ends else None

    return [
        {
            "deal_key": deal.key,
            "funnel": FUNNEL,
            "segment": deal.segment,
            "team": deal.team,
            "owner_key": deal.owner,
            "created_on": local_date(deal.created),
            "won_on": local_date(stay.entered),
            "undone_on": undone(deal, stay),
            "amount_reporting": won_amount(deal, stay, rates),
            "amount_when_won": won_amount(deal, stay, rates),
        }
        for deal in deals
        for stay in deal.stays
        if stay.stage == "won" and stay.entered < min(instant, deal.deleted or instant)
    ]


def stage_amount_rows(deals: Iterable[TrueDeal], day: date, rates: Rates) -> list[Row]:
    """Both amounts at the rate of the day of winning, so that their ratio is one of prices and not of currencies."""
    instant = end_of(day)
    count: Counter[tuple[str, int]] = Counter()
    at_stage: defaultdict[tuple[str, int], Decimal] = defaultdict(Decimal)
    at_won: defaultdict[tuple[str, int], Decimal] = defaultdict(Decimal)
    for deal in deals:
        stay = deal.stay_at(instant)
        if stay is None or stay.stage != "won":
            continue
        final = won_amount(deal, stay, rates)
        seen: set[str] = set()
        for change in deal.changes:
            if (
                change.is_stage
                and change.stage not in OUTCOMES
                and change.stage not in seen
                and change.at < stay.entered
            ):
                seen.add(change.stage)
                first = rates.money(change.amount, deal.currency, local_date(stay.entered))
                if first is not None and final is not None:
                    key = (change.stage, len(str(int(max(first, final)))))
                    count[key] += 1
                    at_stage[key] += first
                    at_won[key] += final
    return [
        {
            "as_of_date": day,
            "funnel": FUNNEL,
            "stage": stage,
            "amount_digits": digits,
            "won_deals": count[stage, digits],
            "amount_at_stage": at_stage[stage, digits],
            "amount_won": at_won[stage, digits],
        }
        for stage, digits in sorted(count)
    ]


def creation_rows(deals: Iterable[TrueDeal], day: date) -> list[Row]:
    instant = end_of(day)
    created: Counter[tuple[str, str, str, str, date, date | None]] = Counter()
    for deal in deals:
        if deal.created < instant:
            left_on = local_date(deal.deleted) if deal.deleted is not None and deal.deleted < instant else None
            began = deal.stays[0].stage, local_date(deal.created)
            created[deal.segment, deal.team, deal.owner, *began, left_on] += 1
    keys = ("segment", "team", "owner_key", "stage", "created_on", "departed_on")
    return [{"funnel": FUNNEL, "deals": count} | dict(zip(keys, each, strict=True)) for each, count in created.items()]


def stage_rows() -> list[Row]:
    return [
        {"funnel": FUNNEL, "version": 1, "stage": stage, "stage_rank": rank, "outcome": OUTCOMES.get(stage)}
        for rank, stage in enumerate(STAGES, start=1)
    ]


def target_rows(world: World, day: date) -> list[Row]:
    known = world.targets.filter(pl.col("known_on") <= day)
    return [
        {
            "funnel": FUNNEL,
            "team": row["team"],
            "period_start": row["period_start"],
            "period_end": row["period_end"],
            "amount_reporting": Decimal(row["amount"]) / 100,
        }
        for row in known.iter_rows(named=True)
    ]


def tables_of(
    world: World,
    business_date: date,
    as_of_dates: Sequence[date] = (),
    *,
    deals: Sequence[TrueDeal] | None = None,
    minimum_n: int = 30,
    shrinkage_deals: int = 20,
) -> dict[str, pl.DataFrame]:
    """All INPUT_TABLES for tonight and the past as-of dates, as the world's truth has them.

    Deals deleted by tonight are in the rows of no as-of date later than their deletion, and in those before.
    """
    lives = true_deals(world) if deals is None else deals
    rates = Rates(world)
    days = [*as_of_dates, business_date]
    rows: Mapping[str, list[Row]] = {
        "forecast_as_ofs": [{"as_of_date": day, "is_tonight": day == business_date} for day in days],
        "forecast_open_deals": [row for day in days for row in open_deal_rows(lives, day, rates)],
        "forecast_deal_outcomes": [row for day in days for row in outcome_rows(lives, day, business_date, rates)],
        "forecast_hazard_counts": [row for day in days for row in hazard_rows(lives, day)],
        "forecast_won_deals": won_rows(lives, business_date, rates),
        "forecast_stage_amounts": [row for day in days for row in stage_amount_rows(lives, day, rates)],
        "forecast_creations": creation_rows(lives, business_date),
        "forecast_targets": target_rows(world, business_date),
        "company": [{"minimum_n": minimum_n, "shrinkage_deals": shrinkage_deals}],
        "funnel_stages": stage_rows(),
        "periods": months(world.since.year, world.until.year + 2),
    }
    return {name: pl.DataFrame(each, schema=input_schema(name), orient="row") for name, each in rows.items()}


def history_of(world: World, business_date: date, as_of_dates: Sequence[date] = (), **more: Any) -> ForecastHistory:
    """`tables_of`, checked and typed as a night does it."""
    return read_history(tables_of(world, business_date, as_of_dates, **more), business_date)
