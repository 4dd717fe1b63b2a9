"""Lives the demo company once: `simulate` draws every deal, move, activity and proof over four years.

Pure: a function of seed, size and first day; vectorised over all deals at once, looping only over steps of the
model and kinds of event. Each table is in the order in which its facts became known, so that what a CRM knew on
any night is a prefix. How the facts are told is the business of `extracts`.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from orchestration.demo.calendar import Calendar, add_months
from orchestration.demo.change import Change
from orchestration.demo.customers import draw_customers, draw_owners
from orchestration.demo.frames import activity_frame, change_frame, deal_frame, evidence_frame, gate_frame, truth_frame
from orchestration.demo.lives import live, new_deals, start, worsen_sources
from orchestration.demo.log import Life, Log, Worsening
from orchestration.demo.surroundings import contact_roles, fx_rates, leads, targets

ARRIVAL_MONTHS = 36
WORLD_MONTHS = 48


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


def simulate(seed: int, deals: int, since: date, change: Change | None = None) -> World:
    """Live the company for 48 months from `since`.

    `deals` are created in the first 36 months, and go on being created at that rate; the same arguments give the
    same world, on any day that it is asked for. With a `change` it is the same company, some of whose things are
    worse from a day on.
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

    owners = draw_owners(rng, deals)
    worsening = None
    if change:
        # Told apart from the world's own source by its key.
        own = np.random.Generator(np.random.PCG64([seed, 1]))
        worsening = Worsening(change, calendar.model_time(change.since), own)
    customers = draw_customers(rng, created, first, calendar, worsening)
    life = Life(rng, new_deals(rng, created, customers, owners, first), Log(end), worsening)
    if worsening:
        worsen_sources(life.deals, worsening)
    start(life)
    live(life)
    log = life.log
    return World(
        seed=seed,
        size=deals,
        since=since,
        until=until,
        users=owners.users,
        accounts=customers.accounts,
        deals=deal_frame(rng, life.deals, calendar),
        changes=change_frame(log.changes.joined(), calendar),
        activities=activity_frame(rng, log.activities.joined(), end, calendar),
        evidence=evidence_frame(rng, log.evidence.joined(), end, calendar),
        contact_roles=contact_roles(life, calendar),
        leads=leads(life, owners, first, calendar),
        targets=targets(life, owners, since, until, deals),
        fx_rates=fx_rates(rng, since, until),
        truth=truth_frame(life.deals, calendar),
        gates=gate_frame(log.gates.joined(), calendar),
    )


def first_day(until: date) -> date:
    """The first day of the month 36 months before `until`: where a world begins unless told otherwise."""
    return add_months(until.replace(day=1), -ARRIVAL_MONTHS)
