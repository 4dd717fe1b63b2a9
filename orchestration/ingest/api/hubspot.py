"""What is asked of HubSpot: deals with their history, companies, owners, pipelines, and activities with their deals.

Of each only what the mapping reads, so that no further personal data ever leaves the CRM: no body of an e-mail, no
address. How pages are fetched and written is common to all CRMs.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from orchestration.ingest.api.client import Connection, Patience, connect, secret, set_up_dlt
from orchestration.ingest.api.paginators import by_id
from orchestration.ingest.api.tables import Api, FetchRefused, Row, Table, Window, instant
from orchestration.ingest.mapping import CrmMapping, ObjectMapping, closest, match_headers, normalised

ADDRESS = "https://api.hubapi.com"
CHANGED = "hs_lastmodifieddate"
# What the API takes in one request: records of a page, deals whose history is asked for, records with associations.
PAGE, HISTORY_BATCH, ASSOCIATION_BATCH = 100, 50, 1000

# Value → the columns it may be written as; the first that the mapping knows is taken, and none of what it does not.
Spellings = dict[str, tuple[str, ...]]


def _properties(*names: str) -> Spellings:
    return {name: (name,) for name in names}


OF_ANY_RECORD: Spellings = {
    "id": ("hs_object_id", "id", "deal_id", "company_id", "engagement_id", "activity_id"),
    "archived": ("archived", "is_deleted", "is_archived"),
    "archivedAt": ("archivedAt", "deleted_at"),
    **_properties(CHANGED, "createdate", "hubspot_owner_id"),
}
DEALS: Spellings = OF_ANY_RECORD | _properties(
    *("dealname", "pipeline", "dealstage", "amount", "deal_currency_code", "hs_primary_associated_company"),
    *("closedate", "dealtype", "closed_lost_reason", "closed_won_reason", "hs_analytics_source", "hs_next_step"),
    *("hs_deal_stage_probability", "hs_manual_forecast_category", "hs_v2_date_entered_current_stage"),
)
COMPANIES: Spellings = OF_ANY_RECORD | _properties(
    *("name", "industry", "numberofemployees", "annualrevenue", "country", "state", "lifecyclestage"),
)
OF_ANY_ACTIVITY: Spellings = OF_ANY_RECORD | {
    "type": ("hs_engagement_type", "engagement_type", "activity_type", "type"),
    "deals": ("deal_id", "deal_ids", "associated_deal_ids", "associated_deals", "deals"),
    **_properties("hs_timestamp", "hs_activity_type"),
}
ACTIVITIES: Mapping[str, Spellings] = {
    "calls": _properties("hs_call_duration", "hs_call_direction", "hs_call_status", "hs_call_disposition"),
    "meetings": _properties("hs_meeting_start_time", "hs_meeting_end_time", "hs_meeting_outcome"),
    "emails": _properties("hs_email_direction", "hs_email_status"),
    "notes": {},
    "tasks": _properties("hs_task_status", "hs_task_type", "hs_task_completion_date"),
}
HISTORY: Spellings = {
    "deal": ("deal_id", "hs_object_id", "id"),
    "property": ("property", "property_name", "field", "name"),
    "value": ("value", "dealstage", "stage", "new_value"),
    "timestamp": ("timestamp", "changed_at"),
    "sourceType": ("sourceType", "source"),
    "sourceId": ("sourceId",),
    "updatedByUserId": ("updatedByUserId", "changed_by"),
}
# Whose earlier values are asked for: the stage for the visits, the others because moving them is how deals hide.
HISTORIES: Mapping[str, tuple[str, ...]] = {
    "deal_stage_history": ("dealstage",),
    "deal_property_history": ("dealstage", "amount", "closedate", "hubspot_owner_id"),
}
ASSOCIATIONS: Mapping[str, tuple[str, Spellings]] = {
    "deal_contacts": (
        "contacts",
        {"deal": ("deal_id",), "other": ("contact_id", "toObjectId"), "label": ("label", "role", "association_label")},
    ),
    "deal_companies": (
        "companies",
        {"deal": ("deal_id",), "other": ("company_id", "toObjectId"), "label": ("label", "association_label")},
    ),
}
OWNERS: Spellings = {
    "id": ("owner_id", "hubspot_owner_id", "id"),
    "userId": ("userId",),
    "name": ("name", "full_name", "owner_name"),
    "firstName": ("firstName",),
    "lastName": ("lastName",),
    "team": ("team", "team_name", "primary_team"),
    "archived": ("archived", "is_archived"),
    "active": ("is_active", "active"),
}
PIPELINES: Spellings = {
    "pipelineId": ("pipeline_id", "id"),
    "pipelineLabel": ("pipeline_label", "label"),
    "displayOrder": ("displayOrder",),
    "archived": ("archived",),
}
STAGES: Spellings = {
    "stageId": ("stage_id", "id"),
    "stageLabel": ("stage_label", "label"),
    "pipelineId": ("pipeline_id", "pipeline"),
    "pipelineLabel": ("pipeline_label",),
    **_properties("displayOrder", "probability", "isClosed", "archived"),
}


def api(mapping: CrmMapping, environment: Mapping[str, str], patience: Patience) -> Api:
    """The tables of the account that HUBSPOT_ACCESS_TOKEN opens, as far as the mapping reads them.

    Raises:
        FetchRefused: the token is not set, dlt is not installed, or the mapping needs what the API does not give.
    """
    set_up_dlt()
    from dlt.sources.helpers.rest_client.auth import BearerTokenAuth

    address = environment.get("HUBSPOT_API_URL", "").strip().rstrip("/") or ADDRESS
    auth = BearerTokenAuth(token=secret(environment, "HUBSPOT_ACCESS_TOKEN"))
    connection = connect("HubSpot", address, "HUBSPOT_ACCESS_TOKEN", auth, patience)
    return Api(account=address, tables=tuple(_tables(connection, mapping)))


def _tables(connection: Connection, mapping: CrmMapping) -> Iterator[Table]:
    if _mapped("deals", mapping) is None:
        raise FetchRefused("The mapping of hubspot reads no file of deals; see its defs.yaml")
    activities = [(kind, OF_ANY_ACTIVITY | own) for kind, own in ACTIVITIES.items()]
    for kind, known in [("deals", DEALS), ("companies", COMPANIES), *activities]:
        found = _mapped(kind, mapping, collected_in="engagements" if kind in ACTIVITIES else None)
        if found is None:
            continue
        stem, name, mapped = found
        columns = _columns(known, name, mapped, mapping)
        deal_column = next((column for column, value in columns.items() if value == "deals"), None)
        in_key = deal_column is not None and match_headers([deal_column], mapped).columns[deal_column] in mapped.key
        records = _Records(connection, kind, columns, is_row_per_deal=in_key)
        yield Table(stem, tuple(columns), records.rows, CHANGED)
        if kind == "deals":
            yield from _of_deals(connection, records, stem, mapping)
    for kind, known in [("owners", OWNERS), ("pipelines", PIPELINES), ("pipeline_stages", STAGES)]:
        found = _mapped(kind, mapping)
        if found is not None:
            stem, name, mapped = found
            whole = _Whole(connection, kind, _columns(known, name, mapped, mapping))
            yield Table(stem, tuple(whole.columns), whole.rows)


def _of_deals(connection: Connection, deals: "_Records", follows: str, mapping: CrmMapping) -> Iterator[Table]:
    for kind, properties in HISTORIES.items():
        found = _mapped(kind, mapping)
        if found is not None:
            stem, name, mapped = found
            history = _History(connection, deals, properties, _columns(HISTORY, name, mapped, mapping))
            yield Table(stem, tuple(history.columns), history.rows, follows=follows)
    for kind, (other, known) in ASSOCIATIONS.items():
        found = _mapped(kind, mapping)
        if found is not None:
            stem, name, mapped = found
            links = _Associations(connection, deals, other, _columns(known, name, mapped, mapping))
            yield Table(stem, tuple(links.columns), links.rows, follows=follows)


def _mapped(kind: str, mapping: CrmMapping, collected_in: str | None = None) -> tuple[str, str, ObjectMapping] | None:
    """The file to write a kind of record to, and the mapped object that reads it; None where nothing does."""
    for name, mapped in mapping.resolved_objects().items():
        for stem in mapped.files:
            if normalised(stem) == normalised(kind):
                return stem, name, mapped
            if collected_in is not None and normalised(stem) == normalised(collected_in):
                return f"{stem}_{kind}", name, mapped
    return None


def _columns(known: Spellings, name: str, mapped: ObjectMapping, mapping: CrmMapping) -> dict[str, str]:
    """The columns of a file with the value of each: what the API gives and the mapping reads, and what `fetch` adds.

    Raises:
        FetchRefused: a column that the mapping cannot do without is among neither.
    """
    absent = {normalised(each) for each in mapping.fetch.without.get(name, ())}
    columns: dict[str, str] = {}
    taken: set[str] = set()
    for value, spellings in known.items():
        for spelling in spellings:
            matched = match_headers([spelling], mapped).columns.get(spelling)
            if matched is not None and matched not in taken and normalised(value) not in absent:
                columns[spelling] = value
                taken.add(matched)
                break
    columns |= {each: each for each in mapping.fetch.fields.get(name, ()) if each not in columns}
    missing = match_headers(list(columns), mapped).missing_required
    if missing:
        raise FetchRefused(
            f"HubSpot gives no {missing[0]} of {name}, which its mapping needs{closest(missing[0], list(known))}; "
            f"name the property in orchestration/defs/ingest/hubspot/defs.yaml: fetch: {{fields: {{{name}: [...]}}}}"
        )
    return columns


@dataclass
class _Records:
    """Records of one type: all, or the changed and the archived ones. Remembers whose they were, for what follows.

    `columns`: column → value. `is_row_per_deal`: an activity with two deals is two rows; otherwise it is one, with the
    deals set apart by `;` as HubSpot's own exports have it.
    """

    connection: Connection
    type: str
    columns: Mapping[str, str]
    is_row_per_deal: bool
    live: list[str] = field(default_factory=list)
    archived: list[str] = field(default_factory=list)

    def rows(self, window: Window) -> Iterator[Sequence[Row]]:
        """The records of a window; those archived within it last, so that one archived meanwhile is not twice here."""
        self.live, self.archived = [], []
        seen: set[str] = set()
        for page in self._listed(is_archived=False) if window.since is None else self._changed(window):
            ids = [str(each["id"]) for each in page]
            seen.update(ids)
            self.live += ids
            yield self._shaped(page)
        for page in self._listed(is_archived=True):
            gone = [each for each in page if str(each["id"]) not in seen and _is_within(each.get("archivedAt"), window)]
            self.archived += [str(each["id"]) for each in gone]
            yield self._shaped(gone)

    def _asked(self) -> list[str]:
        structural = {"id", "archived", "archivedAt", "type", "deals"}
        return sorted({*self.columns.values(), CHANGED} - structural)

    def _listed(self, *, is_archived: bool) -> Iterator[list[dict[str, Any]]]:
        from dlt.sources.helpers.rest_client.paginators import JSONResponseCursorPaginator

        pages = self.connection.pages(
            f"/crm/v3/objects/{self.type}",
            "results",
            JSONResponseCursorPaginator("paging.next.after", cursor_param="after"),
            params={"limit": PAGE, "archived": str(is_archived).lower(), "properties": ",".join(self._asked())},
        )
        for page, _ in pages:
            yield page

    def _changed(self, window: Window) -> Iterator[list[dict[str, Any]]]:
        assert window.since is not None
        search = by_id(
            [
                {"propertyName": CHANGED, "operator": "GTE", "value": _epoch_ms(window.since)},
                {"propertyName": CHANGED, "operator": "LT", "value": _epoch_ms(window.until)},
            ],
            properties=self._asked(),
            limit=PAGE,
        )
        for page, _ in self.connection.pages(f"/crm/v3/objects/{self.type}/search", "results", search, method="POST"):
            yield page

    def _shaped(self, page: Sequence[Mapping[str, Any]]) -> list[Row]:
        deals: Mapping[str, Sequence[tuple[str, str | None]]] = {}
        if "deals" in self.columns.values() and page:
            deals = _associated(self.connection, self.type, "deals", [str(each["id"]) for each in page])
        rows: list[Row] = []
        for each in page:
            own = list(dict.fromkeys(other for other, _ in deals.get(str(each["id"]), ())))
            for of in (own or [""]) if self.is_row_per_deal else [";".join(own)]:
                values = {
                    **each.get("properties", {}),
                    "id": each["id"],
                    "archived": bool(each.get("archived")),
                    "archivedAt": each.get("archivedAt"),
                    "type": self.type.removesuffix("s").upper(),
                    "deals": of,
                }
                rows.append({CHANGED: values.get(CHANGED)} | {c: values.get(v) for c, v in self.columns.items()})
        return rows


@dataclass(frozen=True)
class _History:
    """Earlier and present values of properties of the deals that were just fetched: one row for each."""

    connection: Connection
    deals: _Records
    properties: tuple[str, ...]
    columns: Mapping[str, str]

    def rows(self, _window: Window) -> Iterator[Sequence[Row]]:
        """The whole history of each of these deals; what was there before is the same again."""
        for is_archived, ids in ((False, self.deals.live), (True, self.deals.archived)):
            for batch in _batches(ids, HISTORY_BATCH):
                records = _read(
                    self.connection,
                    f"/crm/v3/objects/{self.deals.type}/batch/read",
                    {
                        "properties": [],
                        "propertiesWithHistory": list(self.properties),
                        "inputs": [{"id": each} for each in batch],
                    },
                    {"archived": str(is_archived).lower()},
                )
                yield [self._row(each, name, entry) for each in records for name, entry in _entries(each)]

    def _row(self, record: Mapping[str, Any], name: str, entry: Mapping[str, Any]) -> Row:
        values = {"deal": record["id"], "property": name, **entry}
        return {column: values.get(value) for column, value in self.columns.items()}


@dataclass(frozen=True)
class _Associations:
    """Which contacts or companies belong to the deals that were just fetched: one row for each label."""

    connection: Connection
    deals: _Records
    other: str
    columns: Mapping[str, str]

    def rows(self, _window: Window) -> Iterator[Sequence[Row]]:
        for batch in _batches(self.deals.live, ASSOCIATION_BATCH):
            found = _associated(self.connection, self.deals.type, self.other, batch)
            yield [
                {column: values[value] for column, value in self.columns.items()}
                for deal, others in found.items()
                for other, label in others
                for values in [{"deal": deal, "other": other, "label": label}]
            ]


@dataclass(frozen=True)
class _Whole:
    """Lists that are short and carry no stamp: owners, pipelines and their stages."""

    connection: Connection
    type: str
    columns: Mapping[str, str]

    def rows(self, _window: Window) -> Iterator[Sequence[Row]]:
        values = self._owners() if self.type == "owners" else self._pipelines()
        yield [{column: each.get(value) for column, value in self.columns.items()} for each in values]

    def _owners(self) -> Iterator[dict[str, Any]]:
        from dlt.sources.helpers.rest_client.paginators import JSONResponseCursorPaginator

        seen: set[str] = set()
        for is_archived in (False, True):
            pages = self.connection.pages(
                "/crm/v3/owners",
                "results",
                JSONResponseCursorPaginator("paging.next.after", cursor_param="after"),
                params={"limit": PAGE, "archived": str(is_archived).lower()},
            )
            for owner in (each for page, _ in pages for each in page if str(each["id"]) not in seen):
                seen.add(str(owner["id"]))
                names = [owner.get("firstName"), owner.get("lastName")]
                teams = sorted(owner.get("teams") or [], key=lambda team: not team.get("primary"))
                yield owner | {
                    "name": " ".join(each for each in names if each) or None,
                    "team": teams[0].get("name") if teams else None,
                    "archived": is_archived,
                    "active": not is_archived,
                }

    def _pipelines(self) -> Iterator[dict[str, Any]]:
        for pipeline in _read(self.connection, "/crm/v3/pipelines/deals"):
            of_pipeline = {"pipelineId": pipeline["id"], "pipelineLabel": pipeline["label"]}
            if self.type == "pipelines":
                yield pipeline | of_pipeline
                continue
            for stage in pipeline.get("stages") or []:
                yield (
                    stage
                    | (stage.get("metadata") or {})
                    | of_pipeline
                    | {
                        "stageId": stage["id"],
                        "stageLabel": stage["label"],
                    }
                )


def _associated(
    connection: Connection, type_: str, other: str, ids: Sequence[str]
) -> dict[str, list[tuple[str, str | None]]]:
    """For each record the (id, label) of those of another type that belong to it; without a label it is None."""
    found: dict[str, list[tuple[str, str | None]]] = {}
    asked = [{"id": each} for each in ids]
    while asked:
        records = _read(connection, f"/crm/v4/associations/{type_}/{other}/batch/read", {"inputs": asked})
        asked = []
        for each in records:
            own = found.setdefault(str(each["from"]["id"]), [])
            for to in each.get("to") or []:
                labels = sorted({kind["label"] for kind in to.get("associationTypes") or [] if kind.get("label")})
                own += [(str(to["toObjectId"]), label) for label in labels or [None]]
            after = ((each.get("paging") or {}).get("next") or {}).get("after")
            if after:
                asked.append({"id": each["from"]["id"], "after": after})
    return found


def _read(
    connection: Connection, path: str, body: Mapping[str, Any] | None = None, params: Mapping[str, Any] | None = None
) -> list[dict[str, Any]]:
    from dlt.sources.helpers.rest_client.paginators import SinglePagePaginator

    pages = connection.pages(
        path, "results", SinglePagePaginator(), method="GET" if body is None else "POST", params=params, json=body
    )
    return [each for page, _ in pages for each in page]


def _entries(record: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each value that a property of a record ever had, with its property."""
    for name, entries in (record.get("propertiesWithHistory") or {}).items():
        for entry in entries:
            yield name, entry


def _batches(ids: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), size):
        yield ids[start : start + size]


def _is_within(archived_at: str | None, window: Window) -> bool:
    """Whether a record was archived within a window. One that does not say when counts each time: better twice."""
    if window.since is None or archived_at is None:
        return True
    return window.since <= instant(archived_at) < window.until


def _epoch_ms(moment: datetime) -> str:
    return str(int(moment.timestamp()) * 1000)
