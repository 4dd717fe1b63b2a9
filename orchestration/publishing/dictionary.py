"""The data dictionary: every served table and column with what it means, as one HTML document.

Belongs here: which words stand for what a column is for; pure. Not here: what a table or a column means (`catalogue`).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from orchestration.publishing.catalogue import ADDITIVE, DIMENSION, KEY, MEASURE, TIME, TableMeaning, chinese
from orchestration.publishing.pages import render_page
from orchestration.publishing.wording import Text, same

# How a chart brings rows of a column together.
TOGETHER = {
    KEY: Text("Count different ones", "去重计数"),
    DIMENSION: Text("Group or filter", "分组或筛选"),
    TIME: Text("Order or group", "排序或分组"),
    ADDITIVE: Text("Add up", "可相加"),
    MEASURE: Text("Never add up or average", "不可相加或平均"),
}
UNITS = {
    "money": Text("money", "金额"),
    "days": Text("days", "天"),
    "weeks": Text("weeks", "周"),
    "seconds": Text("seconds", "秒"),
    "points": Text("percentage points", "百分点"),
    "a share from 0 to 1": Text("0 to 1", "0 至 1"),
}


@dataclass(frozen=True)
class _Column:
    name: str
    type: str
    role: str
    together: Text
    unit: Text | None
    said: Text


@dataclass(frozen=True)
class _Table:
    name: str
    row: Text
    key: tuple[str, ...]
    filter_one: tuple[str, ...]
    columns: tuple[_Column, ...]


def dictionary_page(meanings: Iterable[TableMeaning], language: str) -> str:
    """The page as one HTML document that needs no other file and no network. Equal meanings give equal text.

    language: en or zh, in which the page opens; both are in it.
    """
    tables = [_table(each) for each in sorted(meanings, key=lambda each: each.name)]
    return render_page(
        "dictionary.html.j2",
        language=language,
        data={},
        scripts=["dictionary.js"],
        styles=["dictionary.css"],
        has_lists=False,
        tables=tables,
        columns=sum(len(table.columns) for table in tables),
    )


def _table(meant: TableMeaning) -> _Table:
    columns = tuple(
        _Column(
            column.name,
            column.type,
            column.role,
            TOGETHER[column.role],
            UNITS.get(column.unit, same(column.unit)) if column.unit else None,
            _said(column.description),
        )
        for column in meant.columns
    )
    return _Table(meant.name, _said(meant.row), meant.key, meant.filter_one, columns)


def _said(sentence: str) -> Text:
    return Text(sentence, chinese().get(sentence, sentence))
