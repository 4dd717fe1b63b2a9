"""Draws the people of the demo company and its customers. No deal, no time beyond when a customer became known."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from orchestration.demo import company
from orchestration.demo.calendar import Calendar, Floats
from orchestration.demo.columns import Bools, Ints, instants, known, labels
from orchestration.demo.log import Worsening

MAX_OWNERS = 300


@dataclass(frozen=True)
class Owners:
    """The sellers as arrays of one length: team, and traits in standard deviations. `users` also lists managers."""

    users: pl.DataFrame
    team: Ints
    skill: Floats
    diligence: Floats
    cadence: Floats


@dataclass(frozen=True)
class Customers:
    """The accounts, and what they mean to each deal: arrays as long as there are deals.

    `size` is the log of employees over their median, `fit_score` the true score of the profile, 0-100.
    """

    accounts: pl.DataFrame
    account: Ints
    is_expansion: Bools
    region: Ints
    size: Floats
    fit_score: Floats


def draw_owners(rng: np.random.Generator, deals: int) -> Owners:
    """Managers and owners; about one owner for 120 deals."""
    by_team = np.bincount([region.team for region in company.REGIONS], [region.share for region in company.REGIONS])
    wanted = int(np.clip(deals // 120, len(company.TEAMS) * 2, MAX_OWNERS))
    per_team = np.maximum(2, np.round(wanted * by_team).astype(int))
    team_of_owner = np.repeat(np.arange(len(company.TEAMS)), per_team)
    names = _people(rng, team_of_owner.size + len(company.TEAMS))
    teams = np.concatenate([np.arange(len(company.TEAMS)), team_of_owner])
    is_chinese = teams < 3
    frame = pl.DataFrame(
        {
            "user_id": [f"U-{number:04d}" for number in range(1, teams.size + 1)],
            "user_name": np.where(is_chinese, names[0], names[1]),
            "team": np.array(company.TEAMS)[teams],
            "manager_id": [None] * len(company.TEAMS) + [f"U-{team + 1:04d}" for team in team_of_owner],
            "is_active": True,
        },
        schema_overrides={"manager_id": pl.String},
    )
    team_diligence = rng.normal(0, 0.25, len(company.TEAMS))
    return Owners(
        users=frame,
        team=team_of_owner,
        skill=rng.normal(0, 1, team_of_owner.size),
        diligence=team_diligence[team_of_owner] + rng.normal(0, 0.55, team_of_owner.size),
        cadence=rng.normal(0, 0.8, team_of_owner.size),
    )


def _people(rng: np.random.Generator, count: int) -> tuple[Any, Any]:
    """Distinct names, Chinese and German; the owner's name is a segment, so no two people share one."""
    chosen = rng.permutation(len(company.SURNAMES) * len(company.GIVEN_NAMES))[:count]
    last, first = np.divmod(chosen, len(company.GIVEN_NAMES))
    chinese = np.char.add(np.array(company.SURNAMES)[last], np.array(company.GIVEN_NAMES)[first])
    german = np.char.add(np.char.add(np.array(company.FIRST_NAMES)[first], " "), np.array(company.LAST_NAMES)[last])
    return chinese, german


def draw_customers(
    rng: np.random.Generator, created: Floats, first: float, calendar: Calendar, worsening: Worsening | None = None
) -> Customers:
    """The customers of deals created at these times; a third of the deals are with one that is known already."""
    is_new = rng.random(created.size) < 0.65
    is_new[0] = True
    so_far = np.cumsum(is_new)
    account_of = np.where(is_new, so_far - 1, np.floor(rng.random(created.size) * so_far).astype(np.int64))
    count = int(so_far[-1])
    # Cumulative maximum: accounts are numbered in the order in which they became known.
    opened = np.maximum.accumulate(np.maximum(first, created[is_new] - rng.exponential(4.0, count)))

    region = rng.choice(len(company.REGIONS), count, p=shares([each.share for each in company.REGIONS]))
    industry = rng.choice(len(company.INDUSTRIES), count, p=shares(company.INDUSTRY_SHARES))
    employees = np.clip(np.round(np.exp(rng.normal(np.log(380), 1.25, count))), 5, 90_000).astype(np.int64)
    revenue = np.round(employees * np.exp(rng.normal(np.log(260_000), 0.7, count)), -4).astype(np.int64)
    if worsening:
        misses = worsening.rng.random(count) < worsening.from_then(opened, worsening.change.poor_leads)
        poor = [company.INDUSTRIES.index(name) for name in company.INDUSTRIES if name not in company.FIT_INDUSTRIES]
        industry = np.where(misses, worsening.rng.choice(poor, count), industry)
        employees = np.where(misses, worsening.rng.integers(5, company.FIT_EMPLOYEES[0], count), employees)
    fit = _fit(industry, employees, revenue, region)

    is_chinese = np.array([each.is_chinese for each in company.REGIONS])[region]
    frame = pl.DataFrame(
        {
            "account": np.arange(count, dtype=np.int32),
            "account_name": _account_names(rng, industry, is_chinese),
            "industry": labels(np.where(rng.random(count) < 0.04, -1, industry), company.INDUSTRIES),
            "employees": known(employees, rng.random(count) < 0.09),
            "annual_revenue": known(revenue, rng.random(count) < 0.14),
            "country": countries(rng, region),
            "region": labels(np.where(rng.random(count) < 0.03, -1, region), [each.name for each in company.REGIONS]),
            "known_at": instants(calendar.seconds(opened)),
        }
    )
    return Customers(
        accounts=frame,
        account=account_of.astype(np.int32),
        is_expansion=~is_new,
        region=region[account_of],
        size=np.log(employees / 380)[account_of],
        fit_score=fit[account_of],
    )


