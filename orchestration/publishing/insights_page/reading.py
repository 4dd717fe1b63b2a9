"""The served tables as the insights page reads them: which, and which of their columns.

Belongs here: the one place where the page depends on names of tables and columns; pure. Not here: how tables are read
(`publishing.served`), what is made of them.
"""

from collections.abc import Mapping
from datetime import date

import polars as pl

from orchestration.publishing import served as served_tables
from orchestration.publishing.insights_page.content import InsightsPageRefusedError
from orchestration.publishing.served import Reading, columns

ALL = "all"

_TEXT, _COUNT, _SHARE, _DAY, _YES = pl.String(), pl.Int64(), pl.Float64(), pl.Date(), pl.Boolean()
_MONEY = pl.Decimal(38, 2)

_TABLES = {
    "nights": Reading(
        needed={"business_date": _DAY, "as_of_at": pl.Datetime("us")},
        known=columns(_TEXT, "config_hash inputs_hash code_version"),
    ),
    "deals_current": Reading(
        needed=columns(_TEXT, "deal_key crm deal_id deal_name funnel stage") | {"is_open": _YES},
        known=columns(_TEXT, "stage_name_en stage_name_zh owner_key owner_name team") | {"amount_reporting": _MONEY},
    ),
    "funnel_stage_conversion": Reading(
        needed=columns(_TEXT, "funnel segment segment_value cohort_kind stage")
        | columns(_COUNT, "stage_rank reached advanced lost still_open"),
        known=columns(_COUNT, "visited skipped n_expected n_matured_90d advanced_within_90d")
        | columns(_SHARE, "conversion_expected conversion_expected_undecided conversion_shrunk")
        | columns(_SHARE, "conversion_to_date conversion_to_date_low conversion_to_date_high")
        | columns(_SHARE, "conversion_within_90d conversion_within_90d_low conversion_within_90d_high")
        | {"is_insufficient_history": _YES},
    ),
    "funnel_stage_dwell": Reading(
        needed=columns(_TEXT, "funnel segment segment_value stage"),
        known=columns(_COUNT, "visits ongoing_visits") | columns(_SHARE, "dwell_p50_days dwell_p80_days"),
    ),
    "funnel_bottlenecks": Reading(
        needed=columns(_TEXT, "funnel compared_by stage") | {"won_amount_gained": _MONEY},
        known=columns(_COUNT, "completed_visits segments_compared deals_started rank_by_won_amount rank_by_days")
        | columns(_SHARE, "forward_share forward_share_low forward_share_high target_forward_share")
        | columns(_SHARE, "completed_mean_days target_days window_days won_deals_gained days_gained")
        | {"is_insufficient_history": _YES},
    ),
    "conversion_causes": Reading(
        needed=columns(_TEXT, "funnel stage comparison focus reference cause")
        | columns(_COUNT, "focus_n reference_n")
        | columns(_SHARE, "focus_conversion reference_conversion change share"),
        known=columns(_SHARE, "horizon_days share_low share_high interval_level")
        | columns(_YES, "is_named is_leading is_insufficient_history")
        | columns(_TEXT, "sentence_en sentence_zh")
        | {"business_date": _DAY, "deals_behind": _COUNT},
    ),
    "conversion_cause_deals": Reading(
        needed=columns(_TEXT, "funnel stage comparison focus cause deal_key"),
        known=columns(_TEXT, "quality_class icp_band lead_source proof_class cadence_class pace_class")
        | columns(_COUNT, "unproven_criteria")
        | columns(_SHARE, "touches_per_week dwell_days")
        | columns(_YES, "is_advanced has_loose_owner")
        | {"business_date": _DAY, "entered_at": pl.Datetime("us")},
    ),
    "deal_follow_up": Reading(
        needed={"deal_key": _TEXT},
        known=columns(_SHARE, "days_to_first_customer_activity longest_gap_days inbound_share"),
    ),
    "criterion_efficacy": Reading(
        needed=columns(_TEXT, "funnel criterion_id segment segment_value stage gate verdict"),
        known=columns(_TEXT, "severity wording_en wording_zh")
        | columns(_COUNT, "stage_rank deals met_decided_deals met_won_deals not_met_decided_deals not_met_won_deals")
        | columns(_COUNT, "late_deals not_evaluated_deals passed_by_winning_deals adjusted_deals")
        | columns(_SHARE, "met_win_rate met_win_rate_low met_win_rate_high")
        | columns(_SHARE, "not_met_win_rate not_met_win_rate_low not_met_win_rate_high")
        | columns(_SHARE, "met_onward_p50_days not_met_onward_p50_days")
        | columns(_SHARE, "win_rate_difference win_rate_difference_low win_rate_difference_high")
        | columns(_SHARE, "win_rate_difference_adjusted win_rate_difference_adjusted_low")
        | columns(_SHARE, "win_rate_difference_adjusted_high")
        | columns(_YES, "is_in_force is_adjusted is_insufficient_history"),
    ),
    "stage_ambiguity": Reading(
        needed=columns(_TEXT, "funnel stage measure"),
        known=columns(_TEXT, "unit")
        | columns(_COUNT, "stage_rank deals compared_owners")
        | columns(_SHARE, "horizon_days mean_value spread spread_low spread_high owner_variance_share")
        | columns(_YES, "is_insufficient_history has_owner_spread is_ambiguous"),
    ),
    "stage_ambiguity_owners": Reading(
        needed=columns(_TEXT, "funnel stage measure owner_key"),
        known=columns(_TEXT, "unit owner_name team")
        | columns(_COUNT, "stage_rank deals comparable_deals")
        | columns(_SHARE, "mean_value difference_from_others difference_from_others_low difference_from_others_high")
        | columns(_SHARE, "difference_from_others_shrunk")
        | columns(_YES, "is_insufficient_history is_beyond_chance"),
    ),
    "milestone_candidates": Reading(
        needed=columns(_TEXT, "funnel milestone subject subject_key verdict")
        | columns(_COUNT, "won_deals won_with_deals lost_deals lost_with_deals"),
        known=columns(_TEXT, "contact_role usual_stage asked_by")
        | columns(_SHARE, "won_share won_share_low won_share_high lost_share lost_share_low lost_share_high")
        | columns(_SHARE, "naive_lift lift lift_low lift_high win_rate_with win_rate_without")
        | columns(_SHARE, "win_rate_difference win_rate_difference_low win_rate_difference_high usual_stage_share")
        | columns(_SHARE, "days_before_close_p25 days_before_close_p50 days_before_close_p75 order_stability")
        | columns(_COUNT, "compared_deals judged_candidates ordered_pairs"),
    ),
    "stage_design_review": Reading(
        needed=columns(_TEXT, "funnel question finding subject"),
        known=columns(_TEXT, "stage other_stage criterion_id gate milestone traced_by")
        | columns(_SHARE, "win_rate_with win_rate_without lift lift_low lift_high")
        | columns(_SHARE, "win_rate_difference win_rate_difference_low win_rate_difference_high")
        | columns(_SHARE, "dropoff_share dropoff_share_low dropoff_share_high visited_share other_visited_share")
        | columns(_SHARE, "median_stay_days other_median_stay_days milestone_share")
        | columns(_SHARE, "median_days_before_milestone median_days_after_milestone")
        | columns(_COUNT, "deals dropoff_deals gate_criteria examined examined_without_history")
        | {"is_proposed": _YES},
    ),
    "close_reasons": Reading(
        needed=columns(_TEXT, "funnel outcome stage segment segment_value reason competitor") | {"deals": _COUNT},
        known=columns(_SHARE, "share share_low share_high median_days_in_last_stage median_touches")
        | columns(_COUNT, "outcome_deals deals_without_amount closed_early_deals")
        | {"amount": _MONEY, "is_insufficient_history": _YES},
    ),
}

# The columns that the page counts on, by table.
SCHEMAS: dict[str, dict[str, pl.DataType]] = {name: table.schema for name, table in _TABLES.items()}
# A row for each deal: only what is shown of it is read.
_LARGE = ("deals_current", "deal_follow_up")
# The served tables that the page reads. All columns of most, because a night may lack some.
READ: dict[str, tuple[str, ...]] = {
    name: tuple(table.schema) if name in _LARGE else ("*",) for name, table in _TABLES.items()
}


def read(served: Mapping[str, pl.DataFrame], business_date: date) -> dict[str, pl.DataFrame]:
    """Every table of READ with all of its columns, in the types that the page counts on; of one night's rows.

    Raises:
        InsightsPageRefusedError: a table lacks a column without which its rows mean nothing.
    """
    return served_tables.read(_TABLES, served, business_date, page="insights page", refusal=InsightsPageRefusedError)
