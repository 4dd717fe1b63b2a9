"""The standards of the company: read, checked as a whole, or refused with a sentence per flaw.

Belongs here: which files make up the standards, and what must agree between fields and files. Not here: single
fields (`standards_models`), YAML and the wording of an error (`standards_yaml`), tables (`standards_tables`). The
folder `standards/` beside this file holds data only.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from difflib import get_close_matches
from functools import cache
from itertools import pairwise
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from quality.standards_models import (
    ACCOUNT_ATTRIBUTES,
    CONDITION_SETTINGS,
    CONDITION_SUBJECTS,
    DATA_EXPECTATIONS,
    DEAL_FIELDS,
    EVIDENCE_KINDS,
    KINDS_OF_SUBJECT,
    OUTCOMES,
    RULE_SETTINGS,
    SEGMENTS,
    STALL_REASON_SETTINGS,
    TEXT_ATTRIBUTES,
    AlertAudience,
    AlertOwners,
    Alerts,
    Company,
    Condition,
    Criterion,
    DataQuality,
    Evidence,
    Funnel,
    Icp,
    Rules,
    Serving,
    Stage,
    Stalls,
    Standards,
    Version,
    Waivers,
)
from quality.standards_tables import suite_rules, tables, waivers
from quality.standards_yaml import (
    Document,
    FieldPath,
    Problem,
    StandardsRefused,
    did_you_mean,
    found_text,
    read_document,
    unquoted_advice,
)

__all__ = ["Standards", "StandardsRefused", "fingerprint", "load", "suite_rules", "tables", "waivers"]

_SINGLE_FILES: dict[str, type[BaseModel]] = {
    "company.yml": Company,
    "data.yml": DataQuality,
    "evidence.yml": Evidence,
    "icp.yml": Icp,
    "rules.yml": Rules,
}
# A company need not alert anybody or serve a night anywhere but in files; before the first waiver there is none.
_OPTIONAL_FILES: dict[str, type[BaseModel]] = {"alerts.yml": Alerts, "serving.yml": Serving, "waivers.yml": Waivers}
# Who is told of a night, and where it is served, changes no table of it; no past night is due to be run again.
_OF_NO_TABLE = ("alerts.yml", "serving.yml")
# Long enough for a customer's quarter, short enough that no rule is switched off for good by habit.
MAXIMUM_WAIVED_DAYS = 90
# Words that stand for something else wherever a funnel, a stage or a band is named.
_RESERVED_FUNNELS = ("all",)
_RESERVED_BANDS = ("unknown",)
# A name, an IPv4 or a bracketed IPv6 address, and a port.
_HOST = re.compile(r"([^\W_]([\w.-]*[^\W_])?|\[[0-9a-fA-F:.]+\])(:[0-9]{1,5})?")

Flaw = tuple[FieldPath, str]


def load(folder: Path) -> Standards:
    """Read and check every file of `folder`.

    Raises StandardsRefused with one sentence per flaw: file, line, field, what is wrong, what to do.
    """
    documents = _read(folder)
    problems = [problem for document in documents for problem in document.problems]
    models: dict[str, Any] = {}
    for document in documents:
        if document.problems:
            continue
        try:
            models[document.file] = _model_of(document.file).model_validate(document.data)
        except ValidationError as error:
            problems += _field_problems(document, _model_of(document.file), error)
    by_file = {document.file: document for document in documents}
    for file, path, text in _disagreements(models):
        problems.append(by_file[file].problem(path, text))
    _refuse(problems)
    return Standards(
        company=models["company.yml"],
        evidence=models["evidence.yml"],
        icp=models["icp.yml"],
        rules=models["rules.yml"].rules,
        stalls=models["rules.yml"].stalls,
        causes=models["rules.yml"].causes,
        milestones=models["rules.yml"].milestones,
        data=models["data.yml"],
        waivers=models["waivers.yml"].waivers if "waivers.yml" in models else [],
        alerts=models.get("alerts.yml", Alerts()),
        serving=models.get("serving.yml", Serving()),
        funnels=sorted(_funnels(models).values(), key=lambda funnel: funnel.funnel),
    )


def fingerprint(folder: Path) -> str:
    """SHA-256 (hex) of what the files say; comments, quotes, the order of fields and what makes no table do not count.

    Raises StandardsRefused where a file cannot be read as YAML.
    """
    documents = _read(folder)
    _refuse([problem for document in documents for problem in document.problems])
    content = {document.file: document.data for document in documents if document.file not in _OF_NO_TABLE}
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


def _refuse(problems: Iterable[Problem]) -> None:
    ordered = sorted(problems, key=lambda problem: (problem.file, problem.line or 0))
    if ordered:
        raise StandardsRefused([problem.sentence() for problem in ordered])


def _model_of(file: str) -> type[BaseModel]:
    return {**_SINGLE_FILES, **_OPTIONAL_FILES}.get(file, Funnel)


def _funnels(models: dict[str, Any]) -> dict[str, Funnel]:
    return {file: model for file, model in models.items() if isinstance(model, Funnel)}


def _read(folder: Path) -> list[Document]:
    if not folder.is_dir():
        raise StandardsRefused([f"{folder}: is no folder; STAGEPROOF_STANDARDS must name a folder of standards files"])
    documents = [
        _document(folder / name, name) if (folder / name).exists() else _absent(name) for name in _SINGLE_FILES
    ]
    documents += [_document(folder / name, name) for name in _OPTIONAL_FILES if (folder / name).exists()]
    funnel_files = sorted((folder / "funnels").glob("*.yml"))
    documents += [_document(path, f"funnels/{path.name}") for path in funnel_files]
    documents += _strays(folder)
    if not funnel_files:
        documents.append(_refused("funnels", "holds no .yml file; add one file per funnel"))
    return documents


def _document(path: Path, file: str) -> Document:
    try:
        status = path.stat()
    except OSError:
        return read_document(path, file)
    return _unchanged_document(path, file, status.st_mtime_ns, status.st_size)


@cache
def _unchanged_document(path: Path, file: str, modified_ns: int, size: int) -> Document:
    """Every step of a night asks for the standards; a file that was edited is read again."""
    return read_document(path, file)


def _absent(name: str) -> Document:
    return _refused(name, "is missing; copy it from the standards that come with the project and edit it")


def _refused(file: str, text: str) -> Document:
    return Document(file, problems=[Problem(file, None, (), text)])


def _strays(folder: Path) -> Iterator[Document]:
    # A misnamed file would be left out in silence, and its rules with it.
    single = [*_SINGLE_FILES, *_OPTIONAL_FILES]
    for path in sorted(folder.rglob("*")):
        file = path.relative_to(folder).as_posix()
        if path.suffix.lower() not in (".yml", ".yaml") or path.name.startswith(".") or file in single:
            continue
        if file.startswith("funnels/") and file.count("/") == 1:
            if path.suffix != ".yml":
                yield _refused(file, f"is not read; rename it to {path.with_suffix('.yml').name}")
            continue
        yield _refused(file, f"is no standards file; {did_you_mean(file, [*single, 'funnels/<funnel>.yml'])}")


# Single fields


def _field_problems(document: Document, model: type[BaseModel], error: ValidationError) -> Iterator[Problem]:
    for detail in error.errors(include_url=False):
        path = tuple(step for step in detail["loc"] if step != "[key]")
        if detail["type"] == "extra_forbidden":
            parent, _ = _expected(model, path[:-1])
            yield document.problem(path, f"is not a known field; {did_you_mean(str(path[-1]), _field_names(parent))}")
        elif detail["type"] == "missing":
            yield document.problem(path, _missing_text(model, path))
        else:
            yield document.problem(path, _wrong_value_text(document, model, path, detail))


def _missing_text(model: type[BaseModel], path: FieldPath) -> str:
    if path[-1] in ("en", "zh"):
        language = {"en": "English", "zh": "Chinese"}[str(path[-1])]
        return f"the {language} text is missing; every wording needs both, en and zh"
    _, description = _expected(model, path)
    return f"is missing; add it: {description}" if description else "is missing; add it"


def _wrong_value_text(document: Document, model: type[BaseModel], path: FieldPath, detail: Any) -> str:
    value = _value_at(document.data, path)
    is_key = detail["loc"][-1] == "[key]"
    annotation, description = _expected(model, path)
    if is_key:
        _, description = _expected_key(model, path)
        return f"the name should be {description}"
    if detail["type"] == "less_than_equal" and isinstance(value, int) and value > 1000:
        return f"should be at most {detail['ctx']['le']}; found {found_text(document, path, value)}"
    if _is_text(annotation) and (advice := unquoted_advice(document, path, value)):
        return f"should be {description}; {advice}"
    text = f"should be {description or 'another value'}; found {found_text(document, path, value)}"
    if get_origin(annotation) is Literal and isinstance(value, str):
        text += f"; {did_you_mean(value, get_args(annotation))}"
    return text


def _value_at(data: Any, path: FieldPath) -> Any:
    for step in path:
        data = data[step]
    return data


def _is_text(annotation: Any) -> bool:
    return annotation is str or get_origin(annotation) is Literal


def _field_names(model: Any) -> list[str]:
    return [info.alias or name for name, info in model.model_fields.items()]


def _expected(model: type[BaseModel], path: FieldPath) -> tuple[Any, str | None]:
    """Type and description of the field at `path`."""
    annotation: Any = model
    description: str | None = None
    for step in path:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            info = next((i for name, i in annotation.model_fields.items() if (i.alias or name) == step), None)
            if info is None:
                return None, None
            annotation, description = _plain(info.annotation, info.description)
        else:
            annotation, description = _plain(get_args(annotation)[-1], None)
    return annotation, description


def _expected_key(model: type[BaseModel], path: FieldPath) -> tuple[Any, str | None]:
    mapping, _ = _expected(model, path[:-1])
    return _plain(get_args(mapping)[0], None)


def _plain(annotation: Any, description: str | None) -> tuple[Any, str | None]:
    """The type without Annotated and without None, and the description that came with it."""
    while True:
        if get_origin(annotation) is Annotated:
            annotation, *metadata = get_args(annotation)
            description = next((m.description for m in metadata if isinstance(m, FieldInfo)), None) or description
        elif get_origin(annotation) in (Union, UnionType):
            annotation = next(option for option in get_args(annotation) if option is not type(None))
        else:
            return annotation, description


# What must agree


def _disagreements(models: dict[str, Any]) -> Iterator[tuple[str, FieldPath, str]]:
    """(file, field, what is wrong). Checks that need a file that was refused itself are left out."""
    funnels = _funnels(models)
    evidence: Evidence | None = models.get("evidence.yml")
    if "company.yml" in models:
        yield from _in("company.yml", _company_flaws(models["company.yml"]))
        yield from _in("company.yml", _close_field_flaws(models["company.yml"]))
        yield from _in("company.yml", _record_link_flaws(models["company.yml"], funnels.values()))
    if evidence:
        yield from _in("evidence.yml", _evidence_flaws(evidence))
    if "icp.yml" in models:
        yield from _in("icp.yml", _icp_flaws(models["icp.yml"], evidence))
    if "rules.yml" in models:
        yield from _in("rules.yml", _rule_flaws(models["rules.yml"], list(funnels.values()), evidence))
        yield from _in("rules.yml", _stall_flaws(models["rules.yml"].stalls, models.get("company.yml"), evidence))
    if "data.yml" in models:
        yield from _in("data.yml", _data_flaws(models["data.yml"]))
    if "rules.yml" in models and funnels:
        known_rules = _known_rules(models["rules.yml"], funnels.values())
        if "waivers.yml" in models:
            yield from _in("waivers.yml", _waiver_flaws(models["waivers.yml"], known_rules))
        if "alerts.yml" in models:
            yield from _in("alerts.yml", _alert_flaws(models["alerts.yml"], known_rules, list(funnels.values())))
    for file, funnel in funnels.items():
        yield from _in(file, _funnel_flaws(funnel, evidence))
    yield from _between_funnels(funnels)


def _in(file: str, flaws: Iterable[Flaw]) -> Iterator[tuple[str, FieldPath, str]]:
    for path, text in flaws:
        yield file, path, text


def _repeated(path: FieldPath, names: Sequence[str]) -> Iterator[Flaw]:
    first: dict[str, int] = {}
    for number, name in enumerate(names):
        if name in first:
            yield (*path, number), f'"{name}" is listed twice; remove one'
        first.setdefault(name, number)


def _is_time_zone(name: str) -> bool:
    """Whether the IANA database has it: asked of that file, as listing all of them takes half a second."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _company_flaws(company: Company) -> Iterator[Flaw]:
    if not _is_time_zone(company.time_zone):
        advice = did_you_mean(company.time_zone, sorted(available_timezones()))
        advice = advice if advice.startswith("did you") else "use a name like Asia/Shanghai or Europe/Berlin"
        yield ("time_zone",), f'"{company.time_zone}" is no time zone; {advice}'
    yield from _repeated(("segments",), company.segments)
    for number, segment in enumerate(company.segments):
        if segment not in SEGMENTS:
            yield ("segments", number), f'"{segment}" is no segment; {did_you_mean(segment, SEGMENTS)}'
    if "amount_band" in company.segments and not company.amount_bands:
        yield ("amount_bands",), "segments names amount_band, so list where each band begins, like [10000, 50000]"
    for number, (before, start) in enumerate(pairwise(company.amount_bands), start=1):
        if start <= before:
            yield ("amount_bands", number), f"{start} does not rise above {before}; list the bands in rising order"
    if company.forecast_segment not in company.segments:
        advice = did_you_mean(company.forecast_segment, company.segments)
        yield ("forecast_segment",), f'"{company.forecast_segment}" is not among the segments above; {advice}'


