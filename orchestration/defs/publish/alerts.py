"""The last that a night does: tell each audience what is new in it."""

import os

import dagster as dg

from orchestration.alerting import alert, is_configured
from orchestration.components.catalogue import measured
from orchestration.components.nightly import ONE_NIGHT_A_RUN, Nightly, nightly_partitions
from orchestration.publishing.alerts.record import UNSETTLED, brief, sentences


class AlertsConfig(dg.Config):  # type: ignore[misc,unused-ignore]
    """send: false for nights that nobody wants to hear of, as when many past ones are run one after the other."""

    send: bool = True


@dg.asset(
    deps=["publication"],
    group_name="publish",
    kinds={"apprise"},
    partitions_def=nightly_partitions(),
    backfill_policy=ONE_NIGHT_A_RUN,
    description="One digest of what is new for each audience of alerts.yml. A delivery that fails is recorded.",
)
@measured
def alerts(context: dg.AssetExecutionContext, config: AlertsConfig, nightly: Nightly) -> dg.MaterializeResult[None]:
    night, standards = nightly.night(context.partition_key), nightly.standards()
    if not config.send or not is_configured(standards):
        return dg.MaterializeResult(metadata={"sent": "nothing was to be sent"})
    told = alert(night, standards, os.environ)
    if told is None:
        return dg.MaterializeResult(metadata={"sent": "a later night is published, so this one is no news"})
    for line in sentences(told, about=UNSETTLED):
        context.log.warning(line)
    by_audience = dict(line.split(": ", 1) for line in sentences(told))
    return dg.MaterializeResult(metadata={"sent": brief(told), **by_audience})
