"""Whose forecast leads in each funnel and in all of them: what the pages show and what movements are told by."""

import polars as pl

from orchestration.publishing.leading import leading


def test_each_funnel_and_all_of_them_have_a_leader_of_their_own() -> None:
    spoken = [
        ("all", "all", "timed"),
        ("all", "all", "timed_adjusted"),
        ("channel", "all", "weighted_stage"),
        ("channel", "team", "timed"),
        ("direct", "all", "timed"),
        ("direct", "all", "timed_adjusted"),
    ]
    periods = pl.DataFrame(spoken, schema=["funnel", "scope", "method"], orient="row")
    judged = [("all", "timed", False), ("direct", "timed_adjusted", True), ("channel", "timed", True)]
    accuracy = pl.DataFrame(judged, schema=["funnel", "method", "is_champion"], orient="row")
    assert leading(periods, accuracy).rows() == [
        ("all", "timed"),
        # Its champion says nothing of it tonight.
        ("channel", "weighted_stage"),
        ("direct", "timed_adjusted"),
    ]


def test_where_nobody_speaks_nobody_leads() -> None:
    nothing = pl.DataFrame(schema={"funnel": pl.String, "scope": pl.String, "method": pl.String})
    accuracy = pl.DataFrame(schema={"funnel": pl.String, "method": pl.String, "is_champion": pl.Boolean})
    assert leading(nothing, accuracy).is_empty()
