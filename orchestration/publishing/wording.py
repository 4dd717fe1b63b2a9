"""Words and figures as people read them, in both languages of the product: English and Simplified Chinese.

Belongs here: a text in both languages, and how money, numbers, shares, days and dates are written; pure. Not here: what
a page says (`review/`), or how it looks (`templates/`, `assets/`).
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

# What stands where a figure is not known: never a zero.
UNKNOWN = "—"
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_WEEKDAYS_ZH = "一二三四五六日"
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


@dataclass(frozen=True)
class Text:
    """One wording in both languages."""

    en: str
    zh: str

    def in_language(self, language: str) -> str:
        return self.zh if language == "zh" else self.en


def same(text: str) -> Text:
    """A name or an id, which is the same in every language."""
    return Text(text, text)


def money(amount: Decimal | int | None) -> str:
    """Whole units, halves away from zero, with thousands separators."""
    return UNKNOWN if amount is None else f"{Decimal(amount).quantize(Decimal(1), ROUND_HALF_UP):,}".replace("-", "−")


# Above a thousand of a unit comes the next one.
_UNITS = {
    "en": ((12, "T"), (9, "B"), (6, "M"), (3, "K")),
    "zh": ((12, "万亿"), (8, "亿"), (4, "万")),
}


def short_money(amount: Decimal | int | None) -> Text:
    """An amount in three figures at least, as people say it: 20.6M, 1.23M, 350K; 2060万, 1.23亿."""
    if amount is None:
        return same(UNKNOWN)
    return Text(_short(Decimal(amount), _UNITS["en"]), _short(Decimal(amount), _UNITS["zh"]))


def _short(amount: Decimal, units: tuple[tuple[int, str], ...]) -> str:
    size = abs(amount)
    for power, unit in units:
        scaled = size.scaleb(-power)
        # What rounds up to a whole of this unit is told in it.
        if scaled.quantize(Decimal("0.001"), ROUND_HALF_UP) >= 1:
            rounded = (scaled.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP) for places in (2, 1))
            fitting = (each for each, limit in zip(rounded, (10, 100), strict=True) if each < limit)
            figure = next(fitting, scaled.quantize(Decimal(1), ROUND_HALF_UP))
            return f"{'−' if amount < 0 else ''}{figure:f}{unit}"
    return money(amount)


def number(count: int | None) -> str:
    return UNKNOWN if count is None else f"{count:,}".replace("-", "−")


def percent(share: float | None) -> str:
    """A share from 0 to 1 in whole per cent, without the sign."""
    return UNKNOWN if share is None else f"{100 * share:.0f}"


def signed_percent(share: float | None) -> str:
    """A share in whole per cent with its sign: +12, −8, 0."""
    if share is None:
        return UNKNOWN
    whole = f"{100 * share:+.0f}".replace("-", "−")
    return "0" if whole.lstrip("+−") == "0" else whole


def times(ratio: float | None) -> str:
    """A multiple, such as a coverage: 2.8."""
    return UNKNOWN if ratio is None else f"{ratio:,.1f}"


def days(length: float | None) -> str:
    return UNKNOWN if length is None else f"{length:.1f}"


def long_date(day: date) -> Text:
    """A date with its weekday: Sunday, 22 November 2026; 2026年11月22日 星期日."""
    return Text(
        f"{_WEEKDAYS[day.weekday()]}, {day.day} {_MONTHS[day.month - 1]} {day.year}",
        f"{day.year}年{day.month}月{day.day}日 星期{_WEEKDAYS_ZH[day.weekday()]}",
    )


def local_time(instant: datetime, zone: ZoneInfo) -> str:
    """Date and minute in a zone; an instant without a zone is UTC."""
    aware = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
    return f"{aware.astimezone(zone):%Y-%m-%d %H:%M}"
