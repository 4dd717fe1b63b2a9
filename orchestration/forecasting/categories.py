"""The CRM's forecast categories: one word for what each CRM calls them.

Belongs here: names of categories and their order. Not here: any sum.

What a category is called is a fact of a CRM, not a decision of the company; a name that is not listed here is `other`,
counted apart, and no amount is guessed into a commitment. Sources: Salesforce ForecastCategory and its labels, HubSpot
hs_manual_forecast_category, Dynamics 365 msdyn_forecastcategory (labels and codes), the neutral layout.
"""

from typing import Final

import polars as pl

COMMIT, BEST_CASE, PIPELINE, OMITTED, OTHER, NONE = "commit", "best_case", "pipeline", "omitted", "other", "none"
# Best first. A roll-up of one holds those before it, and what is won.
ROLLED_UP: Final = (COMMIT, BEST_CASE, PIPELINE)
CATEGORIES: Final = (*ROLLED_UP, OMITTED, OTHER, NONE)

# In lower case, letters and digits alone. "Most likely" is short of a commitment: it is rolled up as a best case.
_NAMES: Final = {
    COMMIT: ("commit", "committed", "forecast", "100000003", "承诺", "已承诺", "承诺预测", "确定"),
    BEST_CASE: (
        "bestcase",
        "mostlikely",
        "upside",
        "100000002",
        "最佳情况",
        "最好情况",
        "最佳案例",
        "最有可能",
        "乐观",
    ),
    PIPELINE: ("pipeline", "notforecasted", "100000001", "管道", "渠道", "销售管道", "在途", "储备"),
    OMITTED: ("omitted", "omit", "excluded", "100000004", "已忽略", "忽略", "省略", "已省略", "不计入"),
}


def category() -> pl.Expr:
    """One of CATEGORIES for a deal's forecast_category: `none` where the CRM gives none, `other` where nobody knows it.

    A category that says that an open deal is closed, won or lost is `other` too.
    """
    written = pl.col("forecast_category").str.to_lowercase().str.replace_all(r"[^\p{L}\p{N}]", "")
    known = {name: category for category, names in _NAMES.items() for name in names}
    return (
        pl.when(written.is_null() | (written == ""))
        .then(pl.lit(NONE))
        .otherwise(written.replace_strict(known, default=OTHER, return_dtype=pl.String))
        .alias("category")
    )
