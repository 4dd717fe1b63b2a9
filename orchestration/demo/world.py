"""Lives the demo company once: `simulate` draws every deal, move, activity and proof over four years.

Pure: a function of seed, size and first day; vectorised over all deals at once, looping only over steps of the
model and kinds of event. Each table is in the order in which its facts became known, so that what a CRM knew on
any night is a prefix. How the facts are told is the business of `extracts`.
"""

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from orchestration.demo import company, hazards
from orchestration.demo.calendar import Calendar, Floats, add_months
from orchestration.demo.columns import Rows, dates, instants, known, labels

ARRIVAL_MONTHS = 36
WORLD_MONTHS = 48
# No deal is followed through more visits than this; at the true hazards about one in a million would be.
MAX_STEPS = 60
MAX_PUSHES = 8
MAX_OWNERS = 300
NEVER = np.inf

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[Any]


@dataclass(frozen=True)
class World:
    """What happened, known to nobody in full. `known_at` of a table says when the CRM came to know a row.

    deals: one row per deal, `deal` its number from 0 in order of creation.
    changes: one row per row of the deals' own log (`kind` stage, edit, deleted), in order of `changed_at`; amount
        is in cents, `previous` the row number of the deal's change before.
    activities, evidence: in order of `known_at`.
    truth: one row per deal with its latent values and what became of it in the end, beyond the world's last day.
    gates: one row per (deal, criterion, passage) as the model decided it.
    """

    seed: int
    size: int
    since: date
    until: date
    users: pl.DataFrame
    accounts: pl.DataFrame
    deals: pl.DataFrame
    changes: pl.DataFrame
    activities: pl.DataFrame
    evidence: pl.DataFrame
    contact_roles: pl.DataFrame
    leads: pl.DataFrame
    targets: pl.DataFrame
    fx_rates: pl.DataFrame
    truth: pl.DataFrame
    gates: pl.DataFrame


@dataclass
class _Deals:
    """All deals as arrays of one length: facts that never change, and where each stands now."""

    created: Floats
    account: Ints
    is_expansion: Bools
    region: Ints
    owner: Ints
    source: Ints
    product: Ints
    is_chinese: Bools
    diligence: Floats
    cadence: Floats
    skill: Floats
    latent: Floats
    fit_score: Floats
    log_odds: Floats
    has_lead: Bools
    lead_created: Floats
    amount: Floats
    has_amount: Bools
    close_at: Floats
    rounding: Floats
    stage: Ints
    entered: Floats
    proven_at: Floats
    is_crossed: Bools
    next_step: Ints
    outcome: Ints
    ended: Floats


@dataclass
class _Log:
    """Everything that is told of the deals while they live, up to the world's end."""

    end: float
    changes: Rows = field(default_factory=Rows)
    activities: Rows = field(default_factory=Rows)
    evidence: Rows = field(default_factory=Rows)
    gates: Rows = field(default_factory=Rows)

    def change(self, deals: _Deals, at: Ints, times: Floats, kind: int, lost_reason: Any = -1) -> None:
        """One row of each deal's own log, carrying its state."""
        self.changes.add(
            times < self.end,
            deal=at.astype(np.int32),
            time=times,
            kind=np.int8(kind),
            stage=deals.stage[at].astype(np.int8),
            entered=deals.entered[at],
            amount=np.where(deals.has_amount[at], np.round(deals.amount[at] * 100), -1).astype(np.int64),
            close_at=deals.close_at[at],
            next_step=deals.next_step[at].astype(np.int8),
            lost_reason=np.asarray(lost_reason, dtype=np.int8),
        )

    def activity(
        self,
        at: Ints,
        times: Floats,
        kind: Any,
        minutes: Any,
        direction: Any = company.OUTBOUND,
        status: Any = company.HELD,
        is_present: Any = True,
        role: Any = -1,
    ) -> None:
        self.activities.add(
            times < self.end,
            deal=at.astype(np.int32),
            time=times,
            type=np.asarray(kind, dtype=np.int8),
            minutes=np.asarray(minutes, dtype=np.int16),
            direction=np.asarray(direction, dtype=np.int8),
            status=np.asarray(status, dtype=np.int8),
            is_present=np.asarray(is_present, dtype=np.bool_),
            role=np.asarray(role, dtype=np.int8),
        )

    def fact(self, at: Ints, times: Floats, key: str, number: Any, answer: Any, kind: Any) -> None:
        """One row of evidence. `answer`: 1 yes, 0 no, 2 a confirmation in words, 3 a date, -1 a number alone."""
        self.evidence.add(
            times < self.end,
            deal=at.astype(np.int32),
            time=times,
            key=np.int8(company.EVIDENCE_KEYS.index(key)),
            number=np.asarray(number, dtype=np.int8),
            answer=np.asarray(answer, dtype=np.int8),
            kind=np.asarray(kind, dtype=np.int8),
        )


