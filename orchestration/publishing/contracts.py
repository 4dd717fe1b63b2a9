"""The served tables: their names, where the warehouse holds them, and the order of their rows.

This list is the contract with readers. A name or column that leaves it breaks a dashboard somewhere; say so in
CHANGELOG.md. No data is read or written here.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class ServedTable:
    """One served table.

    order_by: no two rows agree on it, so that a night has one row order. holds_all: columns with a value `all` whose
    rows hold those of the other values, so that a chart takes one value at a time.
    """

    name: str
    schema: str
    order_by: tuple[str, ...]
    holds_all: tuple[str, ...] = ()

    @property
    def source(self) -> str:
        return f"{self.schema}.{self.name}"


# `nights` is the record of the publication itself, so it is served beside these and hashed by none.
NIGHTS = ServedTable("nights", "night", ("business_date",))

SERVED_TABLES = (
    ServedTable("deals_current", "marts", ("deal_key",)),
    ServedTable("deal_stages", "marts", ("deal_key", "stage_rank", "stage")),
    ServedTable("deal_visits", "marts", ("deal_key", "visit_number")),
    ServedTable(
        "funnel_stage_conversion",
        "marts",
        ("funnel", "segment", "segment_value", "cohort_kind", "cohort_start", "stage_rank", "stage"),
    ),
    ServedTable("funnel_stage_dwell", "marts", ("funnel", "segment", "segment_value", "stage_rank", "stage")),
    ServedTable("deals_stalled", "marts", ("deal_key",)),
    ServedTable("deals_stalled_reasons", "marts", ("deal_key", "reason")),
    ServedTable(
        "funnel_transitions",
        "marts",
        ("funnel", "segment", "segment_value", "from_stage_rank", "from_stage", "to_kind", "to_state"),
    ),
    ServedTable("funnel_stage_to_won", "marts", ("funnel", "segment", "segment_value", "stage_rank", "stage")),
    ServedTable("funnel_velocity", "marts", ("funnel", "segment", "segment_value")),
    ServedTable("funnel_bottlenecks", "marts", ("funnel", "compared_by", "stage_rank", "stage")),
    ServedTable("icp_fit", "marts", ("deal_key",)),
    ServedTable("icp_lift", "marts", ("funnel", "attribute", "value_order", "attribute_value"), holds_all=("funnel",)),
    ServedTable("icp_weight_review", "marts", ("funnel", "attribute"), holds_all=("funnel",)),
    ServedTable("icp_band_win_rates", "marts", ("funnel", "minimum_score", "icp_band"), holds_all=("funnel",)),
    ServedTable(
        "lead_conversion",
        "marts",
        ("lead_source", "icp_band", "cohort_kind", "cohort_month"),
        holds_all=("lead_source", "icp_band"),
    ),
    ServedTable("quality_findings", "marts", ("rule_id", "deal_key", "visit_id")),
    ServedTable("deals_next_gate", "marts", ("deal_key", "criterion_id")),
    ServedTable("quality_violations", "quality", ("violation_id",)),
    ServedTable("quality_rule_nights", "quality", ("business_date", "funnel", "rule_id")),
    ServedTable("quality_incidents", "quality", ("business_date", "kind", "subject")),
    ServedTable("quality_expectations", "quality", ("business_date", "suite", "expectation", "subject")),
    ServedTable("quality_data_findings", "marts", ("expectation", "table_name", "row_key")),
    ServedTable("forecast_deal", "forecast", ("business_date", "method", "deal_key")),
    ServedTable(
        "forecast_deal_period", "forecast", ("business_date", "method", "deal_key", "period_start", "period_status")
    ),
    ServedTable(
        "forecast_period",
        "forecast",
        (
            *("business_date", "method", "funnel", "scope", "scope_value"),
            *("period_kind", "period_start", "period_status"),
        ),
        holds_all=("funnel",),
    ),
    ServedTable(
        "forecast_quality",
        "forecast",
        ("business_date", "method", "funnel", "period_kind", "period_start", "period_status", "criteria_state"),
        holds_all=("funnel",),
    ),
    ServedTable("forecast_reasons", "forecast", ("business_date", "method", "deal_key", "reason_rank")),
    ServedTable(
        "forecast_unplaced_targets",
        "forecast",
        ("period_start", "period_end", "funnel", "team", "owner_key", "amount_reporting", "amount_exclusion"),
    ),
    ServedTable(
        "forecast_coverage",
        "forecast",
        ("funnel", "scope", "scope_value", "period_kind", "period_start"),
        holds_all=("funnel",),
    ),
    ServedTable(
        "forecast_backtest",
        "forecast",
        ("as_of_date", "method", "funnel", "period_kind", "period_start", "part"),
        holds_all=("funnel",),
    ),
    ServedTable(
        "forecast_record",
        "forecast",
        ("as_of_date", "method", "funnel", "period_kind", "period_start", "part"),
        holds_all=("funnel",),
    ),
    ServedTable(
        "forecast_accuracy",
        "forecast",
        ("source", "method", "funnel", "period_kind", "lead_bucket", "part"),
        holds_all=("funnel",),
    ),
    ServedTable("forecast_calibration", "forecast", ("method", "funnel", "question", "bin"), holds_all=("funnel",)),
    ServedTable(
        "forecast_movement",
        "forecast",
        ("closing_night", "span", "funnel", "period_kind", "period_start", "bucket_rank"),
        holds_all=("funnel",),
    ),
    ServedTable("deal_positions", "forecast", ("deal_key", "valid_from")),
    ServedTable(
        "pipeline_movement",
        "forecast",
        ("closing_night", "span", "funnel", "period_kind", "period_start", "bucket_rank"),
        holds_all=("funnel",),
    ),
    ServedTable("pipeline_movement_deals", "forecast", ("closing_night", "span", "deal_key")),
    ServedTable("criterion_efficacy", "marts", ("funnel", "stage_rank", "criterion_id", "segment", "segment_value")),
    ServedTable("criterion_deals", "marts", ("criterion_id", "deal_key")),
    ServedTable(
        "criterion_compliance",
        "marts",
        ("funnel", "stage_rank", "stage", "scope", "scope_value", "severity"),
        holds_all=("funnel", "stage", "severity"),
    ),
    ServedTable("deal_compliance", "marts", ("deal_key",)),
    ServedTable("stage_ambiguity", "marts", ("funnel", "stage_rank", "stage", "measure")),
    ServedTable("stage_ambiguity_owners", "marts", ("funnel", "stage_rank", "stage", "measure", "owner_key")),
    ServedTable("deal_follow_up", "marts", ("deal_key",)),
    ServedTable("deal_stage_factors", "marts", ("deal_key", "stage_rank", "stage")),
    ServedTable("conversion_causes", "insights", ("funnel", "stage_rank", "stage", "comparison", "focus", "cause")),
    ServedTable("conversion_cause_deals", "insights", ("funnel", "stage", "comparison", "focus", "cause", "deal_key")),
    ServedTable("milestone_candidates", "marts", ("funnel", "milestone")),
    ServedTable("milestone_deals", "marts", ("funnel", "milestone", "deal_key")),
    ServedTable("milestone_stays", "marts", ("funnel", "deal_key", "entered_at")),
    ServedTable("stage_design_review", "marts", ("funnel", "question", "finding", "subject")),
    ServedTable(
        "close_reasons",
        "marts",
        ("funnel", "outcome", "stage_rank", "stage", "segment", "segment_value", "reason", "competitor"),
    ),
)
