"""Local receivers of alerts, that take, refuse, hang and drop as real services do. Nothing leaves this machine."""

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Answer:
    """What goes back: JSON, or bytes as they are. hang_seconds: before it does; drip_seconds: after each byte of it."""

    status: int = 200
    content: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    hang_seconds: float = 0
    drip_seconds: float = 0


@dataclass(frozen=True)
class Request:
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Receiver:
    """An HTTP server on loopback. answers: given once each, then `otherwise` for ever. requests: all that came."""

    answers: list[Answer] = field(default_factory=list)
    otherwise: Answer = field(default_factory=Answer)
    requests: list[Request] = field(default_factory=list)
    port: int = 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def url(self, path: str = "hook", schema: str = "json") -> str:
        """An Apprise URL that ends here."""
        return f"{schema}://127.0.0.1:{self.port}/{path}"


@contextmanager
def receiving(*answers: Answer, otherwise: Answer | None = None) -> Iterator[Receiver]:
    receiver = Receiver(list(answers), otherwise or Answer())

    class Handler(BaseHTTPRequestHandler):
        def _handle(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            receiver.requests.append(Request(self.path, dict(self.headers), body))
            answer = receiver.answers.pop(0) if receiver.answers else receiver.otherwise
            time.sleep(answer.hang_seconds)
            content = answer.content if isinstance(answer.content, bytes) else json.dumps(answer.content).encode()
            try:
                self.send_response(answer.status)
                self.send_header("Content-Length", str(len(content)))
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                for number in range(len(content)):
                    self.wfile.write(content[number : number + 1])
                    time.sleep(answer.drip_seconds)
            except (BrokenPipeError, ConnectionResetError):
                return

        do_GET = do_POST = _handle  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Say nothing: what came is looked at by the tests."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class Mailbox:
    """An SMTP server on loopback. refuses: addresses, each with the replies given in turn before it is taken."""

    refuses: dict[str, list[str]] = field(default_factory=dict)
    mails: list[tuple[tuple[str, ...], bytes]] = field(default_factory=list)
    port: int = 0

    async def handle_RCPT(  # noqa: N802
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: list[str]
    ) -> str:
        replies = self.refuses.get(address, [])
        if replies:
            return replies.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        self.mails.append((tuple(envelope.rcpt_tos), envelope.content))
        return "250 OK"


@contextmanager
def mailbox(refuses: Mapping[str, list[str]] | None = None) -> Iterator[Mailbox]:
    from aiosmtpd.controller import Controller

    class OnAnyPort(Controller):
        def _trigger_server(self) -> None:
            # It knocks at the port that it was given; of port 0 only the server knows which it became.
            self.port = self.server.sockets[0].getsockname()[1]
            super()._trigger_server()

    box = Mailbox(dict(refuses or {}))
    controller = OnAnyPort(box, hostname="127.0.0.1", port=0)
    controller.start()
    box.port = controller.port
    try:
        yield box
    finally:
        controller.stop()


def rerouted(requests_module: Any, receiver: Receiver, heard: list[str]) -> Any:
    """`requests.Session.request` that takes every request to the receiver; `heard`: where each was meant to go."""
    original = requests_module.Session.request

    def request(session: Any, method: str, url: str, **options: Any) -> Any:
        heard.append(url)
        parts = urlsplit(url)
        return original(session, method, f"{receiver.address}{parts.path}?{parts.query}", **options)

    return request
