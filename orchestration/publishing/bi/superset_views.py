"""What the dashboards read of the served tables: rows of tonight with names that people know, as SQL.

Belongs here: the queries of Superset's virtual datasets, portable between DuckDB and PostgreSQL. Not here: arithmetic
on deals; a number that a query would have to work out belongs into a served table.
"""

from dataclasses import dataclass

from orchestration.publishing.catalogue import DIMENSION, ColumnMeaning


@dataclass(frozen=True)
class View:
    """Rows of a served table with further columns.

    of: the table whose columns it has. fixes: columns of which its rows have one value, or one where it matters.
    query: SQL, in which `{schema}` stands for the schema.
    """

    name: str
    of: str
    row: str
    fixes: tuple[str, ...]
    columns: tuple[ColumnMeaning, ...]
    query: str

    def sql(self, schema: str) -> str:
        return self.query.format(schema=schema).strip() + "\n"


def _word(name: str, said: str) -> ColumnMeaning:
    return ColumnMeaning(name, "VARCHAR", said, DIMENSION, None)


_STAGE_NAMES = """
    select
        funnel,
        stage,
        max(stage_name_en) as stage_name_en,
        max(stage_name_zh) as stage_name_zh
    from {schema}.deals_current
    group by funnel, stage
"""

FORECAST = View(
    name="forecast_tonight",
    of="forecast_period",
    row="One row per funnel, scope and dated period: what the leading method says tonight.",
    fixes=("business_date", "method"),
    columns=(_word("period_place", "running, next or later: where the period stands tonight."),),
    query="""
with tonight as (
    select max(business_date) as business_date from {schema}.forecast_period
),

dated as (
    select forecast_period.*
    from {schema}.forecast_period
    inner join tonight on forecast_period.business_date = tonight.business_date
    where forecast_period.period_status = 'dated'
),

champions as (
    select distinct funnel, method from {schema}.forecast_accuracy where is_champion
),

spoken as (
    select distinct funnel, method from dated
),

ranked as (
    select
        spoken.funnel,
        spoken.method,
        row_number() over (
            partition by spoken.funnel
            order by
                case when champions.method is not null then 0 else 1 end,
                case spoken.method
                    when 'timed' then 1
                    when 'weighted_stage' then 2
                    when 'stage_average' then 3
                    when 'crm_probability' then 4
                    else 5
                end,
                spoken.method
        ) as place
    from spoken
    left join champions on spoken.funnel = champions.funnel and spoken.method = champions.method
),

next_periods as (
    select period_kind, min(period_start) as period_start
    from dated
    where period_start > business_date
    group by period_kind
)

select
    dated.*,
    case
        when dated.business_date between dated.period_start and dated.period_end then 'running'
        when dated.period_start = next_periods.period_start then 'next'
        else 'later'
    end as period_place
from dated
inner join ranked on dated.funnel = ranked.funnel and dated.method = ranked.method and ranked.place = 1
left join next_periods on dated.period_kind = next_periods.period_kind
""",
)

CONVERSION = View(
    name="conversion_by_stage",
    of="funnel_stage_conversion",
    row="One row per funnel, segment value, cohort and stage, with the name of the stage.",
    fixes=(),
    columns=(
        _word("stage_label_en", "Place and name of the stage, in English: names stand in the order of the funnel."),
        _word("stage_label_zh", "Place and name of the stage, in Chinese."),
    ),
    query=f"""
with stage_names as ({_STAGE_NAMES.rstrip()}
),

places as (
    select distinct
        funnel,
        stage,
        stage_rank,
        lpad(
            cast(stage_rank as varchar),
            cast(max(length(cast(stage_rank as varchar))) over () as integer),
            '0'
        ) || '. ' as place
    from {{schema}}.funnel_stage_conversion
)

select
    conversion.*,
    places.place || coalesce(stage_names.stage_name_en, conversion.stage) as stage_label_en,
    places.place || coalesce(stage_names.stage_name_zh, conversion.stage) as stage_label_zh
from {{schema}}.funnel_stage_conversion as conversion
inner join places
    on conversion.funnel = places.funnel
    and conversion.stage = places.stage
    and conversion.stage_rank = places.stage_rank
left join stage_names on conversion.funnel = stage_names.funnel and conversion.stage = stage_names.stage
""",
)

VIOLATIONS = View(
    name="violations_open",
    of="quality_violations",
    row="One row per open violation, with the wording of its rule and the names of deal and stage.",
    fixes=(),
    columns=(
        _word("rule_en", "What the rule asks, in English."),
        _word("rule_zh", "What the rule asks, in Chinese."),
        _word("advice_en", "What to do about it, in English."),
        _word("advice_zh", "What to do about it, in Chinese."),
        _word("severity_en", "Blocking or Warning."),
        _word("severity_zh", "The severity, in Chinese."),
        _word("stage_name_en", "The stage that it is about, in English."),
        _word("stage_name_zh", "The stage that it is about, in Chinese."),
        _word("deal_name", "What the CRM calls the deal."),
    ),
    query=f"""
with stage_names as ({_STAGE_NAMES.rstrip()}
),

tonight as (
    select max(business_date) as business_date from {{schema}}.quality_rule_nights
),

rules as (
    select
        rule_nights.rule_id,
        max(rule_nights.wording_en) as wording_en,
        max(rule_nights.wording_zh) as wording_zh,
        max(rule_nights.advice_en) as advice_en,
        max(rule_nights.advice_zh) as advice_zh
    from {{schema}}.quality_rule_nights as rule_nights
    inner join tonight on rule_nights.business_date = tonight.business_date
    group by rule_nights.rule_id
)

select
    violations.*,
    coalesce(rules.wording_en, violations.rule_id) as rule_en,
    coalesce(rules.wording_zh, violations.rule_id) as rule_zh,
    rules.advice_en,
    rules.advice_zh,
    case violations.severity when 'block' then 'Blocking' else 'Warning' end as severity_en,
    case violations.severity when 'block' then '阻断' else '提醒' end as severity_zh,
    coalesce(stage_names.stage_name_en, violations.stage) as stage_name_en,
    coalesce(stage_names.stage_name_zh, violations.stage) as stage_name_zh,
    deals.deal_name
from {{schema}}.quality_violations as violations
left join rules on violations.rule_id = rules.rule_id
left join {{schema}}.deals_current as deals on violations.deal_key = deals.deal_key
left join stage_names on violations.funnel = stage_names.funnel and violations.stage = stage_names.stage
where violations.state = 'open'
""",
)

VIEWS = (FORECAST, CONVERSION, VIOLATIONS)
