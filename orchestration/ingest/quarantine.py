"""The table of refused records: what, where, why, and how to release each after a fix.

People read it; personal data in it is masked.
"""

from collections.abc import Collection, Mapping

import polars as pl

from orchestration.ingest.inbox import ExtractFile, ExtractFolder
from orchestration.ingest.personal import MASK, masked
from orchestration.ingest.reading import RECORD, Place

RELEASE = {
    "ragged_record": "Put the field that holds a delimiter or a line end into quotes, or correct the record in the "
    "CRM; the next extract that holds it loads it.",
    "undecodable_bytes": "Say with `encoding` in defs.yaml how the export is written and run the night again, or "
    "correct the text in the CRM; the next extract that holds it loads it.",
    "bad_json": "Export the record again as one JSON object on one line; the next extract that holds it loads it.",
    "missing_key": "Export the record with its id; the next extract that holds it loads it.",
    "missing_value": "Fill in the field in the CRM; the next extract that holds the record loads it.",
    "conflicting_duplicate": "Find out which of the records with this key is right and export that one alone; the next "
    "extract that holds it loads it.",
    "repeated_record": "Nothing needs to be done: the first of the identical records is loaded.",
}
RELEASE_OF_A_VALUE = (
    "Say with `formats` in defs.yaml how the export writes this column and run the night again, or correct the value "
    "in the CRM; the next extract that holds the record loads it."
)
# A short value stands elsewhere in the record too; masking it would hide what is no secret.
SHORTEST_MASKED_VALUE = 3


def table(
    folder: ExtractFolder,
    file: ExtractFile,
    refused: pl.DataFrame,
    places: Mapping[int, Place],
    personal: Collection[str],
) -> pl.DataFrame:
    """One row for each thing wrong with a record.

    Columns: crm, object, file, extracted_at, record (from 1), line (from 1), byte_offset (from 0), column, reason,
    value, raw_text, how_to_release. Line and byte are null in Parquet. `personal`: headers that nothing lists.
    """
    rows = []
    for each in refused.iter_rows(named=True):
        place = places[each[RECORD]]
        rows.append(
            (
                *(folder.crm, file.object, file.name, folder.extracted_at),
                *(each[RECORD], place.line, place.byte_offset),
                *(each["column"], each["reason"], masked(each["value"]) if each["value"] is not None else None),
                *(_raw_text(place, personal), RELEASE.get(each["reason"], RELEASE_OF_A_VALUE)),
            )
        )
    schema = {
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
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def _raw_text(place: Place, personal: Collection[str]) -> str:
    text = place.text
    for header in personal:
        value = (place.fields or {}).get(header)
        if value and len(value) >= SHORTEST_MASKED_VALUE:
            text = text.replace(value, MASK)
    return masked(text)
