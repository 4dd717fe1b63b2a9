"""A funnel file with one more version: the stages and gates that history would have.

Belongs here: which findings of stage_design_review change what of the newest version, the evidence as comments beside
it, and the text of the file, of which not a byte that stands there already is touched. Not here: which night is asked,
whether the standards as a whole accept the file (the caller loads them), writing it.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import date
from io import StringIO
from textwrap import wrap
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import YAMLError

Row = Mapping[str, Any]
# Comments stay within the width of the files that the house ships.
WIDTH = 120
# Marks a comment of ours until it is broken into lines.
_PLACEHOLDER = "proposed "


class ProposalRefused(Exception):
    """The file is written in a way that a version cannot be added to; the message is the sentence for the person."""


@dataclass(frozen=True)
class Evidence:
    """What a proposal rests on: one funnel's rows of the two tables as the night served them.

    review: stage_design_review. candidates: milestone_candidates, by milestone.
    """

    night: date
    review: Sequence[Row]
    candidates: Mapping[str, Row]


@dataclass
class Proposal:
    """`text`: the whole file with the new version; None where nothing is to be changed.

    changes: one sentence for each change made. left_out: what history shows and the file cannot say, with the reason.
    """

    text: str | None = None
    changes: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def propose(
    text: str, evidence: Evidence, valid_from: date, roles: Iterable[str], named_stages: Iterable[str]
) -> Proposal:
    """The funnel file `text` with a version valid from that day on, by the rows that are proposed.

    roles: contact roles that the standards know; a condition may ask for no other. named_stages: stages that other
    files name, which keep their names when two become one.

    Raises ProposalRefused where the newest version begins on that day or later, or `versions` is not the last field of
    the file, one `- ` per version.
    """
    yaml = _yaml()
    try:
        funnel = yaml.load(text)
    except YAMLError as error:
        raise ProposalRefused(f"The funnel file is not valid YAML: {error}") from error
    newest = funnel["versions"][-1]
    if newest["valid_from"] >= valid_from:
        raise ProposalRefused(
            f"A version of this funnel begins on {newest['valid_from']}, and a proposal can only follow it; "
            f"run a night on or after that day first."
        )
    version = deepcopy(newest)
    version["valid_from"] = valid_from
    made = Proposal()
    design = _Design(version["stages"], evidence, made, frozenset(roles), frozenset(named_stages))
    for finding, change in design.changes_by_finding().items():
        for row in evidence.review:
            if row["finding"] == finding and row["is_proposed"] and not design.is_renamed_since(row):
                change(row)
    if made.changes:
        made.text = _appended(text, version, evidence.night)
    return made


class _Design:
    """The stages of the new version while they are changed."""

    def __init__(
        self, stages: CommentedSeq, evidence: Evidence, made: Proposal, roles: frozenset[str], named: frozenset[str]
    ) -> None:
        self.stages, self.evidence, self.made, self.roles, self.named = stages, evidence, made, roles, named
        self.now_called = {stage["stage"]: stage["stage"] for stage in stages}
        self.merged: set[str] = set()
        # By the stage and the name that a criterion had: its name where it joined another of that name.
        self.now_named: dict[tuple[str, str], str] = {}

    def changes_by_finding(self) -> dict[str, Callable[[Row], None]]:
        """In the order in which they are made: stages become one before one of them is asked for more."""
        return {
            "merge_stages": self.merge,
            "gate_unsupported": self.soften,
            "milestone_unasked": self.ask,
            "split_stage": self.split,
        }

    def is_renamed_since(self, row: Row) -> bool:
        """Whether the file no longer has a stage of the finding under its name of that night; told as left out."""
        gone = sorted({row["stage"], row["other_stage"]} - {None} - self.now_called.keys())
        if gone:
            self.made.left_out.append(
                f"{row['subject']}: the newest version has no stage {' or '.join(gone)}; it was renamed or taken out "
                f"since the night of {self.evidence.night}, so run a night with the file as it is first."
            )
        return bool(gone)

    def stage(self, name: str) -> CommentedMap:
        found: CommentedMap = next(each for each in self.stages if each["stage"] == self.now_called[name])
        return found

    def soften(self, row: Row) -> None:
        name = row["criterion_id"].split(".")[-1]
        name = self.now_named.get((row["stage"], name), name)
        stage = self.stage(row["stage"])
        # Where two stages became one, what was asked at the entry of the later one is asked at its exit.
        listed = [each for gate in ("entry", "exit") for each in stage.get(gate, ()) if each["criterion"] == name]
        if not listed or listed[0]["severity"] == "warn":
            self.made.left_out.append(
                f"{row['criterion_id']}: only a warning already; whether it is asked at all is for people to decide."
            )
            return
        listed[0]["severity"] = "warn"
        said = (
            f"of {row['deals']} closed deals that passed the gate, meeting it goes with "
            f"{_points(row['win_rate_difference'])} of win rate among deals alike "
            f"({_points(row['win_rate_difference_low'])} to {_points(row['win_rate_difference_high'])})."
        )
        self.comment(listed[0], "severity", f"no longer blocks: {said}")
        self.made.changes.append(f"{row['criterion_id']} warns and no longer blocks: {said}")

    def ask(self, row: Row) -> None:
        stage = self.stage(row["stage"])
        criterion = self.criterion(row, stage)
        if criterion is None:
            return
        gate = stage.setdefault("exit", CommentedSeq())
        gate.append(criterion)
        said = self.lift(row)
        self.comment(criterion, "severity", f"{row['milestone']}: {said}")
        self.made.changes.append(f"{stage['stage']}: its exit asks for {row['milestone']}: {said}")

    def criterion(self, row: Row, stage: CommentedMap) -> CommentedMap | None:
        """The criterion that asks for a milestone; None, with the reason told, where a file cannot ask for it."""
        candidate = self.evidence.candidates[row["milestone"]]
        subject, key, role = candidate["subject"], candidate["subject_key"], candidate["contact_role"]
        if role is not None and role not in self.roles:
            self.made.left_out.append(
                f"{row['milestone']}: {role} is no contact role of evidence.yml; name it there to ask for it."
            )
            return None
        taken = {each["criterion"] for gate in ("entry", "exit") for each in stage.get(gate, ())}
        kinds = {"document": "document", "contact_role": "recorded_event"}
        by_customer = (candidate["by_customer_share"] or 0) >= 0.95
        condition = CommentedMap({subject: [key]})
        if subject == "activity" and role is not None:
            condition["attended_by"] = [role]
        for listed in condition:
            condition[listed] = _flow(CommentedSeq(condition[listed]))
        words = _words(subject, key, role)
        return CommentedMap(
            criterion=_free_name(_kind(row["milestone"]), taken),
            kind=kinds.get(subject, "customer_action" if by_customer else "recorded_event"),
            # A new gate warns until people are used to it.
            severity="warn",
            wording=_flow(CommentedMap(en=f"{words['en']} stands on record.", zh=f"已有记录：{words['zh']}。")),
            advice=_flow(
                CommentedMap(en="Do it with the customer, and log it with its date.", zh="与客户完成此事，并记录日期。")
            ),
            needs=CommentedMap(all=CommentedSeq([_flow(condition)])),
        )

    def merge(self, row: Row) -> None:
        first, second = self.stage(row["stage"]), self.stage(row["other_stage"])
        if first["stage"] in self.named and second["stage"] in self.named:
            self.made.left_out.append(
                f"{row['subject']}: other files of the standards name both stages; change them there first."
            )
            return
        # The stage in which deals stay is the one that people know.
        is_first_kept = (row["median_stay_days"] or 0) > (row["other_median_stay_days"] or 0)
        if {first["stage"], second["stage"]} & self.named:
            is_first_kept = first["stage"] in self.named
        kept, gone = (first, second) if is_first_kept else (second, first)
        for crm, names in gone["crm_names"].items():
            known = kept["crm_names"].setdefault(crm, _flow(CommentedSeq()))
            known.extend(name for name in names if name not in known)
        entry = list(first.get("entry", ()))
        between = [*second.get("entry", ()), *second.get("exit", ())]
        exits = [*first.get("exit", ()), *self._renamed(between, [*entry, *first.get("exit", ())], row["other_stage"])]
        for gate, criteria in (("entry", entry), ("exit", exits)):
            if criteria:
                kept[gate] = CommentedSeq(criteria)
            else:
                kept.pop(gate, None)
        caps = [each["cap_days"] for each in (first, second) if "cap_days" in each]
        if caps:
            kept["cap_days"] = sum(caps)
        if not (first.get("may_skip", True) and second.get("may_skip", True)):
            kept["may_skip"] = False
        for before, now in self.now_called.items():
            if now == gone["stage"]:
                self.now_called[before] = kept["stage"]
        self.stages.remove(gone)
        self.merged.add(kept["stage"])
        said = (
            f"of {row['deals']} closed deals that reached the first, "
            f"{row['dropoff_deals']} ended there ({_percent(row['dropoff_share_high'])} at most); half of the visits "
            f"lasted less than {_days(row['median_stay_days'])} and {_days(row['other_median_stay_days'])} days. What "
            f"is lost: these ends, and {_points(row['win_rate_difference'])} of win chance between the two."
        )
        self.comment(kept, "name", f"was {first['stage']} and {second['stage']}: {said}")
        self.made.changes.append(f"{first['stage']} and {second['stage']} become {kept['stage']}: {said}")

    def _renamed(
        self, criteria: Iterable[CommentedMap], known: Sequence[CommentedMap], stage: str
    ) -> list[CommentedMap]:
        """Criteria of a stage that join those of another: what is asked there already once, other names where taken."""
        by_name, kept = {each["criterion"]: each for each in known}, []
        for each in criteria:
            name, same = each["criterion"], by_name.get(each["criterion"])
            if same is not None and _asked(same) == _asked(each):
                if each["severity"] == "block":
                    same["severity"] = "block"
                continue
            if same is not None:
                each["criterion"] = _free_name(f"{stage}_{name}", by_name)
                self.now_named[stage, name] = each["criterion"]
            by_name[each["criterion"]] = each
            kept.append(each)
        return kept

    def split(self, row: Row) -> None:
        stage = self.stage(row["stage"])
        if stage["stage"] in self.merged:
            self.made.left_out.append(f"{row['subject']}: the stage is merged with another first.")
            return
        candidate = self.evidence.candidates[row["milestone"]]
        words = _words(candidate["subject"], candidate["subject_key"], candidate["contact_role"])
        taken = {each["stage"] for each in self.stages}
        after = CommentedMap(
            stage=_free_name(f"{stage['stage']}_after_{_kind(row['milestone'])}", taken),
            name=_flow(
                CommentedMap(
                    en=f"{stage['name']['en']} after: {words['en']}", zh=f"{stage['name']['zh']}（{words['zh']}之后）"
                )
            ),
            # What the CRM will call it; until it does, nobody is in it and nobody is blamed for that.
            crm_names=CommentedMap(
                {
                    crm: _flow(CommentedSeq([f"{names[0]} - after {row['milestone']}"]))
                    for crm, names in stage["crm_names"].items()
                }
            ),
        )
        if "cap_days" in stage:
            after["cap_days"] = stage["cap_days"]
        after["may_skip"] = True
        self.stages.insert(self.stages.index(stage) + 1, after)
        said = (
            f"{self.lift(row)} It comes in {_percent(row['milestone_share'])} of the visits, half of the time after "
            f"more than {_days(row['median_days_before_milestone'])} days and with more than "
            f"{_days(row['median_days_after_milestone'])} days to go. Give the stage its name in the CRM, "
            f"and write it here; what the exit of {stage['stage']} asks for stays there until deals are in both; "
            "then move what belongs behind the milestone."
        )
        self.comment(after, "name", f"parted by {row['milestone']}: {said}")
        self.made.changes.append(f"{stage['stage']} is parted by {row['milestone']}: {said}")

    def lift(self, row: Row) -> str:
        """The sentence that a milestone rests on."""
        candidate = self.evidence.candidates[row["milestone"]]
        return (
            f"{row['deals']} deals came to it while deals alike did not; won "
            f"{_percent(row['win_rate_with'])} against {_percent(row['win_rate_without'])}, lift {row['lift']:.2f} "
            f"({row['lift_low']:.2f} to {row['lift_high']:.2f}). {_percent(candidate['won_share'])} of won and "
            f"{_percent(candidate['lost_share'])} of other closed deals had it."
        )

    def comment(self, where: CommentedMap, key: str, sentence: str) -> None:
        """Put the sentence, with its night, above a field."""
        sentence = f"{_PLACEHOLDER}Night of {self.evidence.night}: {sentence}"
        where.yaml_set_comment_before_after_key(key, before=sentence)


def _yaml() -> YAML:
    yaml = YAML()
    yaml.preserve_quotes = True
    # One line for each comment and list, however long; comments are broken where they are written.
    yaml.width = 100_000
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml


def _appended(text: str, version: CommentedMap, night: date) -> str:
    out = StringIO()
    _yaml().dump(CommentedMap(versions=CommentedSeq([version])), out)
    _, _, written = out.getvalue().partition("\n")
    lines = [
        f"  # Proposed by what was known on the night of {night}. Read the evidence, change what you know better,",
        "  # and set the day from which it shall hold.",
        *_with_broken_comments(written.splitlines()),
    ]
    whole = (text if text.endswith("\n") else f"{text}\n") + "\n".join(lines).rstrip() + "\n"
    before, after = _plain(text), _plain(whole)
    if after is None or after["versions"] != [*before["versions"], _data(version)]:
        raise ProposalRefused(
            "A version cannot be added at the end of the funnel file; make `versions` its last field, with one `- ` "
            "per version."
        )
    return whole


def _with_broken_comments(lines: Sequence[str]) -> Iterator[str]:
    """Comments of ours, each one long line, at the indentation of the field that they stand above."""
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        stripped = line.strip()
        if not stripped.startswith(f"# {_PLACEHOLDER}"):
            yield line
            continue
        indent = " " * (len(following) - len(following.lstrip()))
        sentence = stripped.removeprefix(f"# {_PLACEHOLDER}")
        yield from wrap(sentence, WIDTH, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# ")


def _plain(text: str) -> Any:
    try:
        return _data(_yaml().load(text))
    except YAMLError:
        return None


def _data(node: Any) -> Any:
    if isinstance(node, Mapping):
        return {key: _data(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_data(value) for value in node]
    return node


def _flow(node: Any) -> Any:
    node.fa.set_flow_style()
    return node


def _asked(criterion: CommentedMap) -> dict[str, Any]:
    """What a criterion asks for, however it is worded and however severe it is."""
    said = {"wording", "advice", "severity"}
    return {name: value for name, value in _data(criterion).items() if name not in said}


def _free_name(said: str, taken: Iterable[str]) -> str:
    """An identifier made of what is said, other than those that are taken."""
    name = re.sub(r"[^a-z0-9]+", "_", said.lower()).strip("_")
    name = name if re.match(r"[a-z]", name) else f"milestone_{name}".rstrip("_")
    used, number, free = set(taken), 1, name
    while free in used:
        number += 1
        free = f"{name}_{number}"
    return free


def _kind(milestone: str) -> str:
    """`demo:champion` of `activity:demo:champion`."""
    return milestone.partition(":")[2]


def _words(subject: str, key: str, role: str | None) -> dict[str, str]:
    """What a milestone is, for people; keys and roles are the company's own words."""
    named = key.replace("_", " ")
    attended = (role or "").replace("_", " ")
    if subject == "activity":
        return {
            "en": f"An activity of the type {named}" + (f" with the {attended}" if role else ""),
            "zh": f"“{named}”活动" + (f"（{attended}参加）" if role else ""),
        }
    if subject == "contact_role":
        return {"en": f"A contact as {named}", "zh": f"“{named}”联系人"}
    if subject == "document":
        return {"en": f"The document {named}", "zh": f"“{named}”文档"}
    return {"en": f"The evidence {named}", "zh": f"“{named}”证据"}


def _percent(share: float | None) -> str:
    return "an unknown share" if share is None else f"{100 * share:.0f} %"


def _points(difference: float | None) -> str:
    return "an unknown number of points" if difference is None else f"{100 * difference:+.1f} points"


def _days(days: float | None) -> str:
    return "an unknown number of" if days is None else f"{days:.1f}"
