"""Gives the records of a file their columns and types; what cannot be read is set apart with a reason.

Vectorised over columns, pure. A value is never guessed, rounded or filled in: it is read as its mapping says, or
its record is quarantined.
"""

from dataclasses import dataclass
from functools import reduce

import polars as pl

from orchestration.ingest.mapping import Column, CrmMapping, HeaderMatch, ObjectMapping
from orchestration.ingest.reading import RECORD, Records

TYPES: dict[str, pl.DataType] = {
    "text": pl.String(),
    "money": pl.Decimal(18, 2),
    "rate": pl.Decimal(18, 8),
    "number": pl.Float64(),
    "integer": pl.Int64(),
    "boolean": pl.Boolean(),
    "date": pl.Date(),
    "instant": pl.Datetime("us", "UTC"),
    "share": pl.Float64(),
}
ISO_OFFSET = r"(?:Z|[+-]\d\d:?\d\d)$"
ISO_DATE = r"^\d{4}-\d{2}-\d{2}$"
ISO_INSTANT = r"^\d{4}-\d{2}-\d{2}[T ]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?$"
# A date exported as an instant at midnight is still that date; one with a time of day is not a date.
MIDNIGHT = r"^(\d{4}-\d{2}-\d{2})[T ]0{1,2}:00(?::00(?:\.0+)?)?(?:Z|[+-]\d\d:?\d\d)?$"
DECIMAL = r"^[+-]?\d+(?:\.\d+)?$"
TRUE = ("true", "t", "yes", "y", "1", "1.0", "是")
FALSE = ("false", "f", "no", "n", "0", "0.0", "否")

QUARANTINE_SCHEMA = {RECORD: pl.Int64(), "column": pl.String(), "reason": pl.String(), "value": pl.String()}


@dataclass(frozen=True)
class Typed:
    """The typed records of a file, its further columns as tall attributes, and what was refused.

    `refused` has a row for each thing wrong with a record: `_record`, `column`, `reason`, `value`.
    `attributes`: `record_id`, `attribute`, `attribute_value`, `_record`.
    """

    frame: pl.DataFrame
    attributes: pl.DataFrame
    refused: pl.DataFrame

    @property
    def refused_records(self) -> int:
        return self.refused[RECORD].n_unique()


def cast(records: Records, match: HeaderMatch, mapping: CrmMapping, name: str, time_zone: str) -> Typed:
    """Type the records of one object's file.

    Rows in = rows of `frame` + distinct records of `refused`.
    """
    each = mapping.resolved_objects()[name]
    constants = mapping.constants.get(name, {})
    by_column = {column: header for header, column in match.columns.items()}
    texts = records.frame.select(
        pl.col(RECORD),
        *(
            pl.col(by_column[column]).alias(column)
            if column in by_column
            else pl.lit(constants.get(column), dtype=pl.String).alias(column)
            for column in each.columns
        ),
    )
    typed = texts.select(
        pl.col(RECORD),
        *(_typed(pl.col(column), spec, mapping, time_zone).alias(column) for column, spec in each.columns.items()),
    )
    refused = [_ragged(records), *_unreadable(texts, typed, each), *_absent(texts, each)]
    wrong = pl.concat(refused)
    sound = typed.filter(~pl.col(RECORD).is_in(wrong[RECORD].implode()))
    repeated = _repeated(sound, each)
    sound = sound.filter(~pl.col(RECORD).is_in(repeated[RECORD].implode()))
    attributes = _attributes(records.frame, sound, match, each)
    return Typed(sound, attributes, pl.concat([wrong, repeated]).sort(RECORD, "column"))


def _typed(text: pl.Expr, spec: Column, mapping: CrmMapping, time_zone: str) -> pl.Expr:
    match spec.type:
        case "text":
            return text
        case "money":
            return _decimal(text, places=2)
        case "rate":
            return _decimal(text, places=8)
        case "number":
            number = text.str.strip_chars().cast(pl.Float64, strict=False)
            return pl.when(number.is_finite()).then(number)
        case "share":
            share = text.str.strip_chars().cast(pl.Float64, strict=False)
            share = share / 100 if spec.percent else share
            return pl.when(share.is_between(0, 1)).then(share)
        case "integer":
            whole = text.str.strip_chars()
            return pl.when(whole.str.contains(r"^[+-]?\d+(?:\.0+)?$")).then(
                whole.str.replace(r"\.0+$", "").cast(pl.Int64, strict=False)
            )
        case "boolean":
            word = text.str.strip_chars().str.to_lowercase()
            return pl.when(word.is_in(TRUE)).then(True).when(word.is_in(FALSE)).then(False)
        case "date":
            return _date(text.str.strip_chars(), mapping.formats.date)
        case "instant":
            return _instant(text.str.strip_chars(), mapping.formats.instant, time_zone)


def _decimal(text: pl.Expr, places: int) -> pl.Expr:
    """Exact decimals; more places than the type holds make a value unreadable, not rounded."""
    stripped = text.str.strip_chars()
    fits = stripped.str.contains(DECIMAL) & stripped.str.contains(
        rf"^[+-]?\d{{1,{18 - places}}}(?:\.\d{{0,{places}}}0*)?$"
    )
    return pl.when(fits).then(
        stripped.str.replace(rf"(\.\d{{{places}}})0+$", "$1").cast(pl.Decimal(18, places), strict=False)
    )


def _date(text: pl.Expr, formats: tuple[str, ...]) -> pl.Expr:
    if formats:
        return pl.coalesce(text.str.to_date(each, strict=False) for each in formats)
    day = text.str.replace(MIDNIGHT, "$1")
    return pl.when(day.str.contains(ISO_DATE)).then(day.str.to_date("%Y-%m-%d", strict=False))


