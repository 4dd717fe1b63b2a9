"""Turns what the lives left behind into the tables of a world, in the order in which they became known."""

import numpy as np
import polars as pl

from orchestration.demo import company
from orchestration.demo.calendar import Calendar, Floats
from orchestration.demo.columns import Ints, dates, instants, known, labels
from orchestration.demo.log import CHANGE_KINDS, DAY, Deals


def by_time(columns: dict[str, Ints], name: str) -> dict[str, Ints]:
    order = np.argsort(columns[name], kind="stable")
    return {each: columns.pop(each)[order] for each in list(columns)}


def seconds_or_none(calendar: Calendar, times: Floats) -> Ints:
    """Seconds of model times; -1 where there is none."""
    is_known = np.isfinite(times)
    return np.where(is_known, calendar.seconds(np.where(is_known, times, 0.0)), -1)


def deal_frame(rng: np.random.Generator, deals: Deals, calendar: Calendar) -> pl.DataFrame:
    count = deals.created.size
    currencies = np.array([company.CURRENCIES.index(each.currency) for each in company.REGIONS])
    return pl.DataFrame(
        {
            "deal": np.arange(count, dtype=np.int32),
            "account": deals.account,
            "owner": deals.owner.astype(np.int32),
            "created_at": instants(calendar.seconds(deals.created)),
            "currency": labels(currencies[deals.region], company.CURRENCIES),
            "lead_source": labels(np.where(rng.random(count) < 0.02, -1, deals.source), company.LEAD_SOURCES),
            "deal_type": labels(deals.is_expansion.astype(np.int8), company.DEAL_TYPES),
            "product": deals.product.astype(np.int8),
            "is_chinese": deals.is_chinese,
        }
    )


def change_frame(columns: dict[str, Ints], calendar: Calendar) -> pl.DataFrame:
    each = by_time(columns, "time")
    deal = each["deal"]
    by_deal = np.argsort(deal, kind="stable")
    is_first = np.ones(deal.size, dtype=np.bool_)
    is_first[1:] = deal[by_deal][1:] != deal[by_deal][:-1]
    previous = np.empty(deal.size, dtype=np.int32)
    previous[by_deal] = np.where(is_first, -1, np.roll(by_deal, 1))
    stage = each["stage"]
    # An owner commits to what is being negotiated, and sometimes too early or too late.
    is_bold = deal % 97 < 35
    category = np.select(
        [stage < 4, stage == 4, stage == 5, stage == company.WON],
        [0, np.where(is_bold & (deal % 5 == 0), 2, 1), np.where(is_bold, 1, 2), 3],
        4,
    )
    return pl.DataFrame(
        {
            "deal": deal,
            "kind": labels(each["kind"], CHANGE_KINDS),
            "stage": labels(stage, company.STAGE_LABELS),
            "changed_at": instants(calendar.seconds(each["time"])),
            "entered_at": instants(calendar.seconds(each["entered"])),
            "amount": known(each["amount"], each["amount"] < 0),
            "close_on": dates(calendar.days(each["close_at"])),
            "next_step": each["next_step"],
            "lost_reason": each["lost_reason"],
            "forecast_category": labels(category, company.FORECAST_CATEGORIES),
            "previous": previous,
        }
    )


def _told(rng: np.random.Generator, columns: dict[str, Ints], end: float) -> dict[str, Ints]:
    """Rows in the order in which they were entered: most at once, one in twenty-five some days later."""
    times = columns["time"]
    delay = np.where(rng.random(times.size) < 0.04, rng.uniform(1.0, 4.0, times.size), 0.0)
    columns["known"] = times + delay
    return by_time({name: values[columns["known"] < end] for name, values in columns.items()}, "known")


def activity_frame(rng: np.random.Generator, columns: dict[str, Ints], end: float, calendar: Calendar) -> pl.DataFrame:
    each = _told(rng, columns, end)
    return pl.DataFrame(
        {
            "deal": each["deal"],
            "activity_type": labels(each["type"], company.ACTIVITY_TYPES),
            "occurred_at": instants(calendar.seconds(each["time"])),
            "known_at": instants(calendar.seconds(each["known"])),
            "minutes": known(each["minutes"], each["minutes"] < 0),
            "direction": labels(each["direction"], company.DIRECTIONS),
            "status": labels(each["status"], company.STATUSES),
            "customer_present": each["is_present"],
            "contact_role": labels(each["role"], company.ROLES),
        }
    )


def evidence_frame(rng: np.random.Generator, columns: dict[str, Ints], end: float, calendar: Calendar) -> pl.DataFrame:
    each = _told(rng, columns, end)
    reviewed = calendar.days(each["time"]) + rng.integers(4, 25, each["time"].size)
    return pl.DataFrame(
        {
            "deal": each["deal"],
            "evidence_key": labels(each["key"], company.EVIDENCE_KEYS),
            "observed_at": instants(calendar.seconds(each["time"])),
            "known_at": instants(calendar.seconds(each["known"])),
            "number": known(each["number"], each["number"] < 0),
            "answer": each["answer"],
            "day": dates(np.where(each["answer"] == DAY, reviewed, -1)),
            "kind": labels(each["kind"], company.KINDS),
        }
    )


def truth_frame(deals: Deals, calendar: Calendar) -> pl.DataFrame:
    band = np.select([deals.fit_score >= cut for _, cut in company.FIT_BANDS], range(len(company.FIT_BANDS)))
    return pl.DataFrame(
        {
            "deal": np.arange(deals.created.size, dtype=np.int32),
            "icp_score": deals.fit_score,
            "icp_band": labels(band, [name for name, _ in company.FIT_BANDS]),
            "diligence": deals.diligence,
            "cadence": deals.cadence,
            "skill": deals.skill,
            "latent": deals.latent,
            "log_odds": deals.log_odds,
            "proofs_asked": deals.is_crossed.sum(axis=1),
            "created_at": instants(calendar.seconds(deals.created)),
            "outcome": labels(deals.outcome, company.STAGES),
            "ended_at": instants(seconds_or_none(calendar, deals.ended)),
        }
    )


def gate_frame(columns: dict[str, Ints], calendar: Calendar) -> pl.DataFrame:
    """One row per (deal, criterion, passage); a criterion of two proofs is met when both are there."""
    order = np.argsort(columns["time"], kind="stable")
    names = list(dict.fromkeys(proof.criterion for proof in company.PROOFS))
    criterion = np.array([names.index(proof.criterion) for proof in company.PROOFS])
    grace = np.array([proof.grace_days * 86_400 for proof in company.PROOFS])
    proof = columns["proof"][order]
    passed = calendar.seconds(columns["time"][order])
    proven = seconds_or_none(calendar, columns["proven_at"][order])
    rows = pl.DataFrame(
        {
            "deal": columns["deal"][order],
            "criterion_id": labels(criterion[proof], names),
            "passed_at": passed,
            "from_stage": labels(columns["from_stage"][order], company.STAGES),
            "is_met": (proven >= 0) & (proven <= passed + grace[proof]),
        }
    )
    return (
        rows.group_by("deal", "criterion_id", "passed_at", "from_stage")
        .agg(pl.col("is_met").all())
        .sort("passed_at", "deal", "criterion_id")
        .with_columns((pl.col("passed_at") * 1_000_000).cast(pl.Datetime("us", "UTC")))
    )
