"""One schedule: the whole night, once its business date is over."""

import dagster as dg

from orchestration.components.nightly import nightly_partitions

night = dg.define_asset_job("night", selection=dg.AssetSelection.all(), partitions_def=nightly_partitions())

# 02:00 in the company's time zone: CRMs have finished their exports of the day by then, and readers have the
# tables before the first of them is at work.
nightly = dg.build_schedule_from_partitioned_job(night, name="nightly", hour_of_day=2, minute_of_hour=0)
