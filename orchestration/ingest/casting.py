"""Gives records their columns and types; what cannot be read is set apart with a reason.

Vectorised over columns, pure. A value is never guessed, rounded or filled in: it is read as its mapping says, or its
record is quarantined. Each type first tries the plain form that nearly all values have.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, timedelta
from decimal import Decimal
from functools import reduce

import polars as pl

from orchestration.ingest.mapping import Column, CrmMapping, Formats, HeaderMatch, ObjectMapping
from orchestration.ingest.personal import without_personal
from orchestration.ingest.reading import RECORD, REFUSED_SCHEMA, Chunk

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
ATTRIBUTE_SCHEMA = {
    "record_id": pl.String(),
    "attribute": pl.String(),
    "attribute_value": pl.String(),
    RECORD: pl.Int64(),
}
# Digits are 0 to 9: `\d` would take those of any script.
DAY, CLOCK, OFFSET = "[0-9]{4}-[0-9]{2}-[0-9]{2}", "[0-9]{2}:[0-9]{2}", "(?:Z|[+-][0-9]{2}:?[0-9]{2})"
ISO_OFFSET = rf"{OFFSET}$"
ISO_DATE = rf"^{DAY}$"
ISO_INSTANT = rf"^{DAY}[T ][0-9]{{1,2}}:[0-9]{{2}}(?::[0-9]{{2}}(?:\.[0-9]+)?)?{OFFSET}?$"
PLAIN_INSTANT = rf"^{DAY}T{CLOCK}:[0-9]{{2}}(?:Z|[+-]{CLOCK})?$"
PLAIN_INSTANT_LENGTH = 19
# A date exported as an instant at midnight is still that date; one with a time of day is not a date.
MIDNIGHT = rf"^({DAY})[T ]0{{1,2}}:00(?::00(?:\.0+)?)?{OFFSET}?$"
EPOCHS = {"epoch_ms": "ms", "epoch_s": "s"}
ISO = "iso"
DIGITS = 18
FULL_WIDTH = {chr(0xFF10 + digit): str(digit) for digit in range(10)} | {"．": ".", "，": ",", "－": "-", "＋": "+"}
TRUE = ("true", "t", "yes", "y", "1", "1.0", "是")
FALSE = ("false", "f", "no", "n", "0", "0.0", "否")


@dataclass(frozen=True)
class Plan:
    """How the records of one file become those of its object."""

    object: ObjectMapping
    match: HeaderMatch
    constants: Mapping[str, str]
    attributes: Sequence[str]
    listed: frozenset[str]
    formats: Formats
    time_zone: str

    @staticmethod
    def of(mapping: CrmMapping, name: str, match: HeaderMatch, attributes: Sequence[str], time_zone: str) -> "Plan":
        """`attributes`: the headers that nothing maps and that are kept all the same."""
        return Plan(
            object=mapping.resolved_objects()[name],
            match=match,
            constants=mapping.constants.get(name, {}),
            attributes=attributes,
            listed=frozenset(mapping.attributes.get(name, ())),
            formats=mapping.formats,
            time_zone=mapping.formats.time_zone or time_zone,
        )


@dataclass(frozen=True)
class Typed:
    """The typed records of a chunk, its further columns as tall attributes, and what was refused.

    `refused` has a row for each thing wrong with a record: `_record`, `column`, `reason`, `value`.
    `attributes`: `record_id`, `attribute`, `attribute_value`, `_record`.
    """

    frame: pl.DataFrame
    attributes: pl.DataFrame
    refused: pl.DataFrame

    @property
    def refused_records(self) -> int:
        return self.refused[RECORD].n_unique()


def cast(chunk: Chunk, plan: Plan) -> Typed:
    """Type the records of one chunk.

    Records of the chunk = rows of `frame` + distinct records of `refused`.
    """
    texts = _texts(chunk.frame, plan)
    columns = plan.object.columns
    typed = [_typed(texts[name], spec, plan.formats, plan.time_zone) for name, spec in columns.items()]
    refused = [chunk.refused, *_unreadable(texts, typed, plan.object), *_absent(texts, plan.object)]
    wrong = pl.concat(refused)
    frame = pl.DataFrame([*typed, chunk.frame[RECORD]])
    if wrong.height > chunk.refused.height:
        frame = frame.filter(~pl.col(RECORD).is_in(wrong[RECORD].implode()))
    return Typed(frame, _attributes(chunk.frame, frame, plan), wrong.sort(RECORD, "column"))


def record_id(key: Sequence[str]) -> pl.Expr:
    """The key of a record as one text."""
    return reduce(lambda left, right: left + "|" + right, [pl.col(each).cast(pl.String).fill_null("") for each in key])


def attribute_name(header: str) -> str:
    """`x_segment` is the attribute segment; any other header keeps its name in lower case."""
    return header.strip().lower().removeprefix("x_")


def _texts(frame: pl.DataFrame, plan: Plan) -> pl.DataFrame:
    by_column = {column: header for header, column in plan.match.columns.items()}
    return frame.select(
        pl.col(RECORD),
        *(
            pl.col(by_column[column]).alias(column)
            if column in by_column
            else pl.lit(plan.constants.get(column), dtype=pl.String).alias(column)
            for column in plan.object.columns
        ),
    )


def _typed(text: pl.Series, spec: Column, formats: Formats, time_zone: str) -> pl.Series:
    if text.null_count() == len(text):
        return text.cast(TYPES[spec.type])
    match spec.type:
        case "text":
            return text
        case "money":
            return _decimal(text, 2, formats)
        case "rate":
            return _decimal(text, 8, formats)
        case "integer":
            return _decimal(text, 0, formats).cast(pl.Int64)
        case "number":
            return _number(text, formats)
        case "share":
            share = _number(text.str.strip_suffix("%"), formats) / 100 if spec.percent else _number(text, formats)
            return _where(share.is_between(0, 1), share)
        case "boolean":
            return _boolean(text, spec)
        case "date":
            return _date(text, spec.formats or formats.date, time_zone)
        case "instant":
            return _instant(text, spec.formats or formats.instant, time_zone)


def _decimal(text: pl.Series, places: int, formats: Formats) -> pl.Series:
    """Exact decimals; more places than the type holds make a value unreadable, not rounded."""
    kind = pl.Decimal(DIGITS, places)
    fits = rf"^[+-]?[0-9]{{1,{DIGITS - places}}}(?:\.[0-9]{{0,{places}}}0*)?$"
    is_plain = text.str.contains(fits)
    if _is_default(formats) and is_plain.all():
        return text.cast(kind)
    number = _plain_number(text, formats)
    number = _where(number.str.contains(fits), number)
    # The cast rounds what is behind its places; only zeros are left there.
    return number.str.replace(rf"(\.[0-9]{{{places}}})0+$", "$1").str.strip_suffix(".").cast(kind)


def _number(text: pl.Series, formats: Formats) -> pl.Series:
    if _is_default(formats):
        number = text.cast(pl.Float64, strict=False)
        if number.null_count() == text.null_count() and number.is_finite().all():
            return number
    number = _plain_number(text, formats).cast(pl.Float64, strict=False)
    return _where(number.is_finite(), number)


def _is_default(formats: Formats) -> bool:
    return (
        formats.decimal_separator == "."
        and formats.thousands_separator is None
        and not formats.multipliers
        and not formats.full_width_digits
    )


def _plain_number(text: pl.Series, formats: Formats) -> pl.Series:
    """Numbers as the mapping says they are written, in digits with a decimal point; others become null."""
    number = text.str.strip_chars()
    if formats.full_width_digits:
        number = number.str.replace_many(FULL_WIDTH)
    if formats.multipliers:
        words = "|".join(re.escape(word) for word in sorted(formats.multipliers, key=len, reverse=True))
        multiplied = number.str.contains(f"(?:{words})$")
        if multiplied.any():
            plain = _separated(number.str.replace(rf"\s*(?:{words})$", ""), formats)
            factor = number.str.extract(f"({words})$").replace_strict(formats.multipliers, return_dtype=pl.Int64)
            product = pl.Series(
                number.name,
                [
                    None if one is None or times is None else f"{Decimal(one) * times:f}"
                    for one, times in zip(plain, factor, strict=True)
                ],
                dtype=pl.String,
            )
            return product.zip_with(multiplied.fill_null(value=False), _separated(number, formats))
    return _separated(number, formats)


def _separated(number: pl.Series, formats: Formats) -> pl.Series:
    """Without thousands separators, with a decimal point. A separator out of its place makes no number."""
    point = re.escape(formats.decimal_separator)
    fraction = rf"(?:{point}[0-9]*)?(?:[eE][+-]?[0-9]+)?"
    pattern = rf"^[+-]?[0-9]+{fraction}$"
    if formats.thousands_separator:
        between = re.escape(formats.thousands_separator)
        pattern += rf"|^[+-]?[0-9]{{1,3}}(?:{between}[0-9]{{3}})+{fraction}$"
    sound = _where(number.str.contains(pattern), number)
    if formats.thousands_separator:
        sound = sound.str.replace_all(formats.thousands_separator, "", literal=True)
    return (
        sound if formats.decimal_separator == "." else sound.str.replace(formats.decimal_separator, ".", literal=True)
    )


def _boolean(text: pl.Series, spec: Column) -> pl.Series:
    word = text.str.strip_chars().str.to_lowercase()
    true = [value.strip().lower() for value in spec.true_values or TRUE]
    false = [value.strip().lower() for value in spec.false_values or FALSE]
    is_true = word.is_in(true)
    return _where(is_true | word.is_in(false), is_true)


def _date(text: pl.Series, formats: Sequence[str], time_zone: str) -> pl.Series:
    if not formats and text.str.contains(ISO_DATE).all():
        return text.str.to_date("%Y-%m-%d", strict=False)
    stripped = text.str.strip_chars()
    read = [
        _iso_date(stripped)
        if each == ISO
        # A date as milliseconds is midnight in the company's time zone.
        else _epoch(stripped, each).dt.convert_time_zone(time_zone).dt.date()
        if each in EPOCHS
        else stripped.str.to_date(each, strict=False)
        for each in formats or (ISO,)
    ]
    return _first(read)


def _iso_date(text: pl.Series) -> pl.Series:
    day = text.str.replace(MIDNIGHT, "$1")
    return _where(day.str.contains(ISO_DATE), day).str.to_date("%Y-%m-%d", strict=False)


def _epoch(text: pl.Series, unit: str) -> pl.Series:
    whole = _where(text.str.contains(r"^-?[0-9]{1,16}(?:\.0+)?$"), text).str.replace(r"\.0+$", "").cast(pl.Int64)
    return (whole * (1_000 if unit == "epoch_ms" else 1_000_000)).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")


def _instant(text: pl.Series, formats: Sequence[str], time_zone: str) -> pl.Series:
    """UTC instants; what carries no offset is local to the company.

    A local time that the clocks skipped has no instant and is unreadable; one that they repeated is the first.
    """
    if not formats and text.str.contains(PLAIN_INSTANT).all():
        return _plain_instant(text, time_zone)
    stripped = text.str.strip_chars()
    read = [
        _iso_instant(stripped, time_zone)
        if each == ISO
        else _epoch(stripped, each)
        if each in EPOCHS
        else _declared_instant(stripped, each, time_zone)
        for each in formats or (ISO,)
    ]
    return _first(read)


def _plain_instant(text: pl.Series, time_zone: str) -> pl.Series:
    """`2026-03-31T21:30:00` with one offset or a few; no offset is shifted by parsing it for each value."""
    offsets = text.str.slice(PLAIN_INSTANT_LENGTH)
    local = text.str.head(PLAIN_INSTANT_LENGTH).str.to_datetime("%Y-%m-%dT%H:%M:%S", strict=False, time_unit="us")
    kinds = offsets.drop_nulls().unique().to_list()
    if set(kinds) <= {""}:
        return _from_local(local, time_zone)
    minutes = {kind: _offset_minutes(kind) for kind in kinds}
    if len(kinds) == 1:
        return (local - timedelta(minutes=minutes[kinds[0]])).dt.replace_time_zone("UTC")
    shift = offsets.replace_strict(minutes, return_dtype=pl.Int64) * 60_000_000
    instant = (local - shift.cast(pl.Duration("us"))).dt.replace_time_zone("UTC")
    return instant if "" not in kinds else _from_local(local, time_zone).zip_with(offsets == "", instant)


def _offset_minutes(offset: str) -> int:
    if offset in ("", "Z"):
        return 0
    minutes = int(offset[1:3]) * 60 + int(offset[-2:])
    return -minutes if offset[0] == "-" else minutes


def _iso_instant(text: pl.Series, time_zone: str) -> pl.Series:
    is_date = text.str.contains(ISO_DATE)
    is_iso = text.str.contains(ISO_INSTANT) | is_date
    instant = (
        _where(is_iso, text)
        .str.replace(rf"^({DAY}) ", "${1}T")
        .str.replace(r"Z$", "+00:00")
        .str.replace(r"T([0-9]):", "T0${1}:")
        .str.replace(r"(T[0-9][0-9]:[0-9][0-9])($|[+-])", "${1}:00${2}")
        .str.replace(rf"^({DAY})$", "${1}T00:00:00")
    )
    has_offset = (text.str.contains(ISO_OFFSET) & ~is_date).fill_null(value=False)
    with_offset = _where(has_offset, instant).str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%z", strict=False, time_unit="us")
    local = _where(~has_offset, instant).str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", strict=False, time_unit="us")
    return _first([with_offset.dt.convert_time_zone("UTC"), _from_local(local, time_zone)])


def _declared_instant(text: pl.Series, written: str, time_zone: str) -> pl.Series:
    # to_datetime needs a time of day in its format; a format without one is of a date, at its start.
    if "%z" in written:
        return text.str.to_datetime(written, strict=False, time_unit="us").dt.convert_time_zone("UTC")
    if any(part in written for part in ("%H", "%I", "%T", "%R")):
        return _from_local(text.str.to_datetime(written, strict=False, time_unit="us"), time_zone)
    return _from_local(text.str.to_date(written, strict=False).cast(pl.Datetime("us")), time_zone)


def _from_local(local: pl.Series, time_zone: str) -> pl.Series:
    zoned = local.dt.replace_time_zone(time_zone, ambiguous="earliest", non_existent="null")
    return zoned.dt.convert_time_zone(str(UTC))


def _where(holds: pl.Series, values: pl.Series) -> pl.Series:
    """The values where something holds, null elsewhere."""
    return values.zip_with(holds.fill_null(value=False), pl.Series([None], dtype=values.dtype))


def _first(series: Sequence[pl.Series]) -> pl.Series:
    """The first reading that made sense of each value."""
    return reduce(lambda one, other: one.zip_with(one.is_not_null(), other), series)


def _unreadable(texts: pl.DataFrame, typed: Sequence[pl.Series], each: ObjectMapping) -> list[pl.DataFrame]:
    """Filled values that their type could not read. Blanks alone are no value."""
    refused = []
    for values, (column, spec) in zip(typed, each.columns.items(), strict=True):
        if values.null_count() > texts[column].null_count():
            is_unread = texts[column].is_not_null() & values.is_null() & (texts[column].str.strip_chars() != "")
            refused.append(_refusals(texts.filter(is_unread), column, f"bad_{spec.type}"))
    return refused


def _absent(texts: pl.DataFrame, each: ObjectMapping) -> list[pl.DataFrame]:
    """Records without a value in a column that needs one."""
    refused = []
    for column, spec in each.columns.items():
        if not spec.nullable:
            is_absent = texts[column].is_null() | (texts[column].str.strip_chars() == "")
            if is_absent.any():
                reason = "missing_key" if column in each.key else "missing_value"
                refused.append(_refusals(texts.filter(is_absent), column, reason))
    return refused


def _refusals(rows: pl.DataFrame, column: str, reason: str) -> pl.DataFrame:
    return rows.select(
        pl.col(RECORD),
        pl.lit(column).alias("column"),
        pl.lit(reason).alias("reason"),
        pl.col(column).alias("value"),
    ).cast(REFUSED_SCHEMA)  # type: ignore[arg-type]


def _attributes(frame: pl.DataFrame, sound: pl.DataFrame, plan: Plan) -> pl.DataFrame:
    """Unmapped columns as tall rows. Blanks are rows too, so that a later blank takes the place of a value."""
    if not plan.attributes:
        return pl.DataFrame(schema=ATTRIBUTE_SCHEMA)
    ids = sound.select(pl.col(RECORD), record_id(plan.object.key).alias("record_id"))
    return (
        frame.select(
            RECORD,
            *(
                pl.col(header) if header in plan.listed else without_personal(pl.col(header)).alias(header)
                for header in plan.attributes
            ),
        )
        .join(ids, on=RECORD)
        .unpivot(
            on=list(plan.attributes),
            index=["record_id", RECORD],
            variable_name="attribute",
            value_name="attribute_value",
        )
        .with_columns(pl.col("attribute").replace({name: attribute_name(name) for name in plan.attributes}))
        .select(list(ATTRIBUTE_SCHEMA))
        .sort(RECORD, "attribute")
    )
