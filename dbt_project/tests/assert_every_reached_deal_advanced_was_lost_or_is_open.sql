-- A returned row is a cohort in which some deal that reached the stage is counted nowhere, or
-- twice.
select funnel, segment, segment_value, cohort_kind, cohort_start, stage
from {{ ref("funnel_stage_conversion") }}
where reached <> advanced + lost + still_open or reached <> visited + skipped
