"""YAML files as plain data that still knows its lines, and the sentences in which a file is refused.

Belongs here: reading one file, the traps of YAML itself (duplicate keys, unquoted yes/no/on, dates, octals), and the
wording of an error as file, line, field. Not here: what a field means (`standards_models`) or how fields and files
agree with each other (`standards`).
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml
from yaml.reader import ReaderError

FieldPath = tuple[str | int, ...]

_WHOLE_NUMBER = re.compile(r"[-+]?(0|[1-9][0-9_]*)")
_FRACTION = re.compile(r"[-+]?([0-9][0-9_]*)?\.[0-9]*([eE][-+]?[0-9]+)?")
_TAG = "tag:yaml.org,2002:"


class StandardsRefused(Exception):
    """The standards cannot be used.

    `str()` is the first problem as one sentence; `problems` holds all of them, by file and line.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__(problems[0])
        self.problems = list(problems)


@dataclass(frozen=True)
class Problem:
    """One flaw of one file. `line` is 1-based, None where the file as a whole is meant."""

    file: str
    line: int | None
    path: FieldPath
    text: str

    def sentence(self) -> str:
        where = self.file if self.line is None else f"{self.file}, line {self.line}"
        return f"{where}: {path_text(self.path)}: {self.text}" if self.path else f"{where}: {self.text}"


@dataclass
class Document:
    """One parsed file: its data, the line of each field and item, and each plain scalar as it was written."""

    file: str
    data: Any = None
    lines: dict[FieldPath, int] = field(default_factory=dict)
    written: dict[FieldPath, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def problem(self, path: FieldPath, text: str) -> Problem:
        """A problem at `path`, or at its nearest parent that the file has."""
        nearest = path
        while nearest and nearest not in self.lines:
            nearest = nearest[:-1]
        return Problem(self.file, self.lines.get(nearest, 1), path, text)


def path_text(path: FieldPath) -> str:
    """`versions[0].stages[2].cap_days`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text


def did_you_mean(name: str, valid: Iterable[str]) -> str:
    """Advice that names the closest valid name, or all of them where none is close."""
    names = list(valid)
    close = get_close_matches(name, names, n=1, cutoff=0.6) or get_close_matches(
        name.casefold(), names, n=1, cutoff=0.6
    )
    return f"did you mean {close[0]}?" if close else f"valid are {', '.join(names)}"


def read_document(path: Path, file: str) -> Document:
    """Read one file. Flaws of the YAML itself are in `problems`; the data is then not to be trusted."""
    document = Document(file)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        document.problems.append(Problem(file, None, (), f"cannot be read ({error.strerror}); check that it is a file"))
        return document
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        document.problems.append(Problem(file, line, (), "is not UTF-8 text; save the file in UTF-8"))
        return document
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        document.problems.append(
            Problem(
                file,
                mark.line + 1 if mark else None,
                (),
                f"is not valid YAML ({error.problem}); check indentation, colons and quotes",
            )
        )
        return document
    except ReaderError as error:
        line = text[: error.position].count("\n") + 1
        document.problems.append(Problem(file, line, (), "holds a control character; remove it"))
        return document
    if node is None:
        document.problems.append(Problem(file, 1, (), "is empty; restore its content or remove the file"))
        return document
    document.data = _Reader(document).value(node, ())
    if not document.problems and not isinstance(document.data, dict):
        document.problems.append(Problem(file, 1, (), "should be fields with values, like `name: value`"))
    return document


# 010 is eight and 12:30 is 750 in YAML 1.1; nobody who writes them means that, so they stay texts.
_SCALARS: dict[str, Callable[[yaml.ScalarNode], Any]] = {
    "str": lambda node: node.value,
    "null": lambda node: None,
    "bool": lambda node: node.value.lower() in ("yes", "true", "on"),
    "int": lambda node: int(node.value.replace("_", "")) if _WHOLE_NUMBER.fullmatch(node.value) else node.value,
    "float": lambda node: float(node.value.replace("_", "")) if _FRACTION.fullmatch(node.value) else node.value,
    "timestamp": lambda node: yaml.SafeLoader("").construct_yaml_timestamp(node),
}


class _Reader:
    def __init__(self, document: Document) -> None:
        self.document = document
        self.open_nodes: set[int] = set()

    def value(self, node: yaml.Node, path: FieldPath) -> Any:
        self.document.lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.ScalarNode):
            return self.scalar(node, path)
        # An alias inside the thing it names would never end.
        if id(node) in self.open_nodes:
            return self.refuse(node, path, "refers to itself; write the value out")
        self.open_nodes.add(id(node))
        try:
            if isinstance(node, yaml.SequenceNode):
                return [self.value(item, (*path, number)) for number, item in enumerate(node.value)]
            return self.mapping(node, path)
        finally:
            self.open_nodes.discard(id(node))

    def mapping(self, node: yaml.Node, path: FieldPath) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if key_node.tag == _TAG + "merge":
                self.refuse(key_node, path, "merging with << is not supported; write the fields out")
                continue
            if key_node.tag != _TAG + "str":
                written = key_node.value if isinstance(key_node, yaml.ScalarNode) else "in brackets"
                self.refuse(
                    key_node, path, f"the name {written} is not read as a text by YAML; quote it: {_quoted(written)}"
                )
                continue
            key = key_node.value
            if key in values:
                first = self.document.lines[(*path, key)]
                self.refuse(key_node, (*path, key), f"is given twice, first on line {first}; keep one of them")
                continue
            self.document.lines[(*path, key)] = line
            values[key] = self.value(value_node, (*path, key))
        return values

    def scalar(self, node: yaml.ScalarNode, path: FieldPath) -> Any:
        self.document.written[path] = node.value
        kind = node.tag.removeprefix(_TAG)
        if kind not in _SCALARS:
            return self.refuse(node, path, f"the YAML tag {node.tag} is not supported; write a plain value")
        try:
            return _SCALARS[kind](node)
        except ValueError:
            return self.refuse(node, path, f"{node.value} is no day of the calendar; correct the date")

    def refuse(self, node: yaml.Node, path: FieldPath, text: str) -> None:
        self.document.problems.append(Problem(self.document.file, node.start_mark.line + 1, path, text))


def found_text(document: Document, path: FieldPath, value: Any) -> str:
    """The value of a field as its file shows it."""
    if value is None:
        return "nothing"
    if isinstance(value, str):
        # Where a name of a variable is asked for, people paste the URL itself, and its password would be logged.
        return "a URL, which is not repeated here" if "://" in value else f'"{value}"'
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    if isinstance(value, dict):
        return "fields"
    return document.written.get(path, str(value))


def _quoted(written: str) -> str:
    return '"' + written.replace("\\", "\\\\").replace('"', '\\"') + '"'


def unquoted_advice(document: Document, path: FieldPath, value: Any) -> str | None:
    """What to say where a text was meant and YAML read something else; None where that is not the case."""
    written = document.written.get(path)
    if written is None or value is None or isinstance(value, str):
        return None
    read_as = "true or false" if isinstance(value, bool) else "a number" if isinstance(value, int | float) else "a date"
    return f"found {written}, which YAML reads as {read_as}: quote it, {_quoted(written)}"
