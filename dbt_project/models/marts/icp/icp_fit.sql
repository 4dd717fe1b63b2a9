with
    scores as (select * from {{ ref("int_icp_scores") }}),

    deals as (select * from {{ ref("int_deals") }})

select
    scores.deal_key, deals.account_key, scores.icp_score, scores.icp_completeness, scores.icp_band
from scores
inner join deals on scores.deal_key = deals.deal_key
