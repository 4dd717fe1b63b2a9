"""What every asset of a night shares: its partitions and the resources that hand out plain objects."""

from datetime import date

import dagster as dg

from orchestration.night import Home, Night, home_from_environment, standards_from_environment
from orchestration.warehouse import Warehouse
from quality.standards import Standards, load

# Older than any CRM that is still exported; a night before it is a typing error.
FIRST_BUSINESS_DATE = "2000-01-01"
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
    """Hands out the night of a partition, its standards and its warehouse."""

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
