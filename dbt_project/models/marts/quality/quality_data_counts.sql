with
    checks as (select * from {{ ref("int_deal_data_checks") }}),

    visits as (select * from {{ ref("deal_visits") }}),

    findings as (select * from {{ ref("quality_findings") }}),

    deal_counts as (
        select
            count(*) as deals,
            count(closed_before_created) as closed_before_created,
            count(created_in_future) as created_in_future,
            count(amount_negative) as amount_negative,
            count(amount_unconverted) as amount_unconverted,
            count(probability_out_of_range) as probability_out_of_range,
            count(owner_missing) as owner_missing,
            count(owner_unknown) as owner_unknown,
            count(account_unknown) as account_unknown
        from checks
    ),

    visit_counts as (select count(*) as visits, count(exited_at) as ended_visits from visits),

    finding_counts as (select count(*) as findings from findings),

    unioned as (
        select
            'closed_before_created' as expectation,
            'deals_current' as table_name,
            closed_before_created as rows_checked
        from deal_counts
        union all
        select
            'created_in_future' as expectation,
            'deals_current' as table_name,
            created_in_future as rows_checked
        from deal_counts
        union all
        select
            'amount_negative' as expectation,
            'deals_current' as table_name,
            amount_negative as rows_checked
        from deal_counts
        union all
        select
            'amount_unconverted' as expectation,
            'deals_current' as table_name,
            amount_unconverted as rows_checked
        from deal_counts
        union all
        select
            'probability_out_of_range' as expectation,
            'deals_current' as table_name,
            probability_out_of_range as rows_checked
        from deal_counts
        union all
        select
            'owner_missing' as expectation,
            'deals_current' as table_name,
            owner_missing as rows_checked
        from deal_counts
        union all
        select
            'owner_unknown' as expectation,
            'deals_current' as table_name,
            owner_unknown as rows_checked
        from deal_counts
        union all
        select
            'account_unknown' as expectation,
            'deals_current' as table_name,
            account_unknown as rows_checked
        from deal_counts
        union all
        select
            'visit_ends_before_it_begins' as expectation,
            'deal_visits' as table_name,
            ended_visits as rows_checked
        from visit_counts
        union all
        select 'table_volume' as expectation, 'deals_current' as table_name, deals as rows_checked
        from deal_counts
        union all
        select 'table_volume' as expectation, 'deal_visits' as table_name, visits as rows_checked
        from visit_counts
        union all
        select
            'table_volume' as expectation,
            'quality_findings' as table_name,
            findings as rows_checked
        from finding_counts
    )

select expectation, table_name, rows_checked
from unioned
