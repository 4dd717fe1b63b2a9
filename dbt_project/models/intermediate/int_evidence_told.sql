with evidence as (select * from {{ ref("int_evidence") }})

select crm, evidence_key, evidence_kind, contact_role, count(*) as facts
from evidence
group by crm, evidence_key, evidence_kind, contact_role
