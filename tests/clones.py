"""Whole nights, run as a data team would run them: a clone with its own standards and mappings, the command line."""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import duckdb
import forked_commands
import polars as pl
import yaml
from dagster_dbt import DbtProject

from orchestration.components.dbt_models import prepare_manifest

PROJECT = Path(__file__).resolve().parents[1]
COMPANIES = PROJECT / "tests" / "companies"
EXTRACTS = PROJECT / "tests" / "fixtures" / "extracts"
REAL_DATA = PROJECT.parent / "shared" / "data"


@dataclass(frozen=True)
class Clone:
    """A copy of the project with a home of its own."""

    root: Path
    home: Path

    @property
    def inbox(self) -> Path:
        return self.home / "inbox"

    @property
    def served(self) -> Path:
        return self.home / "served" / "stageproof.duckdb"

    def run(
        self,
        *arguments: str,
        expect: int = 0,
        is_started_anew: bool = False,
        module: str = forked_commands.MODULE,
    ) -> str:
        """Call the command line; its output, or a failure of the test if the exit code is another.

        is_started_anew: in an interpreter of its own, not in one forked after the libraries were imported.
        module: that of another command line than the project's.
        """
        environment = os.environ | {
            "STAGEPROOF_HOME": str(self.home),
            "COLUMNS": "200",
            "NO_COLOR": "1",
            "PYTHONPATH": str(self.root),
        }
        if is_started_anew or sys.platform != "linux":
            finished = subprocess.run(
                [sys.executable, "-m", module, *arguments],
                cwd=self.root,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            code, output = finished.returncode, finished.stdout + finished.stderr
        else:
            code, output = forked_commands.run(list(arguments), self.root, environment, module)
        assert code == expect, f"exit {code}, expected {expect}:\n{output}"
        return output

    def night(self, business_date: str, expect: int = 0) -> str:
        return self.run("night", "--date", business_date, expect=expect)

    def materialize(self, business_date: str, *tables: str) -> None:
        """Make these tables and all that they need in the warehouse, as Dagster does for whoever picks them.

        Nothing is forecast, judged or published: for tests of many small funnels, whose night would be mostly that.
        """
        # A step that makes several tables makes all of them.
        picked = " or ".join(['group:"standards"', 'group:"ingest"', *(f'+key:"{table}"' for table in tables)])
        self.run(
            *("asset", "materialize", "-m", "orchestration.definitions", "-a", "defs"),
            *("--select", picked, "--partition", business_date),
            module="dagster",
        )

    def query(self, sql: str) -> pl.DataFrame:
        """Ask the served database what a reader would ask."""
        with duckdb.connect(str(self.served), read_only=True) as connection:
            return connection.execute(sql).pl()

    def served_night(self, business_date: str, sql: str) -> pl.DataFrame:
        """Ask the served file of one night, which need not be the latest."""
        with duckdb.connect(
            str(self.home / "served" / "nights" / f"{business_date}.duckdb"), read_only=True
        ) as connection:
            return connection.execute(sql).pl()

    def query_warehouse(self, sql: str) -> pl.DataFrame:
        """Ask the warehouse of the last night that was run, for what is not served; a name alone is that of a mart."""
        with duckdb.connect(str(self.home / "warehouse" / "stageproof.duckdb"), read_only=True) as connection:
            connection.execute("set search_path = 'marts'")
            return connection.execute(sql).pl()

    def files(self) -> dict[str, int]:
        """Every file of the home with the instant it was last written."""
        return {
            str(path.relative_to(self.home)): path.stat().st_mtime_ns for path in self.home.rglob("*") if path.is_file()
        }


@cache
def parse_project() -> DbtProject:
    """The dbt project of this repository, parsed if its files changed since it was: once for all clones and workers."""
    project = DbtProject(project_dir=PROJECT / "dbt_project")
    with (Path(tempfile.gettempdir()) / f"stageproof-parse-{os.getuid()}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        prepare_manifest(project)
    return project


def make_clone(root: Path, company: str | None = None) -> Clone:
    """A clone with the standards and mappings of one company of tests/companies, or with the shipped ones.

    A company without standards of its own keeps the shipped ones.
    """
    parse_project()
    project = root / "project"
    for room in ("orchestration", "dbt_project", "quality"):
        shutil.copytree(PROJECT / room, project / room, ignore=shutil.ignore_patterns("__pycache__", "logs"))
    shutil.copy(PROJECT / "pyproject.toml", project)
    if company is not None:
        if (COMPANIES / company / "standards").is_dir():
            shutil.rmtree(project / "quality" / "standards")
            shutil.copytree(COMPANIES / company / "standards", project / "quality" / "standards")
        for changes in (COMPANIES / company / "defs").glob("*.yaml"):
            target = project / "orchestration" / "defs" / "ingest" / changes.stem / "defs.yaml"
            shipped = yaml.safe_load(target.read_text(encoding="utf-8"))
            shipped["attributes"] |= yaml.safe_load(changes.read_text(encoding="utf-8"))["attributes"]
            target.write_text(yaml.safe_dump(shipped, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return Clone(root=project, home=root / "home")


def put_extract(clone: Clone, day: str, files: dict[str, str]) -> Path:
    """An extract of the neutral layout in the inbox: file name to its text."""
    folder = clone.inbox / "generic" / day
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder
