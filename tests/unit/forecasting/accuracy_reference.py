"""The measures of accuracy written down slowly, one pair at a time, in fractions, for the tests to compare with."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

LEVELS = {"p10": Fraction(1, 10), "p50": Fraction(1, 2), "p90": Fraction(9, 10)}


def pinball(actual: Fraction, said: Fraction, level: Fraction) -> Fraction:
    return max(level * (actual - said), (level - 1) * (actual - said))


def buckets(lead_days: int) -> list[str]:
    own = next(
        name
        for name, low, high in (
            ("0-14", 0, 14),
            ("15-45", 15, 45),
            ("46-75", 46, 75),
            ("76-105", 76, 105),
            ("106+", 106, 10**6),
        )
        if low <= lead_days <= high
    )
    return [own, "all", *(["30+"] if lead_days >= 30 else [])]


def mean(values: Sequence[Fraction]) -> Fraction | None:
    return sum(values, Fraction(0)) / len(values) if values else None


def ratio(top: Fraction, bottom: Fraction) -> Fraction | None:
    return top / bottom if bottom else None


def measures(rows: Sequence[Mapping[str, Any]]) -> dict[tuple[str, ...], dict[str, Any]]:
    """Measures by (source, method, funnel, period_kind, lead bucket, part)."""
    groups: dict[tuple[str, ...], list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        for bucket in buckets(row["lead_days"]):
            key = tuple(row[name] for name in ("source", "method", "funnel", "period_kind"))
            groups[(*key, bucket, row["part"])].append(row)
    return {key: _measured(found) for key, found in groups.items()}


def _measured(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    scored = [row for row in rows if row["is_scored"]]
    pairs = [(Fraction(row["forecast_amount"]), Fraction(row["actual_amount"]), row) for row in scored]
    size = sum((abs(actual) for _, actual, _ in pairs), Fraction(0))
    naive = [
        (abs(said - actual), abs(Fraction(row["naive_amount"]) - actual))
        for said, actual, row in pairs
        if row["naive_amount"] is not None
    ]
    ranges = [
        (actual, *(Fraction(row[f"{name}_amount"]) for name in LEVELS))
        for _, actual, row in pairs
        if all(row[f"{name}_amount"] is not None for name in LEVELS)
    ]
    losses = {
        name: [pinball(each[0], each[place], level) for each in ranges]
        for place, (name, level) in enumerate(LEVELS.items(), start=1)
    }
    return {
        "n": len(pairs),
        "n_as_ofs": len({row["as_of_date"] for row in scored}),
        "n_periods": len({row["period_start"] for row in scored}),
        "n_periods_unknown_amounts": len({row["period_start"] for row in rows if row["actual_excluded_deals"]}),
        "n_silent": sum(row["actual_amount"] is not None and row["forecast_amount"] is None for row in rows),
        "wape": ratio(sum((abs(said - actual) for said, actual, _ in pairs), Fraction(0)), size),
        "bias": ratio(sum((said - actual for said, actual, _ in pairs), Fraction(0)), size),
        "n_naive": len(naive),
        "mase": ratio(sum((a for a, _ in naive), Fraction(0)), sum((b for _, b in naive), Fraction(0))),
        "n_intervals": len(ranges),
        "coverage": mean([Fraction(low <= actual <= high) for actual, low, _, high in ranges]),
        "width": ratio(
            sum((high - low for _, low, _, high in ranges), Fraction(0)),
            sum((abs(actual) for actual, *_ in ranges), Fraction(0)),
        ),
        "mean_width_amount": mean([high - low for _, low, _, high in ranges]),
        **{f"pinball_{name}": mean(each) for name, each in losses.items()},
        "pinball_loss": mean([loss for each in losses.values() for loss in each]),
    }


def champion(rows: Sequence[Mapping[str, Any]], funnel: str, methods: Sequence[str]) -> str | None:
    pairs = [
        row
        for row in rows
        if row["source"] == "backtest"
        and row["part"] == "total"
        and row["funnel"] == funnel
        and row["is_scored"]
        and all(row[f"{name}_amount"] is not None for name in LEVELS)
    ]
    last = sorted({row["as_of_date"] for row in pairs})[-8:]
    spoken: dict[str, dict[tuple[Any, ...], Fraction]] = defaultdict(dict)
    for row in pairs:
        if row["as_of_date"] in last:
            pair = (row["as_of_date"], row["period_kind"], row["period_start"])
            spoken[row["method"]][pair] = sum(
                (
                    pinball(Fraction(row["actual_amount"]), Fraction(row[f"{name}_amount"]), level)
                    for name, level in LEVELS.items()
                ),
                Fraction(0),
            )
    most = max((len(each) for each in spoken.values()), default=0)
    candidates = [method for method in methods if most and len(spoken[method]) == most]
    shared = set.intersection(*(set(spoken[method]) for method in candidates)) if candidates else set()
    if not shared:
        return None
    return min(candidates, key=lambda method: sum(spoken[method][pair] for pair in shared))


def reliability(
    answers: Sequence[tuple[Fraction, bool]],
) -> tuple[Fraction | None, Fraction | None, dict[int, tuple[int, Fraction, Fraction]]]:
    """(Brier score, expected calibration error, bin -> (n, mean chance, observed share)) of single answers."""
    if not answers:
        return None, None, {}
    ordered = sorted(answers)
    bins: dict[int, list[tuple[Fraction, bool]]] = defaultdict(list)
    for chance, won in ordered:
        equal = [place for place, (other, _) in enumerate(ordered) if other == chance]
        # The middle of all that were given the very same chance, from 0 to 1 along the ordered answers.
        middle = Fraction(equal[0] + equal[-1] + 1, 2 * len(ordered))
        bins[int(middle * 10) + 1].append((chance, won))
    told = {
        tenth: (
            len(found),
            sum((chance for chance, _ in found), Fraction(0)) / len(found),
            Fraction(sum(won for _, won in found), len(found)),
        )
        for tenth, found in bins.items()
    }
    brier = sum(((chance - won) ** 2 for chance, won in answers), Fraction(0)) / len(answers)
    ece = sum((n * abs(promised - came) for n, promised, came in told.values()), Fraction(0)) / len(answers)
    return brier, ece, told
