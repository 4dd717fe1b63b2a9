"""The forecast methods that a night runs, simplest first. A new method is one file and one line here."""

from orchestration.forecasting.method import ForecastMethod
from orchestration.forecasting.methods import (
    crm_probability,
    stage_average,
    timed,
    timed_adjusted,
    weighted_stage,
)

METHODS: tuple[ForecastMethod, ...] = (
    crm_probability,
    stage_average,
    weighted_stage,
    timed,
    timed_adjusted,
)
