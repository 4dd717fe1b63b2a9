"""What the columns of the forecast tables mean, for the catalogue: dbt describes those of the other tables.

Belongs here: one sentence per column, in units, and when it is null. Not here: how a column is made.
"""

import dagster as dg
import polars as pl

_OPEN_BY_CATEGORY = {
    f"{category}_open_{kind}": f"Of the open pipeline, {what} of {of}."
    for category, of in (
        ("commit", "deals that the CRM calls committed"),
        ("best_case", "deals that the CRM calls best case"),
        ("pipeline", "deals that the CRM calls pipeline"),
        ("omitted", "deals that the CRM leaves out"),
        ("other", "deals in a category that nobody knows"),
        ("none", "deals without a category"),
    )
    for kind, what in (("deals", "the number"), ("amount", "the amount"))
}

MEANINGS = {
    "business_date": "The night that says so.",
    "as_of_date": "The last day of which facts were known when this was said.",
    "source": "backtest: what would have been said; night: what a published night did say.",
    "method": "Who says so; the methods answer one question, so filter one.",
    "funnel": "The funnel, or all.",
    "scope": "What scope_value is a value of: all, team, owner or segment. Each holds the whole, so filter one.",
    "scope_value": "The team, owner or segment value; all for scope all.",
    "segment": "The deal's value of the configured forecast segment.",
    "stage": "The deal's stage tonight.",
    "deal_key": "The deal.",
    "period_kind": "month or quarter of the fiscal calendar; none for what stands in no period; all in movements.",
    "period_start": "First day of the period; null where there is none.",
    "period_end": "Last day of the period; null where there is none.",
    "period_label": "The period's name in the fiscal calendar.",
    "period_status": (
        "dated: in the period. later: after the last period. overdue: due by the night's own date and still open."
        " undated: the CRM has no close date. untimed: the method does not say when."
    ),
    "lead_days": "Days from as_of_date to the end of the period.",
    "lead_bucket": "Lead time around whole months; 30+ and all overlap with the others, so filter one.",
    "is_first_word": "The night said so when it was first published; false for what it says when published again.",
    "is_republished": "The night has been published again since with another forecast; what stands here it said first.",
    "part": "total: won so far, open and new business. open: only what was open at as-of.",
    "question": "What was asked of a deal's chance: won by the end of which period, or ever (eventual).",
    "bin": "Tenth of the deals by the chance they were given, from 1, the lowest.",
    "days_to_end": "Days that are left of the period.",
    "won_deals": "Deals won in the period so far.",
    "won_excluded_deals": "Of the won deals, those of unknown amount.",
    "won_amount": "Won in the period so far; null where deals were won and no amount is known.",
    "open_deals": "Open deals with any chance in the period, however small; a deal is in each that it may be won in.",
    "excluded_deals": "Of the open deals, those without a chance or a usable amount: they bring nothing to the sum.",
    "open_amount": "What open deals are expected to bring; null where no amount of any is known.",
    "open_wins": "Wins expected of open deals.",
    "open_p10_amount": "One time in ten open deals bring less, as simulated and not stretched.",
    "open_p50_amount": "Half of the time open deals bring less, as simulated.",
    "open_p90_amount": "One time in ten open deals bring more, as simulated and not stretched.",
    "new_business_deals": "Wins expected of deals not created yet; null for a method that knows of none.",
    "new_business_amount": "What deals not created yet are expected to bring; null for a method that knows of none.",
    "total_amount": "won_amount + open_amount + new_business_amount, where those are known.",
    "p10_amount": "One time in ten less comes; simulated at this level, so never add them up.",
    "p50_amount": "Half of the time less comes.",
    "p90_amount": "One time in ten more comes; simulated at this level, so never add them up.",
    "width_factor": (
        "What past errors at this lead stretched p10 and p90 by about p50, after the method's own error was added; 1"
        " where they did not."
    ),
    "expected_wins": "Won so far and expected wins, open and new.",
    "target_amount": "The quota; null where there is none or part of it is not known.",
    "target_basis": "given, sum_of_months or sum_of_parts.",
    "target_exclusion": "Why the target is not known.",
    "gap_amount": "target_amount - total_amount: positive is short of the target.",
    "to_go_amount": "target_amount - won_amount: negative once the target is passed.",
    "is_insufficient_history": "There was too little history to trust the row.",
    "fell_back_to": "The simpler method that spoke instead; null where the method spoke for itself.",
    "open_pipeline_deals": "Open deals whose own close date lies in the period, days gone by included.",
    "open_pipeline_excluded_deals": "Of them, those without a usable amount.",
    "open_pipeline_amount": "Full amount of them; null where none is known.",
    "overdue_deals": "Of them, those due by the night's own date.",
    "overdue_amount": "Full amount of those.",
    "required_coverage": "1 / pipeline_yield; null where history does not tell and in the last fortnight.",
    "pipeline_yield": "Share of such a pipeline that was won at the same point of past periods, 0 to 1.",
    "yield_basis": "own, or funnel where the level has too few deals.",
    "yield_periods": "Past periods behind the yield.",
    "yield_deals": "Deals behind the yield.",
    **_OPEN_BY_CATEGORY,
    "commit_amount": "Won so far and committed; best_case_amount holds it again.",
    "best_case_amount": "commit_amount and best case.",
    "pipeline_amount": "best_case_amount and pipeline.",
    "win_rate": "Chance to be won in the end, 0 to 1; null where history tells none.",
    "rate_n": "Completed visits of the stage behind the chance; null where it rests on none.",
    "amount_reporting": "The deal's amount in the reporting currency at tonight's rate.",
    "amount_basis": "own, or mean_won where the deal has no amount and a mean won deal stands in.",
    "realisation": "Won amount over the amount at this stage, by which the amount is scaled.",
    "amount_exclusion": "Why the deal is in no sum of money; null where it is.",
    "amount_if_won": "What it brings if it is won: amount times realisation.",
    "expected_amount": "Chance times amount, to the cent; null where either is unknown.",
    "expected_win_on": "When half of its chance will have been used; null where the method does not say when.",
    "criteria_state": "The worst that is true of its gates: violated, waived, not_evaluated, met, none_asked.",
    "chance": "Chance to be won in this period, 0 to 1; those of a deal sum to its win_rate.",
    "amount": "Full amount of these deals; one that may be won in several periods is in each, so add no periods.",
    "reason_rank": "1 for the reason that moves the chance most.",
    "fact": "The fact about the deal.",
    "level": "Its value, where it is one of several words; null for numbers.",
    "value": "Its value, where it is a number.",
    "usual_value": "What is usual in the funnel.",
    "win_rate_points": "Percentage points that the chance owes to the fact not being as usual; they do not add up.",
    "span": "Since when: last_night, a week, or the start of the running month or quarter.",
    "opening_night": "The earlier night.",
    "closing_night": "The later night.",
    "opening_method": (
        "Whose forecast led on the opening night; where it is not method, bucket model holds what they differ by."
    ),
    "bucket": "What happened to the deals; each deal is in one.",
    "bucket_rank": "Priority of the bucket: a deal is in the first that fits.",
    "deals": "Deals in the bucket whose amount changed.",
    "opening_amount": "What they were to bring on the opening night.",
    "change_amount": "closing_amount - opening_amount.",
    "closing_amount": "What they are to bring on the closing night.",
    "forecast_amount": "What was said; in forecast_accuracy the sum over the n pairs.",
    "actual_amount": "What came, as known tonight; null while the period is not over.",
    "actual_excluded_deals": "Won deals of unknown amount that what came leaves out; with any the pair is not scored.",
    "naive_amount": "What the same period a year before had brought; null where the funnel is younger.",
    "is_scored": "Both what was said and all of what came are known.",
    "n": "Pairs of as-of date and period that are scored.",
    "n_as_ofs": "As-of dates among them.",
    "n_periods": "Periods among them; under eight is little.",
    "n_periods_unknown_amounts": "Periods that are over and not scored, as not every amount won in them is known.",
    "n_silent": "Pairs that are over and of which the method said nothing.",
    "n_fell_back": "Pairs for which another method spoke.",
    "n_naive": "Pairs with a year before.",
    "n_intervals": "Pairs with an interval.",
    "wape": "Sum of misses over sum of what came; null where nothing came.",
    "bias": "Sum of forecast - actual over sum of what came: positive is too much.",
    "mase": "Mean miss over that of saying what the same period a year before brought: below 1 is better than that.",
    "coverage": "Share of intervals that held what came, 0 to 1; should be 0.8.",
    "width": "Sum of p90 - p10 over sum of what came.",
    "mean_width_amount": "Mean of p90 - p10.",
    "pinball_p10": "Mean pinball loss at p10, in money.",
    "pinball_p50": "Mean pinball loss at p50, in money.",
    "pinball_p90": "Mean pinball loss at p90, in money.",
    "pinball_loss": "Mean of the three; the champion has the least over the last eight as-of dates.",
    "n_chances": "Chances of single deals behind brier and ece.",
    "brier": "Mean squared difference of chance and outcome: 0 is perfect.",
    "ece": "Mean distance of chances from what happened, by tenths of the deals: 0 is perfect.",
    "is_champion": "The method is the champion of its funnel, by the backtest.",
    "lowest_chance": "Lowest chance in the bin.",
    "highest_chance": "Highest chance in the bin.",
    "mean_chance": "Mean chance in the bin.",
    "observed_share": "Share of the bin that was won.",
    "observed_low": "Lower end of its 95 % interval (Wilson).",
    "observed_high": "Upper end of its 95 % interval (Wilson).",
    "n_still_open": "Deals that have not ended, and belong to no bin.",
    "n_without_chance": "Deals to which the method gave no chance.",
}