STAGE_CHANGE, EDIT, DELETION = range(3)
CHANGE_KINDS = ("stage", "edit", "deleted")
NO, YES, WORDS, DAY, NOTHING = 0, 1, 2, 3, -1


def simulate(seed: int, deals: int, since: date) -> World:
    """Live the company for 48 months from `since`.

    `deals` are created in the first 36 months, and go on being created at that rate; the same arguments give the
    same world, on any day that it is asked for.
    """
    if deals < 1:
        raise ValueError(f"deals is {deals}: a demo company needs at least one")
    rng = np.random.Generator(np.random.PCG64(seed))
    calendar = Calendar.around(since)
    until = add_months(since, WORLD_MONTHS) - timedelta(days=1)
    first = calendar.model_time(since)
    arrivals_end = calendar.model_time(add_months(since, ARRIVAL_MONTHS))
    end = calendar.model_time(until + timedelta(days=1))
    later = round(deals * (WORLD_MONTHS - ARRIVAL_MONTHS) / ARRIVAL_MONTHS)
    created = np.sort(np.concatenate([rng.uniform(first, arrivals_end, deals), rng.uniform(arrivals_end, end, later)]))

    users, team_of_owner, owner_traits = _users(rng, deals)
    accounts, fit_score, account_of, is_new, region = _accounts(rng, created, first, calendar)
    state = _deals(rng, created, account_of, is_new, region, fit_score, team_of_owner, owner_traits, accounts, first)
    log = _Log(end)
    _start(rng, state, log)
    _live(rng, state, log)
    roles = _contact_roles(rng, state, end, calendar)
    leads = _leads(rng, state, first, end, calendar, team_of_owner)
    return World(
        seed=seed,
        size=deals,
        since=since,
        until=until,
        users=users,
        accounts=accounts,
        deals=_deal_frame(rng, state, calendar),
        changes=_change_frame(log.changes.joined(), calendar),
        activities=_activity_frame(rng, log.activities.joined(), end, calendar),
        evidence=_evidence_frame(rng, log.evidence.joined(), end, calendar),
        contact_roles=roles,
        leads=leads,
        targets=_targets(rng, state, team_of_owner, since, until, deals),
        fx_rates=_fx_rates(rng, since, until),
        truth=_truth_frame(state, calendar),
        gates=_gate_frame(log.gates.joined(), calendar),
    )


# People and customers


