with
    subjects as (select * from {{ ref("int_deal_icp_subjects") }}),

    scores as (select * from {{ ref("int_icp_subject_scores") }})

select
    subjects.deal_key,
    tonight.icp_score,
    coalesce(tonight.icp_completeness, 0.0) as icp_completeness,
    coalesce(tonight.icp_band, 'unknown') as icp_band,
    at_creation.icp_score as icp_score_at_creation,
    case
        when subjects.creation_basis <> 'no_creation_date'
        then coalesce(at_creation.icp_completeness, 0.0)
    end as icp_completeness_at_creation,
    coalesce(at_creation.icp_band, 'unknown') as icp_band_at_creation,
    subjects.creation_basis
from subjects
left join
    scores as tonight
    on tonight.subject_kind = 'account'
    and subjects.account_key = tonight.subject_key
left join
    scores as at_creation
    on subjects.creation_subject_kind = at_creation.subject_kind
    and subjects.creation_subject_key = at_creation.subject_key
