"""What must hold before a night may be published.

Sentences about what does not; pure functions of small frames. The judgement of single deals is not here: that a
deal fails a rule is what the product reports, not a reason to hold the report back.
"""

import difflib

import polars as pl


def unmapped_stages(unmapped: pl.DataFrame, stage_names: pl.DataFrame) -> list[str]:
    """One sentence for each stage name that no funnel file maps.

    unmapped: crm, crm_funnel_name, crm_stage_name, found_in, deals, example_deal_key.
    stage_names: crm, crm_name; the names that are mapped.
    """
    sentences = []
    for row in unmapped.sort("deals", "crm_stage_name", descending=[True, False]).iter_rows(named=True):
        known = stage_names.filter(pl.col("crm") == row["crm"])["crm_name"].unique().sort().to_list()
        close = difflib.get_close_matches(str(row["crm_stage_name"]), known, n=1)
        meant = f"; did you mean {close[0]!r}?" if close else ""
        pipeline = f" of pipeline {row['crm_funnel_name']!r}" if row["crm_funnel_name"] is not None else ""
        where = "the history of " if row["found_in"] == "history" else ""
        sentences.append(
            f"{row['crm']}: stage {row['crm_stage_name']!r}{pipeline} is in no funnel file; {where}{row['deals']:,} "
            f"deals have it, for example {row['example_deal_key']}{meant} Add it to crm_names of a stage in "
            f"funnels/, or set unmapped_stages: report in company.yml"
        )
    return sentences


def errored_rules(rule_nights: pl.DataFrame) -> list[str]:
    """One sentence for each rule whose expectation errored: it was judged by nobody tonight.

    rule_nights: rule_id, suite, status, error.
    """
    errored = rule_nights.filter(pl.col("status") == "errored")
    return [f"{row['suite']}: {row['rule_id']} errored: {row['error']}" for row in errored.iter_rows(named=True)]
