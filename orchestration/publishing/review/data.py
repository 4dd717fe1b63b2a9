"""What the review says of the data itself: what came in, what was refused and why, what is expected of it, what jumped.

Belongs here: choosing, ordering and wording; pure. Not here: refusing a record (`ingest`), judging an expectation
(`quality`). The English of `HOW_TO_RELEASE` is that of the quarantine itself; a test holds the two together.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from orchestration.publishing.review.content import ExpectationLine, IncidentLine, Load
from orchestration.publishing.review.names import Names
from orchestration.publishing.wording import Text, local_time, same

LOADS_SCHEMA = {
    "crm": pl.String(),
    "object": pl.String(),
    "file": pl.String(),
    "extracted_at": pl.Datetime("us", "UTC"),
    "rows_in": pl.Int64(),
    "rows_loaded": pl.Int64(),
    "rows_quarantined": pl.Int64(),
}
REFUSED_SCHEMA = {
    "crm": pl.String(),
    "object": pl.String(),
    "file": pl.String(),
    "extracted_at": pl.Datetime("us", "UTC"),
    "record": pl.Int64(),
    "line": pl.Int64(),
    "byte_offset": pl.Int64(),
    "column": pl.String(),
    "reason": pl.String(),
    "value": pl.String(),
    "raw_text": pl.String(),
    "how_to_release": pl.String(),
    "is_new": pl.Boolean(),
}
# A broken export refuses records by the thousand, all for one reason; the page names the newest, the quarantine all.
REFUSALS_LISTED = 5000
# Enough to recognise a record by. The quarantine keeps it whole.
RAW_TEXT_CHARACTERS = 500

REASONS = {
    "ragged_record": Text("More or fewer fields than the header", "字段数与表头不符"),
    "undecodable_bytes": Text("Text in another encoding", "文本编码不符"),
    "bad_json": Text("Not one JSON object on one line", "不是单行 JSON 对象"),
    "missing_key": Text("The id is missing", "缺少记录标识"),
    "missing_value": Text("A required value is missing", "缺少必填值"),
    "conflicting_duplicate": Text(
        "Another record has the same id and says otherwise", "另有相同标识的记录，内容不一致"
    ),
    "repeated_record": Text("The same record again", "重复的记录"),
    "bad_text": Text("Not readable as text", "无法读作文本"),
    "bad_money": Text("Not readable as an amount", "无法读作金额"),
    "bad_rate": Text("Not readable as a rate", "无法读作汇率"),
    "bad_number": Text("Not readable as a number", "无法读作数字"),
    "bad_integer": Text("Not readable as a whole number", "无法读作整数"),
    "bad_boolean": Text("Neither true nor false", "既非“是”也非“否”"),
    "bad_date": Text("Not readable as a date", "无法读作日期"),
    "bad_instant": Text("Not readable as a date and time", "无法读作日期和时间"),
    "bad_share": Text("Not a share between 0 and 1", "不是 0 到 1 之间的比例"),
}
_RELEASE_OF_A_VALUE = Text(
    "Say with `formats` in defs.yaml how the export writes this column and run the night again, or correct the value "
    "in the CRM; the next extract that holds the record loads it.",
    "在 defs.yaml 的 `formats` 中说明该列的写法并重新运行当晚，或在 CRM 中更正该值；下一次包含该记录的提取会将其载入。",
)
HOW_TO_RELEASE = {
    **{reason: _RELEASE_OF_A_VALUE for reason in REASONS if reason.startswith("bad_")},
    "ragged_record": Text(
        "Put the field that holds a delimiter or a line end into quotes, or correct the record in the CRM; the next "
        "extract that holds it loads it.",
        "将含有分隔符或换行的字段加上引号，或在 CRM 中更正该记录；下一次包含该记录的提取会将其载入。",
    ),
    "undecodable_bytes": Text(
        "Say with `encoding` in defs.yaml how the export is written and run the night again, or correct the text in "
        "the CRM; the next extract that holds it loads it.",
        "在 defs.yaml 的 `encoding` 中说明导出编码并重新运行当晚，或在 CRM 中更正；下一次包含该记录的提取会将其载入。",
    ),
    "bad_json": Text(
        "Export the record again as one JSON object on one line; the next extract that holds it loads it.",
        "将该记录重新导出为单行 JSON 对象；下一次包含该记录的提取会将其载入。",
    ),
    "missing_key": Text(
        "Export the record with its id; the next extract that holds it loads it.",
        "导出该记录时带上其标识；下一次包含该记录的提取会将其载入。",
    ),
    "missing_value": Text(
        "Fill in the field in the CRM; the next extract that holds the record loads it.",
        "在 CRM 中填写该字段；下一次包含该记录的提取会将其载入。",
    ),
    "conflicting_duplicate": Text(
        "Find out which of the records with this key is right and export that one alone; the next extract that holds "
        "it loads it.",
        "查明相同标识的记录中哪一条正确，只导出那一条；下一次包含该记录的提取会将其载入。",
    ),
    "repeated_record": Text(
        "Nothing needs to be done: the first of the identical records is loaded.",
        "无需处理：相同记录中的第一条已载入。",
    ),
}


def refused(records: pl.DataFrame, zone: ZoneInfo) -> pl.DataFrame:
    """`Tables.refused` of the refused records (REFUSED_SCHEMA), at most REFUSALS_LISTED of them."""
    words = pl.DataFrame(
        [
            (reason, name.en, name.zh, HOW_TO_RELEASE[reason].en, HOW_TO_RELEASE[reason].zh)
            for reason, name in REASONS.items()
        ],
        schema=["reason", "reason_en", "reason_zh", "release_en", "release_zh"],
        orient="row",
    )
    return (
        records.select(*REFUSED_SCHEMA)
        .head(REFUSALS_LISTED)
        .join(words, on="reason", how="left", maintain_order="left")
        .with_columns(
            pl.col("extracted_at").dt.convert_time_zone(zone.key).dt.strftime("%Y-%m-%d %H:%M"),
            pl.col("value", "raw_text").str.slice(0, RAW_TEXT_CHARACTERS),
            pl.coalesce("reason_en", "reason").alias("reason_en"),
            pl.coalesce("reason_zh", "reason").alias("reason_zh"),
            pl.coalesce("release_en", "how_to_release").alias("release_en"),
            pl.coalesce("release_zh", "how_to_release").alias("release_zh"),
        )
        .drop("byte_offset", "how_to_release")
    )


def loads(taken: pl.DataFrame | None, zone: ZoneInfo) -> tuple[Load, ...]:
    """One line per extract file (LOADS_SCHEMA), oldest first; none where the ledger is not at hand."""
    if taken is None:
        return ()
    return tuple(
        Load(**{**row, "extracted_at": local_time(row["extracted_at"], zone)})
        for row in taken.select(*LOADS_SCHEMA).sort("extracted_at", "crm", "object", "file").iter_rows(named=True)
    )


def held(night: Mapping[str, Any]) -> tuple[str, ...]:
    """Why each extract is held that the night did without."""
    return tuple(json.loads(night["held_reasons"]))


_STATUS_ORDER = {"errored": 0, "failed": 1, "not_evaluated": 2, "passed": 3}


def expectations(results: pl.DataFrame, business_date: date) -> tuple[ExpectationLine, ...]:
    """Every expectation of the data tonight: first what failed, blocking ones before warnings."""
    tonight = results.filter(pl.col("business_date") == business_date)
    lines = [
        ExpectationLine(
            expected=Text(row["wording_en"], row["wording_zh"]),
            subject=row["subject"],
            severity=row["severity"],
            status=row["status"],
            evaluated=row["evaluated"],
            observed=row["observed"],
            lower=row["lower"],
            upper=row["upper"],
            is_in_days=row["expectation"] == "extract_stale",
        )
        for row in tonight.sort("suite", "expectation", "subject").iter_rows(named=True)
    ]
    return tuple(sorted(lines, key=lambda line: (_STATUS_ORDER.get(line.status, 0), line.severity != "block")))


def incidents(found: pl.DataFrame, business_date: date, names: Names) -> tuple[IncidentLine, ...]:
    """The counts that jumped tonight; a rule by what it expects."""
    return tuple(_incidents(found.filter(pl.col("business_date") == business_date).sort("kind", "subject"), names))


def _incidents(tonight: pl.DataFrame, names: Names) -> Iterable[IncidentLine]:
    for row in tonight.iter_rows(named=True):
        is_rule = row["kind"] == "rule"
        subject = names.rule(row["subject"], "").expected if is_rule else same(row["subject"])
        yield IncidentLine(row["kind"], subject, row["observed"], row["usual_low"], row["usual_high"])