def _users(rng: np.random.Generator, deals: int) -> tuple[pl.DataFrame, Ints, dict[str, Floats]]:
    """Managers and owners, the team of each owner, and the owners' traits: skill, diligence, cadence."""
    shares = np.bincount([region.team for region in company.REGIONS], [region.share for region in company.REGIONS])
    wanted = int(np.clip(deals // 120, len(company.TEAMS) * 2, MAX_OWNERS))
    per_team = np.maximum(2, np.round(wanted * shares).astype(int))
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
    traits = {
        "skill": rng.normal(0, 1, team_of_owner.size),
        "diligence": team_diligence[team_of_owner] + rng.normal(0, 0.55, team_of_owner.size),
        "cadence": rng.normal(0, 0.8, team_of_owner.size),
    }
    return frame, team_of_owner, traits


def _people(rng: np.random.Generator, count: int) -> tuple[Any, Any]:
    """Distinct names, Chinese and German; the owner's name is a segment, so no two people share one."""
    chosen = rng.permutation(len(company.SURNAMES) * len(company.GIVEN_NAMES))[:count]
    last, first = np.divmod(chosen, len(company.GIVEN_NAMES))
    chinese = np.char.add(np.array(company.SURNAMES)[last], np.array(company.GIVEN_NAMES)[first])
    german = np.char.add(np.char.add(np.array(company.FIRST_NAMES)[first], " "), np.array(company.LAST_NAMES)[last])
    return chinese, german


def _accounts(
    rng: np.random.Generator, created: Floats, first: float, calendar: Calendar
) -> tuple[pl.DataFrame, Floats, Ints, Bools, Ints]:
    """Customers, their true fit, and for each deal: its account, whether that is new, and the account's region."""
    is_new = rng.random(created.size) < 0.65
    is_new[0] = True
    so_far = np.cumsum(is_new)
    account_of = np.where(is_new, so_far - 1, np.floor(rng.random(created.size) * so_far).astype(np.int64))
    count = int(so_far[-1])
    # Cumulative maximum: accounts are numbered in the order in which they became known.
    opened = np.maximum.accumulate(np.maximum(first, created[is_new] - rng.exponential(4.0, count)))

    region = rng.choice(len(company.REGIONS), count, p=_shares([each.share for each in company.REGIONS]))
    industry = rng.choice(len(company.INDUSTRIES), count, p=_shares(company.INDUSTRY_SHARES))
    employees = np.clip(np.round(np.exp(rng.normal(np.log(380), 1.25, count))), 5, 90_000).astype(np.int64)
    revenue = np.round(employees * np.exp(rng.normal(np.log(260_000), 0.7, count)), -4).astype(np.int64)
    fit = _fit(industry, employees, revenue, region)

    is_chinese = np.array([each.is_chinese for each in company.REGIONS])[region]
    frame = pl.DataFrame(
        {
            "account": np.arange(count, dtype=np.int32),
            "account_name": _account_names(rng, industry, is_chinese),
            "industry": labels(np.where(rng.random(count) < 0.04, -1, industry), company.INDUSTRIES),
            "employees": known(employees, rng.random(count) < 0.09),
            "annual_revenue": known(revenue, rng.random(count) < 0.14),
            "country": _countries(rng, region),
            "region": labels(np.where(rng.random(count) < 0.03, -1, region), [each.name for each in company.REGIONS]),
            "known_at": instants(calendar.seconds(opened)),
        }
    )
    size = np.log(employees / 380)
    frame = frame.with_columns(pl.Series("size", size), pl.Series("true_region", region.astype(np.int8)))
    return frame, fit[account_of], account_of, is_new, region[account_of]


def _shares(shares: Any) -> Floats:
    each: Floats = np.asarray(shares, dtype=np.float64)
    return each / each.sum()


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


def _countries(rng: np.random.Generator, region: Ints) -> pl.Series:
    names = sorted({country for each in company.REGIONS for country in each.countries})
    codes = np.zeros(region.size, dtype=np.int64)
    for number, each in enumerate(company.REGIONS):
        # The first country of a region is its largest market.
        shares = _shares([2.0**-place for place in range(len(each.countries))])
        drawn = rng.choice([names.index(country) for country in each.countries], region.size, p=shares)
        codes = np.where(region == number, drawn, codes)
    return labels(codes, names)


# Deals


def _deals(
    rng: np.random.Generator,
    created: Floats,
    account_of: Ints,
    is_new: Bools,
    region: Ints,
    fit: Floats,
    team_of_owner: Ints,
    owner_traits: dict[str, Floats],
    accounts: pl.DataFrame,
    first: float,
) -> _Deals:
    count = created.size
    team = np.array([each.team for each in company.REGIONS])[region]
    owner = _owners(rng, team, team_of_owner)
    source = rng.choice(len(company.LEAD_SOURCES), count, p=_shares(company.LEAD_SOURCE_SHARES))
    cadence = owner_traits["cadence"][owner] + rng.normal(0, 0.6, count)
    latent = rng.normal(0, 1, count)
    skill = owner_traits["skill"][owner]
    is_expansion = ~is_new
    log_odds = (
        hazards.FIT_EFFECT * (fit - 58) / 27
        + hazards.SKILL_EFFECT * skill
        + hazards.CADENCE_EFFECT * cadence
        + hazards.LATENT_EFFECT * latent
        + hazards.SOURCE_EFFECT[source]
        + 0.15 * is_expansion
    )
    is_euro = np.array([each.currency == "EUR" for each in company.REGIONS])[region]
    size = accounts["size"].to_numpy()[account_of]
    amount = np.exp(rng.normal(0, 0.65, count) + 0.35 * size) * np.where(is_euro, 24_000, 180_000)
    rounding = np.where(is_euro, 100.0, 1000.0)
    has_lead = rng.random(count) < 0.6
    return _Deals(
        created=created,
        account=account_of.astype(np.int32),
        is_expansion=is_expansion,
        region=region,
        owner=owner,
        source=source,
        product=rng.integers(0, len(company.PRODUCTS), count),
        is_chinese=np.array([each.is_chinese for each in company.REGIONS])[region],
        diligence=owner_traits["diligence"][owner] + rng.normal(0, 0.7, count),
        cadence=cadence,
        skill=skill,
        latent=latent,
        fit_score=fit,
        log_odds=log_odds,
        has_lead=has_lead,
        lead_created=np.maximum(first, created - rng.exponential(12.0, count)),
        amount=np.maximum(rounding, np.round(amount / rounding) * rounding),
        has_amount=rng.random(count) > 0.18,
        close_at=created + rng.uniform(60, 150, count),
        rounding=rounding,
        stage=np.zeros(count, dtype=np.int64),
        entered=created.copy(),
        proven_at=np.full((count, len(company.PROOFS)), NEVER),
        is_crossed=np.zeros((count, len(company.PROOFS)), dtype=np.bool_),
        next_step=np.zeros(count, dtype=np.int64),
        outcome=np.full(count, -1, dtype=np.int64),
        ended=np.full(count, NEVER),
    )


def _owners(rng: np.random.Generator, team: Ints, team_of_owner: Ints) -> Ints:
    """An owner of the deal's team; some carry more than others."""
    owner = np.zeros(team.size, dtype=np.int64)
    for number in range(len(company.TEAMS)):
        members = np.flatnonzero(team_of_owner == number)
        chosen = rng.choice(members, team.size, p=_shares(rng.uniform(0.6, 1.4, members.size)))
        owner = np.where(team == number, chosen, owner)
    return owner


def _start(rng: np.random.Generator, deals: _Deals, log: _Log) -> None:
    """Create all deals, some of them past the first stages, with or without the proof of those."""
    count = deals.created.size
    at = np.arange(count)
    starts_mid = rng.random(count) < hazards.STARTS_MID_FUNNEL
    mid_stage = rng.choice(company.OPEN_STAGES, count, p=hazards.START_SHARES)
    deals.stage[:] = np.where(starts_mid, mid_stage, 0)
    _plan(rng, deals, at)
    log.change(deals, at, deals.created, STAGE_CHANGE)
    is_documented = rng.random(count) < 0.5
    for number, proof in enumerate(company.PROOFS):
        crossed = deals.stage > proof.gate
        has_proof = crossed & is_documented & (rng.random(count) < 0.85)
        deals.proven_at[has_proof, number] = deals.created[has_proof]
        _tell_proof(rng, log, np.flatnonzero(has_proof), deals.created[has_proof], number)
        deals.is_crossed[crossed, number] = True
        _pass_gate(log, deals, np.flatnonzero(crossed), deals.created[crossed], number, 0)


def _plan(rng: np.random.Generator, deals: _Deals, at: Ints) -> None:
    """Agree a next step for the stage just entered, or forget to."""
    deals.next_step[at] = np.where(rng.random(at.size) < 0.09, -1, rng.integers(0, 2, at.size))


# Lives


def _live(rng: np.random.Generator, deals: _Deals, log: _Log) -> None:
    """Take every deal from visit to visit until it stays closed."""
    at = np.arange(deals.created.size)
    for step in range(MAX_STEPS):
        if at.size == 0:
            return
        left, to = _visit(rng, deals, log, at, step)
        at = _move(rng, deals, log, at, left, to)


def _visit(rng: np.random.Generator, deals: _Deals, log: _Log, at: Ints, step: int) -> tuple[Floats, Ints]:
    """One visit of each deal: when it ends and where it leads, with all that happens within it.

    A state of company.STAGES, or -1 for a deal that is deleted.
    """
    stage = deals.stage[at]
    entered = deals.entered[at]
    is_stalled = rng.random(at.size) < hazards.STALL[stage]
    unproven = (deals.is_crossed[at] & (deals.proven_at[at] > entered[:, None])).sum(axis=1)
    log_odds = (
        hazards.ADVANCE[stage]
        + deals.log_odds[at]
        - hazards.STALL_PENALTY * is_stalled
        - hazards.UNPROVEN_PENALTY * unproven
    )
    advances = rng.random(at.size) < 1 / (1 + np.exp(-log_odds))
    to = np.where(
        advances, _draw(rng, hazards.FORWARD[stage].cumsum(axis=1)), _draw(rng, hazards.STUCK[stage].cumsum(axis=1))
    )
    if step == 0:
        to = np.where(rng.random(at.size) < hazards.DELETED, -1, to)
        advances &= to >= 0
    median = np.where(is_stalled, hazards.STALLED_MEDIAN_DAYS, hazards.MEDIAN_DAYS[stage])
    days = np.exp(rng.normal(np.log(median), hazards.SPREAD) + hazards.CADENCE_ON_DAYS * deals.cadence[at])
    # Above the calendar's resolution, so that what happens within a visit keeps its order.
    days = np.maximum(days, 0.5)
    left = entered + days

    _prove(rng, deals, log, at, left, to, advances)
    _follow_up(rng, deals, log, at, days, is_stalled)
    _show(rng, deals, log, at, left)
    _edit(rng, deals, log, at, left, is_stalled)
    return left, to


def _draw(rng: np.random.Generator, cumulative: Floats) -> Ints:
    """A column index for each row of cumulative probabilities."""
    drawn = rng.random(cumulative.shape[0])[:, None] * cumulative[:, -1:]
    # The last states have probability 0 in some rows; counting only what lies below keeps them out.
    return np.asarray((drawn >= cumulative).sum(axis=1))


def _move(rng: np.random.Generator, deals: _Deals, log: _Log, at: Ints, left: Floats, to: Ints) -> Ints:
    """Enter the next stage, or close; gives the deals that have another visit."""
    deleted = to < 0
    log.change(deals, at[deleted], left[deleted], DELETION)
    deals.ended[at[deleted]] = left[deleted]
    at, left, to = at[~deleted], left[~deleted], to[~deleted]

    from_stage = deals.stage[at]
    is_open = to < company.OPEN_STAGES
    deals.stage[at] = to
    deals.entered[at] = left
    _plan(rng, deals, at)
    _quote(rng, deals, at, from_stage, to)
    closing = at[~is_open]
    deals.next_step[closing] = -1
    deals.close_at[closing] = left[~is_open]
    deals.outcome[closing] = to[~is_open]
    deals.ended[closing] = left[~is_open]
    moving = at[is_open]
    re_estimated = rng.random(moving.size) < 0.30
    deals.close_at[moving] = np.where(
        re_estimated,
        np.maximum(
            deals.close_at[moving] + rng.normal(5, 20, moving.size), left[is_open] + rng.uniform(10, 45, moving.size)
        ),
        deals.close_at[moving],
    )
    has_reason = (to == company.LOST) & (rng.random(to.size) > 0.08)
    reason = np.where(has_reason, rng.integers(0, len(company.LOST_REASONS), to.size), -1)
    log.change(deals, at, left, STAGE_CHANGE, reason)
    return np.concatenate([moving, _reopen(rng, deals, log, closing, from_stage[~is_open])])


def _quote(rng: np.random.Generator, deals: _Deals, at: Ints, from_stage: Ints, to: Ints) -> None:
    """Put an amount on what lacks one, refine it in the proposal, give way in negotiation and at the close."""
    offered = (to >= 4) & (to <= company.WON) & (from_stage < to)
    deals.has_amount[at] |= (to == company.WON) | (offered & (rng.random(at.size) < 0.85))
    factor = np.ones(at.size)
    factor = np.where((to == 4) & (rng.random(at.size) < 0.5), np.exp(rng.normal(0.02, 0.22, at.size)), factor)
    factor = np.where((to == 5) & (rng.random(at.size) < 0.4), rng.uniform(0.82, 1.0, at.size), factor)
    factor = np.where((to == company.WON) & (rng.random(at.size) < 0.35), rng.uniform(0.9, 1.0, at.size), factor)
    _reprice(deals, at, factor)


def _reprice(deals: _Deals, at: Ints, factor: Floats) -> None:
    rounding = deals.rounding[at]
    deals.amount[at] = np.maximum(rounding, np.round(deals.amount[at] * factor / rounding) * rounding)


def _reopen(rng: np.random.Generator, deals: _Deals, log: _Log, at: Ints, from_stage: Ints) -> Ints:
    """A few closed deals come back, to the stage that they were closed in."""
    closed = deals.stage[at]
    chance = np.zeros(at.size)
    for state, share in hazards.REOPEN.items():
        chance[closed == state] = share
    again = rng.random(at.size) < chance
    back, stage = at[again], from_stage[again]
    times = deals.ended[back] + np.exp(rng.normal(np.log(hazards.REOPEN_MEDIAN_DAYS), 0.5, back.size))
    deals.stage[back] = stage
    deals.entered[back] = times
    deals.close_at[back] = times + rng.uniform(30, 90, back.size)
    deals.outcome[back] = -1
    deals.ended[back] = NEVER
    _plan(rng, deals, back)
    log.change(deals, back, times, STAGE_CHANGE)
    return back


# Proof at the gates


def _prove(
    rng: np.random.Generator, deals: _Deals, log: _Log, at: Ints, left: Floats, to: Ints, advances: Bools
) -> None:
    """Decide for each proof whether it comes in time, late, not good enough, or never; pass the gates."""
    stage, entered = deals.stage[at], deals.entered[at]
    for number, proof in enumerate(company.PROOFS):
        crossing = advances & (stage <= proof.gate) & (to > proof.gate)
        relevant = crossing | (stage == proof.gate)
        open_question = np.flatnonzero(relevant & (deals.proven_at[at, number] > left))
        asked = at[open_question]
        is_crossing = crossing[open_question]
        chance = 1 / (1 + np.exp(-(proof.ease + deals.diligence[asked])))
        # A deal that stays short of the gate has had less reason to gather its proof; one that skips the stage
        # has had less occasion.
        chance *= np.where(is_crossing, np.where(stage[open_question] < proof.gate, 0.75, 1.0), 0.45)
        begin, end = entered[open_question], left[open_question]
        # The proof of a stage is asked for early in it, though the stage may drag on.
        within = begin + rng.uniform(0.1, 0.95, asked.size) * np.minimum(end - begin, 60.0)
        drawn = rng.random(asked.size)
        in_time = drawn < chance
        rest = (drawn - chance) / (1 - chance)
        late = ~in_time & is_crossing & (rest < 0.25)
        poor = ~in_time & (rest >= 0.25) & (rest < 0.60)
        proven = in_time | late
        times = np.where(late, end + rng.uniform(3, 28, asked.size), within)
        # A close waits for nobody: what comes late comes while the deal is still open, or not at all.
        times = np.where(late & (to[open_question] == company.WON), NEVER, times)
        proven &= times < NEVER
        deals.proven_at[asked[proven], number] = np.minimum(deals.proven_at[asked[proven], number], times[proven])
        _tell_proof(rng, log, asked[proven], times[proven], number)
        _tell_poor_proof(rng, log, asked[poor], within[poor], number)
        deals.is_crossed[at[crossing], number] = True
        _pass_gate(log, deals, at[crossing], left[crossing], number, stage[crossing])


def _pass_gate(log: _Log, deals: _Deals, at: Ints, times: Floats, number: int, from_stage: Any) -> None:
    log.gates.add(
        times < log.end,
        deal=at.astype(np.int32),
        time=times,
        proof=np.int8(number),
        from_stage=np.asarray(from_stage, dtype=np.int8),
        proven_at=deals.proven_at[at, number],
    )


def _tell_proof(rng: np.random.Generator, log: _Log, at: Ints, times: Floats, number: int) -> None:
    """The record of one proof that counts."""
    proof = company.PROOFS[number]
    if number == company.DISCOVERY:
        kind = np.where(rng.random(at.size) < 0.6, company.INTERVIEW, company.DEMO)
        role = rng.choice([company.CHAMPION, company.USER], at.size)
        log.activity(at, times, kind, rng.choice([30, 45, 60, 90], at.size), role=role)
    elif number == company.DECISION_MAKER_DEMO:
        minutes = rng.choice([20, 30, 45, 60], at.size)
        log.activity(at, times, company.DEMO, minutes, role=company.DECISION_MAKER)
    elif number == company.PAIN_POINTS:
        log.fact(at, times, proof.key, rng.integers(1, 7, at.size), NOTHING, proof.kind)
    elif number == company.REVIEW_DATE:
        log.fact(at, times, proof.key, -1, DAY, proof.kind)
    elif proof.key in company.CONFIRMATIONS:
        log.fact(at, times, proof.key, -1, WORDS, proof.kind)
    else:
        log.fact(at, times, proof.key, -1, YES, proof.kind)


def _tell_poor_proof(rng: np.random.Generator, log: _Log, at: Ints, times: Floats, number: int) -> None:
    """A record that looks like proof and is not: too short, called off, without the customer, a no, an opinion."""
    proof = company.PROOFS[number]
    if number == company.DISCOVERY:
        way = rng.integers(0, 3, at.size)
        status = np.where(way == 1, company.CANCELLED, company.HELD)
        minutes = np.where(way == 0, 20, 45)
        log.activity(at, times, company.DEMO, minutes, status=status, is_present=way == 0, role=company.USER)
    elif number == company.DECISION_MAKER_DEMO:
        is_cancelled = rng.random(at.size) < 0.5
        status = np.where(is_cancelled, company.CANCELLED, company.HELD)
        role = np.where(is_cancelled, company.DECISION_MAKER, company.USER)
        log.activity(at, times, company.DEMO, 20, status=status, is_present=~is_cancelled, role=role)
    elif number == company.PAIN_POINTS:
        log.fact(at, times, proof.key, 0, NOTHING, company.RECORDED_EVENT)
    elif proof.key in company.CONFIRMATIONS or number == company.REVIEW_DATE:
        answer = DAY if number == company.REVIEW_DATE else WORDS
        log.fact(at, times, proof.key, -1, answer, company.SELLER_OPINION)
    else:
        says_no = rng.random(at.size) < 0.4
        kind = np.where(says_no, company.CUSTOMER_ACTION, company.SELLER_OPINION)
        log.fact(at, times, proof.key, -1, np.where(says_no, NO, YES), kind)


# Everyday work


def _follow_up(rng: np.random.Generator, deals: _Deals, log: _Log, at: Ints, days: Floats, is_stalled: Bools) -> None:
    """Calls, mails and meetings; a stalled visit falls silent after its first weeks but for an attempt or two."""
    lively = np.where(is_stalled, np.minimum(days, 18.0), days)
    touches = rng.poisson(lively * 0.095 * np.exp(0.35 * deals.cadence[at]) + 0.4 * is_stalled)
    row = np.repeat(np.arange(at.size), touches)
    span = np.where(is_stalled[row] & (rng.random(row.size) < 0.15), days[row], lively[row])
    times = deals.entered[at][row] + rng.random(row.size) * span
    kind = rng.choice([company.CALL, company.EMAIL, company.MEETING], row.size, p=[0.4, 0.42, 0.18])
    direction = rng.choice(3, row.size, p=[0.30, 0.66, 0.04])
    is_quiet = times > deals.entered[at][row] + lively[row]
    direction = np.where(is_quiet, company.OUTBOUND, direction)
    status = rng.choice(3, row.size, p=[0.93, 0.03, 0.04])
    status = np.where(kind == company.EMAIL, company.HELD, status)
    role = rng.choice(5, row.size, p=[0.14, 0.08, 0.32, 0.34, 0.12])
    minutes = np.where(
        kind == company.EMAIL, -1, np.where(kind == company.CALL, 10, 45) + rng.integers(-4, 15, row.size)
    )
    log.activity(
        at[row],
        times,
        kind,
        minutes,
        direction=direction,
        status=status,
        is_present=(kind != company.EMAIL) & (direction != company.INTERNAL) & (status == company.HELD) & ~is_quiet,
        role=np.where(role == 4, -1, role),
    )


def _show(rng: np.random.Generator, deals: _Deals, log: _Log, at: Ints, left: Floats) -> None:
    """The ordinary demo of the demo stage; one of half an hour counts as discovery too."""
    shown = at[(deals.stage[at] == 3) & (rng.random(at.size) < 0.8)]
    if shown.size == 0:
        return
    ends = np.full(deals.created.size, 0.0)
    ends[at] = left
    times = deals.entered[shown] + rng.uniform(0.1, 0.9, shown.size) * np.minimum(
        ends[shown] - deals.entered[shown], 40.0
    )
    role = rng.choice([company.USER, company.CHAMPION], shown.size)
    log.activity(shown, times, company.DEMO, rng.choice([30, 45, 60], shown.size), role=role)
    deals.proven_at[shown, company.DISCOVERY] = np.minimum(deals.proven_at[shown, company.DISCOVERY], times)


def _edit(rng: np.random.Generator, deals: _Deals, log: _Log, at: Ints, left: Floats, is_stalled: Bools) -> None:
    """Edits within a visit: now and then the amount, and the close date whenever it has come and the deal has not."""
    entered = deals.entered[at]
    days = left - entered
    edited = (rng.random(at.size) < 0.05) & deals.has_amount[at]
    _reprice(deals, at[edited], np.exp(rng.normal(0, 0.2, int(edited.sum()))))
    log.change(deals, at[edited], (entered + 0.07 * days)[edited], EDIT)
    keeps_up = np.ones(at.size, dtype=np.bool_)
    for _ in range(MAX_PUSHES):
        due = np.maximum(
            deals.close_at[at] + rng.uniform(-2, 3, at.size), entered + rng.uniform(0.12, 0.3, at.size) * days
        )
        keeps_up &= (due < left - 0.1 * np.minimum(days, 5.0)) & (rng.random(at.size) < np.where(is_stalled, 0.7, 0.88))
        pushed = at[keeps_up]
        if pushed.size == 0:
            return
        deals.close_at[pushed] = np.maximum(deals.close_at[pushed], due[keeps_up]) + rng.uniform(14, 60, pushed.size)
        log.change(deals, pushed, due[keeps_up], EDIT)


# What surrounds the deals


def _contact_roles(rng: np.random.Generator, deals: _Deals, end: float, calendar: Calendar) -> pl.DataFrame:
    """Who at the customer plays which part; a champion may leave. One row per (deal, role)."""
    rows = Rows()
    count = deals.created.size
    life = np.minimum(deals.ended, end) - deals.created
    for role, share in (
        (company.DECISION_MAKER, 0.62),
        (company.ECONOMIC_BUYER, 0.4),
        (company.CHAMPION, 0.7),
        (company.USER, 0.6),
    ):
        added = deals.created + rng.random(count) ** 2 * np.minimum(life, 120.0)
        leaves = rng.random(count) < (0.07 if role == company.CHAMPION else 0.015)
        removed = np.where(leaves, added + rng.uniform(0.2, 1.0, count) * np.maximum(life, 5.0), NEVER)
        rows.add(
            (rng.random(count) < share) & (added < end),
            deal=np.arange(count, dtype=np.int32),
            account=deals.account,
            role=np.int8(role),
            added=added,
            removed=np.where(removed < end, removed, NEVER),
        )
    each = _by_time(rows.joined(), "added")
    return pl.DataFrame(
        {
            "deal": each["deal"],
            "account": each["account"],
            "role": labels(each["role"], company.ROLES),
            "is_primary": each["role"] == company.CHAMPION,
            "known_at": instants(calendar.seconds(each["added"])),
            "removed_at": instants(_seconds(calendar, each["removed"])),
        }
    )


def _leads(
    rng: np.random.Generator, deals: _Deals, first: float, end: float, calendar: Calendar, team_of_owner: Ints
) -> pl.DataFrame:
    """Leads that became deals, and three times as many that did not, or not yet."""
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
            rng.choice(len(company.LEAD_SOURCES), others, p=_shares([0.33, 0.2, 0.05, 0.07, 0.25, 0.1])),
        ]
    )
    region = np.concatenate(
        [
            deals.region[converted],
            rng.choice(len(company.REGIONS), others, p=_shares([each.share for each in company.REGIONS])),
        ]
    )
    team = np.array([each.team for each in company.REGIONS])[region]
    owner = np.concatenate([deals.owner[converted], _owners(rng, team[converted.size :], team_of_owner)])
    each = _by_time(
        {
            "created": created,
            "worked": worked,
            "resolved": resolved,
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
            "worked_at": instants(_seconds(calendar, np.where(each["worked"] < end, each["worked"], NEVER))),
            "resolved_at": instants(_seconds(calendar, np.where(each["resolved"] < end, each["resolved"], NEVER))),
            "is_converted": each["is_converted"],
            "deal": known(each["deal"], each["deal"] < 0),
            "lead_source": labels(each["source"], company.LEAD_SOURCES),
            "industry": labels(
                np.where(
                    rng.random(count) < 0.2,
                    -1,
                    rng.choice(len(company.INDUSTRIES), count, p=_shares(company.INDUSTRY_SHARES)),
                ),
                company.INDUSTRIES,
            ),
            "employees": known(
                np.clip(np.round(np.exp(rng.normal(5.6, 1.3, count))), 3, 90_000).astype(np.int64),
                rng.random(count) < 0.35,
            ),
            "country": _countries(rng, each["region"]),
            "owner": each["owner"].astype(np.int32),
        }
    )


