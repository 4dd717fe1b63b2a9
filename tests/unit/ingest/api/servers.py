"""Local servers that behave as the APIs do, and fail in the ways that real ones fail. Nothing leaves this machine."""

import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "00D-secret-token-never-to-be-seen"


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: Mapping[str, str]
    body: Mapping[str, Any]
    authorization: str


@dataclass(frozen=True)
class Answer:
    """What goes back: a status, JSON or bytes as they are, headers. `cut_after`: bytes, then the connection drops."""

    status: int = 200
    content: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    cut_after: int | None = None
    tells_length: bool = True


@contextmanager
def serving(answer: Callable[[Request], Answer]) -> Iterator[str]:
    """The address of a server that answers each request by this function."""

    class Handler(BaseHTTPRequestHandler):
        def _handle(self) -> None:
            parts = urlsplit(self.path)
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            is_json = "json" in (self.headers.get("Content-Type") or "")
            body = json.loads(raw) if raw and is_json else {k: v[0] for k, v in parse_qs(raw.decode()).items()}
            query = {key: values[0] for key, values in parse_qs(parts.query).items()}
            given = answer(Request(self.command, parts.path, query, body, self.headers.get("Authorization") or ""))
            content = given.content if isinstance(given.content, bytes) else json.dumps(given.content).encode()
            self.send_response(given.status)
            self.send_header("Content-Type", "application/json")
            if given.tells_length:
                self.send_header("Content-Length", str(len(content)))
            for name, value in given.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content if given.cut_after is None else content[: given.cut_after])

        do_GET = do_POST = _handle  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Say nothing: what is asked is looked at by the tests."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class Org:
    """A Salesforce org: `records` by object, as its database holds them, and what was asked of it.

    `trouble`: answers that are given once each before the org is itself again. `query` answers without deleted
    records and `queryAll` with them, in pages of `page_size`, whose records are fixed when the query is made.
    """

    records: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    page_size: int = 2
    token: str = TOKEN
    absent_fields: frozenset[str] = frozenset()
    trouble: list[Answer] = field(default_factory=list)
    asked: list[Request] = field(default_factory=list)
    after_a_page: Callable[[], None] = lambda: None
    _open: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def answer(self, request: Request) -> Answer:
        self.asked.append(request)
        if self.trouble:
            return self.trouble.pop(0)
        if request.path == "/services/oauth2/token":
            return self._login(request)
        if request.authorization != f"Bearer {self.token}":
            return Answer(401, [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}])
        locator = request.path.rsplit("/", 1)[-1]
        if locator == "describe":
            return Answer(200, {"fields": [{"name": name} for name in self._fields() - self.absent_fields]})
        if locator in self._open:
            return self._page(locator)
        includes_deleted = locator == "queryAll"
        if not includes_deleted and locator != "query":
            return Answer(404, [{"message": "The requested resource does not exist", "errorCode": "NOT_FOUND"}])
        return self._query(request.query["q"], includes_deleted=includes_deleted)

    def queries(self) -> list[str]:
        return [each.query["q"] for each in self.asked if "q" in each.query]

    def _fields(self) -> set[str]:
        """All that was ever asked for: an org here has every field but those that are absent."""
        return {
            name for query in self.queries() for name in query.removeprefix("SELECT ").split(" FROM ")[0].split(", ")
        }

    def _login(self, request: Request) -> Answer:
        if request.body.get("client_secret") != "the-client-secret":
            return Answer(400, {"error": "invalid_client", "error_description": "invalid client credentials"})
        return Answer(200, {"access_token": self.token, "instance_url": "", "token_type": "Bearer"})

    def _query(self, soql: str, *, includes_deleted: bool) -> Answer:
        read = re.fullmatch(r"SELECT (.+) FROM (\w+)(?: WHERE (\w+) >= (\S+) AND (\w+) < (\S+))?", soql)
        assert read is not None, soql
        fields, entity, column, since, _, until = read.groups()
        for each in fields.split(", "):
            if each in self.absent_fields:
                message = f"\nSELECT {each}\n       ^\nERROR at Row:1\nNo such column '{each}' on entity '{entity}'."
                return Answer(400, [{"message": message, "errorCode": "INVALID_FIELD"}])
        found = [
            {"attributes": {"type": entity}, **{name: record.get(name) for name in fields.split(", ")}}
            for record in self.records.get(entity, [])
            if (includes_deleted or not record.get("IsDeleted"))
            and (column is None or parsed(since) <= parsed(record[column]) < parsed(until))
        ]
        locator = f"01g{len(self._open)}-{len(found)}"
        self._open[locator] = found
        return self._page(locator, total=len(found))

    def _page(self, locator: str, total: int | None = None) -> Answer:
        left = self._open.pop(locator)
        page, rest = left[: self.page_size], left[self.page_size :]
        total = total if total is not None else int(locator.rsplit("-", 1)[-1])
        content: dict[str, Any] = {"totalSize": total, "done": not rest, "records": page}
        if rest:
            following = f"{locator.split('-', maxsplit=1)[0]}x-{total}"
            self._open[following] = rest
            content["nextRecordsUrl"] = f"/services/data/v60.0/query/{following}"
        self.after_a_page()
        return Answer(200, content)


