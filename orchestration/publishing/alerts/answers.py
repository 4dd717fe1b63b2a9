"""What services answer while Apprise sends: Apprise itself tells no more than yes or no.

Belongs here: listening to HTTP and SMTP while a message is sent, and what an answer means. Needed because a night has
to tell a service that is busy from one that will never take the message, and because DingTalk and WeCom refuse with
HTTP 200, which Apprise takes for a delivery. Nothing that a service says is kept but numbers: it may echo a secret.
"""

import smtplib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import requests

# Not now: the service asks to be tried again.
_BUSY = (408, 425, 429)
_LARGEST_ANSWER = 65536


@dataclass(frozen=True)
class Answer:
    """One answer, or that there was none. reason: a few words without any text of the service.

    is_refusal: the message was not taken. is_final: trying again the same way cannot succeed. retry_after_seconds:
    how long the service asks to be left alone.
    """

    reason: str
    is_refusal: bool
    is_final: bool = False
    retry_after_seconds: float | None = None


_heard: ContextVar[list[Answer] | None] = ContextVar("stageproof_answers", default=None)


@contextmanager
def listening() -> Iterator[None]:
    """While it lasts, `heard` collects what services answer to the code that runs inside of it.

    requests and smtplib have no place to listen at for all connections, so two of their methods are wrapped. Other
    threads that use them are passed through.
    """
    send, get_reply = requests.Session.send, smtplib.SMTP.getreply

    def heard_send(session: requests.Session, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        answers = _heard.get()
        if answers is None:
            return send(session, request, **options)
        try:
            response = send(session, request, **options)
        except requests.RequestException as error:
            answers.append(_of_error(error))
            raise
        answers.append(of_response(response))
        return response

    def heard_reply(connection: smtplib.SMTP) -> tuple[int, bytes]:
        reply = get_reply(connection)
        answers = _heard.get()
        # 5yz is final and 4yz is not, says RFC 5321; the rest is the conversation going on.
        if answers is not None and reply[0] >= 400:
            answers.append(Answer(f"SMTP {reply[0]}", is_refusal=True, is_final=reply[0] >= 500))
        return reply

    requests.Session.send = heard_send  # type: ignore[method-assign,assignment]
    smtplib.SMTP.getreply = heard_reply  # type: ignore[method-assign,assignment]
    try:
        yield
    finally:
        requests.Session.send = send  # type: ignore[method-assign]
        smtplib.SMTP.getreply = get_reply  # type: ignore[method-assign]


@contextmanager
def heard() -> Iterator[list[Answer]]:
    """The list that answers are added to, those of this thread and context alone."""
    answers: list[Answer] = []
    token = _heard.set(answers)
    try:
        yield answers
    finally:
        _heard.reset(token)


def of_response(response: requests.Response) -> Answer:
    """What an HTTP answer means for the message."""
    status = response.status_code
    if 200 <= status < 300:
        code = _refusal_code(response)
        return Answer(f"refused with code {code}" if code else f"HTTP {status}", is_refusal=code is not None)
    is_final = status < 500 and status not in _BUSY
    return Answer(f"HTTP {status}", is_refusal=True, is_final=is_final, retry_after_seconds=_retry_after(response))


def _refusal_code(response: requests.Response) -> int | None:
    """The code by which DingTalk, WeCom (`errcode`), Feishu and Lark (`code`) refuse in an answer that is HTTP 200."""
    if len(response.content) > _LARGEST_ANSWER:
        return None
    try:
        content = response.json()
    except ValueError:
        return None
    if not isinstance(content, dict):
        return None
    codes = [content.get(name) for name in ("errcode", "code")]
    return next((code for code in codes if type(code) is int and code), None)


def _retry_after(response: requests.Response) -> float | None:
    """Seconds; a date would need a clock, and the wait that is configured serves as well."""
    asked = response.headers.get("Retry-After", "")
    return float(asked) if asked.isascii() and asked.isdecimal() else None


def _of_error(error: requests.RequestException) -> Answer:
    if isinstance(error, requests.Timeout):
        return Answer("no answer in time", is_refusal=True)
    if isinstance(error, requests.exceptions.SSLError):
        return Answer("its certificate is not trusted", is_refusal=True, is_final=True)
    if isinstance(error, requests.ConnectionError):
        return Answer("no connection", is_refusal=True)
    return Answer(type(error).__name__, is_refusal=True)
