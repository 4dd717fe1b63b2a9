"""What the extracts of one CRM hold: the attributes of its `defs.yaml`, checked and resolved.

Names, types and formats of columns only; nothing is read from an extract here and nothing is guessed.
"""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

NEUTRAL_LAYOUT = Path(__file__).with_name("neutral_layout.yml")

ColumnType = Literal["text", "money", "rate", "number", "integer", "boolean", "date", "instant", "share"]
Extract = Literal["full", "delta"]
# Part of a query; nothing but a name may stand there.
FieldName = Annotated[str, Field(pattern=r"^[A-Za-z]\w*$")]


class MappingRefused(Exception):
    """The mapping of a CRM cannot be used; the sentence names the field."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Column(_Part):
    """One column: its type, and what its absence means.

    `required`: the file is refused without the header. `nullable: false`: a record without a value is
    quarantined. `headers`: other names under which the column comes. `percent`: a share exported as 0 to 100.
    `formats`: how this column writes its date or instant, in place of the formats of the mapping. `true_values` and
    `false_values`: what a boolean comes as, in place of true and false; a CRM's labels may be inverted.
    """

    type: ColumnType
    required: bool = False
    nullable: bool = True
    headers: tuple[str, ...] = ()
    percent: bool = False
    formats: tuple[str, ...] = ()
    true_values: tuple[str, ...] = ()
    false_values: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _options_fit_the_type(self) -> "Column":
        if self.formats and self.type not in ("date", "instant"):
            raise ValueError(f"formats are of a date or an instant, not of a {self.type}")
        if bool(self.true_values) != bool(self.false_values):
            raise ValueError("true_values and false_values go together")
        if self.true_values and self.type != "boolean":
            raise ValueError(f"true_values and false_values are of a boolean, not of a {self.type}")
        if set(_folded(self.true_values)) & set(_folded(self.false_values)):
            raise ValueError("a value cannot be true and false")
        return self

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return {"type": value} if isinstance(value, str) else value


class ObjectMapping(_Part):
    """One kind of file: its stems, the key of a record, its columns, and the neutral objects that it feeds.

    `feeds` names them; an object that only explains or joins others feeds none (`[]`), so that it cannot make them
    look fresh. `newest_by`: the instant of the CRM's last change to a record, which tells the newer of two versions of
    it; without one the version extracted last is the newest. `tracked`: columns whose changes from one extract to the
    next are kept as history, for CRMs that export none; `tracks_attributes`: those of its unmapped columns too.
    `is_about_people`: whatever of its columns nothing lists is dropped, because it tells of a person.
    """

    key: tuple[str, ...] = Field(min_length=1)
    columns: dict[str, Column]
    files: tuple[str, ...] = ()
    feeds: tuple[str, ...] | None = None
    newest_by: str | None = None
    tracked: tuple[str, ...] = ()
    tracks_attributes: bool = False
    is_about_people: bool = False

    @field_validator("feeds", mode="before")
    @classmethod
    def _one_or_several(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _names_are_mapped(self) -> "ObjectMapping":
        named = {"key": self.key, "newest_by": (self.newest_by,) if self.newest_by else (), "tracked": self.tracked}
        for role, columns in named.items():
            for column in columns:
                if column not in self.columns:
                    raise ValueError(
                        f"{role} column {column!r} is not among the columns{closest(column, self.columns)}"
                    )
        if self.newest_by and self.columns[self.newest_by].type != "instant":
            raise ValueError(f"newest_by column {self.newest_by!r} is no instant")
        return self


class Formats(_Part):
    """How an export writes dates, instants and numbers. Where nothing is said: ISO 8601, a decimal point, no more.

    `date`, `instant`: formats as strptime writes them, tried in order, or `epoch_ms`, `epoch_s` (counted from 1970 in
    UTC), or `iso` for ISO 8601. `time_zone`: where instants without an offset are local, where that is not the
    company's own. `multipliers`: what a word after a number stands for, such as 万: 10000.
    """

    time_zone: str | None = None
    date: tuple[str, ...] = ()
    instant: tuple[str, ...] = ()
    decimal_separator: Literal[".", ","] = "."
    thousands_separator: Literal[",", ".", " ", "'", "，"] | None = None
    full_width_digits: bool = False
    multipliers: dict[str, int] = Field(default_factory=dict)

    @field_validator("time_zone")
    @classmethod
    def _is_a_zone(cls, value: str | None) -> str | None:
        # Not looked for in the list of all, which takes half a second to make.
        try:
            if value is not None:
                ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"{value!r} is no time zone of the IANA database") from None
        return value

    @model_validator(mode="after")
    def _separators_differ(self) -> "Formats":
        if self.decimal_separator == self.thousands_separator:
            raise ValueError("decimal_separator and thousands_separator are the same")
        return self


class StageDate(_Part):
    """A column of an object that holds when a deal entered a stage; each filled one is a change of stage."""

    object: str
    column: str
    stage: str


class Fetch(_Part):
    """What `stageproof fetch` asks the API for, beyond or short of the mapped columns; by object, in the API's names.

    `fields`: further ones, which come as attributes. `without`: mapped ones that this CRM does not have.
    `overlap_minutes`: how far before the newest record of the last fetch the next one begins. A record is stamped when
    it is saved and seen when its transaction ends, which Salesforce allows ten minutes for; HubSpot's search knows a
    change some time after it is made. Five more, because the two clocks may differ.
    """

    fields: dict[str, tuple[FieldName, ...]] = Field(default_factory=dict)
    without: dict[str, tuple[FieldName, ...]] = Field(default_factory=dict)
    overlap_minutes: int = Field(default=15, ge=0)


class CrmMapping(_Part):
    """The attributes of one CRM's `defs.yaml`.

    `layout: neutral` takes objects and columns from `neutral_layout.yml`; `headers`, `files` and `constants` say how
    the export differs from it. `without_manifest` is what a folder without a manifest holds. `unknown_columns`:
    `refuse` stops at a header that nothing maps, so that a misspelt one cannot lose its values; `keep` takes it
    into the lake as an attribute. `attributes` lists, by object, further headers that are kept as they are; others that
    look like personal data (e-mail, telephone, free text) are dropped.
    """

    crm: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    without_manifest: Extract
    unknown_columns: Literal["refuse", "keep"]
    layout: Literal["neutral"] | None = None
    objects: dict[str, ObjectMapping] = Field(default_factory=dict)
    headers: dict[str, dict[str, str]] = Field(default_factory=dict)
    files: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    constants: dict[str, dict[str, str]] = Field(default_factory=dict)
    attributes: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    stage_dates: tuple[StageDate, ...] = ()
    formats: Formats = Formats()
    fetch: Fetch = Fetch()
    delimiter: Literal[",", ";", "\t"] = ","
    # What a file is written in, unless a byte order mark says otherwise.
    encoding: Literal["utf-8", "utf-16", "utf-16-le", "utf-16-be", "gb18030", "latin-1"] = "utf-8"
    # More than one record in a hundred refused means that the export changed, not that a few records are bad.
    max_quarantined_share: float = Field(default=0.01, ge=0, le=1)
    # A CRM does not lose a fifth of its records in a day; an export that was cut between two records does.
    max_missing_share: float = Field(default=0.2, ge=0, le=1)
    # How long a file that no manifest proves must keep its size: an exporter that still writes does so more often.
    stable_for_seconds: float = Field(default=1.0, ge=0, le=60)

    @model_validator(mode="after")
    def _refers_to_what_is_there(self) -> "CrmMapping":
        objects = self.resolved_objects()
        if not objects:
            raise ValueError("should have objects, or layout: neutral")
        named = [
            *(*self.headers, *self.files, *self.constants, *self.attributes),
            *(*self.fetch.fields, *self.fetch.without),
            *(each.object for each in self.stage_dates),
        ]
        for name in named:
            if name not in objects:
                raise ValueError(f"no object {name!r} is mapped{closest(name, objects)}")
        for name, columns in [*((n, tuple(h.values())) for n, h in self.headers.items()), *self.constants.items()]:
            for column in columns:
                if column not in objects[name].columns:
                    raise ValueError(f"{name} has no column {column!r}{closest(column, objects[name].columns)}")
        if self.stage_dates and "stage_changes" not in objects:
            raise ValueError("stage_dates need an object stage_changes to go to")
        return self

    def resolved_objects(self) -> dict[str, ObjectMapping]:
        """All objects with the differences of this export worked in."""
        layout = neutral_objects() if self.layout == "neutral" else {}
        return {name: self._resolved(name, each) for name, each in (layout | self.objects).items()}

    def _resolved(self, name: str, each: ObjectMapping) -> ObjectMapping:
        columns = dict(each.columns)
        for header, column in self.headers.get(name, {}).items():
            if column in columns:
                columns[column] = columns[column].model_copy(update={"headers": (*columns[column].headers, header)})
        files = self.files.get(name, each.files) or (name,)
        return each.model_copy(
            update={"columns": columns, "files": files, "feeds": (name,) if each.feeds is None else each.feeds}
        )


@dataclass(frozen=True)
class HeaderMatch:
    """How the headers of one file stand to the columns of its object."""

    columns: Mapping[str, str]
    unknown: tuple[str, ...]
    missing_required: tuple[str, ...]
    repeated: tuple[str, ...]


def match_headers(headers: Sequence[str], mapping: ObjectMapping) -> HeaderMatch:
    """Match headers to columns by name, whatever their place, case or separators.

    AccountId, accountid and account_id are one name. A header declared in the mapping wins over one that merely
    has the column's own name.
    """
    declared = {normalised(alias): name for name, column in mapping.columns.items() for alias in column.headers}
    own = {normalised(name): name for name in mapping.columns if name not in declared.values()}
    by_name = own | declared
    found: dict[str, str] = {}
    repeated: list[str] = []
    unknown: list[str] = []
    for header in headers:
        column = by_name.get(normalised(header))
        if column is None:
            unknown.append(header)
        elif column in found.values():
            repeated.append(header)
        else:
            found[header] = column
    missing = tuple(name for name, each in mapping.columns.items() if each.required and name not in found.values())
    return HeaderMatch(found, tuple(unknown), missing, tuple(repeated))


def _folded(values: Sequence[str]) -> list[str]:
    return [value.strip().casefold() for value in values]


def normalised(header: str) -> str:
    """A header without what CRMs, connectors and spreadsheets change: case, blanks and separators."""
    return "".join(letter for letter in header.casefold() if letter.isalnum())


def closest(name: str, known: Sequence[str] | Mapping[str, Any]) -> str:
    match = closest_name(name, known)
    return f"; did you mean {match!r}?" if match else ""


def closest_name(name: str, known: Sequence[str] | Mapping[str, Any]) -> str | None:
    return next(iter(difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)), None)


def parse(attributes: Mapping[str, Any], where: str) -> CrmMapping:
    """Check the attributes of a `defs.yaml`.

    Raises:
        MappingRefused: with the field that is wrong.
    """
    try:
        return CrmMapping.model_validate(attributes)
    except ValidationError as invalid:
        first = invalid.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise MappingRefused(f"{where}: attributes{'.' + place if place else ''}: {first['msg']}") from None


def read(path: Path) -> CrmMapping:
    """The mapping in one `defs.yaml`."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as broken:
        raise MappingRefused(f"{path}: is no YAML: {' '.join(str(broken).split())}") from None
    return parse(content.get("attributes") or {}, str(path))


@cache
def neutral_objects() -> dict[str, ObjectMapping]:
    content = yaml.safe_load(NEUTRAL_LAYOUT.read_text(encoding="utf-8"))
    return {name: ObjectMapping.model_validate(each) for name, each in content["objects"].items()}