# Where a name means something else in one table.
_OWN = {
    ("forecast_coverage", "coverage"): "open_pipeline_amount over to_go_amount; null where nothing is to go.",
    ("forecast_unplaced_targets", "period_start"): "First day that the quota is for.",
    ("forecast_unplaced_targets", "period_end"): "Last day that the quota is for.",
    ("forecast_unplaced_targets", "funnel"): "The funnel; null where the quota is for all.",
    ("forecast_unplaced_targets", "team"): "The team; null where the quota is for all, or for an owner alone.",
    ("forecast_unplaced_targets", "owner_key"): "The owner; null where the quota is for more than one.",
    ("forecast_unplaced_targets", "amount_reporting"): "The quota in the reporting currency.",
    ("forecast_unplaced_targets", "amount_exclusion"): "Why the quota is not known; null where it is.",
    ("forecast_calibration", "won_deals"): "Deals of the bin that were won.",
    ("forecast_calibration", "n"): "Deals in the bin, each counted once for each as-of date.",
}


def meaning(table: str, column: str) -> str | None:
    """One sentence about a column of a forecast table; None for other tables, where a name may mean something else."""
    if not table.startswith("forecast_"):
        return None
    return _OWN.get((table, column), MEANINGS.get(column))


def described(table: str, frame: pl.DataFrame) -> dict[str, int | dg.TableSchema]:
    """Metadata of a materialisation: the number of rows, and type and meaning of each column."""
    columns = [
        dg.TableColumn(name, type=str(kind), description=meaning(table, name)) for name, kind in frame.schema.items()
    ]
    return {
        "dagster/row_count": frame.height,
        "dagster/column_schema": dg.TableSchema(columns),
    }