def _instant(text: pl.Expr, formats: tuple[str, ...], time_zone: str) -> pl.Expr:
    """UTC instants; what carries no offset is local to the company.

    A local time that the clocks skipped has no instant and is unreadable; one that they repeated is the first.
    """
    if formats:
        # to_datetime needs a time of day in its format; a format without one is of a date, at its start.
        parsed = [
            text.str.to_datetime(each, strict=False, time_unit="us")
            if "%H" in each or "%I" in each
            else text.str.to_date(each, strict=False).cast(pl.Datetime("us"))
            for each in formats
        ]
        return _from_local(pl.coalesce(parsed), time_zone)
    instant = (
        text.str.replace(r"^(\d{4}-\d{2}-\d{2}) ", "${1}T")
        .str.replace(r"Z$", "+00:00")
        .str.replace(r"T(\d):", "T0${1}:")
        .str.replace(r"(T\d\d:\d\d)($|[+-])", "${1}:00${2}")
        .str.replace(r"^(\d{4}-\d{2}-\d{2})$", "${1}T00:00:00")
    )
    is_iso = text.str.contains(ISO_INSTANT) | text.str.contains(ISO_DATE)
    with_offset = instant.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%z", strict=False, time_unit="us")
    local = instant.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", strict=False, time_unit="us")
    has_offset = text.str.contains(ISO_OFFSET) & ~text.str.contains(ISO_DATE)
    return pl.when(is_iso & has_offset).then(with_offset).when(is_iso).then(_from_local(local, time_zone))


def _from_local(local: pl.Expr, time_zone: str) -> pl.Expr:
    zoned = local.dt.replace_time_zone(time_zone, ambiguous="earliest", non_existent="null")
    return zoned.dt.convert_time_zone("UTC")


def _ragged(records: Records) -> pl.DataFrame:
    return records.ragged.select(
        pl.col(RECORD),
        pl.lit(None, dtype=pl.String).alias("column"),
        pl.lit("ragged_record").alias("reason"),
        pl.col("text").alias("value"),
    )


def _unreadable(texts: pl.DataFrame, typed: pl.DataFrame, each: ObjectMapping) -> list[pl.DataFrame]:
    """Filled values that their type could not read."""
    return [
        _refusals(texts.filter(pl.col(column).is_not_null() & typed[column].is_null()), column, f"bad_{spec.type}")
        for column, spec in each.columns.items()
        if spec.type != "text"
    ]


def _absent(texts: pl.DataFrame, each: ObjectMapping) -> list[pl.DataFrame]:
    """Records without a value in a column that needs one."""
    return [
        _refusals(
            texts.filter(pl.col(column).is_null()), column, "missing_key" if column in each.key else "missing_value"
        )
        for column, spec in each.columns.items()
        if not spec.nullable
    ]


def _refusals(rows: pl.DataFrame, column: str, reason: str) -> pl.DataFrame:
    return rows.select(
        pl.col(RECORD),
        pl.lit(column).alias("column"),
        pl.lit(reason).alias("reason"),
        pl.col(column).alias("value"),
    )


def _repeated(sound: pl.DataFrame, each: ObjectMapping) -> pl.DataFrame:
    """Records whose key stands more than once in the file.

    Where all say the same, the first is kept. Where they differ nothing tells which is right, and none is.
    """
    key = list(each.key)
    again = sound.filter(pl.struct(key).is_duplicated())
    if again.is_empty():
        return pl.DataFrame(schema=QUARANTINE_SCHEMA)
    columns = [column for column in sound.columns if column != RECORD]
    spread = again.group_by(key).agg(
        pl.struct(columns).n_unique().alias("versions"), pl.col(RECORD).min().alias("first")
    )
    judged = again.join(spread, on=key, nulls_equal=True)
    judged = judged.filter((pl.col("versions") > 1) | (pl.col(RECORD) != pl.col("first")))
    joined_key = reduce(lambda left, right: left + "|" + right, [_shown(column) for column in key])
    return judged.select(
        pl.col(RECORD),
        pl.lit(",".join(key)).alias("column"),
        pl.when(pl.col("versions") > 1)
        .then(pl.lit("conflicting_duplicate"))
        .otherwise(pl.lit("repeated_record"))
        .alias("reason"),
        joined_key.alias("value"),
    )


def _shown(column: str) -> pl.Expr:
    return pl.col(column).cast(pl.String).fill_null("")


def _attributes(frame: pl.DataFrame, sound: pl.DataFrame, match: HeaderMatch, each: ObjectMapping) -> pl.DataFrame:
    """Unmapped columns as tall rows. Blanks are rows too, so that a later blank takes the place of a value."""
    schema = {"record_id": pl.String(), "attribute": pl.String(), "attribute_value": pl.String(), RECORD: pl.Int64()}
    if not match.unknown:
        return pl.DataFrame(schema=schema)
    record_id = reduce(lambda left, right: left + "|" + right, [_shown(column) for column in each.key])
    ids = sound.select(pl.col(RECORD), record_id.alias("record_id"))
    return (
        frame.select(RECORD, *match.unknown)
        .join(ids, on=RECORD)
        .unpivot(
            on=list(match.unknown), index=["record_id", RECORD], variable_name="attribute", value_name="attribute_value"
        )
        .with_columns(pl.col("attribute").replace({name: attribute_name(name) for name in match.unknown}))
        .select(list(schema))
        .sort(RECORD, "attribute")
    )


def attribute_name(header: str) -> str:
    """`x_segment` is the attribute segment; any other header keeps its name in lower case."""
    return header.strip().lower().removeprefix("x_")
