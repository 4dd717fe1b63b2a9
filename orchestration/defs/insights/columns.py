"""What the columns of the tables of causes mean, for the catalogue: dbt describes those of the other tables.

Belongs here: one sentence per column, in units, and when it is null. Not here: how a column is made.
"""

import dagster as dg
import polars as pl

MEANINGS = {
    "business_date": "The night that says so.",
    "funnel": "The funnel.",
    "stage": "The stage that deals went on from, or did not.",
    "stage_rank": "The place of the stage in its funnel, from 1.",
    "comparison": (
        "previous_quarter, year_ago, best_quarter: the latest quarter whose deals were all watched for horizon_days"
        " against the one before, that of a year ago, the best of the eight before. owner, team: each against the rest,"
        " over the latest four such quarters."
    ),
    "focus": "What is compared: the first day of a fiscal quarter (that in which deals entered), an owner_key, a team.",
    "reference": "What it is compared with: the first day of a fiscal quarter, or rest; null where there is none.",
    "horizon_days": "Days within which a deal must have gone on to count; nine of ten visits have ended by then.",
    "focus_n": "Deals of the focus.",
    "reference_n": "Deals of the reference.",
    "focus_conversion": "The share of its deals that reached a later stage or were won within horizon_days.",
    "reference_conversion": "The same of the reference; null where there is none.",
    "change": "focus_conversion - reference_conversion.",
    "cause": (
        "lead_quality (ICP band and source), unproven_advancement (criteria of gates behind it, loose owners),"
        " follow_up (how closely in the first weeks there), stalls_and_early_closes, within_segments (the rest)."
    ),
    "share": "What the cause adds to conversion; the five of a comparison add up to change exactly.",
    "share_low": (
        "Lower end of the interval, which holds for all shares of a comparison at once; null for too few, and for what"
        " is known of far more deals of one group than of the other and so is not compared."
    ),
    "share_high": "Upper end of that interval.",
    "interval_level": "How often all intervals of the comparison hold at once, over the funnel's stages and focuses.",
    "is_named": "The interval excludes zero, and both groups have minimum_n deals.",
    "is_leading": "The largest named share in the direction of change.",
    "classes_behind": (
        "The classes behind the share, with commas: commoner in the focus than in the reference, and converting to the "
        "side of the share. loose_owner is deals that lack no proof, of an owner who asks for less of it than others. "
        "Null where no class is, and of within_segments."
    ),
    "deals_behind": (
        "Deals of the focus in the classes behind the share, 0 where no class is; conversion_cause_deals lists those "
        "of named shares. Null where the cause is not compared."
    ),
    "behind_share": "deals_behind / focus_n.",
    "reference_behind_share": "The share of the reference's deals in the same classes.",
    "criteria_not_compared": (
        "Criteria by which the two are not compared, with commas: not asked, or not judged, of both alike. One whose "
        "predicate changed is told apart as id@version, the first version that asks it so. Null where there are none."
    ),
    "is_insufficient_history": "One of the groups has fewer than minimum_n deals.",
    "sentence_en": "What the share says to a manager, in English.",
    "sentence_zh": "What the share says to a manager, in Chinese.",
    "deal_key": "The deal.",
    "owner_key": "Whose deal it was when it entered the stage.",
    "team": "The owner's team.",
    "entered_at": "When the deal entered the stage (UTC).",
    "is_advanced": "It went on within horizon_days.",
    "icp_band": "The band of its customer when the deal was created, or unknown.",
    "lead_source": "The lead source, or (none).",
    "quality_score": "How much more often such leads go on, in log-odds.",
    "quality_class": "weak, middle, strong (thirds of the stage's deals by quality_score) or unknown.",
    "unproven_criteria": "Criteria of gates behind it without proof at entry, but for criteria_not_compared.",
    "proof_class": "proven, one, two, three, more (by unproven_criteria) or not_evaluated.",
    "has_loose_owner": "Its owner meets fewer criteria of the stage than others; false where owners are compared.",
    "touches": "Touches in the first weeks in the stage; null where the CRM told of no activities.",
    "touches_per_week": "The same per week; null for less than a day.",
    "gap_days_shrunk": "Days from one day with a touch to the next, drawn to the stage's own by two weeks.",
    "days_to_customer_activity": "Days from its entry to the first touch by the customer then; null for none.",
    "cadence_class": "seldom, middle, often (thirds of the stage's deals), cut_short (closed early) or not_known.",
    "dwell_days": "Days in the stage, until tonight where it is still there.",
    "next_stage": "Where the visit led; null where it goes on.",
    "pace_class": "flowing, slow, stalled or closed_early.",
}


def described(frame: pl.DataFrame) -> dict[str, int | dg.TableSchema]:
    """Metadata of a materialisation: the number of rows, and type and meaning of each column."""
    columns = [dg.TableColumn(name, type=str(kind), description=MEANINGS[name]) for name, kind in frame.schema.items()]
    return {"dagster/row_count": frame.height, "dagster/column_schema": dg.TableSchema(columns)}