def _targets(
    rng: np.random.Generator, deals: _Deals, team_of_owner: Ints, since: date, until: date, size: int
) -> pl.DataFrame:
    """What each team is to win in each quarter, in CNY; told three weeks before the quarter begins."""
    starts = [date(since.year, 3 * ((since.month - 1) // 3) + 1, 1)]
    while starts[-1] <= until:
        starts.append(add_months(starts[-1], 3))
    team = team_of_owner[deals.owner]
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


def _fx_rates(rng: np.random.Generator, since: date, until: date) -> pl.DataFrame:
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


# Frames


def _by_time(columns: dict[str, Ints], name: str) -> dict[str, Ints]:
    order = np.argsort(columns[name], kind="stable")
    return {each: columns.pop(each)[order] for each in list(columns)}


def _seconds(calendar: Calendar, times: Floats) -> Ints:
    """Seconds of model times; -1 where there is none."""
    is_known = np.isfinite(times)
    return np.where(is_known, calendar.seconds(np.where(is_known, times, 0.0)), -1)


def _deal_frame(rng: np.random.Generator, deals: _Deals, calendar: Calendar) -> pl.DataFrame:
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


def _change_frame(columns: dict[str, Ints], calendar: Calendar) -> pl.DataFrame:
    each = _by_time(columns, "time")
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
    return _by_time({name: values[columns["known"] < end] for name, values in columns.items()}, "known")


def _activity_frame(rng: np.random.Generator, columns: dict[str, Ints], end: float, calendar: Calendar) -> pl.DataFrame:
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


def _evidence_frame(rng: np.random.Generator, columns: dict[str, Ints], end: float, calendar: Calendar) -> pl.DataFrame:
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


def _truth_frame(deals: _Deals, calendar: Calendar) -> pl.DataFrame:
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
            "criteria_crossed": deals.is_crossed.sum(axis=1),
            "created_at": instants(calendar.seconds(deals.created)),
            "outcome": labels(deals.outcome, company.STAGES),
            "ended_at": instants(_seconds(calendar, deals.ended)),
        }
    )


def _gate_frame(columns: dict[str, Ints], calendar: Calendar) -> pl.DataFrame:
    """One row per (deal, criterion, passage); a criterion of two proofs is met when both are there."""
    order = np.argsort(columns["time"], kind="stable")
    names = list(dict.fromkeys(proof.criterion for proof in company.PROOFS))
    criterion = np.array([names.index(proof.criterion) for proof in company.PROOFS])
    grace = np.array([proof.grace_days * 86_400 for proof in company.PROOFS])
    proof = columns["proof"][order]
    passed = calendar.seconds(columns["time"][order])
    proven = _seconds(calendar, columns["proven_at"][order])
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


def first_day(until: date) -> date:
    """The first day of the month 36 months before `until`: where a world begins unless told otherwise."""
    return add_months(until.replace(day=1), -ARRIVAL_MONTHS)
