"""Decides whether an extract is credible: its header, how many of its records are refused, how many it has at all.

Pure. What can be read and is not credible is held, and the night goes on without it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from orchestration.ingest.inbox import ExtractFile, ExtractHeld, ExtractRefused
from orchestration.ingest.mapping import CrmMapping, HeaderMatch, closest, closest_name, match_headers
from orchestration.ingest.personal import is_personal, masked
from orchestration.ingest.reading import RECORD

OWN_PREFIX = "x_"


@dataclass(frozen=True)
class Headers:
    """What becomes of the headers of a file: columns, attributes, and personal data that nothing lists."""

    match: HeaderMatch
    attributes: tuple[str, ...]
    personal: tuple[str, ...]
    warnings: tuple[str, ...]


def admit_headers(
    file: ExtractFile, headers: Sequence[str], mapping: CrmMapping, before: Sequence[str] | None
) -> Headers:
    """Match the headers of a file; `before` are those of the last accepted file of its object.

    Raises:
        ExtractRefused: a column comes under two names, or under one that the mapping does not allow.
        ExtractHeld: a required column is not there.
    """
    each = mapping.resolved_objects()[file.object]
    match = match_headers(headers, each)
    where = f"inbox/{file.name}, line 1"
    if match.repeated:
        raise ExtractRefused(
            f"{where}: column {match.repeated[0]!r} is a second name of a column that is there; keep one"
        )
    # JSON Lines without a record have no header either.
    if match.missing_required and headers:
        expected = match.missing_required[0]
        nearest = closest_name(expected, match.unknown) or "none"
        if len(headers) == 1:
            nearest += f" (the file has one column: its delimiter is not {mapping.delimiter!r} as `delimiter` says)"
        raise ExtractHeld(
            f"{where}: expected column {expected!r} of {file.object}, found {', '.join(headers)}, "
            f"closest match {nearest}; export it, or map its header in defs.yaml"
        )
    strangers = [header for header in match.unknown if not header.lower().startswith(OWN_PREFIX)]
    if strangers and mapping.unknown_columns == "refuse":
        first = strangers[0]
        raise ExtractRefused(
            f"{where}: column {first!r} is not in the layout of {file.object}{closest(first, each.columns)}; "
            f"map it in defs.yaml, or name it {OWN_PREFIX}{first} to keep it as an attribute"
        )
    listed = mapping.attributes.get(file.object, ())
    personal = tuple(
        header for header in match.unknown if header not in listed and (each.is_about_people or is_personal(header))
    )
    attributes = tuple(header for header in match.unknown if header not in personal)
    warnings = _drift(file.name, headers, before, attributes, personal)
    return Headers(match, attributes, personal, tuple(warnings))


def _drift(
    name: str,
    headers: Sequence[str],
    before: Sequence[str] | None,
    attributes: Sequence[str],
    personal: Sequence[str],
) -> Sequence[str]:
    """What changed since the last file of the object; of a first file, what nothing maps."""
    known = set(before or ())
    gone = [header for header in before or () if header not in headers]
    new_attributes = [header for header in attributes if header not in known]
    new_personal = [header for header in personal if header not in known]
    return [
        *(f"{name}: column {header!r} is gone; its values are unknown from now on" for header in gone),
        *(f"{name}: column {header!r} is new and kept as an attribute" for header in new_attributes),
        *(
            f"{name}: column {header!r} looks like personal data and is dropped; list it under `attributes` in "
            f"defs.yaml to keep it"
            for header in new_personal
        ),
    ]


def require_sound_records(file: ExtractFile, rows_in: int, refused: pl.DataFrame, mapping: CrmMapping) -> None:
    """Hold an extract of which too many records are refused: the export changed, not a few records are bad.

    Raises:
        ExtractHeld: more than `max_quarantined_share` of the records are refused.
    """
    count = refused[RECORD].n_unique()
    if count and count / rows_in > mapping.max_quarantined_share:
        first = refused.row(0, named=True)
        raise ExtractHeld(
            f"inbox/{file.name}, record {first[RECORD]:,}: {first['reason']}{_of(first['column'], first['value'])}; "
            f"{count:,} of {rows_in:,} records are refused, more than max_quarantined_share "
            f"{mapping.max_quarantined_share:.0%} allows: correct the export or its mapping; all of them are listed "
            f"in quarantine/"
        )


def require_plausible_rows(
    files: Sequence[ExtractFile], rows_in: int, rows_before: int | None, mapping: CrmMapping
) -> None:
    """Hold a full extract of one object that no manifest proves and that has far fewer records than the last one.

    Raises:
        ExtractHeld: more than `max_missing_share` of the records of the last full extract are missing.
    """
    unproven = [file for file in files if file.extract == "full" and file.promised_rows is None]
    if not unproven or rows_before is None:
        return
    least = rows_before * (1 - mapping.max_missing_share)
    if rows_in < least:
        raise ExtractHeld(
            f"inbox/{unproven[0].name}: has {rows_in:,} records where the last full extract of {files[0].object} had "
            f"{rows_before:,}; fewer than {least:,.0f} are not taken unproven: export it again, or if it is right say "
            f'so with a manifest.json beside it: {{"extract": "full", "files": {{"{unproven[0].path.name}": '
            f'{{"rows": {rows_in}}}}}}}'
        )


def _of(column: str | None, value: str | None) -> str:
    if column is None:
        return f" ({masked(value or '')})"
    return f" in {column}: {masked(value)!r}" if value is not None else f" in {column}"
