"""The table of refused records: what, where, why, and how to release each after a fix.

People read it; personal data in it is masked.
"""

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import polars as pl

from orchestration.ingest.inbox import ExtractFile, ExtractFolder
from orchestration.ingest.lake import LedgerEntry, LedgerFile, parquet_name
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
SCHEMA = {
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
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def _raw_text(place: Place, personal: Collection[str]) -> str:
    text = place.text
    for header in personal:
        value = (place.fields or {}).get(header)
        if value and len(value) >= SHORTEST_MASKED_VALUE:
            text = text.replace(value, MASK)
    return masked(text)


def stored_name(crm: str, name: str, extracted_at: datetime, file: str, sha256: str) -> str:
    """Where the refused records of one file of the inbox are kept, relative to the quarantine."""
    return parquet_name(crm, name, extracted_at, hashlib.sha256(f"{file} {sha256}".encode()).hexdigest())


def standing(quarantine: Path, accepted: Sequence[LedgerEntry], as_of_at: datetime) -> pl.DataFrame:
    """One row for each thing wrong with a record that a night does without; SCHEMA, newest extract first.

    That is what is refused of the newest full extract of each object of a CRM and of all later ones, as the ledger
    tells it. A mapping that was corrected since has released its records there, whatever file it left behind.
    """
    by_then = [entry for entry in accepted if entry.extracted_at <= as_of_at]
    frames = [
        pl.read_parquet(path).with_columns(
            pl.lit(file.file).alias("file"),
            pl.lit(entry.extracted_at).cast(SCHEMA["extracted_at"]).alias("extracted_at"),
        )
        for entry, file in _standing_files(by_then)
        if (path := _stored(quarantine, entry, file, by_then))
    ]
    return pl.concat([pl.DataFrame(schema=SCHEMA), *frames], how="diagonal").sort(
        "extracted_at", "crm", "object", "file", "record", "column", descending=[True, *[False] * 5]
    )


def _standing_files(accepted: Sequence[LedgerEntry]) -> Iterator[tuple[LedgerEntry, LedgerFile]]:
    """The files with refused records that are part of what is known."""
    full: dict[str, datetime] = {}
    for entry in accepted:
        for file in entry.files:
            if file.extract == "full":
                full[file.object] = max(entry.extracted_at, full.get(file.object, entry.extracted_at))
    for entry in accepted:
        for file in entry.files:
            is_known = file.object not in full or entry.extracted_at >= full[file.object]
            if file.rows_quarantined and is_known:
                yield entry, file


def _stored(quarantine: Path, entry: LedgerEntry, file: LedgerFile, accepted: Sequence[LedgerEntry]) -> Path | None:
    """The file of refused records; of content that came before, the one that was written then."""
    same = [(entry, file)] + [
        (before, each) for before in reversed(accepted) for each in before.files if each.sha256 == file.sha256
    ]
    paths = (
        quarantine / stored_name(before.crm, each.object, before.extracted_at, each.file, each.sha256)
        for before, each in same
        if each.object == file.object
    )
    return next((path for path in paths if path.exists()), None)
