"""An Apache Superset of a test's own: in the environment of `make bi-test`, on loopback, in a temporary folder."""

import json
import os
import secrets
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from clones import PROJECT

PROGRAM = PROJECT / ".bi" / "venv" / "bin" / "superset"
ACCOUNT = "stageproof"
_CONFIG = """
SECRET_KEY = {key!r}
SQLALCHEMY_DATABASE_URI = {keeps!r}
# A page and an API of one test, on loopback.
WTF_CSRF_ENABLED = False
TALISMAN_ENABLED = False
"""


@dataclass
class Superset:
    """A running server, and a session of its administrator."""

    url: str
    password: str
    session: requests.Session = field(default_factory=requests.Session)

    def get(self, path: str) -> Any:
        return self._answer(self.session.get(f"{self.url}{path}", timeout=120))

    def post(self, path: str, **content: Any) -> Any:
        return self._answer(self.session.post(f"{self.url}{path}", timeout=300, **content))

    def datasets(self) -> dict[tuple[str, str], int]:
        """Ids by name of database and dataset."""
        found = self.get("/api/v1/dataset/?q=(page_size:100)")["result"]
        return {(each["database"]["database_name"], each["table_name"]): each["id"] for each in found}

    def ask(
        self,
        dataset: int,
        columns: Sequence[Any],
        metrics: Sequence[Any],
        filters: Sequence[Mapping[str, Any]] = (),
    ) -> list[dict[str, Any]]:
        """The rows of a chart, asked as a chart asks."""
        query = {"columns": list(columns), "metrics": list(metrics), "filters": list(filters), "row_limit": 10_000}
        asked = {
            "datasource": {"id": dataset, "type": "table"},
            "queries": [query],
            "result_format": "json",
            "result_type": "full",
            # The test publishes faster than a cache forgets.
            "force": True,
        }
        rows: list[dict[str, Any]] = self.post("/api/v1/chart/data", json=asked)["result"][0]["data"]
        return rows

    def _answer(self, answer: requests.Response) -> Any:
        assert answer.ok, f"{answer.status_code}: {answer.text[:2000]}"
        return answer.json()


@contextmanager
def superset(folder: Path, keeps: str) -> Iterator[Superset]:
    """Start a server whose files are in the folder.

    keeps: the address of an empty database in PostgreSQL for what it keeps itself. In SQLite it allows a name of a
    dataset once in all of its databases.
    """
    assert PROGRAM.exists(), "Superset is not installed: make bi-test"
    config, password = folder / "superset_config.py", secrets.token_hex(8)
    config.write_text(_CONFIG.format(key=secrets.token_hex(32), keeps=keeps), encoding="utf-8")
    environment = os.environ | {
        "SUPERSET_CONFIG_PATH": str(config),
        "SUPERSET_HOME": str(folder),
        "FLASK_APP": "superset",
        "no_proxy": "127.0.0.1",
    }
    who = ["--username", ACCOUNT, "--firstname", "a", "--lastname", "b", "--email", "a@example.com"]
    for command in (["db", "upgrade"], ["fab", "create-admin", *who, "--password", password], ["init"]):
        done = subprocess.run([PROGRAM, *command], env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [str(PROGRAM), "run", "-h", "127.0.0.1", "-p", str(port), "--with-threads"]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            started = Superset(f"http://127.0.0.1:{port}", password)
            started.session.trust_env = False
            _wait(server, started, folder / "log")
            who_am_i = {"username": ACCOUNT, "password": password, "provider": "db", "refresh": False}
            token = started.post("/api/v1/security/login", json=who_am_i)["access_token"]
            started.session.headers["Authorization"] = f"Bearer {token}"
            yield started
        finally:
            server.terminate()
            server.wait(timeout=30)


def _wait(server: subprocess.Popen[bytes], started: Superset, log: Path) -> None:
    for _ in range(240):
        assert server.poll() is None, log.read_text(encoding="utf-8", errors="replace")[-4000:]
        try:
            if started.session.get(f"{started.url}/health", timeout=5).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.5)
    raise AssertionError(log.read_text(encoding="utf-8", errors="replace")[-4000:])


def passwords(path: str, password: str) -> dict[str, str]:
    """What an import is told of the password of a database whose file in the bundle is `path`."""
    return {"passwords": json.dumps({path: password})}