def _close_field_flaws(company: Company) -> Iterator[Flaw]:
    for meaning, names in company.close_fields.model_dump(exclude_none=True).items():
        for number, name in enumerate(names):
            if name in DEAL_FIELDS:
                path: FieldPath = ("close_fields", meaning, number)
                yield path, f"{name} is a field of every CRM; name an attribute of your own, like x_{meaning}"


def _record_link_flaws(company: Company, funnels: Iterable[Funnel]) -> Iterator[Flaw]:
    named = [*(crm for funnel in funnels for crm in funnel.crm_names)]
    named += [crm for _, stage in _stages(funnels) for crm in stage.crm_names]
    for crm, pattern in company.record_links.items():
        path: FieldPath = ("record_links", crm)
        # Without a readable funnel there is nothing to compare with, and the funnel's own flaw says so.
        if named and crm not in named:
            yield path, f"{crm} is no CRM that a funnel file names; {did_you_mean(crm, sorted({*named}))}"
        if flaw := _address_flaw(pattern):
            yield path, flaw


def _address_flaw(pattern: str) -> str | None:
    """Why a pattern cannot be the web address of a record; None where it can."""
    example = "write one like https://acme.example.com/deals/{deal_id}"
    if pattern.count("{deal_id}") != 1:
        found = f"{pattern.count('{deal_id}')} times"
        return f"should hold {{deal_id}} exactly once, where the deal's id stands; found {found}; {example}"
    before, after = pattern.split("{deal_id}")
    # A script, a file or a page of data would run or open in the reader's own browser.
    if not re.match(r"https?://", pattern, re.IGNORECASE):
        return f'"{pattern}" is no web address; {example}'
    if re.search(r"[\s\x00-\x1f\x7f\\{}\"<>^`|]", before + after):
        return f'"{pattern}" holds a blank, a quote or another character that no address holds; {example}'
    host = re.fullmatch(r"https?://([^/?#]+)[/?#].*", before, re.IGNORECASE)
    if host is None or "@" in host[1] or not _HOST.fullmatch(host[1]):
        return f'"{pattern}" names no host before {{deal_id}}; {example}'
    return None


