"""Takes deals through their visits: how long, where next, and the everyday work meanwhile. No frame, no wording.

Every function works on many deals at once: `at` holds their numbers, other arrays are in the order of `at`.
"""

from dataclasses import dataclass

import numpy as np

from orchestration.demo import company, hazards
from orchestration.demo.calendar import Floats
from orchestration.demo.change import CLOSED_EARLY, CLOSED_EARLY_DAYS, FORTNIGHT_DAYS, TOUCH_PENALTY, TOUCHES
from orchestration.demo.columns import Bools, Ints
from orchestration.demo.customers import Customers, Owners, choose_owners, shares
from orchestration.demo.log import DELETION, EDIT, NEVER, STAGE_CHANGE, Deals, Life, Worsening
from orchestration.demo.proofs import pass_gate, prove, tell_proof

# No deal is followed through more visits than this; at the true hazards about one in a million would be.
MAX_STEPS = 60
MAX_PUSHES = 8


def new_deals(rng: np.random.Generator, created: Floats, customers: Customers, owners: Owners, first: float) -> Deals:
    """Deals as they are before they begin: whose they are, and what will help or hinder them."""
    count = created.size
    region = customers.region
    team = np.array([each.team for each in company.REGIONS])[region]
    owner = choose_owners(rng, team, owners.team)
    source = rng.choice(len(company.LEAD_SOURCES), count, p=shares(company.LEAD_SOURCE_SHARES))
    cadence = owners.cadence[owner] + rng.normal(0, 0.6, count)
    latent = rng.normal(0, 1, count)
    skill = owners.skill[owner]
    log_odds = (
        hazards.FIT_EFFECT * (customers.fit_score - 58) / 27
        + hazards.SKILL_EFFECT * skill
        + hazards.CADENCE_EFFECT * cadence
        + hazards.LATENT_EFFECT * latent
        + hazards.SOURCE_EFFECT[source]
        + 0.15 * customers.is_expansion
    )
    is_euro = np.array([each.currency == "EUR" for each in company.REGIONS])[region]
    amount = np.exp(rng.normal(0, 0.65, count) + 0.35 * customers.size) * np.where(is_euro, 24_000, 180_000)
    rounding = np.where(is_euro, 100.0, 1000.0)
    has_lead = rng.random(count) < 0.6
    return Deals(
        created=created,
        account=customers.account,
        is_expansion=customers.is_expansion,
        region=region,
        owner=owner,
        source=source,
        product=rng.integers(0, len(company.PRODUCTS), count),
        is_chinese=np.array([each.is_chinese for each in company.REGIONS])[region],
        diligence=owners.diligence[owner] + rng.normal(0, 0.7, count),
        cadence=cadence,
        skill=skill,
        latent=latent,
        fit_score=customers.fit_score,
        log_odds=log_odds,
        has_lead=has_lead,
        lead_created=np.maximum(first, created - rng.exponential(12.0, count)),
        amount=np.maximum(rounding, np.round(amount / rounding) * rounding),
        has_amount=rng.random(count) > 0.22,
        close_at=created + rng.uniform(60, 150, count),
        rounding=rounding,
        stage=np.zeros(count, dtype=np.int64),
        entered=created.copy(),
        proven_at=np.full((count, len(company.PROOFS)), NEVER),
        is_crossed=np.zeros((count, len(company.PROOFS)), dtype=np.bool_),
        next_step=np.zeros(count, dtype=np.int64),
        champion_left=np.full(count, NEVER),
        outcome=np.full(count, -1, dtype=np.int64),
        ended=np.full(count, NEVER),
    )


def worsen_sources(deals: Deals, worsening: Worsening) -> None:
    """Have more deals come from the source of which the fewest go on."""
    is_poor = worsening.rng.random(deals.created.size) < worsening.from_then(deals.created, worsening.change.poor_leads)
    source = np.where(is_poor, int(np.argmin(hazards.SOURCE_EFFECT)), deals.source)
    deals.log_odds += hazards.SOURCE_EFFECT[source] - hazards.SOURCE_EFFECT[deals.source]
    deals.source[:] = source


def start(life: Life) -> None:
    """Create all deals, some of them past the first stages, with or without the proof of those."""
    rng, deals, log = life.rng, life.deals, life.log
    count = deals.created.size
    at = np.arange(count)
    starts_mid = rng.random(count) < hazards.STARTS_MID_FUNNEL
    mid_stage = rng.choice(company.OPEN_STAGES, count, p=hazards.START_SHARES)
    deals.stage[:] = np.where(starts_mid, mid_stage, 0)
    _plan(life, at)
    log.change(deals, at, deals.created, STAGE_CHANGE)
    is_documented = rng.random(count) < 0.5
    for number, proof in enumerate(company.PROOFS):
        crossed = deals.stage > proof.gate
        has_proof = crossed & is_documented & (rng.random(count) < 0.85)
        deals.proven_at[has_proof, number] = deals.created[has_proof]
        tell_proof(life, np.flatnonzero(has_proof), deals.created[has_proof], number)
        deals.is_crossed[crossed, number] = True
        pass_gate(life, np.flatnonzero(crossed), deals.created[crossed], number, 0)


