"""How time passes at the demo company: from steady model time to instants in working hours.

Model time is a float number of days from a Monday on. It maps in strict order to local instants between 08:30
and 18:30, so that weekends get little of it and no order between two events is ever lost. No knowledge of deals.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

TIME_ZONE = "Asia/Shanghai"
# China has kept one offset since 1991, so local time is UTC plus a constant.
OFFSET_SECONDS = 8 * 3600
DAY_SECONDS = 86_400
OPENS_SECOND = 30_600
OPEN_SECONDS = 36_000
# Of seven model days, those that pass between Monday and Friday; the rest is weekend work.
WORKING = 6.6
EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class Calendar:
    """Model time 0 is the start of `monday`, a Monday."""

    monday: date

    @classmethod
    def around(cls, day: date) -> "Calendar":
        """The calendar that starts with the week of a day."""
        return cls(day - timedelta(days=day.weekday()))

    def model_time(self, day: date) -> float:
        """The model time at which a local day begins."""
        week, weekday = divmod((day - self.monday).days, 7)
        into = weekday * WORKING / 5 if weekday <= 5 else WORKING + (weekday - 5) * (7 - WORKING) / 2
        return 7.0 * week + into

    def seconds(self, times: Floats) -> Integers:
        """UTC seconds since 1970 of model times; later by a hundredth of a model day is later by a minute or more."""
        days = self._days(times)
        whole = np.floor(days)
        into = np.floor((days - whole) * OPEN_SECONDS)
        local = (whole + self._first_day) * DAY_SECONDS + OPENS_SECOND + into
        return local.astype(np.int64) - OFFSET_SECONDS

    def days(self, times: Floats) -> npt.NDArray[np.int32]:
        """Local dates of model times, as days since 1970-01-01."""
        return (np.floor(self._days(times)) + self._first_day).astype(np.int32)

    @property
    def _first_day(self) -> int:
        return (self.monday - EPOCH).days

    def _days(self, times: Floats) -> Floats:
        weeks = np.floor(times / 7)
        into = times - 7 * weeks
        weekday = np.where(into < WORKING, into * 5 / WORKING, 5 + (into - WORKING) * 2 / (7 - WORKING))
        # Division may round the last instant of a week up into the next one.
        days: Floats = 7 * weeks + np.minimum(weekday, 7 - 1e-9)
        return days


def end_of(day: date) -> datetime:
    """The end of a business date, as an instant (UTC)."""
    return datetime.combine(day + timedelta(days=1), time.min, tzinfo=ZoneInfo(TIME_ZONE)).astimezone(UTC)


def add_months(day: date, months: int) -> date:
    """The first of the month so many months after the month of `day`, moved on by the days into it, at most 28."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, 28))