def _evidence_flaws(evidence: Evidence) -> Iterator[Flaw]:
    for kind in EVIDENCE_KINDS:
        accepted: list[str] = getattr(evidence.accepts, kind)
        path: FieldPath = ("accepts", kind)
        yield from _repeated(path, accepted)
        for number, name in enumerate(accepted):
            if name not in EVIDENCE_KINDS:
                yield (*path, number), f'"{name}" is no kind of evidence; {did_you_mean(name, EVIDENCE_KINDS)}'
            elif kind == "customer_action" and name != "customer_action":
                yield (
                    (*path, number),
                    f'"{name}" cannot settle what a customer must do; leave customer_action alone in this list',
                )
    yield from _one_owner_per_name(("activity_types",), evidence.activity_types, "activity type")
    yield from _one_owner_per_name(("contact_roles",), evidence.contact_roles, "contact role")


def _data_flaws(data: DataQuality) -> Iterator[Flaw]:
    if data.usual_range.minimum_nights > data.usual_range.nights:
        yield (
            ("usual_range", "minimum_nights"),
            f"{data.usual_range.minimum_nights} nights are never among the last {data.usual_range.nights}; lower it",
        )
    yield from _repeated(("expectations",), [each.expectation for each in data.expectations])
    for number, each in enumerate(data.expectations):
        path: FieldPath = ("expectations", number)
        if each.expectation not in DATA_EXPECTATIONS:
            advice = did_you_mean(each.expectation, DATA_EXPECTATIONS)
            yield (*path, "expectation"), f'"{each.expectation}" is no expectation of the data; {advice}'
            continue
        takes_share = "at_most_pct" in DATA_EXPECTATIONS[each.expectation][1]
        if takes_share and each.at_most_pct is None:
            yield (*path, "at_most_pct"), "is missing; add how many per cent of the rows may fail, 0 for none"
        if not takes_share and each.at_most_pct is not None:
            yield (*path, "at_most_pct"), f"says nothing to {each.expectation}; remove it"


