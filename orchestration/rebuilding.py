"""`stageproof rebuild`: everything under the home made again from the lake, and proved by the hashes of its tables.

Belongs here: what is restored, and whether it is what was published. Not here: running the steps of a night (the
command line does, on what `replay_of` says), reading or writing a database (`warehouse`). What a night said is never
made up anew: its tables, pages and record are those that the lake keeps; the warehouse alone is worked out again.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version

from orchestration.keeping import show, show_folder
from orchestration.night import Home, Night, NightRecord, code_version, published_archives, read_record
from orchestration.opening import config_hash, input_hash, night_fingerprint, records
from orchestration.publishing.catalogue import meaning
from orchestration.publishing.contracts import SERVED_TABLES
from orchestration.serving import PUBLISHED, switch
from orchestration.warehouse import TableContent, Warehouse, build_from_parquet, parquet_contents


class NothingToRebuild(Exception):
    """The lake keeps no published night; the sentence says what to do."""


class LakeDamaged(Exception):
    """What the lake keeps of a night is not what was published; the sentence says of which."""


@dataclass(frozen=True)
class Restored:
    """A night whose files are served again. tables: how many were found to be what the record says."""

    record: NightRecord
    tables: int


def nights(home: Home) -> list[NightRecord]:
    """The records of all published nights, oldest first.

    Raises:
        NothingToRebuild: there is none.
    """
    archives = published_archives(home)
    if not archives:
        raise NothingToRebuild(
            f"No night was published under {home.root}, so there is nothing to rebuild; run one: stageproof night"
        )
    return [read_record(folder) for folder in archives]


def restore(home: Home, latest: Night) -> Iterator[Restored]:
    """Serve again every night whose tables the lake keeps, oldest first, and lead readers to the latest.

    Raises:
        LakeDamaged: a table is not what was published; nothing is put in the place of that night's files.
    """
    comments = {name: meaning(table).comments() for name, table in PUBLISHED.items()}
    for page in sorted(home.kept_reports.glob("*.html")):
        show(page, home.reports / page.name)
    for record in nights(home):
        night = replace(latest, business_date=record.business_date)
        for page in sorted((home.kept_reports / str(record.business_date)).glob("*.html")):
            show(page, home.reports / str(record.business_date) / page.name)
        kept = night.kept_parquet(record.night_id)
        if kept.exists():
            found = parquet_contents(kept)
            wrong = differing(record, found)
            if wrong:
                raise LakeDamaged(
                    f"The lake does not hold what the night of {record.business_date} published as"
                    f" {', '.join(wrong)} ({kept}); restore the lake from a backup, or run that night again:"
                    f" stageproof night --date {record.business_date}"
                )
            show_folder(kept, night.parquet_folder(record.night_id))
            build_from_parquet(kept, night.served_file, comments)
            switch(night, record)
            yield Restored(record, len(record.table_hashes))


def differing(record: NightRecord, found: Mapping[str, TableContent]) -> list[str]:
    """The tables that are not what the record says, in the order of their names."""
    return [
        name
        for name, sha256 in sorted(record.table_hashes.items())
        if name not in found or found[name].sha256 != sha256
    ]


def replay_of(home: Home, latest: Night) -> Night:
    """The latest published night, under the standards that made it where the lake keeps them."""
    record = nights(home)[-1]
    kept = home.kept_standards(record.config_hash)
    return replace(latest, business_date=record.business_date, standards=kept if kept.exists() else latest.standards)


def compare(night: Night) -> tuple[list[str], list[str]]:
    """How the warehouse that was built again stands to what the night published: tables that differ, and why they may.

    Also writes the records of nights into the warehouse, which only a publication does otherwise. Tables differ
    without any reason only by a fault.
    """
    warehouse, record = Warehouse(night.home.warehouse), read_record(night.archive)
    warehouse.write("night", {"nights": NightRecord.frame([*records(night), record])})
    wrong = differing(record, warehouse.contents(SERVED_TABLES))
    return wrong, list(_changes(night, record))


def _changes(night: Night, record: NightRecord) -> Iterator[str]:
    """What makes the night and is not as it was."""
    if night_fingerprint(night, version("stageproof")) == record.fingerprint:
        return
    now = {
        "the code": (code_version(version("stageproof")), record.code_version),
        "the standards or mappings": (config_hash(night), record.config_hash),
        "the extracts known by then": (input_hash(night), record.inputs_hash),
    }
    others = [name for name, (found, then) in now.items() if found != then]
    yield from others or ["the nights before it"]
