"""What is asked of Salesforce: one SOQL query for each mapped object, deleted records included.

Only the fields that the mapping has, so that no further personal data ever leaves the CRM. How pages are fetched and
written is common to all CRMs.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from orchestration.ingest.api.client import ApiRefused, Connection, Patience, connect, secret, session, set_up_dlt
from orchestration.ingest.api.tables import Api, FetchRefused, Row, Table, Window
from orchestration.ingest.mapping import CrmMapping, ObjectMapping

if TYPE_CHECKING:
    from dlt.sources.helpers.rest_client.auth import AuthConfigBase

# Spring '24. Every field of the mapping is there; a later version changes nothing that is asked.
VERSION = "v60.0"
CHANGED = "SystemModstamp"
# History is written once: these objects have no stamp that moves, or (OpportunityHistory) none worth an index.
CREATED = {"OpportunityHistory": "CreatedDate", "OpportunityFieldHistory": "CreatedDate"}


def api(mapping: CrmMapping, environment: Mapping[str, str], patience: Patience) -> Api:
    """The tables of the org that SALESFORCE_INSTANCE_URL names.

    The way in is SALESFORCE_ACCESS_TOKEN, or SALESFORCE_CLIENT_ID and SALESFORCE_CLIENT_SECRET, with
    SALESFORCE_REFRESH_TOKEN where a person has given the app access.

    Raises:
        FetchRefused: a variable is not set, or dlt is not installed.
    """
    set_up_dlt()
    url = secret(environment, "SALESFORCE_INSTANCE_URL").rstrip("/")
    auth, names = _way_in(url, environment, patience)
    connection = connect("Salesforce", url, names, auth, patience)
    tables = tuple(
        _Entity(
            connection=connection,
            mapped_as=name,
            name=each.files[0],
            asked=fields(name, each, mapping),
            cursor=CREATED.get(each.files[0], CHANGED),
        ).table()
        for name, each in mapping.resolved_objects().items()
    )
    return Api(account=url, tables=tables)


def api_name(column: str, headers: Sequence[str]) -> str:
    """What the API calls a mapped column: its declared header, or its own name in the API's spelling."""
    return headers[0] if headers else "".join(part.capitalize() for part in column.split("_"))


def fields(name: str, mapped: ObjectMapping, mapping: CrmMapping) -> tuple[str, ...]:
    """The fields to ask of one object: those mapped, but for what this org lacks, and those added in `fetch`."""
    own = [api_name(column, each.headers) for column, each in mapped.columns.items()]
    absent = {field.casefold() for field in mapping.fetch.without.get(name, ())}
    return tuple(
        dict.fromkeys(each for each in [*own, *mapping.fetch.fields.get(name, ())] if each.casefold() not in absent)
    )


def soql(entity: str, asked: Sequence[str], cursor: str, window: Window) -> str:
    """The query for the records of a window.

    An upper bound keeps a record that changes while pages are read out of this extract and in the next one. Without a
    lower bound there is no upper one: the extract is full, and a record missing from it would read as gone.
    """
    selected = [*asked, *([cursor] if cursor.casefold() not in {each.casefold() for each in asked} else [])]
    query = f"SELECT {', '.join(selected)} FROM {entity}"
    if window.since is None:
        return query
    return f"{query} WHERE {cursor} >= {_literal(window.since)} AND {cursor} < {_literal(window.until)}"


@dataclass(frozen=True)
class _Entity:
    """One object of the org: its name here and there, the fields to ask for, and the one that dates a change."""

    connection: Connection
    mapped_as: str
    name: str
    asked: tuple[str, ...]
    cursor: str

    def table(self) -> Table:
        return Table(self.name, self.asked, self.rows, self.cursor)

    def rows(self, window: Window) -> Iterator[Sequence[Row]]:
        """The records of a window, page by page, under the names that were asked for.

        Raises:
            FetchRefused: the org refuses, or gives fewer or more records than it said.
        """
        from dlt.sources.helpers.rest_client.paginators import JSONLinkPaginator

        promised, given = 0, 0
        pages = self.connection.pages(
            f"/services/data/{VERSION}/queryAll",
            "records",
            JSONLinkPaginator("nextRecordsUrl"),
            params={"q": soql(self.name, self.asked, self.cursor, window)},
        )
        # The API answers in its own spelling of a field, whatever the case it was asked in.
        spelling = {each.casefold(): each for each in [*self.asked, self.cursor]}
        try:
            for records, response in pages:
                promised = int(response.json()["totalSize"])
                given += len(records)
                yield [{spelling.get(key.casefold(), key): value for key, value in each.items()} for each in records]
        except ApiRefused as refused:
            raise self._explained(refused) from None
        if given != promised:
            raise FetchRefused(
                f"Salesforce promised {promised:,} records of {self.name} and gave {given:,}; nothing was written, "
                f"fetch again"
            )

    def _explained(self, refused: ApiRefused) -> FetchRefused:
        absent = self._absent() if refused.code == "INVALID_FIELD" else []
        if absent:
            return FetchRefused(
                f"Salesforce has no field {' nor '.join(absent)} on {self.name}, or its user may not see it; grant it, "
                f"or leave it out in orchestration/defs/ingest/salesforce/defs.yaml: "
                f"fetch: {{without: {{{self.mapped_as}: [{', '.join(absent)}]}}}}"
            )
        if refused.code == "INVALID_TYPE":
            return FetchRefused(
                f"Salesforce has no object {self.name}, or its user may not see it; grant it and fetch again"
            )
        return refused

    def _absent(self) -> list[str]:
        """All fields that are asked for and not there; the error of a query names only the first."""
        from dlt.sources.helpers.rest_client.paginators import SinglePagePaginator

        described = self.connection.pages(
            f"/services/data/{VERSION}/sobjects/{self.name}/describe", "fields", SinglePagePaginator()
        )
        there = {str(each["name"]).casefold() for page, _ in described for each in page}
        return [each for each in self.asked if each.casefold() not in there]


def _way_in(url: str, environment: Mapping[str, str], patience: Patience) -> "tuple[AuthConfigBase, str]":
    from dlt.sources.helpers.rest_client.auth import BearerTokenAuth, OAuth2ClientCredentials

    if environment.get("SALESFORCE_CLIENT_ID", "").strip():
        refresh = environment.get("SALESFORCE_REFRESH_TOKEN", "").strip()
        grant = {"grant_type": "refresh_token", "refresh_token": refresh} if refresh else {}
        names = "SALESFORCE_CLIENT_ID, SALESFORCE_CLIENT_SECRET" + (", SALESFORCE_REFRESH_TOKEN" if refresh else "")
        return (
            OAuth2ClientCredentials(
                access_token_url=f"{url}/services/oauth2/token",
                client_id=secret(environment, "SALESFORCE_CLIENT_ID"),
                client_secret=secret(environment, "SALESFORCE_CLIENT_SECRET"),
                access_token_request_data=grant,
                session=session(patience),
            ),
            names,
        )
    return BearerTokenAuth(token=secret(environment, "SALESFORCE_ACCESS_TOKEN")), "SALESFORCE_ACCESS_TOKEN"


def _literal(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
