"""Intervals by simulation: what a period may bring, at every level, from the same simulated outcomes.

Belongs here: drawing outcomes from the chances of a method, and the quantiles of their sums. Not here: chances, exact
sums, who speaks for a funnel.

One draw decides for every deal whether and when it is won: a number between 0 and 1 is held against its cumulative
chances. What is not known of a rate is drawn once for all deals of its rate_group, in log-odds, so that a doubtful rate
is doubtful for all of them at once; over all draws the chance of each deal stays what it is. New business is a Poisson
number of wins around an expectation that is itself uncertain, the same way for a whole funnel, each worth a gamma
distributed amount. Levels are sums over the same draws: an interval is never a sum of intervals.
"""

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from orchestration.forecasting.fallback import Spoken
from orchestration.forecasting.inputs import ALL, MONEY_SUM, ForecastInputs
from orchestration.forecasting.periods import DATED, NO_PERIOD, PERIOD, PLACE, SCOPE_COLUMNS, horizon, with_place

QUANTILE_TENTHS = (1, 5, 9)
QUANTILE_COLUMNS = ("p10_amount", "p50_amount", "p90_amount")
FEWEST_DRAWS = 10

# What bounds memory: outcomes drawn at once (deals x draws), and deals and levels of owners kept until they are summed.
_OUTCOMES_AT_ONCE = 1 << 21
_DEALS_AT_ONCE, _OWNERS_AT_ONCE = 2000, 100
# Enough for a standard deviation of 2 in log-odds, to six places of the chance.
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(31)
_NEWTON_STEPS = 8

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def quantile_columns(part: str = "") -> list[str]:
    return [f"{part}{column}" for column in QUANTILE_COLUMNS]


def seed_of(business_date: date, method: str) -> int:
    """The same for the same as-of date and method on every machine; Python's own hash differs by process."""
    return int.from_bytes(hashlib.sha256(f"{business_date}/{method}".encode()).digest()[:8])


def intervals(spoken: Spoken, inputs: ForecastInputs, *, draws: int, scopes: Collection[str]) -> pl.DataFrame:
    """p10, p50, p90 of what is still to come: one row per level and period in which anything may be won.

    Columns: those of a level and a period; open_p10_amount, open_p50_amount, open_p90_amount of the deals open now;
    p10_amount, p50_amount, p90_amount with new business. What is won so far is in neither. A quantile is the value of
    one draw (nearest rank), in whole cents. Deals without a chance or an amount bring nothing in any draw.

    Raises:
        ValueError: fewer than ten draws, which have no tenth part.
    """
    if draws < FEWEST_DRAWS:
        raise ValueError(f"{draws} draws have no tenth part; ask for {FEWEST_DRAWS} or more")
    slots = _slots(spoken, inputs)
    rows, streams = _rows(spoken, inputs, slots), _streams(spoken, slots)
    owners = pl.concat([rows.select("owner_key"), streams.select("owner_key")]).unique().sort("owner_key")
    entities = {scope: _entities(scope, rows, streams) for scope in scopes}
    deals, new = _Deals.of(rows, owners, entities), _New.of(streams, owners, entities)
    rng = np.random.Generator(np.random.PCG64DXSM(seed_of(inputs.business_date, spoken.method)))
    deal_shocks = rng.standard_normal((deals.groups, draws))
    new_shocks = rng.standard_normal((new.funnels, draws))

    sums = {scope: _Sums.zero(frame, slots, draws, new) for scope, frame in entities.items() if scope != "owner"}
    quantiles = []
    for first, last in _blocks(deals.owner, new.owner, owners.height):
        block = dict(sums)
        if "owner" in entities:
            of_block = entities["owner"].filter(pl.col("owner").is_between(first, last - 1))
            block["owner"] = _Sums.zero(of_block, slots, draws, new)
        deals.draw(first, last, deal_shocks, block, rng)
        new.draw(first, last, new_shocks, block, rng)
        if "owner" in block:
            quantiles.append(block["owner"].quantiles("owner", slots))
    quantiles += [each.quantiles(scope, slots) for scope, each in sums.items()]
    return pl.concat(quantiles)