def _known_rules(rules: Rules, funnels: Iterable[Funnel]) -> list[str]:
    """Rules and criteria by the ids that tables and people call them."""
    return [f"rule.{rule.rule}" for rule in rules.rules] + [
        f"{funnel.funnel}.{stage.stage}.{criterion.criterion}"
        for funnel in funnels
        for version in funnel.versions
        for stage in version.stages
        for _, criteria in stage.gates()
        for criterion in criteria
    ]


def _waiver_flaws(waivers: Waivers, known: Sequence[str]) -> Iterator[Flaw]:
    for number, waiver in enumerate(waivers.waivers):
        path: FieldPath = ("waivers", number)
        if waiver.rule not in known:
            advice = did_you_mean(waiver.rule, known)
            advice = advice if advice.startswith("did you") else "remove the waiver of a rule that is gone"
            yield (*path, "rule"), f'"{waiver.rule}" is no rule or criterion; {advice}'
        if waiver.until < waiver.from_day:
            yield (*path, "until"), f"{waiver.until} is before {waiver.from_day}, on which the waiver begins"
        elif (waiver.until - waiver.from_day).days > MAXIMUM_WAIVED_DAYS:
            latest = waiver.from_day + timedelta(days=MAXIMUM_WAIVED_DAYS)
            yield (
                (*path, "until"),
                f"{waiver.until} is more than {MAXIMUM_WAIVED_DAYS} days after {waiver.from_day}; "
                f"the latest that a waiver may hold is {latest}",
            )