def _plan(life: Life, at: Ints) -> None:
    """Agree a next step for the stage just entered, or forget to."""
    rng, deals = life.rng, life.deals
    deals.next_step[at] = np.where(rng.random(at.size) < 0.09, -1, rng.integers(0, 2, at.size))


def live(life: Life) -> None:
    """Take every deal from visit to visit until it stays closed."""
    deals = life.deals
    at = np.arange(deals.created.size)
    for step in range(MAX_STEPS):
        if at.size == 0:
            return
        left, to = _visit(life, at, step)
        at = _move(life, at, left, to)


def _visit(life: Life, at: Ints, step: int) -> tuple[Floats, Ints]:
    """One visit of each deal: when it ends and where it leads, with all that happens within it.

    A state of company.STAGES, or -1 for a deal that is deleted.
    """
    rng, deals = life.rng, life.deals
    stage = deals.stage[at]
    entered = deals.entered[at]
    stalling = hazards.STALL[stage]
    if life.worsening:
        stalling = stalling + life.worsening.from_then(entered, life.worsening.change.more_stalls)
    is_stalled = rng.random(at.size) < stalling
    unproven = (deals.is_crossed[at] & (deals.proven_at[at] > entered[:, None])).sum(axis=1)
    log_odds = (
        hazards.ADVANCE[stage]
        + deals.log_odds[at]
        - hazards.STALL_PENALTY * is_stalled
        - hazards.UNPROVEN_PENALTY * unproven
    )
    begun = _begin(life.worsening, entered) if life.worsening else None
    if begun:
        log_odds = log_odds - begun.penalty
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
    if begun:
        days = np.where(begun.closes, begun.closing_days, days)
        to = np.where(begun.closes, company.LOST, to)
        advances &= ~begun.closes
        is_stalled &= ~begun.closes
    left = entered + days

    prove(life, at, left, to, advances)
    if begun:
        _begin_follow_up(life, begun, at, days)
    _follow_up(life, at, days, is_stalled)
    _lose_champion(life, at, days, is_stalled)
    _win_back(life, at, days, is_stalled)
    _show(life, at, left)
    _edit(life, at, left, is_stalled)
    return left, to


@dataclass(frozen=True)
class _Begun:
    """How visits begin where a change is watched: touches in the first fortnight, and those that are closed at once."""

    touches: Ints
    penalty: Floats
    closes: Bools
    closing_days: Floats


def _begin(worsening: Worsening, entered: Floats) -> _Begun:
    rng, change, count = worsening.rng, worsening.change, entered.size
    closes = rng.random(count) < CLOSED_EARLY + worsening.from_then(entered, change.more_early_closes)
    touches = rng.poisson(TOUCHES * (1 - worsening.from_then(entered, change.fewer_touches)))
    lost = np.array([*TOUCH_PENALTY, 0.0])[np.minimum(touches, len(TOUCH_PENALTY))]
    return _Begun(np.where(closes, 0, touches), lost, closes, rng.uniform(*CLOSED_EARLY_DAYS, count))


def _begin_follow_up(life: Life, begun: _Begun, at: Ints, days: Floats) -> None:
    """The calls and mails of the first fortnight, where a change is watched."""
    assert life.worsening
    rng = life.worsening.rng
    row = np.repeat(np.arange(at.size), begun.touches)
    # As often per day in a short visit as in a long one: what would come after its end does not.
    after = rng.random(row.size) * FORTNIGHT_DAYS
    row, after = row[after < days[row]], after[after < days[row]]
    times = life.deals.entered[at][row] + after
    direction = rng.choice([company.INBOUND, company.OUTBOUND], row.size, p=[0.3, 0.7])
    kind = rng.choice([company.CALL, company.EMAIL], row.size)
    life.log.activity(
        at[row], times, kind, -1, direction=direction, is_present=kind == company.CALL, role=company.CHAMPION
    )


def _draw(rng: np.random.Generator, cumulative: Ints) -> Ints:
    """A column index for each row of cumulative probabilities."""
    drawn = rng.random((len(cumulative), 1)) * cumulative[:, [-1]]
    return np.asarray((drawn >= cumulative).sum(axis=1))


def _move(life: Life, at: Ints, left: Floats, to: Ints) -> Ints:
    """Enter the next stage, or close; gives the deals that have another visit."""
    rng, deals, log = life.rng, life.deals, life.log
    deleted = to < 0
    log.change(deals, at[deleted], left[deleted], DELETION)
    deals.ended[at[deleted]] = left[deleted]
    at, left, to = at[~deleted], left[~deleted], to[~deleted]

    from_stage = deals.stage[at]
    is_open = to < company.OPEN_STAGES
    deals.stage[at] = to
    deals.entered[at] = left
    _plan(life, at)
    _quote(life, at, from_stage, to)
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
    return np.concatenate([moving, _reopen(life, closing, from_stage[~is_open])])