@dataclass(frozen=True, eq=False)
class _Slots:
    """What outcomes fall into: months and what is in no period, `single` of them, then the quarters of those months.

    frame: slot and the columns of PERIOD.
    """

    frame: pl.DataFrame
    single: int
    months_of_quarter: tuple[Ints, ...]


def _slots(spoken: Spoken, inputs: ForecastInputs) -> _Slots:
    months = horizon(inputs).filter(pl.col("period_kind") == "month")
    other = spoken.made.chances.select("period_status").unique().filter(pl.col("period_status") != DATED)
    dated, starts = pl.lit(DATED).alias("period_status"), months["quarter_start"].unique(maintain_order=True)
    frame = pl.concat(
        [
            months.select("period_kind", "period_start", dated),
            other.sort("period_status").select(
                pl.lit(NO_PERIOD).alias("period_kind"), pl.lit(None, pl.Date).alias("period_start"), "period_status"
            ),
            starts.to_frame("period_start").select(pl.lit("quarter").alias("period_kind"), "period_start", dated),
        ]
    ).select(pl.int_range(pl.len()).alias("slot"), *PERIOD)
    quarter = months["quarter_start"]
    return _Slots(
        frame, months.height + other.height, tuple((quarter == start).arg_true().to_numpy() for start in starts)
    )


def _rows(spoken: Spoken, inputs: ForecastInputs, slots: _Slots) -> pl.DataFrame:
    """One row per deal and slot it may be won in, deals of an owner together, its slots in order."""
    single = slots.frame.filter(pl.col("period_kind") != "quarter").drop("period_kind")
    known = spoken.made.chances.filter(pl.col("chance").is_not_null() & pl.col("amount_if_won").is_not_null())
    return (
        known.join(single, on=["period_start", "period_status"], how="inner", nulls_equal=True)
        .join(with_place(inputs.open_deals).select("deal_key", *PLACE), on="deal_key", how="inner")
        .join(spoken.made.deals.select("deal_key", "rate_group", "rate_sd"), on="deal_key", how="inner")
        .with_columns(pl.col("chance").cast(pl.Float64), _cents("amount_if_won"))
        .sort("owner_key", "deal_key", "slot")
        .with_columns(
            (pl.col("deal_key").rle_id().cast(pl.Int64)).alias("deal"),
            pl.col("chance").sum().over("deal_key").alias("rate"),
            pl.len().over("deal_key").alias("rows"),
        )
        .with_columns(
            # A deal that will not be won has no month to be won in; where a draw doubts that, any is as likely.
            pl.when(pl.col("rate") > 0)
            .then(pl.col("chance") / pl.col("rate"))
            .otherwise(1 / pl.col("rows"))
            .alias("share")
        )
    )


def _streams(spoken: Spoken, slots: _Slots) -> pl.DataFrame:
    """One row per place and month in which new business is expected."""
    months = slots.frame.filter(pl.col("period_kind") == "month").select("slot", "period_start")
    return (
        with_place(spoken.made.new_business)
        .filter((pl.col("deals") > 0) & pl.col("amount_if_won").is_not_null())
        .join(months, on="period_start", how="inner")
        .with_columns(
            pl.col("deals_sd", "amount_sd").fill_null(0.0),
            _cents("amount_if_won"),
            # What is not known of a rate of creation is not known for all of a funnel, so that errors add up.
            (pl.col("deals_sd").sum() / pl.col("deals").sum()).over("funnel", "slot").alias("relative_sd"),
        )
        .sort(*PLACE, "slot")
        .sort("owner_key", "funnel", "slot", maintain_order=True)
    )


def _cents(column: str) -> pl.Expr:
    return pl.col(column).to_physical().cast(pl.Float64).alias("cents")


def _entities(scope: str, rows: pl.DataFrame, streams: pl.DataFrame) -> pl.DataFrame:
    """The levels of a scope within funnels: entity, funnel, scope_value, owner (a number); a value's together."""
    column = SCOPE_COLUMNS[scope]
    value = pl.lit(ALL) if column is None else pl.col(column)
    levels = [each.select("funnel", value.alias("scope_value")) for each in (rows, streams)]
    return (
        pl.concat(levels)
        .unique()
        .sort("scope_value", "funnel")
        .with_columns(
            pl.int_range(pl.len()).alias("entity"), (pl.col("scope_value").rle_id().cast(pl.Int64)).alias("owner")
        )
    )


