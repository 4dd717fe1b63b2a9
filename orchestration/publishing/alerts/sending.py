"""Delivering messages through Apprise: each service once, those that fail a few times, none for long.

Belongs here: Apprise, its limits, patience, and that no part of a URL is ever told. Not here: what a message says
(`digest`), what an answer means (`answers`), or where the URLs come from.

Apprise and its HTTP library are imported when there is something to send; most nights have nothing.
"""

import json
import logging
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from apprise.plugins.base import NotifyBase

# Services that limit the whole request, in bytes, and whether Apprise writes it in ASCII, where a Chinese character
# takes six of them and not three. Of Workflows, which post to Teams, Apprise says 1,000; Microsoft says 28 KB.
_REQUESTS = {
    "feishu": (20_000, False),
    "lark": (20_000, False),
    "dingtalk": (20_000, True),
    "workflow": (28_000, True),
    "workflows": (28_000, True),
}
# What stands around a message in its request.
_FRAME = 1_000
# What Apprise does and what it does it with; their records name URLs with tokens and passwords, some as warnings.
_TALKATIVE = ("apprise", "requests", "urllib3", "requests_oauthlib", "oauthlib")
# An attempt may be several connections, one for each address of a URL.
_TIMEOUTS_PER_ATTEMPT = 3
# Attempts that did not end in time: what they log when they do must not be heard either, so that the loggers which
# were silenced for them stay so until then.
_abandoned: list[threading.Thread] = []
_silenced: set[logging.Logger] = set()


@dataclass(frozen=True)
class Patience:
    """How often and how long to try.

    attempts: for each message. wait_seconds: before the second attempt, doubled before each further one.
    timeout_seconds: to connect, and for an answer. give_up_after_seconds: what all failures of a night together may
    cost, waits included; a message that is not tried for that reason is not delivered.
    """

    attempts: int = 3
    wait_seconds: float = 2
    timeout_seconds: float = 10
    give_up_after_seconds: float = 45


@dataclass(frozen=True)
class Parcel:
    """A message for one URL. body: makes the text from what fits and the style, `text` or `markdown`."""

    url: str = field(repr=False)
    subject: str
    body: Callable[[Callable[[str], bool], Any], str]


@dataclass(frozen=True)
class Outcome:
    """What became of a parcel. reason: why it was not delivered, in words that hold nothing of the URL."""

    is_delivered: bool
    attempts: int
    reason: str | None = None


@dataclass(frozen=True)
class _Attempt:
    is_delivered: bool
    reason: str = ""
    is_final: bool = False
    retry_after_seconds: float | None = None


def send(
    parcels: Sequence[Parcel],
    patience: Patience,
    when_done: Callable[[int, Outcome], None] = lambda _number, _outcome: None,
    sleep: Callable[[float], None] = time.sleep,
) -> list[Outcome]:
    """Deliver parcels; outcomes in their order. Never raises for a delivery that fails.

    All are tried once before any is tried again, so that one that fails keeps none of the others waiting.
    when_done: called with the number of a parcel as soon as its outcome is known.
    """
    outcomes: dict[int, Outcome] = {}
    failed: dict[int, tuple[int, _Attempt]] = {}
    lost_seconds = 0.0
    # Delivered to some of the addresses of a URL and not to others: who has it is not sent it again.
    reached: dict[int, set[Any]] = {number: set() for number in range(len(parcels))}

    def done(number: int, outcome: Outcome) -> None:
        outcomes[number] = outcome
        when_done(number, outcome)

    with _quiet(), _listening():
        for attempt in range(1, patience.attempts + 1):
            waiting = [number for number in range(len(parcels)) if number not in outcomes]
            if attempt > 1 and waiting:
                wait = _wait(attempt, [failed[number][1] for number in waiting if number in failed], patience)
                if lost_seconds + wait >= patience.give_up_after_seconds:
                    break
                sleep(wait)
                lost_seconds += wait
            for number in waiting:
                left = patience.give_up_after_seconds - lost_seconds
                if left <= 0:
                    break
                began = time.monotonic()
                made = _attempt(parcels[number], patience, left, reached[number])
                if made.is_delivered:
                    done(number, Outcome(is_delivered=True, attempts=attempt))
                    continue
                lost_seconds += time.monotonic() - began
                failed[number] = attempt, made
                if made.is_final or attempt == patience.attempts:
                    done(number, Outcome(is_delivered=False, attempts=attempt, reason=made.reason))
        for number in range(len(parcels)):
            if number not in outcomes:
                done(number, _given_up(failed.get(number), patience))
    return [outcomes[number] for number in range(len(parcels))]


def understood(url: str) -> bool:
    """Whether Apprise can use a URL. Nothing is sent."""
    with _quiet():
        return _service(url) is not None


def _wait(attempt: int, failed: Sequence[_Attempt], patience: Patience) -> float:
    """Seconds before a further round: the wait that is configured, or the longest that a service asks for.

    A service that asks for more than a night may lose is not waited for.
    """
    usual = patience.wait_seconds * 2 ** (attempt - 2)
    asked = [each.retry_after_seconds or 0.0 for each in failed]
    return float(max(usual, *(each for each in asked if each < patience.give_up_after_seconds), 0.0))


