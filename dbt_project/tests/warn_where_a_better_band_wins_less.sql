-- A returned row is a band of the ideal customer profile whose deals win less often than those of
-- the band it
-- names, by more than chance explains. A warning: the profile is to be reviewed, the night is good.
{{ config(severity="warn") }}

select funnel, icp_band, outwon_by_band, outwon_by
from {{ ref("icp_band_win_rates") }}
where band_order = 'out_of_order'
