"""The charts of Superset's dashboards and where they stand: forecast, conversion, violations, in both languages.

Belongs here: what a chart asks and how it looks. Not here: what a metric is (`superset`), what a dataset holds
(`superset_views`). A chart names metrics of its dataset and gives them the words of its language, so that no chart has
a formula of its own.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestration.publishing.wording import Text

LANGUAGES = ("en", "zh")
# Of each dataset, what every metric is in SQL.
Expressions = Mapping[str, Mapping[str, str]]
Content = dict[str, Any]

_MONEY, _SHORT_MONEY, _WHOLE, _SHARE = ",.0f", ".3s", ",d", ".1%"
_BLUE, _RED, _AMBER, _GREY = "#1f6f8b", "#b3261e", "#d08700", "#8a949e"
_WIDTH = 12


@dataclass(frozen=True)
class _Asking:
    """One chart while it is written: its dataset, the metrics of it, its language."""

    language: str
    dataset: str
    expressions: Mapping[str, str]

    def say(self, text: Text) -> str:
        return text.in_language(self.language)

    def metric(self, name: str, label: str | Text) -> Content:
        """A metric of the dataset under a label."""
        said = label if isinstance(label, str) else self.say(label)
        return {
            "expressionType": "SQL",
            "sqlExpression": self.expressions[name],
            "label": said,
            "hasCustomLabel": True,
            "optionName": f"metric_{name}",
        }

    def column(self, column: str, label: Text) -> Content:
        """A column under a label; `{language}` in its name stands for the language."""
        name = column.format(language=self.language)
        return {"expressionType": "SQL", "sqlExpression": name, "label": self.say(label), "hasCustomLabel": True}


@dataclass(frozen=True)
class _Chart:
    """A chart of both languages. asked: its parameters in one of them."""

    name: str
    dataset: str
    kind: str
    title: Text
    said: Text
    asked: Callable[[_Asking], Content]


def _where(**values: str | Sequence[str]) -> list[Content]:
    """Rows whose columns have a value, or one of several."""
    return [
        {
            "clause": "WHERE",
            "expressionType": "SIMPLE",
            "subject": column,
            "operator": "==" if isinstance(value, str) else "IN",
            "comparator": value if isinstance(value, str) else list(value),
        }
        for column, value in values.items()
    ]


def _big(ask: _Asking, metric: str, shown: str, said: Text, filters: list[Content]) -> Content:
    return {
        "metric": ask.metric(metric, said),
        "adhoc_filters": filters,
        "y_axis_format": shown,
        "subtitle": ask.say(said),
        "header_font_size": 0.5,
        "subtitle_font_size": 0.2,
    }


def _quarter(place: str, metric: str, said: Text) -> Callable[[_Asking], Content]:
    return lambda ask: _big(
        ask, metric, _SHORT_MONEY, said, _where(scope="all", period_kind="quarter", period_place=place)
    )


_PERIOD = Text("Period", "期间")
_STAGE = Text("Stage", "阶段")
_RULE = Text("What the rule asks", "规则要求")
_SEVERITY = Text("Severity", "级别")
_OWNER = Text("Owner", "负责人")


def _periods(ask: _Asking) -> Content:
    money = {
        "sum_won_amount": Text("Won so far", "已赢单"),
        "sum_open_amount": Text("Open deals", "进行中商机"),
        "sum_new_business_amount": Text("Deals to come", "未来新增"),
        "sum_total_amount": Text("Forecast", "预测"),
        "p10_amount": Text("p10", "p10"),
        "p90_amount": Text("p90", "p90"),
        "target_amount": Text("Target", "目标"),
        "sum_gap_amount": Text("Gap (+ is short)", "缺口（正为不足）"),
    }
    return {
        "query_mode": "aggregate",
        "groupby": [ask.column("period_label", _PERIOD)],
        "metrics": [ask.metric(name, label) for name, label in money.items()],
        "timeseries_limit_metric": _order("min(period_kind || cast(period_start as varchar))"),
        "order_desc": False,
        "adhoc_filters": _where(scope="all", period_place=("running", "next")),
        "row_limit": 100,
        "column_config": {ask.say(label): {"d3NumberFormat": _MONEY} for label in money.values()},
        "show_cell_bars": False,
    }


def _order(expression: str) -> Content:
    """What rows are ordered by; it is not shown."""
    return {
        "expressionType": "SQL",
        "sqlExpression": expression,
        "label": "order",
        "hasCustomLabel": True,
        "optionName": "metric_order",
    }


def _months(ask: _Asking) -> Content:
    name = ask.say(Text("Forecast", "预测"))
    # By these endings Superset draws a line with the range that eight of ten outcomes fall into.
    measured = (("sum_total_amount", "__yhat"), ("p10_amount", "__yhat_lower"), ("p90_amount", "__yhat_upper"))
    return {
        "x_axis": "period_start",
        "time_grain_sqla": "P1M",
        "metrics": [ask.metric(metric, name + ending) for metric, ending in measured],
        "groupby": [],
        "adhoc_filters": _where(scope="all", period_kind="month"),
        "row_limit": 100,
        "show_legend": False,
        "rich_tooltip": True,
        "markerEnabled": True,
        "markerSize": 6,
        "y_axis_format": _SHORT_MONEY,
        "x_axis_time_format": "%Y-%m",
        "tooltipTimeFormat": "%Y-%m",
        "truncateYAxis": False,
        "y_axis_bounds": [0, None],
    }


def _teams(ask: _Asking) -> Content:
    return {
        "x_axis": ask.column("scope_value", Text("Team", "团队")),
        "x_axis_sort": ask.say(Text("Forecast", "预测")),
        "x_axis_sort_asc": True,
        "metrics": [ask.metric("sum_total_amount", Text("Forecast", "预测"))],
        "groupby": [],
        "adhoc_filters": _where(scope="team", period_kind="quarter", period_place="running"),
        "row_limit": 50,
        "orientation": "horizontal",
        "show_legend": False,
        "show_value": True,
        "y_axis_format": _SHORT_MONEY,
    }


def _stages(ask: _Asking) -> Content:
    expected = ask.metric("conversion_expected", Text("Expected in the end", "最终预期"))
    to_date = ask.metric("conversion_to_date", Text("To date", "截至目前"))
    return {
        "x_axis": ask.column("stage_label_{language}", _STAGE),
        "x_axis_sort": ask.say(_STAGE),
        "x_axis_sort_asc": False,
        "metrics": [expected, to_date],
        "groupby": [],
        "adhoc_filters": _where(segment="all", cohort_kind="all"),
        "row_limit": 100,
        "orientation": "horizontal",
        "show_legend": True,
        "legendOrientation": "top",
        "show_value": True,
        "y_axis_format": ".0%",
        "y_axis_bounds": [0, None],
        "truncateYAxis": True,
    }


def _stage_table(ask: _Asking) -> Content:
    counts = {
        "sum_reached": Text("Reached", "到达"),
        "sum_advanced": Text("Advanced", "推进"),
        "sum_lost": Text("Closed", "其他关闭"),
        "sum_still_open": Text("Open", "仍在进行"),
    }
    shares = {
        "conversion_expected": Text("Expected", "最终预期"),
        "conversion_to_date": Text("To date", "截至目前"),
        "conversion_to_date_low": Text("95 % from", "95% 下限"),
        "conversion_to_date_high": Text("95 % to", "95% 上限"),
    }
    shown = dict.fromkeys(map(ask.say, counts.values()), _WHOLE) | dict.fromkeys(map(ask.say, shares.values()), _SHARE)
    return {
        "query_mode": "aggregate",
        "groupby": [ask.column("stage_label_{language}", _STAGE)],
        "metrics": [ask.metric(name, label) for name, label in (counts | shares).items()],
        "timeseries_limit_metric": _order("min(stage_rank)"),
        "order_desc": False,
        "adhoc_filters": _where(segment="all", cohort_kind="all"),
        "row_limit": 100,
        "column_config": {label: {"d3NumberFormat": how} for label, how in shown.items()},
        "show_cell_bars": False,
    }


def _cohorts(ask: _Asking) -> Content:
    return {
        "x_axis": "cohort_start",
        "time_grain_sqla": "P3M",
        "metrics": [ask.metric("conversion_within_90d", Text("Within 90 days", "90天内"))],
        "groupby": [ask.column("stage_label_{language}", _STAGE)],
        "adhoc_filters": _where(segment="all", cohort_kind="quarter"),
        "row_limit": 10000,
        "show_legend": True,
        "legendOrientation": "top",
        "rich_tooltip": True,
        "markerEnabled": True,
        "markerSize": 4,
        "sort_series_type": "name",
        "sort_series_ascending": True,
        "y_axis_format": ".0%",
        "truncateYAxis": True,
        "x_axis_time_format": "%Y-%m",
        "tooltipTimeFormat": "%Y-%m",
    }


def _team_rates(ask: _Asking) -> Content:
    return {
        "groupbyRows": [ask.column("segment_value", Text("Team", "团队"))],
        "groupbyColumns": [ask.column("stage_label_{language}", _STAGE)],
        "metrics": [ask.metric("conversion_expected", Text("Expected", "最终预期"))],
        "metricsLayout": "COLUMNS",
        # One row stands behind each cell, and no other is shown: rates have no total.
        "aggregateFunction": "First",
        "adhoc_filters": _where(segment="team", cohort_kind="all"),
        "row_limit": 10000,
        "valueFormat": ".0%",
        "rowOrder": "key_a_to_z",
        "colOrder": "key_a_to_z",
    }


_OPEN = Text("Open violations", "未解决违规")
_DEALS = Text("Deals concerned", "涉及商机")


def _rules(ask: _Asking) -> Content:
    return {
        "query_mode": "aggregate",
        "groupby": [ask.column("severity_{language}", _SEVERITY), ask.column("rule_{language}", _RULE)],
        "metrics": [ask.metric("rows", _OPEN), ask.metric("count_deal_key", _DEALS)],
        "timeseries_limit_metric": ask.metric("rows", _OPEN),
        "order_desc": True,
        "adhoc_filters": [],
        "row_limit": 1000,
        "column_config": {
            ask.say(_OPEN): {"d3NumberFormat": _WHOLE},
            ask.say(_DEALS): {"d3NumberFormat": _WHOLE, "showCellBars": False},
        },
        "show_cell_bars": True,
    }


def _owners(ask: _Asking) -> Content:
    return {
        "x_axis": ask.column("owner_name", _OWNER),
        "x_axis_sort_series": "sum",
        "x_axis_sort_series_ascending": True,
        "sort_series_type": "name",
        "sort_series_ascending": True,
        "metrics": [ask.metric("rows", _OPEN)],
        "groupby": [ask.column("severity_{language}", _SEVERITY)],
        "adhoc_filters": [],
        "row_limit": 10000,
        "orientation": "horizontal",
        "stack": "Stack",
        "only_total": True,
        "show_value": True,
        "show_legend": True,
        "legendOrientation": "top",
        "y_axis_format": _WHOLE,
    }


# More than any deal is worth, so that a blocking violation of the smallest comes before a warning about the largest.
_BLOCKING_FIRST = "max(case severity when 'block' then 1000000000000 else 0 end + coalesce(amount_at_risk, 0))"


def _worklist(ask: _Asking) -> Content:
    amount, nights = Text("Amount of the deal", "商机金额"), Text("Nights open", "持续夜数")
    return {
        "query_mode": "aggregate",
        "groupby": [
            ask.column("severity_{language}", _SEVERITY),
            ask.column("deal_name", Text("Deal", "商机")),
            ask.column("stage_name_{language}", _STAGE),
            ask.column("rule_{language}", _RULE),
            ask.column("advice_{language}", Text("What to do", "处理办法")),
            ask.column("owner_name", _OWNER),
            ask.column("violation_id", Text("Violation", "违规编号")),
        ],
        "metrics": [ask.metric("amount_at_risk", amount), ask.metric("nights_open", nights)],
        "timeseries_limit_metric": _order(_BLOCKING_FIRST),
        "order_desc": True,
        "adhoc_filters": [],
        "row_limit": 10000,
        "page_length": 20,
        "include_search": True,
        "column_config": {
            ask.say(amount): {"d3NumberFormat": _MONEY},
            ask.say(nights): {"d3NumberFormat": _WHOLE},
        },
        "show_cell_bars": False,
    }


_IN_CURRENCY = Text("In the reporting currency.", "以报告货币计。")
_INTERVAL = Text(
    "The line is the forecast; eight times in ten the month ends within the band. Bands of months do not add up.",
    "折线为预测值；十次中约有八次落在色带之内。各月区间不可相加。",
)
_CHARTS = (
    _Chart(
        "forecast_running_quarter",
        "forecast_tonight",
        "big_number_total",
        Text("Running quarter", "本季度"),
        _IN_CURRENCY,
        _quarter("running", "sum_total_amount", Text("forecast tonight", "今晚的预测值")),
    ),
    _Chart(
        "forecast_running_low",
        "forecast_tonight",
        "big_number_total",
        Text("Low end (p10)", "下限 (p10)"),
        Text("One time in ten less comes.", "十次中有一次低于此数。"),
        _quarter("running", "p10_amount", Text("1 in 10: less comes", "十次中一次低于此数")),
    ),
    _Chart(
        "forecast_running_high",
        "forecast_tonight",
        "big_number_total",
        Text("High end (p90)", "上限 (p90)"),
        Text("One time in ten more comes.", "十次中有一次高于此数。"),
        _quarter("running", "p90_amount", Text("1 in 10: more comes", "十次中一次高于此数")),
    ),
    _Chart(
        "forecast_next_quarter",
        "forecast_tonight",
        "big_number_total",
        Text("Next quarter", "下季度"),
        _IN_CURRENCY,
        _quarter("next", "sum_total_amount", Text("forecast tonight", "今晚的预测值")),
    ),
    _Chart(
        "forecast_periods",
        "forecast_tonight",
        "table",
        Text("Running and next month and quarter", "本期与下期：月度与季度"),
        Text(
            "Forecast = won so far + open deals + deals to come. p10 and p90 hold eight of ten outcomes.",
            "预测 = 已赢单 + 进行中商机 + 未来新增。十次中约有八次落在 p10 与 p90 之间。",
        ),
        _periods,
    ),
    _Chart(
        "forecast_months",
        "forecast_tonight",
        "echarts_timeseries_line",
        Text("Forecast by month, with its 80 % interval", "月度预测及80%区间"),
        _INTERVAL,
        _months,
    ),
    _Chart(
        "forecast_teams",
        "forecast_tonight",
        "echarts_timeseries_bar",
        Text("Running quarter by team", "本季度：按团队"),
        _IN_CURRENCY,
        _teams,
    ),
    _Chart(
        "conversion_stages",
        "conversion_by_stage",
        "echarts_timeseries_bar",
        Text("Conversion by stage", "各阶段转化率"),
        Text(
            "Expected leaves open deals open; to date takes them as not advanced. Never multiply the rates of stages.",
            "“最终预期”将进行中商机视为未定；“截至目前”视其尚未推进。各阶段转化率不可相乘。",
        ),
        _stages,
    ),
    _Chart(
        "conversion_counts",
        "conversion_by_stage",
        "table",
        Text("Deals behind the rates", "转化率背后的商机数"),
        Text(
            "All cohorts. Reached = advanced + closed otherwise + open.",
            "全部批次。到达 = 推进 + 其他关闭 + 仍在进行。",
        ),
        _stage_table,
    ),
    _Chart(
        "conversion_cohorts",
        "conversion_by_stage",
        "echarts_timeseries_line",
        Text("Within 90 days, by quarter of entry", "90天内转化率：按进入季度"),
        Text("Only deals that had 90 days.", "仅统计已满90天的商机。"),
        _cohorts,
    ),
    _Chart(
        "conversion_teams",
        "conversion_by_stage",
        "pivot_table_v2",
        Text("Expected conversion by team", "各团队最终预期转化率"),
        Text("One row of the table stands behind each cell.", "每格对应表中一行。"),
        _team_rates,
    ),
    _Chart(
        "violations_count",
        "violations_open",
        "big_number_total",
        _OPEN,
        Text("Tonight, waived ones left out.", "今晚，不含已豁免。"),
        lambda ask: _big(ask, "rows", _WHOLE, Text("of all severities", "全部级别"), []),
    ),
    _Chart(
        "violations_blocking",
        "violations_open",
        "big_number_total",
        Text("Blocking", "阻断"),
        Text("Violations of severity block.", "级别为阻断的违规。"),
        lambda ask: _big(
            ask,
            "rows",
            _WHOLE,
            Text("a gate passed without its proof", "未具备证据即通过关口"),
            _where(severity="block"),
        ),
    ),
    _Chart(
        "violations_deals",
        "violations_open",
        "big_number_total",
        _DEALS,
        Text("A deal counts once.", "每个商机只计一次。"),
        lambda ask: _big(ask, "count_deal_key", _WHOLE, Text("each counted once", "每个只计一次"), []),
    ),
    _Chart(
        "violations_rules",
        "violations_open",
        "table",
        Text("By rule and severity", "按规则与级别"),
        Text("Most frequent first.", "最常见者在前。"),
        _rules,
    ),
    _Chart(
        "violations_owners",
        "violations_open",
        "echarts_timeseries_bar",
        Text("By owner", "按负责人"),
        Text("Open violations of each owner's deals.", "各负责人名下商机的未解决违规。"),
        _owners,
    ),
    _Chart(
        "violations_worklist",
        "violations_open",
        "table",
        Text("What to do", "待办清单"),
        Text(
            "Blocking ones first, then the largest deals; a deal stands once for each of its violations.",
            "阻断者在前，其次金额最大者；商机的每项违规各占一行。",
        ),
        _worklist,
    ),
)


def charts(expressions: Expressions) -> dict[str, Content]:
    """Every chart by its name, without uuid; `dataset` names the dataset that it asks."""
    found: dict[str, Content] = {}
    for chart in _CHARTS:
        for language in LANGUAGES:
            asking = _Asking(language, chart.dataset, expressions[chart.dataset])
            found[f"{chart.name}_{language}"] = {
                "slice_name": asking.say(chart.title),
                "description": asking.say(chart.said),
                "viz_type": chart.kind,
                "params": {"viz_type": chart.kind, **chart.asked(asking)},
                "cache_timeout": None,
                "dataset": chart.dataset,
            }
    return found


@dataclass(frozen=True)
class _Tab:
    """A tab: rows of charts with their widths of twelve, and the height of each row in eights of a pixel."""

    name: str
    title: Text
    said: Text
    rows: tuple[tuple[int, tuple[tuple[str, int], ...]], ...]


_TABS = (
    _Tab(
        "forecast",
        Text("Forecast", "预测"),
        Text(
            "What the leading method says tonight: the champion of its backtest, or `timed`. In reporting currency.",
            "今晚由领先方法给出：最优方法，否则为 `timed`。以报告货币计。",
        ),
        (
            (
                18,
                (
                    *(("forecast_running_quarter", 3), ("forecast_running_low", 3)),
                    *(("forecast_running_high", 3), ("forecast_next_quarter", 3)),
                ),
            ),
            (28, (("forecast_periods", 12),)),
            (44, (("forecast_months", 7), ("forecast_teams", 5))),
        ),
    ),
    _Tab(
        "conversion",
        Text("Conversion", "转化"),
        Text(
            "Deals that reached a stage, and how many went on. Choose one funnel: rates of several are never mixed.",
            "到达各阶段的商机及其推进情况。请选择一个漏斗：不同漏斗的比率不会混合。",
        ),
        (
            (50, (("conversion_stages", 5), ("conversion_counts", 7))),
            (50, (("conversion_cohorts", 5), ("conversion_teams", 7))),
        ),
    ),
    _Tab(
        "violations",
        Text("Violations", "违规"),
        Text(
            "Deals that passed a gate without its proof, or that break a standing rule, and what to do about each.",
            "未具备证据即通过关口、或违反常设规则的商机，以及各项处理办法。",
        ),
        (
            (18, (("violations_count", 4), ("violations_blocking", 4), ("violations_deals", 4))),
            (70, (("violations_rules", 6), ("violations_owners", 6))),
            (76, (("violations_worklist", 12),)),
        ),
    ),
)
_TITLE = Text("Sales funnel tonight", "今晚的销售漏斗")


@dataclass(frozen=True)
class _Filter:
    """A column to filter a tab by. chosen: its value from the start; is_needed: its charts are empty without one."""

    dataset: str
    column: str
    label: Text
    tab: str
    is_needed: bool = False
    chosen: str | None = None


_FILTERS = (
    _Filter("forecast_tonight", "funnel", Text("Forecast of", "预测范围"), "forecast", is_needed=True, chosen="all"),
    _Filter("conversion_by_stage", "funnel", Text("Funnel", "漏斗"), "conversion", is_needed=True),
    _Filter("violations_open", "team", Text("Team", "团队"), "violations"),
    _Filter("violations_open", "owner_name", _OWNER, "violations"),
    _Filter("violations_open", "severity_{language}", _SEVERITY, "violations"),
)


def dashboards(uuid: Callable[[str, str], str]) -> dict[str, Content]:
    """Both dashboards by their addresses, without uuid. uuid: the id of a thing of a kind, by its name."""
    return {f"stageproof-{language}": _dashboard(language, uuid) for language in LANGUAGES}


def _dashboard(language: str, uuid: Callable[[str, str], str]) -> Content:
    title = _TITLE.in_language(language)
    return {
        "dashboard_title": title,
        "description": None,
        "published": True,
        "position": _position(title, language, uuid),
        "metadata": {
            "color_scheme": "supersetColors",
            "label_colors": {
                "Blocking": _RED,
                "阻断": _RED,
                "Warning": _AMBER,
                "提醒": _AMBER,
                **dict.fromkeys(("Forecast", "预测", "Expected in the end", "最终预期"), _BLUE),
                **dict.fromkeys(("To date", "截至目前"), _GREY),
            },
            "refresh_frequency": 0,
            "cross_filters_enabled": True,
            "native_filter_configuration": [_filter(language, uuid, each) for each in _FILTERS],
        },
    }


def _filter(language: str, uuid: Callable[[str, str], str], asked: _Filter) -> Content:
    name, chosen = asked.column.format(language=language), asked.chosen
    mask: Content = {"filterState": {}, "extraFormData": {}}
    if chosen is not None:
        mask = {
            "filterState": {"value": [chosen], "label": chosen},
            "extraFormData": {"filters": [{"col": name, "op": "IN", "val": [chosen]}]},
        }
    return {
        "id": f"NATIVE_FILTER-{asked.dataset}-{name}",
        "type": "NATIVE_FILTER",
        "filterType": "filter_select",
        "name": asked.label.in_language(language),
        "description": "",
        "targets": [{"column": {"name": name}, "datasetUuid": uuid("dataset", asked.dataset)}],
        "scope": {"rootPath": [f"TAB-{asked.tab}"], "excluded": []},
        "controlValues": {
            "multiSelect": not asked.is_needed,
            "enableEmptyFilter": asked.is_needed,
            "defaultToFirstItem": asked.is_needed and chosen is None,
            "inverseSelection": False,
            "searchAllOptions": False,
        },
        "defaultDataMask": mask,
        "cascadeParentIds": [],
    }


def _position(title: str, language: str, uuid: Callable[[str, str], str]) -> Content:
    tabs = "TABS-stageproof"
    found: Content = {
        "DASHBOARD_VERSION_KEY": "v2",
        "ROOT_ID": {"type": "ROOT", "id": "ROOT_ID", "children": ["GRID_ID"]},
        "GRID_ID": {"type": "GRID", "id": "GRID_ID", "children": [tabs], "parents": ["ROOT_ID"]},
        "HEADER_ID": {"type": "HEADER", "id": "HEADER_ID", "meta": {"text": title}},
        tabs: {
            "type": "TABS",
            "id": tabs,
            "children": [f"TAB-{tab.name}" for tab in _TABS],
            "parents": ["ROOT_ID", "GRID_ID"],
            "meta": {},
        },
    }
    titles = {chart.name: chart.title.in_language(language) for chart in _CHARTS}
    number = 0
    for tab in _TABS:
        key = f"TAB-{tab.name}"
        above = ["ROOT_ID", "GRID_ID", tabs]
        said = f"ROW-{tab.name}-said"
        rows = [said, *(f"ROW-{tab.name}-{place}" for place in range(len(tab.rows)))]
        found[key] = {
            "type": "TAB",
            "id": key,
            "children": rows,
            "parents": above,
            "meta": {"text": tab.title.in_language(language)},
        }
        markdown = f"MARKDOWN-{tab.name}"
        found[said] = _row(said, [markdown], [*above, key])
        found[markdown] = {
            "type": "MARKDOWN",
            "id": markdown,
            "children": [],
            "parents": [*above, key, said],
            "meta": {"width": _WIDTH, "height": 8, "code": tab.said.in_language(language)},
        }
        for place, (height, stood) in enumerate(tab.rows):
            row = f"ROW-{tab.name}-{place}"
            found[row] = _row(row, [f"CHART-{name}" for name, _ in stood], [*above, key])
            for name, width in stood:
                number += 1
                found[f"CHART-{name}"] = {
                    "type": "CHART",
                    "id": f"CHART-{name}",
                    "children": [],
                    "parents": [*above, key, row],
                    "meta": {
                        "chartId": number,
                        "uuid": uuid("chart", f"{name}_{language}"),
                        "sliceName": titles[name],
                        "width": width,
                        "height": height,
                    },
                }
    return found


def _row(key: str, children: list[str], parents: list[str]) -> Content:
    return {
        "type": "ROW",
        "id": key,
        "children": children,
        "parents": parents,
        "meta": {"background": "BACKGROUND_TRANSPARENT"},
    }
