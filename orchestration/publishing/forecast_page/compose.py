"""What the forecast page of a night says, from the served tables: the one function that puts its parts together; pure.

Belongs here: which views there are, and what each is made from. Not here: any part itself (the modules beside this
one), how the page looks (`render`), where it is written.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from orchestration.publishing.forecast_page import deals, levels, moved, periods, proof, track
from orchestration.publishing.forecast_page.content import (
    ForecastPage,
    ForecastPageRefusedError,
    Period,
    Quarter,
    Tables,
    View,
)
from orchestration.publishing.forecast_page.names import ALL_FUNNELS, method_name
from orchestration.publishing.forecast_page.reading import ALL, read
from orchestration.publishing.leading import Headline, headline, in_order
from orchestration.publishing.review.names import Names, names
from orchestration.publishing.wording import Text, local_time

# No night at all was forecast: a view must still name whose figures it would show.
_NOBODY = Headline("timed", is_champion=False)


@dataclass(frozen=True)
class _Night:
    """What every part of the page is made from."""

    business_date: date
    tables: Mapping[str, pl.DataFrame]
    names: Names
    funnels: Mapping[str, Text]
    links: Mapping[str, str]
    labels: Mapping[tuple[str, date], str]


def compose(
    served: Mapping[str, pl.DataFrame], standards: Mapping[str, pl.DataFrame], business_date: date
) -> ForecastPage:
    """Choose and order what the page of a night says.

    served: the tables of `reading.READ`, as served; those that are not given count as empty.
    standards: company, funnels, funnel_stages, record_links, criteria, periods (where given), as
        `quality.standards.tables` gives them.

    Raises:
        ForecastPageRefusedError: `nights` has no row for the business date, or a table lacks a column.
    """
    tables = read(served, business_date)
    company = standards["company"].row(0, named=True)
    record = _record(tables["nights"], business_date)
    # Nights of before there were levels have rows of whole funnels alone.
    tables["forecast_period"] = tables["forecast_period"].with_columns(pl.col("scope").fill_null(ALL))
    named = names(standards, pl.DataFrame(schema={"rule_id": pl.String}), tables["deals_current"])
    night = _Night(
        business_date=business_date,
        tables=tables,
        names=named,
        funnels=_funnels(tables["forecast_period"], named),
        links=dict(standards["record_links"].iter_rows()),
        labels=_labels(tables, standards),
    )
    made = [_View(key, night) for key in (ALL, *(night.funnels if len(night.funnels) > 1 else ()))]
    months = [month for quarter in made[0].horizon for month in quarter.months]
    methods = tuple(dict.fromkeys(each.leading.method for each in made))
    rows = _expected(made, night, methods, months)
    listed, stages = deals.listed(rows, tables["deals_current"]), deals.stages(rows, named)
    frames = [_frames(place, each, night) for place, each in enumerate(made)]
    return ForecastPage(
        company=company["company"],
        language=company["language"],
        currency=company["reporting_currency"],
        time_zone=company["time_zone"],
        minimum_n=company["minimum_n"],
        business_date=business_date,
        previous_business_date=record["previous_business_date"],
        as_of=local_time(record["as_of_at"], ZoneInfo(company["time_zone"])),
        views=tuple(_view(each, night) for each in made),
        methods=methods,
        months=tuple(month.label for month in months),
        quarter_labels=(_label(made[0].shown[0]), _label(made[0].shown[1])),
        is_later_word=tables["forecast_period"]["is_first_word"].fill_null(value=True).not_().any(),
        unlisted_deals=max(0, tables["forecast_deal"]["deal_key"].n_unique() - listed.height),
        record_links=night.links,
        config_hash=record["config_hash"] or "",
        inputs_hash=record["inputs_hash"] or "",
        code_version=record["code_version"] or "",
        tables=Tables(
            deals=listed.drop("deal_key"),
            stages=stages.drop("funnel", "stage"),
            expected=_placed(rows, listed, stages),
            reasons=deals.reasons(rows, methods, tables["forecast_reasons"]),
            **{name: pl.concat([each[name] for each in frames]) for name in frames[0]},
        ),
    )


class _View:
    """The rows of one funnel, or of all, and the method that leads there."""

    def __init__(self, key: str, night: _Night) -> None:
        tables, business_date = night.tables, night.business_date
        of_funnel = pl.col("funnel") == key
        self.key = key
        self.rows = tables["forecast_period"].filter(of_funnel)
        self.whole = self.rows.filter(pl.col("scope") == ALL)
        self.accuracy = tables["forecast_accuracy"].filter(of_funnel)
        self.leading = headline(key, self.accuracy, self.whole["method"].unique().to_list()) or _NOBODY
        self.coverage = tables["forecast_coverage"].filter(of_funnel)
        of_whole = self.coverage.filter(pl.col("scope") == ALL)
        led = self.whole.filter(pl.col("method") == self.leading.method)
        self.quarters = periods.quarters(led, of_whole, business_date)
        # What is told apart is the same for all methods that say when; the leading one may not.
        self.horizon = self.quarters or self._of_another(of_whole, business_date)
        self.shown = _shown(self.horizon)
        self.compared = tuple(period for period in self.shown if period)
        self.outside = periods.outside(led.iter_rows(named=True))

    def _of_another(self, coverage: pl.DataFrame, business_date: date) -> tuple[Quarter, ...]:
        for method in in_order(self.whole["method"].unique()):
            found = periods.quarters(self.whole.filter(pl.col("method") == method), coverage, business_date)
            if found:
                return found
        return ()


def _record(nights: pl.DataFrame, business_date: date) -> dict[str, Any]:
    found = nights.filter(pl.col("business_date") == business_date)
    if found.height != 1:
        raise ForecastPageRefusedError(
            f"nights has {found.height} rows for {business_date}; the forecast page needs the one of its night"
        )
    return found.row(0, named=True)


def _funnels(rows: pl.DataFrame, named: Names) -> dict[str, Text]:
    """The funnels of the night by name, in the order of the standards."""
    known = list(named.funnels)
    found = sorted(
        rows.filter(pl.col("funnel") != ALL)["funnel"].unique(),
        key=lambda funnel: (known.index(funnel) if funnel in known else len(known), funnel),
    )
    return {funnel: named.funnel(funnel) for funnel in found}


def _shown(quarters: Sequence[Quarter]) -> tuple[Period | None, Period | None]:
    """The running and the next quarter."""
    of = [each.quarter for each in quarters]
    if not of or not of[0].is_running:
        return None, of[0] if of else None
    return of[0], of[1] if len(of) > 1 else None


def _label(period: Period | None) -> str | None:
    return period.label if period else None


def _labels(tables: Mapping[str, pl.DataFrame], standards: Mapping[str, pl.DataFrame]) -> dict[tuple[str, date], str]:
    """What fiscal periods are called, by kind and first day."""
    columns = ["period_kind", "period_start", "period_label"]
    frames = [tables[name].select(columns) for name in ("forecast_backtest", "forecast_record", "forecast_period")]
    if "periods" in standards:
        frames.append(standards["periods"].select(columns))
    known = pl.concat(frames, how="vertical_relaxed").drop_nulls().unique(columns[:2], keep="last", maintain_order=True)
    return {(kind, start): label for kind, start, label in known.iter_rows()}


def _expected(made: Sequence[_View], night: _Night, methods: Sequence[str], months: Sequence[Period]) -> pl.DataFrame:
    """All deals by the method of all funnels; those of a funnel also by its own, where that is another."""
    tables = night.tables
    views: dict[str | None, int] = {funnel: place for place, funnel in enumerate(night.funnels, start=1)}
    parts = []
    for place, method in enumerate(methods):
        own = [each.key for each in made if each.leading.method == method]
        of_method = pl.col("method") == method
        listed = tables["forecast_deal"].filter(of_method)
        if ALL not in own:
            listed = listed.filter(pl.col("funnel").is_in(own))
        parts.append(
            deals.expected(
                listed,
                tables["forecast_deal_period"].filter(of_method).join(listed, on="deal_key", how="semi"),
                tables["deals_current"],
                method=place,
                funnel_view=views if len(made) > 1 else {},
                months=months,
                shown=made[0].shown,
            )
        )
    return pl.concat(parts)


def _placed(rows: pl.DataFrame, listed: pl.DataFrame, stages: pl.DataFrame) -> pl.DataFrame:
    """`Tables.expected`: keys in the stead of which the page has places."""
    return (
        rows.join(
            listed.select("deal_key", deal=pl.int_range(pl.len(), dtype=pl.Int64)),
            on="deal_key",
            how="left",
            maintain_order="left",
        )
        .join(
            stages.select("funnel", "stage", stage_place=pl.int_range(pl.len(), dtype=pl.Int64)),
            on=["funnel", "stage"],
            how="left",
            nulls_equal=True,
            maintain_order="left",
        )
        .select(
            "deal",
            pl.col("stage_place").alias("stage"),
            pl.exclude("deal", "deal_key", "funnel", "stage", "stage_place"),
        )
    )


def _owners(night: _Night) -> dict[str, str]:
    named = night.tables["deals_current"].select("owner_key", "owner_name").drop_nulls()
    return dict(named.sort("owner_key").iter_rows())


def _frames(place: int, view: _View, night: _Night) -> dict[str, pl.DataFrame]:
    """What the scripts show of one view, by the names of `Tables`."""
    method, key, tables = view.leading.method, view.key, night.tables
    owners = _owners(night)
    rows, coverage = view.rows.filter(pl.col("method") == method), view.coverage
    several = night.funnels if key == ALL and len(night.funnels) > 1 else {}
    if several:
        is_whole = pl.col("funnel").is_in(list(several)) & (pl.col("scope") == ALL)
        rows = pl.concat([rows, tables["forecast_period"].filter(is_whole & (pl.col("method") == method))])
        coverage = pl.concat([coverage, tables["forecast_coverage"].filter(is_whole)])
    return {
        "levels": levels.levels(place, rows, coverage, shown=view.shown, owners=owners, funnels=several),
        "periods": periods.table(place, view.quarters),
        "said": track.said(
            place,
            key,
            method,
            backtest=tables["forecast_backtest"],
            record=tables["forecast_record"],
            business_date=night.business_date,
        ),
        "calibration": track.calibration(place, key, method, tables["forecast_calibration"]),
        "movement": moved.movement(
            place,
            key,
            forecast=tables["forecast_movement"],
            pipeline=tables["pipeline_movement"],
            labels=night.labels,
            business_date=night.business_date,
        ),
    }


def _view(view: _View, night: _Night) -> View:
    method, tables = view.leading.method, night.tables
    of_method = pl.col("method") == method
    inside = pl.lit(value=True) if view.key == ALL else pl.col("funnel") == view.key
    own = tables["forecast_deal"].filter(of_method & inside)
    running = view.quarters[0].quarter if view.quarters and view.quarters[0].quarter.is_running else None
    unproven, unproven_deals, unproven_expected = proof.violated(
        own,
        tables["forecast_deal_period"].filter(of_method),
        tables["deals_current"],
        running=running,
        names=night.names,
        links=night.links,
    )
    quality = tables["forecast_quality"].filter(of_method & (pl.col("funnel") == view.key))
    return View(
        key=view.key,
        name=ALL_FUNNELS if view.key == ALL else night.names.funnel(view.key),
        method=method,
        method_name=method_name(method),
        is_champion=view.leading.is_champion,
        quarters=view.quarters,
        compared=view.compared,
        outside=view.outside,
        unplaced=periods.unplaced(
            tables["forecast_unplaced_targets"].filter(inside),
            night.business_date,
            owners=_owners(night),
            funnels=night.names.funnels,
        ),
        methods=periods.methods(view.whole, view.accuracy, view.leading, view.compared),
        fallbacks=_fallbacks(tables["forecast_period"].filter(of_method & inside), night.funnels),
        accuracy=track.accuracy(view.accuracy, method),
        proof=proof.split(quality, tuple(each.quarter for each in view.quarters)),
        unproven=unproven,
        unproven_deals=unproven_deals,
        unproven_expected=unproven_expected,
        open_deals=own.height,
    )


def _fallbacks(rows: pl.DataFrame, funnels: Mapping[str, Text]) -> tuple[tuple[Text, Text], ...]:
    """Funnels where another method speaks in the stead of the leading one, and which."""
    found = dict(
        rows.filter(pl.col("funnel") != ALL).select("funnel", "fell_back_to").drop_nulls().unique().iter_rows()
    )
    return tuple((funnels[funnel], method_name(found[funnel])) for funnel in funnels if funnel in found)
