-- A returned row is a rule that judged one visit of one deal twice: a violation would have two
-- answers.
select rule_id, deal_key, visit_id
from {{ ref("quality_findings") }}
group by rule_id, deal_key, visit_id
having count(*) > 1
