"""What one night is: its date, its clock, where its files are, what made it, and the record it leaves.

Plain values and files. No Dagster, no database, no rule about deals: those live in the rooms that the night
runs through. Nothing here reads the clock of the machine but `latest_business_date`, which is told the time.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from orchestration.ingest.taking import Shelf

PROJECT = Path(__file__).resolve().parent.parent
CODE_ROOMS = ("orchestration", "dbt_project", "quality")
CODE_SUFFIXES = (".py", ".sql", ".yml", ".yaml", ".json", ".j2", ".html", ".css", ".js")


@dataclass(frozen=True)
class Home:
    """The one folder that holds all state; everything in it but `lake` can be made again: `stageproof rebuild`."""

    root: Path

    @property
    def inbox(self) -> Path:
        return self.root / "inbox"

    @property
    def lake(self) -> Path:
        return self.root / "lake"

    @property
    def lock(self) -> Path:
        """Held by the one run that may write. In the lake, because all else may be deleted while a run goes on."""
        return self.lake / ".lock"

    @property
    def quarantine(self) -> Path:
        return self.lake / "quarantine"

    @property
    def shelf(self) -> Shelf:
        return Shelf(inbox=self.inbox, lake=self.lake, quarantine=self.quarantine)

    def cursors(self, crm: str) -> Path:
        """The file that says how far a CRM has been fetched from its API."""
        return self.root / "fetch" / f"{crm}.json"

    @property
    def warehouse(self) -> Path:
        return self.root / "warehouse" / "stageproof.duckdb"

    @property
    def nights(self) -> Path:
        """What published nights leave for the nights after them, and the record of each."""
        return self.lake / "nights"

    @property
    def kept_served(self) -> Path:
        """The served tables of the nights whose files are kept, as Parquet."""
        return self.lake / "served"

    @property
    def kept_reports(self) -> Path:
        return self.lake / "reports"

    def kept_standards(self, config_hash: str) -> Path:
        """What the company had decided when a night with this hash was made."""
        return self.lake / "standards" / config_hash[:12]

    @property
    def served(self) -> Path:
        return self.root / "served"

    @property
    def served_file(self) -> Path:
        """What leads readers to the DuckDB file of the latest night."""
        return self.served / "stageproof.duckdb"

    @property
    def served_nights(self) -> Path:
        return self.served / "nights"

    @property
    def served_parquet(self) -> Path:
        return self.served / "parquet"

    @property
    def reports(self) -> Path:
        return self.root / "reports"

    @property
    def dictionary_file(self) -> Path:
        """What the served tables mean, for all nights."""
        return self.reports / "dictionary.html"

    @property
    def alerts(self) -> Path:
        """Who was told what of each night: without it they would be told again."""
        return self.lake / "alerts"

    @property
    def dagster(self) -> Path:
        return self.root / "dagster"


def home_from_environment() -> Home:
    """The folder named by STAGEPROOF_HOME, or `.stageproof` in the project.

    The variable is set to the absolute path: dbt runs in a folder of its own, where a relative path would
    name another place.
    """
    root = Path(os.environ.get("STAGEPROOF_HOME") or PROJECT / ".stageproof").expanduser().resolve()
    os.environ["STAGEPROOF_HOME"] = str(root)
    return Home(root)


def standards_from_environment() -> Path:
    """The folder named by STAGEPROOF_STANDARDS, or the standards of the project."""
    return Path(os.environ.get("STAGEPROOF_STANDARDS") or PROJECT / "quality" / "standards").expanduser().resolve()


def as_of(business_date: date, time_zone: str) -> datetime:
    """The end of a business date: the first instant of the next day in its time zone, in UTC."""
    next_day = datetime.combine(business_date + timedelta(days=1), time.min, tzinfo=ZoneInfo(time_zone))
    return next_day.astimezone(UTC)


def latest_business_date(now: datetime, time_zone: str) -> date:
    """The last business date that is over at `now` (an aware datetime)."""
    return now.astimezone(ZoneInfo(time_zone)).date() - timedelta(days=1)


@dataclass(frozen=True)
class Night:
    """One night: the date it is for and the instant up to which facts are known."""

    business_date: date
    time_zone: str
    home: Home
    standards: Path

    @property
    def as_of_at(self) -> datetime:
        return as_of(self.business_date, self.time_zone)

    @property
    def served_file(self) -> Path:
        return self.home.served_nights / f"{self.business_date}.duckdb"

    @property
    def current_file(self) -> Path:
        return self.home.served_file

    @property
    def current_parquet(self) -> Path:
        """A link to the folder of Parquet files of the latest night."""
        return self.home.served_parquet / "current"

    def parquet_folder(self, night_id: str) -> Path:
        return self.home.served_parquet / f"{self.business_date}-{night_id}"

    def kept_parquet(self, night_id: str) -> Path:
        return self.home.kept_served / f"{self.business_date}-{night_id}"

    @property
    def forecast_file(self) -> Path:
        return self.review_file.with_name("forecast.html")

    @property
    def insights_file(self) -> Path:
        return self.review_file.with_name("insights.html")

    @property
    def review_file(self) -> Path:
        return self.home.reports / str(self.business_date) / "review.html"

    @property
    def alerts_file(self) -> Path:
        """Who was told what of this night."""
        return self.home.alerts / f"{self.business_date}.json"

    @property
    def archive(self) -> Path:
        return self.home.nights / str(self.business_date)

    @property
    def is_published(self) -> bool:
        """Whether the night was published before, whatever made it then."""
        return (self.archive / "night.json").exists()

    @property
    def is_latest(self) -> bool:
        """Whether no later night is published."""
        return all(folder.name <= str(self.business_date) for folder in published_archives(self.home))

    def earlier_archives(self) -> list[Path]:
        """Folders of the published nights before this one, oldest first."""
        return [folder for folder in published_archives(self.home) if folder.name < str(self.business_date)]

    def previous_business_date(self) -> date | None:
        earlier = self.earlier_archives()
        return date.fromisoformat(earlier[-1].name) if earlier else None


@dataclass(frozen=True)
class NightRecord:
    """What went into a published night and what came out. One row of the served table `nights`.

    `fingerprint` is a hash of everything that made the night: its date, configuration, code, inputs and the
    record before it. Two runs with one fingerprint publish the same tables.
    `rate_date`: see the function of that name; null also in records of before it was kept.
    """

    business_date: date
    as_of_at: datetime
    fingerprint: str
    config_hash: str
    code_version: str
    inputs_hash: str
    rate_date: date | None
    previous_business_date: date | None
    rows_in: int
    rows_loaded: int
    rows_quarantined: int
    extracts_held: int
    held_reasons: list[str]
    deals: int
    open_deals: int
    open_violations: int
    table_rows: dict[str, int]
    table_hashes: dict[str, str]
    duration_seconds: float

    @property
    def night_id(self) -> str:
        """What every served table says of itself in its column night_id."""
        return self.fingerprint[:12]

    def write(self, folder: Path) -> None:
        """Written last, under its final name at once: a night without this file was not published."""
        text = json.dumps(asdict(self), default=str, indent=2, sort_keys=True) + "\n"
        replace_file(folder / "night.json", text.encode())

    @staticmethod
    def frame(records: Sequence["NightRecord"]) -> pl.DataFrame:
        """The records as the served table `nights`; what a night has several of is JSON text."""
        rows = [
            asdict(record)
            | {name: json.dumps(asdict(record)[name], sort_keys=True, ensure_ascii=False) for name in JSON_COLUMNS}
            for record in records
        ]
        return pl.DataFrame(rows, schema=NIGHTS_SCHEMA)

    @staticmethod
    def from_row(row: Mapping[str, Any]) -> "NightRecord":
        """The record in a row of `nights`; instants without a time zone are UTC."""
        texts = {name: json.loads(row[name]) for name in JSON_COLUMNS}
        return NightRecord(**{**row, **texts, "as_of_at": row["as_of_at"].replace(tzinfo=UTC)})


JSON_COLUMNS = ("held_reasons", "table_rows", "table_hashes")
NIGHTS_SCHEMA = {
    "business_date": pl.Date(),
    "as_of_at": pl.Datetime("us", "UTC"),
    "fingerprint": pl.String(),
    "config_hash": pl.String(),
    "code_version": pl.String(),
    "inputs_hash": pl.String(),
    "rate_date": pl.Date(),
    "previous_business_date": pl.Date(),
    "rows_in": pl.Int64(),
    "rows_loaded": pl.Int64(),
    "rows_quarantined": pl.Int64(),
    "extracts_held": pl.Int64(),
    "held_reasons": pl.String(),
    "deals": pl.Int64(),
    "open_deals": pl.Int64(),
    "open_violations": pl.Int64(),
    "table_rows": pl.String(),
    "table_hashes": pl.String(),
    "duration_seconds": pl.Float64(),
}


def rate_date(deals: pl.DataFrame, reporting_currency: str) -> date | None:
    """The day of the exchange rates that a night valued its open deals at, the oldest where those of currencies differ.

    deals: is_open, currency, rate_date of every deal. Null where no open deal was converted; a deal without a rate was
    not, and what is closed is worth what the rate of that day says.
    """
    is_converted = pl.col("is_open") & (pl.col("currency") != reporting_currency)
    oldest: date | None = deals.filter(is_converted).select(pl.col("rate_date").min()).item()
    return oldest


def read_record(folder: Path) -> NightRecord:
    """The record of a published night, from the folder that it left."""
    stored = json.loads((folder / "night.json").read_text(encoding="utf-8"))
    previous, rates_of = stored["previous_business_date"], stored.get("rate_date")
    return NightRecord(
        **{
            **stored,
            "business_date": date.fromisoformat(stored["business_date"]),
            "as_of_at": datetime.fromisoformat(stored["as_of_at"]),
            "rate_date": date.fromisoformat(rates_of) if rates_of else None,
            "previous_business_date": date.fromisoformat(previous) if previous else None,
        }
    )


def published_archives(home: Home) -> list[Path]:
    """Folders of all published nights, oldest first."""
    return sorted(path.parent for path in home.nights.glob("*/night.json"))


def replace_file(path: Path, content: bytes) -> None:
    """Put a whole file under its final name: written beside it, flushed to disk, renamed.

    A file that already holds the same bytes is not touched.
    """
    if path.exists() and path.read_bytes() == content:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.writing")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def code_files(project: Path = PROJECT) -> Iterator[Path]:
    """Every file that decides what a night computes; the standards are hashed on their own."""
    standards = project / "quality" / "standards"
    for room in CODE_ROOMS:
        for path in sorted((project / room).rglob("*")):
            relative = path.relative_to(project).parts
            generated = "target" in relative or "logs" in relative or "__pycache__" in relative
            if path.suffix in CODE_SUFFIXES and not generated and not path.is_relative_to(standards):
                yield path


def code_version(version: str, project: Path = PROJECT) -> str:
    """The package's version with a hash of the code, so an edited clone never passes for the release."""
    digest = hashlib.sha256()
    for path in code_files(project):
        digest.update(str(path.relative_to(project)).encode())
        digest.update(path.read_bytes())
    return f"{version}+{digest.hexdigest()[:12]}"


def fingerprint(night: Night, config_hash: str, code: str, inputs_hash: str) -> str:
    """A hash of everything that makes the night, the record of the night before included."""
    earlier = night.earlier_archives()
    before = read_record(earlier[-1]).fingerprint if earlier else ""
    parts = [str(night.business_date), night.time_zone, config_hash, code, inputs_hash, before]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