def _alert_flaws(alerts: Alerts, known_rules: Sequence[str], funnels: Sequence[Funnel]) -> Iterator[Flaw]:
    names = [each.audience for each in alerts.audiences]
    for path, text in _repeated(("audiences",), names):
        yield (*path, "audience"), text
    stages = list(dict.fromkeys(stage.stage for _, stage in _stages(funnels)))
    known = {
        "rules": ("rule or criterion", known_rules),
        "funnels": ("funnel", [funnel.funnel for funnel in funnels]),
        "stages": ("stage", stages),
    }
    told: list[tuple[FieldPath, AlertAudience | AlertOwners]] = [
        (("audiences", number), each) for number, each in enumerate(alerts.audiences)
    ]
    told += [(("owners",), alerts.owners)] if alerts.owners else []
    for path, each in told:
        for field, (what, valid) in known.items():
            for number, name in enumerate(getattr(each, field) or []):
                if name not in valid:
                    yield (*path, field, number), f'"{name}" is no {what}; {did_you_mean(name, valid)}'
    for number, name in enumerate(names):
        if name == "owners":
            yield ("audiences", number, "audience"), "owners are told by the section owners; choose another name"
    if alerts.review_url:
        for field in re.findall(r"{[^}]*}?", alerts.review_url):
            if field != "{business_date}":
                yield ("review_url",), f"{field} is not known here; the date is put in for {{business_date}}"


def _one_owner_per_name(path: FieldPath, names: dict[str, list[str]], what: str) -> Iterator[Flaw]:
    owner: dict[str, str] = {}
    for name, crm_names in names.items():
        for number, crm_name in enumerate(crm_names):
            first = owner.setdefault(crm_name.lower(), name)
            if first != name:
                yield (
                    (*path, name, number),
                    f'"{crm_name}" already means the {what} {first}, whatever its case; a name has one meaning',
                )


def _icp_flaws(icp: Icp, evidence: Evidence | None) -> Iterator[Flaw]:
    names = [attribute.attribute for attribute in icp.attributes]
    for path, text in _repeated(("attributes",), names):
        yield (*path, "attribute"), text
    for number, attribute in enumerate(icp.attributes):
        path = ("attributes", number)
        has_range = attribute.at_least is not None or attribute.at_most is not None
        if (attribute.fits is None) == (not has_range):
            yield path, "needs either `fits` or a range of `at_least` and `at_most`; give one of the two"
        if has_range and attribute.attribute in TEXT_ATTRIBUTES:
            yield path, f"{attribute.attribute} is a text and has no range; list what fits in `fits`"
        # Custom attributes are free, but a near miss of a known one would be unknown for every account.
        if attribute.attribute not in ACCOUNT_ATTRIBUTES and (
            close := get_close_matches(attribute.attribute, ACCOUNT_ATTRIBUTES, n=1, cutoff=0.8)
        ):
            yield (*path, "attribute"), f'"{attribute.attribute}" is no attribute of accounts; did you mean {close[0]}?'
        yield from _range_flaws(path, attribute.at_least, attribute.at_most)
        yield from _repeated((*path, "fits"), attribute.fits or [])
    scores = list(icp.bands.items())
    for (above, higher), (band, score) in pairwise(scores):
        if score >= higher:
            yield ("bands", band), f"should start below {above} ({higher:g}); list the highest band first"
    if scores[-1][1] != 0:
        yield ("bands", scores[-1][0]), "the last band should start at 0, so that every score has a band"
    for band in icp.bands:
        if band in _RESERVED_BANDS:
            yield ("bands", band), "is what deals below the minimum completeness are called; choose another name"
    yield from _icp_range_flaws(icp)
    yield from _bant_flaws(icp, evidence)


def _bant_flaws(icp: Icp, evidence: Evidence | None) -> Iterator[Flaw]:
    for part, confirmed in (icp.bant.parts() if icp.bant else {}).items():
        for number, condition in enumerate(confirmed.any_of):
            path: FieldPath = ("bant", part, "any", number)
            yield from _condition_flaws(path, condition, confirmed.kind, evidence)
            if condition.changed_since:
                yield (*path, "changed_since"), "BANT is about no gate; leave it out"


