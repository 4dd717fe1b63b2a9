"""Connects to an API through dlt: retries, paging, and every failure as one sentence without a credential.

The only module that sets dlt up. What is asked for, and of whom, belongs to the module of each CRM.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from orchestration.ingest.api.tables import FetchRefused

if TYPE_CHECKING:
    from dlt.sources.helpers.rest_client.auth import AuthConfigBase
    from dlt.sources.helpers.rest_client.client import RESTClient
    from dlt.sources.helpers.rest_client.paginators import BasePaginator
    from requests import Response, Session

MACHINE_ITSELF = ("localhost", "127.0.0.1", "::1")
# An error code is a word of the API. The words around it are the server's own and may repeat what it was sent.
CODE = re.compile(r"^[A-Za-z_]{3,60}$")


@dataclass(frozen=True)
class Patience:
    """How often and how long a request is tried.

    Five attempts, waiting 1, 2, 4 and 8 seconds, outlast a restart on the other side. A server that asks for a longer
    pause gets it up to a minute: HubSpot counts requests over ten seconds, and what Salesforce refuses for a whole
    day no wait of ours brings back. Two minutes without a byte are an answer too: Salesforce ends a query itself then.
    """

    attempts: int = 5
    first_wait_seconds: float = 1
    longest_wait_seconds: float = 60
    silence_seconds: float = 120


class ApiRefused(FetchRefused):
    """The API answered with an error. `code` is its own name for it, `message` what it says; the latter is not told."""

    def __init__(self, sentence: str, status: int, code: str, message: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.code = code
        self.message = message


@dataclass(frozen=True)
class Connection:
    """An API to ask. `credentials` names the variables that the way in comes from, for sentences."""

    crm: str
    base_url: str
    credentials: str
    rest: "RESTClient" = field(repr=False)
    attempts: int

    def pages(
        self,
        path: str,
        rows_at: str,
        paginator: "BasePaginator",
        *,
        method: Literal["GET", "POST"] = "GET",
        params: Mapping[str, Any] | None = None,
        json: Mapping[str, Any] | None = None,
    ) -> "Iterator[tuple[list[dict[str, Any]], Response]]":
        """The rows of each page that a request leads to, with the response they came in.

        Raises:
            FetchRefused: the API refuses, or does not answer after all attempts.
        """
        try:
            for page in self.rest.paginate(
                path,
                method=method,
                params=dict(params or {}),
                json=dict(json) if json is not None else None,
                paginator=paginator,
                data_selector=rows_at,
            ):
                yield list(page), page.response
        except Exception as error:
            # Not chained: the error of the library holds the request, and with it the credential.
            raise self._refusal(error) from None

    def _refusal(self, error: Exception) -> Exception:
        from requests import HTTPError, JSONDecodeError, RequestException

        if isinstance(error, JSONDecodeError):
            return FetchRefused(
                f"{self.crm} answers at {self.base_url} with something that is no JSON, {self.attempts} times over; is "
                f"that the address of its API? Nothing was written"
            )
        if isinstance(error, HTTPError) and error.response is not None:
            return self._answered(error.response)
        if isinstance(error, RequestException):
            return FetchRefused(
                f"{self.crm} cannot be reached at {self.base_url} after {self.attempts} attempts "
                f"({type(error).__name__}); nothing was written, fetch again later"
            )
        return error

    def _answered(self, response: "Response") -> ApiRefused:
        status = response.status_code
        code, message = _error_of(response)
        told = f"{status}{', ' + code if code else ''}"
        match status:
            case 401:
                said = f"does not accept the credentials ({told}), or they have expired; renew {self.credentials}"
            case _ if "invalid_grant" in code or "invalid_client" in code:
                said = f"does not accept the credentials ({told}); renew {self.credentials}"
            case 403:
                said = f"does not allow this to the user of {self.credentials} ({told}); give it the right, or wait"
            case 429:
                said = f"still asks to slow down after {self.attempts} attempts ({told}); fetch again later"
            case _ if status >= 500:
                said = f"failed {self.attempts} times over ({told}); fetch again later"
            case _:
                said = f"refused the request {urlsplit(response.url).path} ({told})"
        return ApiRefused(f"{self.crm} {said}; nothing was written", status, code, message)


def connect(crm: str, base_url: str, credentials: str, auth: "AuthConfigBase", patience: Patience) -> Connection:
    """An API with its retries.

    Raises:
        FetchRefused: an address over which credentials would travel in the open.
    """
    parts = urlsplit(base_url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in MACHINE_ITSELF):
        raise FetchRefused(f"The address of {crm} should begin with https://, so that credentials travel encrypted")
    from dlt.common.configuration.specs import RuntimeConfiguration
    from dlt.sources.helpers.rest_client.client import RESTClient

    configuration = RuntimeConfiguration()
    # The body of an error may repeat what was sent.
    configuration.http_show_error_body = False
    rest = RESTClient(base_url=base_url, auth=auth, session=session(patience), config=configuration)
    return Connection(crm, base_url, credentials, rest, patience.attempts)


def session(patience: Patience) -> "Session":
    """A session that tries again on 429, on 5xx, on dropped connections and on answers that were cut."""
    from dlt.sources.helpers.requests import Client

    client = Client(
        raise_for_status=False,
        request_timeout=patience.silence_seconds,
        request_max_attempts=patience.attempts,
        request_backoff_factor=patience.first_wait_seconds,
        request_max_retry_delay=patience.longest_wait_seconds,
        retry_condition=_is_cut,
    )
    return client.session


def set_up_dlt() -> None:
    """Switch off what dlt tells its makers, before anything of it is imported.

    Raises:
        FetchRefused: dlt is not installed.
    """
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    if find_spec("dlt") is None:
        raise FetchRefused("Fetching needs the extra `dlt`, which is not installed: uv sync --frozen --extra dlt")


def secret(environment: Mapping[str, str], name: str) -> str:
    """A value that has to be there.

    Raises:
        FetchRefused: the variable is not set, or holds what cannot be sent.
    """
    value = environment.get(name, "").strip()
    if not value:
        raise FetchRefused(f"{name} is not set; credentials are read from the environment and from nowhere else")
    if not value.isascii() or not value.isprintable() or " " in value:
        # The HTTP library would repeat it in its complaint.
        raise FetchRefused(f"{name} holds a blank, a line break or a letter that no credential has; copy it again")
    return value


def _is_cut(response: "Response | None", _error: BaseException | None) -> bool:
    """Whether an answer of JSON ends too early; a connection that closes without a length does not tell by itself."""
    if response is None or not response.ok:
        return False
    return not response.content.rstrip().endswith((b"}", b"]"))


def _error_of(response: "Response") -> tuple[str, str]:
    """The code and the message of an error, as Salesforce, its login and HubSpot write them; empty where unknown."""
    try:
        content = response.json()
    except ValueError:
        return "", ""
    first = content[0] if isinstance(content, Sequence) and content else content
    if not isinstance(first, Mapping):
        return "", ""
    code = str(first.get("errorCode") or first.get("category") or first.get("error") or "")
    message = str(first.get("message") or first.get("error_description") or "")
    return (code if CODE.match(code) else ""), message
