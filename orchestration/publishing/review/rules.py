"""Every rule of the night as one line, the ones without a problem included.

Belongs here: choosing and ordering; pure. Not here: judging a rule (`quality`).
"""

import polars as pl

from orchestration.publishing.review.content import RuleLine
from orchestration.publishing.review.names import Names


def lines(rule_nights: pl.DataFrame, names: Names) -> tuple[RuleLine, ...]:
    """Tonight's rows of quality_rule_nights in the order of funnels and their gates, standing rules after them."""
    found = [
        RuleLine(
            rule=names.rule(row["rule_id"], row["severity"]),
            funnel=names.funnel(row["funnel"]),
            evaluated=row["evaluated"],
            met=row["met"],
            failing=row["failing"],
            late=row["late"],
            not_evaluated=row["not_evaluated"],
            status=row["status"],
            usual_low=row["usual_low"],
            usual_high=row["usual_high"],
            is_incident=bool(row["is_incident"]),
        )
        for row in rule_nights.sort("funnel", "rule_id").iter_rows(named=True)
    ]
    gates = {place: number for number, place in enumerate(names.gates_in_order())}
    return tuple(
        sorted(
            found,
            key=lambda line: (
                line.funnel.en,
                gates.get(line.rule.place, len(gates)) if line.rule.place else len(gates),
                line.rule.rule_id,
            ),
        )
    )