def _given_up(last: tuple[int, _Attempt] | None, patience: Patience) -> Outcome:
    within = f"failures had cost the {patience.give_up_after_seconds:g} s that a night may lose by them"
    if last is None:
        return Outcome(is_delivered=False, attempts=0, reason=f"not tried, as {within}")
    return Outcome(is_delivered=False, attempts=last[0], reason=f"{last[1].reason}, not tried again, as {within}")


def _attempt(parcel: Parcel, patience: Patience, left_seconds: float, reached: set[Any]) -> _Attempt:
    """One attempt, in a thread of its own: a service that sends its answer byte by byte beats every other time-out.

    The thread is a daemon, so that even then the night ends when it is done.
    """
    made: list[_Attempt] = []
    context = copy_context()
    limit = min(_TIMEOUTS_PER_ATTEMPT * patience.timeout_seconds, max(left_seconds, patience.timeout_seconds))
    thread = threading.Thread(
        target=lambda: made.append(context.run(_deliver, parcel, patience, reached)),
        name="alert",
        daemon=True,
    )
    thread.start()
    thread.join(limit)
    if not made:
        _abandoned.append(thread)
        # It may still arrive, so that trying again could deliver it twice.
        return _Attempt(is_delivered=False, reason=f"no end within {limit:g} s", is_final=True)
    return made[0]


def _deliver(parcel: Parcel, patience: Patience, reached: set[Any]) -> _Attempt:
    from orchestration.publishing.alerts.answers import heard

    try:
        service = _service(parcel.url, patience)
        if service is None:
            return _Attempt(is_delivered=False, reason="it holds no URL that Apprise can use", is_final=True)
        style = "markdown" if str(service.resolve_format("text").value) == "markdown" else "text"
        body = parcel.body(_fitting(service, parcel.subject), style)
        with heard() as answers, _remembered(reached):
            is_taken = bool(service.notify(body=body or parcel.subject, title=parcel.subject, body_format=style))
    except Exception as error:
        # Its text may hold the URL; its name never does.
        return _Attempt(is_delivered=False, reason=f"Apprise failed with {type(error).__name__}")
    refusals = [each for each in answers if each.is_refusal]
    if is_taken and not refusals:
        return _Attempt(is_delivered=True)
    if is_taken:
        # The plugin believes that it delivered, and would skip what it believes delivered.
        reached.clear()
    if not refusals:
        return _Attempt(is_delivered=False, reason="the service did not take it")
    last = refusals[-1]
    return _Attempt(
        is_delivered=False,
        reason=last.reason,
        is_final=last.is_final or (last.retry_after_seconds or 0) >= patience.give_up_after_seconds,
        retry_after_seconds=last.retry_after_seconds,
    )


def _service(url: str, patience: Patience | None = None) -> "NotifyBase | None":
    """The service that a URL names, or None. It keeps nothing on disk, follows no redirect and loads no picture."""
    from apprise import Apprise, AppriseAsset

    asset = AppriseAsset(
        app_id="stageproof",
        app_desc="stageproof",
        app_url="",
        image_url_mask="",
        image_url_logo="",
        secure_logging=True,
        storage_mode="memory",
        pgp_autogen=False,
        pem_autogen=False,
        # A redirected POST becomes a GET without the message, which the other side answers with 200.
        http_redirects=False,
        interpret_emojis=False,
    )
    service = Apprise.instantiate(url, asset=asset, suppress_exceptions=True)
    if service is not None and patience is not None:
        service.socket_connect_timeout = service.socket_read_timeout = patience.timeout_seconds
    return service


def _fitting(service: "NotifyBase", subject: str) -> Callable[[str], bool]:
    """Whether a body fits a service. Subject and body count together, as most services put one before the other.

    Counted in bytes of UTF-8 even where a service counts characters: one message too short is better than one refused.
    """
    most_lines, request = int(service.body_max_line_count), _REQUESTS.get(str(service.schema))

    def fits(body: str) -> bool:
        text = f"{subject}\r\n{body}"
        if most_lines and text.count("\n") >= most_lines:
            return False
        if request is None:
            return len(text.encode()) <= int(service.body_maxlen)
        limit, is_ascii = request
        return len(json.dumps(text, ensure_ascii=is_ascii).encode()) <= limit - _FRAME

    return fits


@contextmanager
def _listening() -> Iterator[None]:
    from orchestration.publishing.alerts.answers import listening

    with listening():
        yield


@contextmanager
def _remembered(reached: set[Any]) -> Iterator[None]:
    """Lets plugins remember from attempt to attempt whom they reached, as they do when Apprise itself tries again.

    Apprise's own retries were refused for what they cannot do: they wait as long after a 404 as after a 503.
    """
    from apprise.plugins import base

    tracker: ContextVar[set[Any] | None] = base._delivery_tracker
    token = tracker.set(reached)
    try:
        yield
    finally:
        tracker.reset(token)


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence all that Apprise and its libraries would log: at one level or another they log whole URLs."""
    # Loggers that are made while sending are children of modules imported here.
    import apprise.plugins.base  # noqa: F401
    import requests  # noqa: F401

    names = [name for name in logging.root.manager.loggerDict if name.split(".")[0] in _TALKATIVE]
    for logger in map(logging.getLogger, names):
        if not logger.disabled:
            logger.disabled = True
            _silenced.add(logger)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        if not any(thread.is_alive() for thread in _abandoned):
            while _silenced:
                _silenced.pop().disabled = False