def _fit(industry: Ints, employees: Ints, revenue: Ints, region: Ints) -> Floats:
    """The score of the ideal customer profile, 0-100, from what the customer truly is, blanks or not."""
    regions = [each.name for each in company.REGIONS]
    matches = (
        np.isin(industry, [company.INDUSTRIES.index(name) for name in company.FIT_INDUSTRIES]),
        (employees >= company.FIT_EMPLOYEES[0]) & (employees <= company.FIT_EMPLOYEES[1]),
        revenue >= company.FIT_REVENUE,
        np.isin(region, [regions.index(name) for name in company.FIT_REGIONS]),
    )
    score = sum(weight * match for weight, match in zip(company.FIT_WEIGHTS, matches, strict=True))
    return np.asarray(score, dtype=np.float64)


def _account_names(rng: np.random.Generator, industry: Ints, is_chinese: Bools) -> pl.Series:
    count = industry.size

    def pick(names: tuple[str, ...], codes: Ints) -> pl.Series:
        return pl.Series(list(names)).gather(pl.Series(codes))

    word = rng.integers(0, len(company.CHINESE_WORDS), (2, count))
    other = rng.integers(0, len(company.FOREIGN_WORDS), count)
    frame = pl.DataFrame(
        {
            "is_chinese": is_chinese,
            "city": pick(company.CITIES, rng.integers(0, len(company.CITIES), count)),
            "word": pick(company.CHINESE_WORDS, word[0]),
            "word2": pick(company.CHINESE_WORDS, word[1]),
            "trade": pick(company.CHINESE_TRADES, industry),
            "other": pick(company.FOREIGN_WORDS, other),
            "middle": pick(company.FOREIGN_MIDDLES, rng.integers(0, len(company.FOREIGN_MIDDLES), count)),
            "other_trade": pick(company.FOREIGN_TRADES, industry),
        }
    )
    return frame.select(
        pl.when("is_chinese")
        .then(pl.format("{}{}{}{}有限公司", "city", "word", "word2", "trade"))
        .otherwise(pl.format("{} {} {}", "other", "middle", "other_trade"))
        .alias("account_name")
    ).to_series()


def countries(rng: np.random.Generator, region: Ints) -> pl.Series:
    names = sorted({country for each in company.REGIONS for country in each.countries})
    codes = np.zeros(region.size, dtype=np.int64)
    for number, each in enumerate(company.REGIONS):
        # The first country of a region is its largest market.
        weights = shares([2.0**-place for place in range(len(each.countries))])
        drawn = rng.choice([names.index(country) for country in each.countries], region.size, p=weights)
        codes = np.where(region == number, drawn, codes)
    return labels(codes, names)


def choose_owners(rng: np.random.Generator, team: Ints, team_of_owner: Ints) -> Ints:
    """An owner of the deal's team; some carry more than others."""
    owner = np.zeros(team.size, dtype=np.int64)
    for number in range(len(company.TEAMS)):
        members = np.flatnonzero(team_of_owner == number)
        chosen = rng.choice(members, team.size, p=shares(rng.uniform(0.6, 1.4, members.size)))
        owner = np.where(team == number, chosen, owner)
    return owner


def shares(shares: Any) -> Floats:
    each: Floats = np.asarray(shares, dtype=np.float64)
    return np.asarray(each / each.sum())