def _quote(life: Life, at: Ints, from_stage: Ints, to: Ints) -> None:
    """Put an amount on what lacks one, refine it in the proposal, give way in negotiation and at the close."""
    rng, deals = life.rng, life.deals
    offered = (to >= 4) & (to <= company.WON) & (from_stage < to)
    deals.has_amount[at] |= (to == company.WON) | (offered & (rng.random(at.size) < 0.70))
    factor = np.ones(at.size)
    factor = np.where((to == 4) & (rng.random(at.size) < 0.5), np.exp(rng.normal(0.02, 0.22, at.size)), factor)
    factor = np.where((to == 5) & (rng.random(at.size) < 0.4), rng.uniform(0.82, 1.0, at.size), factor)
    factor = np.where((to == company.WON) & (rng.random(at.size) < 0.35), rng.uniform(0.9, 1.0, at.size), factor)
    _reprice(deals, at, factor)


def _reprice(deals: Deals, at: Ints, factor: Floats) -> None:
    rounding = deals.rounding[at]
    deals.amount[at] = np.maximum(rounding, np.round(deals.amount[at] * factor / rounding) * rounding)


def _reopen(life: Life, at: Ints, from_stage: Ints) -> Ints:
    """A few closed deals come back, to the stage that they were closed in."""
    rng, deals, log = life.rng, life.deals, life.log
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
    _plan(life, back)
    log.change(deals, back, times, STAGE_CHANGE)
    return back


def _follow_up(life: Life, at: Ints, days: Floats, is_stalled: Bools) -> None:
    """Calls, mails and meetings; a stalled visit falls silent after its first weeks but for an attempt or two."""
    rng, deals, log = life.rng, life.deals, life.log
    lively = np.where(is_stalled, np.minimum(days, 18.0), days)
    touches = rng.poisson(lively * 0.085 * np.exp(0.35 * deals.cadence[at]) + 0.4 * is_stalled)
    row = np.repeat(np.arange(at.size), touches)
    span = np.where(is_stalled[row] & (rng.random(row.size) < 0.15), days[row], lively[row])
    times = deals.entered[at][row] + rng.random(row.size) * span
    if life.worsening:
        # The first fortnight has its own touches, on which how the visit ends depends.
        is_later = times >= deals.entered[at][row] + FORTNIGHT_DAYS
        row, times = row[is_later], times[is_later]
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


def _lose_champion(life: Life, at: Ints, days: Floats, is_stalled: Bools) -> None:
    """The champion of some deals leaves in the first weeks of a visit, and that is why it stalls."""
    rng, deals = life.rng, life.deals
    loses = is_stalled & (rng.random(at.size) < hazards.CHAMPION_LEAVES)
    left = deals.entered[at] + rng.uniform(0.05, 1.0, at.size) * np.minimum(days, 20.0)
    deals.champion_left[at[loses]] = np.minimum(deals.champion_left[at[loses]], left[loses])


def _win_back(life: Life, at: Ints, days: Floats, is_stalled: Bools) -> None:
    """Attempts to win back the customer of a stalled visit, and the answers to some of them."""
    rng, deals, log = life.rng, life.deals, life.log
    stalled, lasts = at[is_stalled], days[is_stalled]
    quiet = np.minimum(lasts, 30.0)
    attempts = rng.poisson((lasts - quiet) / hazards.ATTEMPT_DAYS * np.exp(0.35 * deals.cadence[stalled]))
    row = np.repeat(np.arange(stalled.size), attempts)
    times = deals.entered[stalled][row] + quiet[row] + rng.random(row.size) * (lasts - quiet)[row]
    log.activity(stalled[row], times, rng.choice([company.CALL, company.EMAIL], row.size), -1, is_present=False)
    answered = rng.random(row.size) < hazards.ANSWERED
    role = rng.choice([company.DECISION_MAKER, company.CHAMPION, company.USER], row.size)
    replied = times + rng.uniform(0.5, 6.0, row.size)
    answered &= replied < (deals.entered[stalled] + lasts)[row]
    log.activity(
        stalled[row][answered],
        replied[answered],
        company.EMAIL,
        -1,
        direction=company.INBOUND,
        is_present=False,
        role=role[answered],
    )


def _show(life: Life, at: Ints, left: Floats) -> None:
    """The ordinary demo of the demo stage; one of half an hour counts as discovery too."""
    rng, deals, log = life.rng, life.deals, life.log
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


def _edit(life: Life, at: Ints, left: Floats, is_stalled: Bools) -> None:
    """Edits within a visit: now and then the amount, and the close date whenever it has come and the deal has not."""
    rng, deals, log = life.rng, life.deals, life.log
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
        keeps_up &= (due < left - 0.1 * np.minimum(days, 5.0)) & (
            rng.random(at.size) < np.where(is_stalled, 0.85, 0.93)
        )
        pushed = at[keeps_up]
        if pushed.size == 0:
            return
        deals.close_at[pushed] = np.maximum(deals.close_at[pushed], due[keeps_up]) + rng.uniform(14, 60, pushed.size)
        log.change(deals, pushed, due[keeps_up], EDIT)
