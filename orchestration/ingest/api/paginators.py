"""Ways through pages that dlt does not bring. Imports dlt only when one is made."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from orchestration.ingest.api.tables import FetchRefused

if TYPE_CHECKING:
    from dlt.sources.helpers.rest_client.paginators import BasePaginator
    from requests import Request, Response


def by_id(filters: Sequence[Mapping[str, str]], **search: Any) -> "BasePaginator":
    """A search of HubSpot in which each page begins after the last id of the one before.

    A search gives no more than 10,000 results, and counts pages by how many results come before: a record that
    changes while pages are read leaves the results, all after it move up, and the first of the next page is missed.
    Asking for ids above the last one knows neither.
    """
    from dlt.sources.helpers.rest_client.paginators import BasePaginator

    class ById(BasePaginator):
        def __init__(self) -> None:
            super().__init__()
            self._last = 0

        def init_request(self, request: "Request") -> None:
            self.update_request(request)

        def update_state(self, response: "Response", data: list[Any] | None = None) -> None:
            ids = [int(each["id"]) for each in data or []]
            if ids and min(ids) <= self._last:
                # Asked again and again this would never end.
                raise FetchRefused("HubSpot gives records again that it gave before; nothing was written, fetch again")
            self._last = max(ids, default=self._last)
            self._has_next_page = bool(ids) and int(response.json().get("total") or 0) > len(ids)

        def update_request(self, request: "Request") -> None:
            above = {"propertyName": "hs_object_id", "operator": "GT", "value": str(self._last)}
            request.json = {
                **search,
                "filterGroups": [{"filters": [*filters, above]}],
                "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
            }

    return ById()
