"""The served tables as the forecast page reads them: which, and which of their columns.

Belongs here: the one place where the page depends on names of tables and columns; pure. Not here: how tables are read
(`publishing.served`), what is made of them.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

import polars as pl

from orchestration.publishing import served as served_tables
from orchestration.publishing.forecast_page.content import ForecastPageRefusedError
from orchestration.publishing.served import Reading as _Table
from orchestration.publishing.served import columns as _columns

ALL = "all"

_TEXT, _COUNT, _SHARE, _DAY, _YES = pl.String(), pl.Int64(), pl.Float64(), pl.Date(), pl.Boolean()
_MONEY = pl.Decimal(38, 2)

_TABLES = {
    "nights": _Table(
        needed={"business_date": _DAY, "as_of_at": pl.Datetime("us")},
        known={"previous_business_date": _DAY} | _columns(_TEXT, "config_hash inputs_hash code_version"),
    ),
    "deals_current": _Table(
        needed=_columns(_TEXT, "deal_key crm deal_id deal_name funnel stage"),
        known=_columns(_TEXT, "stage_name_en stage_name_zh owner_key owner_name team")
        | {"expected_close_date": _DAY, "amount_reporting": _MONEY},
    ),
    "forecast_period": _Table(
        needed={"business_date": _DAY, "period_start": _DAY, "total_amount": _MONEY}
        | _columns(_TEXT, "method funnel period_kind period_status"),
        known=_columns(_TEXT, "scope scope_value period_label fell_back_to")
        | _columns(_YES, "is_first_word")
        | _columns(_MONEY, "won_amount open_amount new_business_amount p10_amount p50_amount p90_amount")
        | _columns(_MONEY, "target_amount gap_amount")
        | _columns(_COUNT, "won_deals won_excluded_deals open_deals excluded_deals")
        | _columns(_SHARE, "new_business_deals expected_wins width_factor")
        | {"period_end": _DAY, "is_insufficient_history": _YES},
    ),
    "forecast_deal": _Table(
        needed={"business_date": _DAY, "expected_amount": _MONEY} | _columns(_TEXT, "method deal_key"),
        known=_columns(_TEXT, "funnel stage segment amount_basis amount_exclusion period_status criteria_state")
        | _columns(_TEXT, "fell_back_to")
        | _columns(_SHARE, "win_rate realisation")
        | _columns(_DAY, "period_start expected_win_on")
        | {"rate_n": _COUNT, "is_insufficient_history": _YES, "amount_reporting": _MONEY},
    ),
    "forecast_deal_period": _Table(
        needed={"business_date": _DAY, "period_start": _DAY, "chance": _SHARE, "expected_amount": _MONEY}
        | _columns(_TEXT, "method deal_key period_status"),
        known={},
    ),
    "forecast_reasons": _Table(
        needed={"business_date": _DAY, "reason_rank": _COUNT, "win_rate_points": pl.Decimal(5, 2)}
        | _columns(_TEXT, "method deal_key fact"),
        known={"level": _TEXT} | _columns(_SHARE, "value usual_value"),
    ),
    "forecast_quality": _Table(
        needed={"business_date": _DAY, "period_start": _DAY, "expected_amount": _MONEY}
        | _columns(_TEXT, "method funnel period_kind period_status criteria_state"),
        known={"period_label": _TEXT, "open_wins": _SHARE} | _columns(_COUNT, "open_deals excluded_deals"),
    ),
    "forecast_coverage": _Table(
        needed={"business_date": _DAY, "period_start": _DAY}
        | _columns(_TEXT, "funnel scope scope_value period_kind")
        | _columns(_MONEY, "to_go_amount open_pipeline_amount"),
        known=_columns(_TEXT, "target_basis target_exclusion yield_basis")
        | _columns(_MONEY, "target_amount overdue_amount commit_amount best_case_amount pipeline_amount")
        | _columns(_COUNT, "open_pipeline_deals open_pipeline_excluded_deals overdue_deals yield_periods yield_deals")
        | _columns(_COUNT, "omitted_open_deals other_open_deals none_open_deals days_to_end")
        | _columns(_SHARE, "coverage required_coverage pipeline_yield"),
    ),
    "forecast_unplaced_targets": _Table(
        needed=_columns(_DAY, "period_start period_end") | {"amount_reporting": _MONEY},
        known={"business_date": _DAY} | _columns(_TEXT, "funnel team owner_key"),
    ),
    "forecast_backtest": _Table(
        needed=_columns(_DAY, "as_of_date period_start period_end")
        | _columns(_TEXT, "method funnel period_kind part")
        | _columns(_MONEY, "forecast_amount actual_amount"),
        known=_columns(_MONEY, "p10_amount p50_amount p90_amount won_amount")
        | {"business_date": _DAY, "period_label": _TEXT, "fell_back_to": _TEXT},
    ),
    "forecast_accuracy": _Table(
        needed=_columns(_TEXT, "source method funnel period_kind lead_bucket part") | {"n": _COUNT},
        known=_columns(_SHARE, "wape bias mase coverage width pinball_loss brier ece")
        | _columns(_COUNT, "n_as_ofs n_periods n_silent n_fell_back n_naive n_intervals")
        | _columns(_YES, "is_insufficient_history is_champion")
        | {"business_date": _DAY},
    ),
    "forecast_calibration": _Table(
        needed=_columns(_TEXT, "method funnel question") | {"bin": _COUNT, "n": _COUNT},
        known=_columns(_SHARE, "mean_chance observed_share observed_low observed_high brier ece")
        | _columns(_COUNT, "won_deals n_as_ofs n_still_open n_without_chance")
        | {"business_date": _DAY, "is_insufficient_history": _YES},
    ),
    "forecast_movement": _Table(
        needed=_columns(_DAY, "opening_night closing_night period_start")
        | _columns(_TEXT, "span funnel period_kind bucket")
        | _columns(_MONEY, "opening_amount change_amount closing_amount"),
        known={"deals": _COUNT},
    ),
    "pipeline_movement": _Table(
        needed=_columns(_DAY, "opening_night closing_night period_start")
        | _columns(_TEXT, "span funnel period_kind bucket")
        | _columns(_MONEY, "opening_amount change_amount closing_amount"),
        known=_columns(_MONEY, "opening_expected_amount change_expected_amount closing_expected_amount")
        | _columns(_COUNT, "deals pushes slips"),
    ),
}
# What nights said has the columns of what the backtest says, and whether another word was published since.
_TABLES["forecast_record"] = replace(
    _TABLES["forecast_backtest"], known={**_TABLES["forecast_backtest"].known, "is_republished": _YES}
)

# The served tables that the page reads. All columns of most, because a night may lack some.
READ: dict[str, tuple[str, ...]] = {
    name: tuple(table.schema) if name == "deals_current" else ("*",) for name, table in _TABLES.items()
}


def read(served: Mapping[str, pl.DataFrame], business_date: date) -> dict[str, pl.DataFrame]:
    """Every table of READ with all of its columns, in the types that the page counts on; of one night's rows.

    Raises:
        ForecastPageRefusedError: a table lacks a column without which its rows mean nothing.
    """
    return served_tables.read(_TABLES, served, business_date, page="forecast page", refusal=ForecastPageRefusedError)