def _icp_range_flaws(icp: Icp) -> Iterator[Flaw]:
    valued = {attribute.attribute for attribute in icp.attributes if attribute.fits is not None}
    for attribute_name, starts in icp.ranges.items():
        path = ("ranges", attribute_name)
        if attribute_name in TEXT_ATTRIBUTES or attribute_name in valued:
            yield path, f"{attribute_name} is compared by its values and has no ranges; remove it"
        if any(later <= earlier for earlier, later in pairwise(starts)):
            yield path, "should rise from number to number; list the smallest first"


def _range_flaws(path: FieldPath, at_least: float | None, at_most: float | None) -> Iterator[Flaw]:
    if at_least is not None and at_most is not None and at_least > at_most:
        yield (*path, "at_least"), f"is above at_most ({at_least:g} > {at_most:g}); nothing could meet it"


def _rule_flaws(rules: Rules, funnels: Sequence[Funnel], evidence: Evidence | None) -> Iterator[Flaw]:
    open_stages = {stage.stage for _, stage in _stages(funnels) if stage.is_open}
    for path, text in _repeated(("rules",), [rule.rule for rule in rules.rules]):
        yield (*path, "rule"), text
    for number, rule in enumerate(rules.rules):
        path = ("rules", number)
        if rule.rule not in RULE_SETTINGS:
            yield (*path, "rule"), f'"{rule.rule}" is no standing rule; {did_you_mean(rule.rule, RULE_SETTINGS)}'
            continue
        for setting in ("from_stage", "days", "times", "roles", "categories"):
            is_given = getattr(rule, setting) is not None
            is_wanted = setting in RULE_SETTINGS[rule.rule]
            if is_wanted and not is_given:
                yield (*path, setting), f"is missing; {rule.rule} needs it"
            if is_given and not is_wanted:
                yield (*path, setting), f"{rule.rule} does not use it; remove it"
        # Without a readable funnel there is nothing to compare with, and the funnel's own flaw says so.
        if rule.from_stage and open_stages and rule.from_stage not in open_stages:
            yield (
                (*path, "from_stage"),
                f'"{rule.from_stage}" is no open stage of any funnel; '
                f"{did_you_mean(rule.from_stage, sorted(open_stages))}",
            )
        yield from _role_flaws(path, rule.roles or [], evidence)
        yield from _repeated((*path, "categories"), rule.categories or [])


def _role_flaws(
    path: FieldPath, roles: Sequence[str], evidence: Evidence | None, setting: str = "roles"
) -> Iterator[Flaw]:
    yield from _repeated((*path, setting), roles)
    for place, role in enumerate(roles):
        if evidence and role not in evidence.contact_roles:
            advice = did_you_mean(role, sorted(evidence.contact_roles))
            yield (*path, setting, place), f'"{role}" is no contact role of evidence.yml; {advice}'


def _stall_flaws(stalls: Stalls, company: Company | None, evidence: Evidence | None) -> Iterator[Flaw]:
    if company and stalls.segment not in ("all", *company.segments):
        advice = did_you_mean(stalls.segment, ["all", *company.segments])
        yield ("stalls", "segment"), f'"{stalls.segment}" is not among the segments of company.yml; {advice}'
    for path, text in _repeated(("stalls", "reasons"), [each.reason for each in stalls.reasons]):
        yield (*path, "reason"), text
    for number, each in enumerate(stalls.reasons):
        path = ("stalls", "reasons", number)
        if each.reason not in STALL_REASON_SETTINGS:
            advice = did_you_mean(each.reason, STALL_REASON_SETTINGS)
            yield (*path, "reason"), f'"{each.reason}" is no reason that records can tell; {advice}'
            continue
        for setting in ("times", "roles"):
            is_given = getattr(each, setting) is not None
            is_wanted = setting in STALL_REASON_SETTINGS[each.reason]
            if is_wanted and not is_given:
                yield (*path, setting), f"is missing; {each.reason} needs it"
            if is_given and not is_wanted:
                yield (*path, setting), f"{each.reason} does not use it; remove it"
        yield from _role_flaws(path, each.roles or [], evidence)


def _stages(funnels: Iterable[Funnel]) -> Iterator[tuple[Version, Stage]]:
    for funnel in funnels:
        for version in funnel.versions:
            for stage in version.stages:
                yield version, stage