@dataclass
class Portal:
    """A HubSpot account: `records` by type, with `associations` between them, and what was asked of it.

    A record has `id`, `properties`, and where it has them `history` (property → entries), `archivedAt`. A search knows
    only what is not in `unseen`, gives `search_limit` results at most whatever their number, and counts pages by how
    many results come before them. `trouble`: answers that are given once each before it is itself again.
    """

    records: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    associations: dict[tuple[str, str], dict[str, list[tuple[str, list[str]]]]] = field(default_factory=dict)
    owners: list[dict[str, Any]] = field(default_factory=list)
    pipelines: list[dict[str, Any]] = field(default_factory=list)
    unseen: frozenset[str] = frozenset()
    page_size: int = 2
    search_limit: int = 4
    token: str = TOKEN
    trouble: list[Answer] = field(default_factory=list)
    asked: list[Request] = field(default_factory=list)
    after_a_search: Callable[[], None] = lambda: None

    def answer(self, request: Request) -> Answer:
        self.asked.append(request)
        if self.trouble:
            return self.trouble.pop(0)
        if request.authorization != f"Bearer {self.token}":
            return Answer(401, {"status": "error", "message": "expired", "category": "EXPIRED_AUTHENTICATION"})
        match request.path.strip("/").split("/"):
            case ["crm", "v3", "owners"]:
                return self._list(self.owners, request)
            case ["crm", "v3", "pipelines", "deals"]:
                return Answer(200, {"results": self.pipelines})
            case ["crm", "v3", "objects", kind]:
                return self._list([_shown(each, request) for each in self.records.get(kind, [])], request)
            case ["crm", "v3", "objects", kind, "search"]:
                return self._search(kind, request.body)
            case ["crm", "v3", "objects", kind, "batch", "read"]:
                return self._histories(kind, request)
            case ["crm", "v4", "associations", kind, other, "batch", "read"]:
                return self._associated(self.associations.get((kind, other), {}), request.body)
        return Answer(404, {"status": "error", "category": "OBJECT_NOT_FOUND", "message": request.path})

    def _list(self, known: list[dict[str, Any]], request: Request) -> Answer:
        is_archived = request.query.get("archived") == "true"
        after = int(request.query.get("after", "0"))
        left = sorted(
            (each for each in known if bool(each.get("archived")) == is_archived and int(each["id"]) > after),
            key=lambda each: int(each["id"]),
        )
        content: dict[str, Any] = {"results": left[: self.page_size]}
        if len(left) > self.page_size:
            content["paging"] = {"next": {"after": left[self.page_size - 1]["id"], "link": "?"}}
        return Answer(200, content)

    def _search(self, kind: str, body: Mapping[str, Any]) -> Answer:
        (group,) = body["filterGroups"]
        found = [
            each
            for each in self.records.get(kind, [])
            if not each.get("archivedAt")
            and each["id"] not in self.unseen
            and all(_holds(each, one) for one in group["filters"])
        ]
        (order,) = body["sorts"]
        assert (order["propertyName"], order["direction"]) == ("hs_object_id", "ASCENDING")
        found.sort(key=lambda each: int(each["id"]))
        start = int(body.get("after", 0))
        if start >= self.search_limit:
            return Answer(400, {"status": "error", "category": "VALIDATION_ERROR", "message": "too far"})
        page = found[start : start + min(self.page_size, body["limit"])]
        content: dict[str, Any] = {
            "total": len(found),
            "results": [
                {
                    "id": each["id"],
                    "properties": {k: v for k, v in each["properties"].items() if k in body["properties"]},
                }
                for each in page
            ],
        }
        if start + len(page) < len(found):
            content["paging"] = {"next": {"after": str(start + len(page))}}
        self.after_a_search()
        return Answer(200, content)

    def _histories(self, kind: str, request: Request) -> Answer:
        wanted = [each["id"] for each in request.body["inputs"]]
        if len(wanted) > 50:
            return Answer(400, {"status": "error", "category": "VALIDATION_ERROR", "message": "at most 50"})
        is_archived = request.query.get("archived") == "true"
        asked = request.body["propertiesWithHistory"]
        found = [
            {
                "id": each["id"],
                "propertiesWithHistory": {k: v for k, v in each.get("history", {}).items() if k in asked},
            }
            for each in self.records[kind]
            if each["id"] in wanted and bool(each.get("archivedAt")) == is_archived
        ]
        return Answer(207 if len(found) < len(wanted) else 200, {"status": "COMPLETE", "results": found})

    def _associated(self, known: Mapping[str, list[tuple[str, list[str]]]], body: Mapping[str, Any]) -> Answer:
        """One association a page, as HubSpot gives five hundred."""
        results = []
        for each in body["inputs"]:
            own, start = known.get(each["id"], []), int(each.get("after", 0))
            if not own:
                continue
            to, labels = own[start]
            kinds: list[dict[str, Any]] = [{"category": "HUBSPOT_DEFINED", "typeId": 3, "label": None}]
            kinds += [{"category": "USER_DEFINED", "typeId": 9, "label": label} for label in labels]
            result: dict[str, Any] = {
                "from": {"id": each["id"]},
                "to": [{"toObjectId": int(to), "associationTypes": kinds}],
            }
            if start + 1 < len(own):
                result["paging"] = {"next": {"after": str(start + 1)}}
            results.append(result)
        return Answer(207 if len(results) < len(body["inputs"]) else 200, {"status": "COMPLETE", "results": results})


def _shown(record: Mapping[str, Any], request: Request) -> dict[str, Any]:
    asked = request.query["properties"].split(",")
    shown = {
        "id": record["id"],
        "properties": _of(record, asked),
        "archived": bool(record.get("archivedAt")),
    }
    return shown | ({"archivedAt": record["archivedAt"]} if record.get("archivedAt") else {})


def _of(record: Mapping[str, Any], asked: list[str]) -> dict[str, Any]:
    return {name: value for name, value in record["properties"].items() if name in asked}


def _holds(record: Mapping[str, Any], one: Mapping[str, str]) -> bool:
    name, operator, value = one["propertyName"], one["operator"], int(one["value"])
    text = record["id"] if name == "hs_object_id" else record["properties"][name]
    own = int(text) if name == "hs_object_id" else int(parsed(text).timestamp() * 1000)
    return {"GTE": own >= value, "LT": own < value, "GT": own > value}[operator]


def parsed(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def stamp(moment: datetime) -> str:
    """An instant as Salesforce writes it, to the second as its stamps are."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.000+0000"
