"""A PostgreSQL server of a test's own: on loopback, in a temporary folder, stopped by the test that started it."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Debian keeps the programs of a server out of the path.
_FOLDERS = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))


def _program(name: str) -> str:
    found = shutil.which(name) or next(
        (str(folder / name) for folder in reversed(_FOLDERS) if (folder / name).exists()), None
    )
    assert found, f"{name} is missing: apt-get install postgresql"
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """Start a server whose files are in the folder; gives the URL of its superuser.

    The server refuses to run as root, so there it runs as nobody, and in a folder of nobody's own: pytest takes the
    rights to its folders from all others each time that it starts, also while another session of it runs.
    """
    folder.mkdir(parents=True, exist_ok=True)
    account = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
    own = Path(tempfile.mkdtemp(prefix="stageproof-postgres-")) if account else folder
    if account is not None:
        os.chown(own, account.pw_uid, account.pw_gid)
    try:
        yield from _serve(own, account, _free_port())
    finally:
        if account is not None:
            shutil.rmtree(own)


def _serve(folder: Path, account: pwd.struct_passwd | None, port: int) -> Iterator[str]:
    data = folder / "data"
    who = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if account else {}
    initdb = [
        _program("initdb"),
        "-D",
        data,
        "-U",
        "stageproof",
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--locale=C",
        "--no-sync",
    ]
    subprocess.run(initdb, check=True, capture_output=True, cwd=folder, **who)
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": port,
        "unix_socket_directories": "",
        "fsync": "off",
        "full_page_writes": "off",
        "max_connections": 30,
        "shared_buffers": "64MB",
    }
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [_program("postgres"), "-D", data, *options], stdout=log, stderr=log, cwd=folder, **who
        )
        try:
            _wait(server, port, folder / "log")
            yield f"postgresql://stageproof@127.0.0.1:{port}/postgres"
        finally:
            server.terminate()
            server.wait(timeout=30)


def _wait(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    ready = [_program("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port), "-t", "1"]
    for _ in range(300):
        assert server.poll() is None, log.read_text(encoding="utf-8", errors="replace")
        if subprocess.run(ready, check=False).returncode == 0:
            return
    raise AssertionError(f"the server did not answer: {log.read_text(encoding='utf-8', errors='replace')}")