def _between_funnels(funnels: dict[str, Funnel]) -> Iterator[tuple[str, FieldPath, str]]:
    file_of: dict[str, str] = {}
    owner: dict[tuple[str, str], str] = {}
    for file, funnel in funnels.items():
        first = file_of.setdefault(funnel.funnel, file)
        if first != file:
            yield file, ("funnel",), f'"{funnel.funnel}" is already defined in {first}; one file defines one funnel'
        for crm, names in funnel.crm_names.items():
            for number, name in enumerate(names):
                holder = owner.setdefault((crm, name.casefold()), file)
                if holder != file:
                    yield (
                        file,
                        ("crm_names", crm, number),
                        f'"{name}" already names the funnel of {holder}; a name leads to one funnel',
                    )
    defaults = [file for file, funnel in funnels.items() if funnel.is_default]
    for file in defaults[1:]:
        yield file, ("is_default",), f"{defaults[0]} is the default already; only one funnel may be"
    if funnels and not defaults:
        yield min(funnels), ("is_default",), "no funnel is the default; add `is_default: true` to one funnel"


def _funnel_flaws(funnel: Funnel, evidence: Evidence | None) -> Iterator[Flaw]:
    if funnel.funnel in _RESERVED_FUNNELS:
        yield ("funnel",), f'"{funnel.funnel}" stands for all funnels together; choose another name'
    for crm, names in funnel.crm_names.items():
        yield from _repeated(("crm_names", crm), names)
    for number, version in enumerate(funnel.versions):
        path: FieldPath = ("versions", number)
        if number and version.valid_from <= (before := funnel.versions[number - 1].valid_from):
            yield (*path, "valid_from"), f"should be after {before}, where the version above begins; oldest first"
        yield from _version_flaws(path, version)
        for stage_number, stage in enumerate(version.stages):
            yield from _stage_flaws((*path, "stages", stage_number), stage, evidence)


def _version_flaws(path: FieldPath, version: Version) -> Iterator[Flaw]:
    stages = version.stages
    for (*parent, number), text in _repeated((*path, "stages"), [stage.stage for stage in stages]):
        yield (*parent, number, "stage"), text
    if not any(stage.is_open for stage in stages):
        yield (*path, "stages"), "no stage is open; a stage without `outcome` is"
    if not any(stage.outcome == "won" for stage in stages):
        yield (*path, "stages"), "no stage means won; give one stage `outcome: won`"
    owner: dict[tuple[str, str], str] = {}
    for number, stage in enumerate(stages):
        for crm, names in stage.crm_names.items():
            yield from _repeated((*path, "stages", number, "crm_names", crm), names)
            for name_number, name in enumerate(names):
                first = owner.setdefault((crm, name.casefold()), stage.stage)
                if first != stage.stage:
                    yield (
                        (*path, "stages", number, "crm_names", crm, name_number),
                        f'"{name}" already names the stage {first} in {crm}; a name leads to one stage',
                    )


def _stage_flaws(path: FieldPath, stage: Stage, evidence: Evidence | None) -> Iterator[Flaw]:
    if stage.is_open and stage.stage in OUTCOMES:
        yield (*path, "stage"), f"an open stage cannot be called {stage.stage}; add `outcome` or choose another name"
    if not stage.is_open:
        for name in ("cap_days", "may_skip"):
            if getattr(stage, name) is not None:
                yield (*path, name), "only an open stage has it; remove it, or remove `outcome`"
        if stage.exit:
            yield (*path, "exit"), "a stage with an outcome is not left; make it `entry`, or remove `outcome`"
    counted = Counter(criterion.criterion for _, criteria in stage.gates() for criterion in criteria)
    for gate, criteria in stage.gates():
        for number, criterion in enumerate(criteria):
            here: FieldPath = (*path, gate, number)
            if counted[criterion.criterion] > 1:
                counted[criterion.criterion] = 1
                yield (
                    (*here, "criterion"),
                    f'"{criterion.criterion}" is used more than once in this stage; ids must differ',
                )
            yield from _needs_flaws((*here, "needs"), criterion, evidence)


def _needs_flaws(path: FieldPath, criterion: Criterion, evidence: Evidence | None) -> Iterator[Flaw]:
    needs = criterion.needs
    ways = {"all": needs.all_of, "any": needs.any_of, "at_least": needs.at_least}
    given = [way for way, value in ways.items() if value]
    if len(given) != 1:
        yield path, f"should hold exactly one of all, any and at_least; found {' and '.join(given) or 'none'}"
        return
    path = (*path, given[0])
    if needs.at_least:
        if needs.at_least.k > len(needs.at_least.of):
            yield (*path, "k"), f"asks for {needs.at_least.k} of {len(needs.at_least.of)} conditions; lower it"
        path = (*path, "of")
    for number, step in enumerate(needs.steps()):
        here: FieldPath = (*path, number)
        inner = [name for name in ("any_of", "all_of") if getattr(step, name) is not None]
        if not inner:
            yield from _condition_flaws(here, step, criterion.kind, evidence)
        elif len(step.model_fields_set) > 1:
            yield here, f"{inner[0]} stands alone; move the other fields into its conditions"
        else:
            for inner_number, condition in enumerate(step.conditions()):
                yield from _condition_flaws((*here, inner[0], inner_number), condition, criterion.kind, evidence)