def _entity_of(rows: pl.DataFrame, scope: str, entities: pl.DataFrame) -> Ints:
    column = SCOPE_COLUMNS[scope]
    value = pl.lit(ALL) if column is None else pl.col(column)
    levels = rows.select("funnel", value.alias("scope_value"))
    return levels.join(entities, on=["funnel", "scope_value"], how="left", maintain_order="left")["entity"].to_numpy()


def _owner_of(rows: pl.DataFrame, owners: pl.DataFrame) -> Ints:
    numbered = owners.with_columns(pl.int_range(pl.len()).alias("owner"))
    return rows.join(numbered, on="owner_key", how="left", maintain_order="left")["owner"].to_numpy()


def _blocks(deal_owner: Ints, new_owner: Ints, owners: int) -> Iterator[tuple[int, int]]:
    """Runs of whole owners, first and after last, each with a bounded number of deals where one owner has not more."""
    deals = np.bincount(deal_owner, minlength=owners)
    first = held = 0
    for owner in range(owners):
        if owner > first and (held + deals[owner] > _DEALS_AT_ONCE or owner - first >= _OWNERS_AT_ONCE):
            yield first, owner
            first, held = owner, 0
        held += int(deals[owner])
    if owners:
        yield first, owners


@dataclass(frozen=True, eq=False)
class _Sums:
    """Cents by level of a scope, slot and draw: what open deals bring, and what new business does."""

    entities: pl.DataFrame
    opened: Floats
    new: Floats | None

    @classmethod
    def zero(cls, entities: pl.DataFrame, slots: _Slots, draws: int, new: "_New") -> "_Sums":
        shape = (entities.height, slots.single, draws)
        return cls(entities, np.zeros(shape), np.zeros(shape) if new.wins.size else None)

    def add(self, to: Floats, entity: Ints, slot: Ints, draw: Ints, cents: Floats) -> None:
        """Whole cents below 2^53 add up to the same sum in any order."""
        _, slots, draws = to.shape
        place = ((entity - self.entities["entity"][0]) * slots + slot) * draws + draw
        np.add.at(to.reshape(-1), place, cents)

    def quantiles(self, scope: str, slots: _Slots) -> pl.DataFrame:
        """Of every level of the scope within a funnel, and over all funnels."""
        within = self.entities.select("funnel", "scope_value")
        value = within["scope_value"]
        first_of_value = value.ne_missing(value.shift(1)).arg_true().to_numpy()
        whole = within[first_of_value].with_columns(funnel=pl.lit(ALL))
        made = [_framed(within, scope, slots, self.opened, self.new)]
        if within.height:
            folded = [
                None if each is None else np.add.reduceat(each, first_of_value, axis=0)
                for each in (self.opened, self.new)
            ]
            assert folded[0] is not None
            made.append(_framed(whole, scope, slots, folded[0], folded[1]))
        return pl.concat(made)


