with
    leads as (select * from {{ ref("int_leads") }}),

    scores as (select * from {{ ref("int_icp_subject_scores") }}),

    company as (select * from {{ ref("stg_standards__company") }}),

    described as (
        select
            coalesce(leads.lead_source, '(none)') as lead_source,
            coalesce(scores.icp_band, 'unknown') as icp_band,
            cast({{ dbt.date_trunc("month", "leads.created_on") }} as date) as cohort_month,
            leads.is_converted,
            leads.is_deal_unknown,
            leads.days_to_conversion,
            leads.age_days
        from leads
        left join scores on scores.subject_kind = 'lead' and leads.lead_key = scores.subject_key
    ),

    -- One row for leads that are alike, so that the cuts below multiply few rows.
    alike as (
        select
            lead_source,
            icp_band,
            cohort_month,
            is_converted,
            is_deal_unknown,
            days_to_conversion,
            age_days,
            count(*) as leads
        from described
        group by
            lead_source,
            icp_band,
            cohort_month,
            is_converted,
            is_deal_unknown,
            days_to_conversion,
            age_days
    ),

    by_source as (
        select alike.*, lead_source as source_cut
        from alike
        union all
        select alike.*, 'all'
        from alike
    ),

    by_band as (
        select by_source.*, icp_band as band_cut
        from by_source
        union all
        select by_source.*, 'all'
        from by_source
    ),

    cut as (
        select by_band.*, 'month' as cohort_kind, cohort_month as month_cut
        from by_band
        union all
        select by_band.*, 'all', cast(null as date)
        from by_band
    ),

    counted as (
        select
            source_cut,
            band_cut,
            cohort_kind,
            month_cut,
            sum(leads) as leads,
            sum(case when is_converted then leads else 0 end) as converted,
            sum(case when is_deal_unknown then leads else 0 end) as unknown_deals,
            sum(
                case when is_converted and days_to_conversion is null then leads else 0 end
            ) as undated,
            sum(case when is_matured_30d then leads else 0 end) as matured_30d,
            sum(case when is_matured_90d then leads else 0 end) as matured_90d,
            sum(
                case when is_matured_30d and days_to_conversion < 30 then leads else 0 end
            ) as converted_30d,
            sum(
                case when is_matured_90d and days_to_conversion < 90 then leads else 0 end
            ) as converted_90d
        from
            (
                select
                    cut.*,
                    age_days >= 30
                    and (not is_converted or days_to_conversion is not null) as is_matured_30d,
                    age_days >= 90
                    and (not is_converted or days_to_conversion is not null) as is_matured_90d
                from cut
            ) as cut
        group by source_cut, band_cut, cohort_kind, month_cut
    ),

    -- Kaplan and Meier (1958). A lead that has not converted is at risk up to its age, whatever its
    -- status says: a disqualified lead may come back, and leaving it out would make leads look
    -- quicker than they are.
    by_days as (
        select
            source_cut,
            band_cut,
            cohort_kind,
            month_cut,
            coalesce(days_to_conversion, age_days) as days,
            sum(case when is_converted then leads else 0 end) as ended,
            sum(leads) as seen
        from cut
        where not is_converted or days_to_conversion is not null
        group by
            source_cut, band_cut, cohort_kind, month_cut, coalesce(days_to_conversion, age_days)
    ),

    at_risk as (
        select
            by_days.*,
            sum(seen) over (
                partition by source_cut, band_cut, cohort_kind, month_cut
                order by days desc
                rows between unbounded preceding and current row
            ) as at_risk
        from by_days
    ),

    survival as (
        select
            source_cut,
            band_cut,
            cohort_kind,
            month_cut,
            days,
            case
                when
                    max(case when ended = at_risk then 1 else 0 end) over (
                        partition by source_cut, band_cut, cohort_kind, month_cut
                        order by days
                        rows between unbounded preceding and current row
                    )
                    = 1
                then 0.0
                else
                    exp(
                        sum(
                            case
                                when ended < at_risk
                                then ln(1.0 - cast(ended as double precision) / at_risk)
                                else 0.0
                            end
                        ) over (
                            partition by source_cut, band_cut, cohort_kind, month_cut
                            order by days
                            rows between unbounded preceding and current row
                        )
                    )
            end as still_lead
        from at_risk
    ),

    -- 1e-9 forgives what exp and ln lose: 3/4 * 2/3 must count as one half.
    quantiles as (
        select
            source_cut,
            band_cut,
            cohort_kind,
            month_cut,
            min(case when still_lead <= 0.75 + 1e-9 then days end) as p25_days,
            min(case when still_lead <= 0.50 + 1e-9 then days end) as p50_days,
            min(case when still_lead <= 0.25 + 1e-9 then days end) as p75_days
        from survival
        group by source_cut, band_cut, cohort_kind, month_cut
    ),

    -- Of the dated conversions: the fewest days by which half had taken place.
    conversions as (
        select
            source_cut,
            band_cut,
            cohort_kind,
            month_cut,
            days,
            sum(ended) over (
                partition by source_cut, band_cut, cohort_kind, month_cut
                order by days
                rows between unbounded preceding and current row
            ) as ended_by_then,
            sum(ended) over (
                partition by source_cut, band_cut, cohort_kind, month_cut
            ) as ended_in_all
        from by_days
    ),

    completed as (
        select
            source_cut,
            band_cut,
            cohort_kind,
            month_cut,
            min(
                case when ended_in_all > 0 and 2 * ended_by_then >= ended_in_all then days end
            ) as median_days
        from conversions
        group by source_cut, band_cut, cohort_kind, month_cut
    )

select
    counted.source_cut as lead_source,
    counted.band_cut as icp_band,
    counted.cohort_kind,
    counted.month_cut as cohort_month,
    cast(counted.leads as bigint) as leads,
    cast(counted.converted as bigint) as converted,
    cast(counted.unknown_deals as bigint) as converted_to_unknown_deal,
    cast(counted.undated as bigint) as converted_undated,
    cast(counted.converted as double precision) / counted.leads as conversion_to_date,
    {{ wilson_low("counted.converted", "counted.leads") }} as conversion_to_date_low,
    {{ wilson_high("counted.converted", "counted.leads") }} as conversion_to_date_high,
    cast(counted.matured_30d as bigint) as n_matured_30d,
    cast(counted.converted_30d as double precision)
    / nullif(counted.matured_30d, 0) as conversion_within_30d,
    cast(counted.matured_90d as bigint) as n_matured_90d,
    cast(counted.converted_90d as double precision)
    / nullif(counted.matured_90d, 0) as conversion_within_90d,
    cast(quantiles.p25_days as bigint) as days_to_conversion_p25,
    cast(quantiles.p50_days as bigint) as days_to_conversion_p50,
    cast(quantiles.p75_days as bigint) as days_to_conversion_p75,
    cast(completed.median_days as bigint) as completed_median_days,
    counted.leads < company.minimum_n as is_insufficient_history
from counted
cross join company
left join
    quantiles
    on counted.source_cut = quantiles.source_cut
    and counted.band_cut = quantiles.band_cut
    and counted.cohort_kind = quantiles.cohort_kind
    and counted.month_cut is not distinct from quantiles.month_cut
left join
    completed
    on counted.source_cut = completed.source_cut
    and counted.band_cut = completed.band_cut
    and counted.cohort_kind = completed.cohort_kind
    and counted.month_cut is not distinct from completed.month_cut
