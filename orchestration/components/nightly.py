"""What every asset of a night shares: its partitions and the resources that hand out plain objects."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import date
from typing import Self

import dagster as dg
from pydantic import PrivateAttr

from orchestration.ingest.locking import Held
from orchestration.night import Home, Night, home_from_environment, standards_from_environment
from orchestration.running import alone, identity
from orchestration.warehouse import Warehouse
from quality.standards import Standards, load

# Older than any CRM that is still exported; a night before it is a typing error.
FIRST_BUSINESS_DATE = "2000-01-01"
# Which home a run works on, so that the next run of it knows those that were lost.
HOME_TAG = "stageproof/home"
# Nights build on each other, so a backfill runs them one after the other.
ONE_NIGHT_A_RUN = dg.BackfillPolicy.multi_run(max_partitions_per_run=1)


class Blocked(Exception):
    """Findings about the data itself forbid publication; the last good night stays served."""


def company_time_zone() -> str:
    """The time zone that decides when a business date ends."""
    return load(standards_from_environment()).company.time_zone


def nightly_partitions() -> dg.DailyPartitionsDefinition:
    """One partition per business date; a date can be run once it is over."""
    return dg.DailyPartitionsDefinition(start_date=FIRST_BUSINESS_DATE, timezone=company_time_zone())


class Nightly(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Hands out the night of a partition, its standards and its warehouse, while no other run writes under the home.

    The lock is held as long as the resource lives: for a run, however it was launched. So is the warehouse, for opening
    it means reading the whole of its catalogue. is_taking: whether extracts are taken from the inbox; a rebuild works
    on what the lake has.
    """

    is_taking: bool = True
    _opened: ExitStack = PrivateAttr(default_factory=ExitStack)

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[Self]:
        run, instance = context.run, context.instance
        try:
            with alone(self.home(), f"Dagster's run {run.run_id}" if run else "Dagster"):
                if run and instance:
                    mine = identity(self.home())
                    instance.add_run_tags(run.run_id, {HOME_TAG: mine})
                    end_lost_runs(instance, run.run_id, mine)
                with self._opened:
                    self._opened.enter_context(self.warehouse().kept_open())
                    yield self
        except Held:
            if run and instance:
                # To run again at once would meet the first one again.
                instance.add_run_tags(run.run_id, {"dagster/max_retries": "0"})
            raise

    def home(self) -> Home:
        return home_from_environment()

    def standards(self) -> Standards:
        return load(standards_from_environment())

    def night(self, partition_key: str) -> Night:
        return Night(
            business_date=date.fromisoformat(partition_key),
            time_zone=self.standards().company.time_zone,
            home=self.home(),
            standards=standards_from_environment(),
        )

    def warehouse(self) -> Warehouse:
        return Warehouse(self.home().warehouse)

    @contextmanager
    def handed_over(self) -> Iterator[None]:
        """Let go of the warehouse: DuckDB opens a file once in a process, and dbt does so with settings of its own."""
        self._opened.close()
        try:
            yield
        finally:
            self._opened.enter_context(self.warehouse().kept_open())


def end_lost_runs(instance: dg.DagsterInstance, running: str, home: str) -> list[str]:
    """Mark the runs of a home failed that count as running and cannot be: whoever calls this holds its lock.

    Gives their ids. Dagster does not see the process of a local run die, and lets no other begin meanwhile. Runs of
    other homes and other projects may share its storage, and are none of ours.
    """
    unfinished = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
    ours = dg.RunsFilter(statuses=unfinished, tags={HOME_TAG: home})
    lost = [run for run in instance.get_runs(ours) if run.run_id != running]
    for run in lost:
        instance.report_run_failed(run, "Its process has ended without a word; another run holds the home now.")
    return [run.run_id for run in lost]