@dataclass(frozen=True, eq=False)
class _Deals:
    """Open deals in the order of their owners. A deal has rows `first[deal]` to before `first[deal + 1]`.

    chance, centre, sd, group: by deal; in a draw its log-odds are centre + sd x shock of its group.
    until, slot, cents, entity: by row; `until` is deal + the share of its chance that lies in this row or before.
    """

    owner: Ints
    first: Ints
    chance: Floats
    centre: Floats
    sd: Floats
    group: Ints
    until: Floats
    slot: Ints
    cents: Floats
    entity: dict[str, Ints]

    @classmethod
    def of(cls, rows: pl.DataFrame, owners: pl.DataFrame, entities: dict[str, pl.DataFrame]) -> "_Deals":
        deals = rows.unique("deal", keep="first", maintain_order=True)
        # A deal alone in its group is won as often with the shock as without.
        shared = pl.col("rate_group").is_not_null() & (pl.len().over("rate_group") > 1)
        is_doubtful = pl.col("rate_sd").fill_null(0.0) > 0
        # A rate of 0 or 1 that is not sure is drawn around half a visit away from it, of those that its error tells:
        # sd^2 = 1/(1/2) + 1/(n + 1/2), as in `rates.log_odds_sd`.
        beyond = pl.col("rate_sd") ** 2 - 2
        half = pl.when(is_doubtful & (beyond > 0)).then(0.5 / (1 / beyond + 0.5)).otherwise(0.0)
        rate = pl.col("rate").clip(0, 1)
        deals = deals.with_columns(
            pl.when(rate == 0).then(half).when(rate == 1).then(1 - half).otherwise(rate).alias("rate"),
            pl.when(shared & is_doubtful).then("rate_sd").otherwise(0.0).alias("sd"),
        ).with_columns(
            pl.when(pl.col("sd") > 0).then("rate_group").rank("dense").cast(pl.Int64).fill_null(0).alias("group")
        )
        chance, sd = deals["rate"].to_numpy(), deals["sd"].to_numpy()
        deal = rows["deal"].to_numpy()
        first = np.append(np.flatnonzero(np.diff(deal, prepend=-1)), deal.size)
        until = deal + rows.select(pl.col("share").cum_sum().over("deal").clip(0, 1))["share"].to_numpy()
        until[first[1:] - 1] = np.arange(first.size - 1) + 1.0
        return cls(
            owner=_owner_of(deals, owners),
            first=first,
            chance=chance,
            centre=centre_of(chance, sd),
            sd=sd,
            group=deals["group"].to_numpy(),
            until=until,
            slot=rows["slot"].to_numpy(),
            cents=rows["cents"].to_numpy(),
            entity={scope: _entity_of(rows, scope, frame) for scope, frame in entities.items()},
        )

    @property
    def groups(self) -> int:
        return int(self.group.max(initial=0)) + 1

    def draw(self, first: int, last: int, shocks: Floats, sums: dict[str, _Sums], rng: np.random.Generator) -> None:
        """Draw the outcomes of the deals of owners from `first` to before `last`, and add them to the sums."""
        draws = shocks.shape[1]
        start, end = np.searchsorted(self.owner, [first, last])
        step = max(1, _OUTCOMES_AT_ONCE // draws)
        for begin in range(int(start), int(end), step):
            deals = slice(begin, min(begin + step, int(end)))
            chance = np.broadcast_to(self.chance[deals, None], (deals.stop - begin, draws))
            if self.sd[deals].any():
                log_odds = self.centre[deals, None] + self.sd[deals, None] * shocks[self.group[deals]]
                chance = np.where(self.sd[deals, None] > 0, _expit(log_odds), chance)
            drawn = rng.random((deals.stop - begin, draws))
            deal, draw = np.nonzero(drawn < chance)
            # Of the chance that it is won, the share used up when it is: where that falls is when.
            when = drawn[deal, draw] / chance[deal, draw]
            deal = deal + begin
            row = np.minimum(np.searchsorted(self.until, deal + when, side="right"), self.first[deal + 1] - 1)
            for scope, each in sums.items():
                each.add(each.opened, self.entity[scope][row], self.slot[row], draw, self.cents[row])


@dataclass(frozen=True, eq=False)
class _New:
    """New business in the order of its owners; by stream, which is a place and a month.

    wins: expected. relative_sd: of what is expected in its funnel and month. cents, sd: of the amount of one win.
    """

    owner: Ints
    funnel: Ints
    slot: Ints
    wins: Floats
    relative_sd: Floats
    cents: Floats
    sd: Floats
    entity: dict[str, Ints]

    @classmethod
    def of(cls, streams: pl.DataFrame, owners: pl.DataFrame, entities: dict[str, pl.DataFrame]) -> "_New":
        return cls(
            owner=_owner_of(streams, owners),
            funnel=streams.select(pl.col("funnel").rank("dense").cast(pl.Int64) - 1)["funnel"].to_numpy(),
            slot=streams["slot"].to_numpy(),
            wins=streams["deals"].to_numpy(),
            relative_sd=streams["relative_sd"].to_numpy(),
            cents=streams["cents"].to_numpy(),
            sd=streams["amount_sd"].to_numpy() * 100,
            entity={scope: _entity_of(streams, scope, frame) for scope, frame in entities.items()},
        )

    @property
    def funnels(self) -> int:
        return int(self.funnel.max(initial=0)) + 1

    def draw(self, first: int, last: int, shocks: Floats, sums: dict[str, _Sums], rng: np.random.Generator) -> None:
        """Draw the new business of owners from `first` to before `last`, and add it to the sums."""
        start, end = np.searchsorted(self.owner, [first, last])
        here = np.arange(start, end)
        here = here[np.lexsort((here, self.slot[here], self.funnel[here]))]
        changes = np.flatnonzero(np.diff(self.funnel[here]) | np.diff(self.slot[here])) + 1
        for streams in np.split(here, changes) if here.size else ():
            # Poisson arrivals of several streams are those of one whose arrivals are dealt out by their shares.
            until = np.cumsum(self.wins[streams])
            relative = np.log1p(self.relative_sd[streams[0]] ** 2)
            uncertain = np.exp(np.sqrt(relative) * shocks[self.funnel[streams[0]]] - relative / 2)
            arrivals = rng.poisson(until[-1] * uncertain)
            draw = np.repeat(np.arange(arrivals.size), arrivals)
            dealt = np.searchsorted(until, rng.random(draw.size) * until[-1], side="right")
            stream = streams[np.minimum(dealt, streams.size - 1)]
            cents = self._amounts(stream, rng)
            for scope, each in sums.items():
                assert each.new is not None
                each.add(each.new, self.entity[scope][stream], self.slot[stream], draw, cents)

    def _amounts(self, stream: Ints, rng: np.random.Generator) -> Floats:
        mean, sd = self.cents[stream], self.sd[stream]
        varies = (sd > 0) & (mean > 0)
        shape = np.divide(mean, sd, out=np.ones_like(mean), where=varies) ** 2
        drawn = rng.standard_gamma(shape) * mean / shape
        return np.rint(np.where(varies, drawn, mean))


def _expit(log_odds: Floats) -> Floats:
    return 1 / (1 + np.exp(-log_odds))


def centre_of(chance: Floats, sd: Floats) -> Floats:
    """The log-odds around which normal shocks of this standard deviation leave the mean chance what it is.

    By Newton's method on Gauss-Hermite quadrature. Infinite where the chance is 0 or 1.
    """
    with np.errstate(divide="ignore"):
        centre = np.log(chance) - np.log1p(-chance)
    moves = (sd > 0) & np.isfinite(centre)
    if not moves.any():
        return centre
    wanted, spread = chance[moves], sd[moves, None] * _NODES
    weights = _WEIGHTS / _WEIGHTS.sum()
    at = centre[moves]
    for _ in range(_NEWTON_STEPS):
        p = _expit(at[:, None] + spread)
        at = at + (wanted - p @ weights) / np.maximum((p * (1 - p)) @ weights, np.finfo(float).tiny)
    centre[moves] = at
    return centre


def _framed(levels: pl.DataFrame, scope: str, slots: _Slots, opened: Floats, new: Floats | None) -> pl.DataFrame:
    """One row per level and slot in which any draw brings anything."""
    of_opened, of_total = _with_quarters(opened, slots), None if new is None else _with_quarters(opened + new, slots)
    entity, slot = np.nonzero((of_opened if of_total is None else of_total).any(axis=2))
    open_quantiles = _quantiles(of_opened[entity, slot])
    quantiles = open_quantiles if of_total is None else _quantiles(of_total[entity, slot])
    amounts = {
        column: values[:, number]
        for part, values in (("open_", open_quantiles), ("", quantiles))
        for number, column in enumerate(quantile_columns(part))
    }
    return pl.concat(
        [
            levels[entity].select("funnel", pl.lit(scope).alias("scope"), "scope_value"),
            slots.frame[slot].select(*PERIOD),
            pl.DataFrame(amounts).select((pl.all().cast(pl.Decimal(38, 0)).cast(MONEY_SUM) / 100).cast(MONEY_SUM)),
        ],
        how="horizontal",
    )


def _with_quarters(sums: Floats, slots: _Slots) -> Floats:
    quarters = [sums[:, months].sum(axis=1, keepdims=True) for months in slots.months_of_quarter]
    return np.concatenate([sums, *quarters], axis=1)


def _quantiles(sums: Floats) -> Floats:
    """By nearest rank over the last axis: the smallest draw that as many tenths of all do not exceed."""
    draws = sums.shape[1]
    ranks = [-(-tenths * draws // 10) - 1 for tenths in QUANTILE_TENTHS]
    return np.partition(sums, ranks, axis=1)[:, ranks]