def _condition_flaws(path: FieldPath, condition: Condition, kind: str, evidence: Evidence | None) -> Iterator[Flaw]:
    given = [name for name in CONDITION_SUBJECTS if getattr(condition, name) is not None]
    if len(given) != 1:
        yield (
            path,
            f"should be about exactly one of {', '.join(CONDITION_SUBJECTS)}; found {' and '.join(given) or 'none'}",
        )
        return
    subject = given[0]
    for setting, subjects in CONDITION_SETTINGS.items():
        if getattr(condition, setting) is not None and subject not in subjects:
            yield (*path, setting), f"says nothing about {_a(subject)}; it is for {' and '.join(map(_a, subjects))}"
    if subject != "field":
        yield from _repeated((*path, subject), getattr(condition, subject))
    yield from _repeated((*path, "equals"), [text.strip().lower() for text in condition.equals or []])
    yield from _range_flaws(path, condition.at_least, condition.at_most)
    if evidence:
        for setting in ("contact_role", "attended_by"):
            yield from _role_flaws(path, getattr(condition, setting) or [], evidence, setting)
        kinds = KINDS_OF_SUBJECT.get(subject)
        accepted: list[str] = getattr(evidence.accepts, kind)
        if kinds and not set(kinds) & set(accepted):
            yield (
                (*path, subject),
                f"{_a(subject)} never settles a {kind}: evidence.yml accepts {', '.join(accepted)}; "
                "ask for such evidence, or change the kind of the criterion",
            )
    if condition.activity is not None:
        yield from _activity_flaws(path, condition, kind, evidence)
    if subject == "evidence":
        for number, key in enumerate(condition.evidence or []):
            if key.startswith("activity."):
                yield (
                    (*path, "evidence", number),
                    f"activities have a condition of their own; write `activity: [{key.removeprefix('activity.')}]`",
                )
    if condition.field is not None:
        yield from _field_flaws(path, condition)


def _activity_flaws(path: FieldPath, condition: Condition, kind: str, evidence: Evidence | None) -> Iterator[Flaw]:
    if kind == "customer_action" and condition.status is not None and "held" not in condition.status:
        yield (
            (*path, "status"),
            "what was not held is no act of the customer, so nothing could meet it; add held, or change the kind of "
            "the criterion",
        )
    # Types that are not listed keep their own name, but a near miss of one that is would never be met.
    types = evidence.activity_types if evidence else {}
    type_of = {name.strip().lower(): kept for kept, names in types.items() for name in names}
    for number, written in enumerate(condition.activity or []):
        name = written.strip().lower()
        here = (*path, "activity", number)
        if name in types:
            continue
        if name in type_of:
            yield here, f'"{written}" is what a CRM calls the type {type_of[name]}; write {type_of[name]}'
        elif close := get_close_matches(name, types, n=1, cutoff=0.8):
            yield (
                here,
                f'"{written}" is no type of activity of evidence.yml; did you mean {close[0]}? '
                "One of its own is added there",
            )


def _field_flaws(path: FieldPath, condition: Condition) -> Iterator[Flaw]:
    tests = [name for name, subjects in CONDITION_SETTINGS.items() if "field" in subjects]
    if all(getattr(condition, name) is None for name in tests):
        yield path, "says nothing that the field should be; add `filled: true` or another test"
    if condition.filled is False and any(getattr(condition, name) is not None for name in tests if name != "filled"):
        yield (*path, "filled"), "an empty field passes no other test; leave `filled: false` alone"
    if condition.not_before and condition.not_after and condition.not_before > condition.not_after:
        yield (*path, "not_before"), f"is after not_after ({condition.not_after}); nothing could meet it"
    has_days = condition.not_before is not None or condition.not_after is not None
    if has_days and (condition.at_least is not None or condition.at_most is not None):
        yield path, "compares one field as a day and as a number; keep one of the two"
    for setting in ("field", "at_least_field", "at_most_field"):
        name = getattr(condition, setting)
        if name is not None:
            yield from _field_name_flaws((*path, setting), name)


def _field_name_flaws(path: FieldPath, name: str) -> Iterator[Flaw]:
    # Attributes are free, but a near miss of a field that every CRM has would never be known of any deal.
    if name not in DEAL_FIELDS and (close := get_close_matches(name.lower(), DEAL_FIELDS, n=1, cutoff=0.8)):
        yield path, f'"{name}" is no field of deals; did you mean {close[0]}? An attribute is written x_{name}'


def _a(subject: str) -> str:
    return {
        "evidence": "evidence",
        "activity": "an activity",
        "document": "a document",
        "field": "a field",
        "contact_role": "a contact role",
    }[subject]
