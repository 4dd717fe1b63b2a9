"""Draws what surrounds the deals: contacts, leads, targets and rates. Nothing here changes how a deal moves."""

from datetime import date, timedelta

import numpy as np
import polars as pl

from orchestration.demo import company
from orchestration.demo.calendar import Calendar, add_months
from orchestration.demo.columns import Rows, instants, known, labels
from orchestration.demo.customers import Owners, choose_owners, countries, shares
from orchestration.demo.frames import by_time, seconds_or_none
from orchestration.demo.log import NEVER, Life


def contact_roles(life: Life, calendar: Calendar) -> pl.DataFrame:
    """Who at the customer plays which part; a champion may leave. One row per (deal, role)."""
    rng, deals, end = life.rng, life.deals, life.log.end
    rows = Rows()
    count = deals.created.size
    days = np.minimum(deals.ended, end) - deals.created
    for role, share in (
        (company.DECISION_MAKER, 0.62),
        (company.ECONOMIC_BUYER, 0.4),
        (company.CHAMPION, 0.7),
        (company.USER, 0.6),
    ):
        added = deals.created + rng.random(count) ** 2 * np.minimum(days, 120.0)
        leaves = rng.random(count) < (0.07 if role == company.CHAMPION else 0.015)
        removed = np.where(leaves, added + rng.uniform(0.2, 1.0, count) * np.maximum(days, 5.0), NEVER)
        if role == company.CHAMPION:
            removed = np.minimum(removed, np.where(deals.champion_left > added, deals.champion_left, NEVER))
        rows.add(
            (rng.random(count) < share) & (added < end),
            deal=np.arange(count, dtype=np.int32),
            account=deals.account,
            role=np.int8(role),
            added=added,
            removed=np.where(removed < end, removed, NEVER),
        )
    each = by_time(rows.joined(), "added")
    return pl.DataFrame(
        {
            "deal": each["deal"],
            "account": each["account"],
            "role": labels(each["role"], company.ROLES),
            "is_primary": each["role"] == company.CHAMPION,
            "known_at": instants(calendar.seconds(each["added"])),
            "removed_at": instants(seconds_or_none(calendar, each["removed"])),
        }
    )


def leads(life: Life, owners: Owners, first: float, calendar: Calendar) -> pl.DataFrame:
    """Leads that became deals, and three times as many that did not, or not yet."""
    rng, deals, end = life.rng, life.deals, life.log.end
    converted = np.flatnonzero(deals.has_lead)
    count = converted.size + 3 * converted.size
    others = count - converted.size
    created = np.concatenate([deals.lead_created[converted], rng.uniform(first, end, others)])
    never = np.full(others, NEVER)
    resolved = np.concatenate([deals.created[converted], np.where(rng.random(others) < 0.75, 0.0, never)])
    dropped = created + 2.0 + rng.exponential(30.0, count)
    is_converted = np.arange(count) < converted.size
    resolved = np.where(is_converted | np.isinf(resolved), resolved, dropped)
    worked = np.minimum(created + rng.exponential(3.0, count), created + 0.5 * (np.minimum(resolved, end) - created))
    source = np.concatenate(
        [
            deals.source[converted],
            rng.choice(len(company.LEAD_SOURCES), others, p=shares([0.33, 0.2, 0.05, 0.07, 0.25, 0.1])),
        ]
    )
    region = np.concatenate(
        [
            deals.region[converted],
            rng.choice(len(company.REGIONS), others, p=shares([each.share for each in company.REGIONS])),
        ]
    )
    team = np.array([each.team for each in company.REGIONS])[region]
    owner = np.concatenate([deals.owner[converted], choose_owners(rng, team[converted.size :], owners.team)])
    each = by_time(
        {
            "created": created,
            "worked": np.where(worked < end, worked, NEVER),
            "resolved": np.where(resolved < end, resolved, NEVER),
            "is_converted": is_converted,
            "deal": np.concatenate([converted, np.full(others, -1)]).astype(np.int32),
            "source": source,
            "region": region,
            "owner": owner,
        },
        "created",
    )
    return pl.DataFrame(
        {
            "known_at": instants(calendar.seconds(each["created"])),
            "worked_at": instants(seconds_or_none(calendar, each["worked"])),
            "resolved_at": instants(
                seconds_or_none(calendar, np.where(each["resolved"] < end, each["resolved"], NEVER))
            ),
            "is_converted": each["is_converted"],
            "deal": known(each["deal"], each["deal"] < 0),
            "lead_source": labels(each["source"], company.LEAD_SOURCES),
            "industry": labels(
                np.where(
                    rng.random(count) < 0.2,
                    -1,
                    rng.choice(len(company.INDUSTRIES), count, p=shares(company.INDUSTRY_SHARES)),
                ),
                company.INDUSTRIES,
            ),
            "employees": known(
                np.clip(np.round(np.exp(rng.normal(5.6, 1.3, count))), 3, 90_000).astype(np.int64),
                rng.random(count) < 0.35,
            ),
            "country": countries(rng, each["region"]),
            "owner": each["owner"].astype(np.int32),
        }
    )


def targets(life: Life, owners: Owners, since: date, until: date, size: int) -> pl.DataFrame:
    """What each team is to win in each quarter, in CNY; told three weeks before the quarter begins."""
    rng, deals = life.rng, life.deals
    starts = [date(since.year, 3 * ((since.month - 1) // 3) + 1, 1)]
    while starts[-1] <= until:
        starts.append(add_months(starts[-1], 3))
    team = owners.team[deals.owner]
    is_euro = np.array([each.currency == "EUR" for each in company.REGIONS])[deals.region]
    in_cny = deals.amount * np.where(is_euro, 7.8, 1.0)
    # A fifth of what is opened in a quarter is what management hopes to win in one.
    per_quarter = np.bincount(team, in_cny, len(company.TEAMS)) / in_cny.size * size / 12 * 0.22
    quarters = len(starts) - 1
    amounts = per_quarter[None, :] * np.exp(rng.normal(0, 0.08, (quarters, len(company.TEAMS))))
    amounts *= 1 + 0.01 * np.arange(quarters)[:, None]
    return pl.DataFrame(
        {
            "period_start": [start for start in starts[:-1] for _ in company.TEAMS],
            "period_end": [after - timedelta(days=1) for after in starts[1:] for _ in company.TEAMS],
            "team": list(company.TEAMS) * quarters,
            "amount": np.maximum(np.round(amounts.ravel() / 10_000), 1).astype(np.int64) * 1_000_000,
            "known_on": [max(since, start - timedelta(days=21)) for start in starts[:-1] for _ in company.TEAMS],
        }
    )


def fx_rates(rng: np.random.Generator, since: date, until: date) -> pl.DataFrame:
    """CNY for a euro, told each Monday."""
    monday = since - timedelta(days=since.weekday())
    weeks = (until - monday).days // 7 + 1
    pull = 0.98 ** np.arange(weeks)
    shocks = rng.normal(0, 0.006, weeks)
    wander = np.array([float(np.dot(pull[: week + 1][::-1], shocks[: week + 1])) for week in range(weeks)])
    return pl.DataFrame(
        {
            "rate_date": [monday + timedelta(days=7 * week) for week in range(weeks)],
            "currency": "EUR",
            "rate": np.round(7.8 * np.exp(wander), 4),
        }
    )
