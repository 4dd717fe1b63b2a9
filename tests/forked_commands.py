"""Processes of the command line, forked from one that has imported the libraries: a third of a small night is imports.

Each command is a process of its own, with its own environment, folder and copy of the project, none of whose modules
the first process ever imports; only libraries from site-packages are shared. Run as a program, this file is that
first process: it reads one request a line and answers with one exit code a line.
"""

import atexit
import importlib
import json
import os
import runpy
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

MODULE = "orchestration.cli"
# Not Polars: its threads do not outlive a fork. It takes a tenth of a second to import.
LIBRARIES = (
    "dagster",
    "dagster._core.storage.runs.sqlite",
    "dagster._core.storage.schedules.sqlite",
    "dagster._core.storage.event_log.sqlite",
    "dagster_dbt",
    "dbt.adapters.duckdb",
    "dbt.cli.main",
    "great_expectations",
)


def run(arguments: list[str], folder: Path, environment: Mapping[str, str], module: str = MODULE) -> tuple[int, str]:
    """Run `python -m orchestration.cli`, or another module, in `folder`; its exit code and all that it said."""
    with tempfile.TemporaryDirectory() as said:
        out, errors = Path(said) / "out", Path(said) / "errors"
        request = {
            "module": module,
            "arguments": arguments,
            "folder": str(folder),
            "environment": dict(environment),
            "out": str(out),
            "errors": str(errors),
        }
        server = _server()
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(json.dumps(request) + "\n")
        server.stdin.flush()
        answer = server.stdout.readline()
        assert answer, "the process that forks commands has ended"
        return int(answer), out.read_text(encoding="utf-8") + errors.read_text(encoding="utf-8")


@cache
def _server() -> "subprocess.Popen[str]":
    """One for each process that runs tests."""
    server = subprocess.Popen(
        [sys.executable, __file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"GX_ANALYTICS_ENABLED": "false"},
    )

    def stop() -> None:
        assert server.stdin is not None
        server.stdin.close()
        server.wait()

    atexit.register(stop)
    return server


def serve() -> None:
    for library in LIBRARIES:
        importlib.import_module(library)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            # Not to the interpreter's own end: there some library's thread is missed that was not forked along.
            os._exit(ended(json.loads(line)))
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def ended(request: dict[str, Any]) -> int:
    """Be the command, and do what an interpreter does at its end; the exit code."""
    code: object = 1
    try:
        become(request)
        code = 0
    except SystemExit as left:
        code = left.code
    except BaseException:
        traceback.print_exc()
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    return code if isinstance(code, int) else int(code is not None)


def become(request: dict[str, Any]) -> None:
    for descriptor, path, flags in (
        (0, os.devnull, os.O_RDONLY),
        (1, request["out"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
        (2, request["errors"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
    ):
        opened = os.open(path, flags, 0o600)
        os.dup2(opened, descriptor)
        os.close(opened)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    # What `python -m` puts there, and what PYTHONPATH would.
    sys.path[0] = request["folder"]
    sys.argv = [request["module"], *request["arguments"]]
    assert not any(name.split(".")[0] in {"orchestration", "quality"} for name in sys.modules)
    runpy.run_module(request["module"], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    serve()
