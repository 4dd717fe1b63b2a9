{#
  Whatever SQL says differently on DuckDB, Postgres and Spark. A model that needs one of these calls the
  macro; no model names a dialect.
#}
{# Days from one instant to another as a fraction. Null if either is null. #}
{% macro days_between(earlier_at, later_at) -%}
    {{ return(adapter.dispatch("days_between")(earlier_at, later_at)) }}
{%- endmacro %}

{% macro default__days_between(earlier_at, later_at) -%}
    (extract(epoch from ({{ later_at }} - {{ earlier_at }})) / 86400.0)
{%- endmacro %}

{% macro duckdb__days_between(earlier_at, later_at) -%}
    ((epoch_us({{ later_at }}) - epoch_us({{ earlier_at }})) / 86400000000.0)
{%- endmacro %}

{% macro spark__days_between(earlier_at, later_at) -%}
    ((unix_micros({{ later_at }}) - unix_micros({{ earlier_at }})) / 86400000000.0)
{%- endmacro %}

{# The calendar day of a UTC instant in a time zone given as a column or literal. #}
{% macro local_date(instant_at, time_zone) -%}
    {{ return(adapter.dispatch("local_date")(instant_at, time_zone)) }}
{%- endmacro %}

{% macro default__local_date(instant_at, time_zone) -%}
    cast(timezone({{ time_zone }}, timezone('UTC', {{ instant_at }})) as date)
{%- endmacro %}

{% macro spark__local_date(instant_at, time_zone) -%}
    to_date(from_utc_timestamp({{ instant_at }}, {{ time_zone }}))
{%- endmacro %}

{# The instant at which the business date began that a UTC instant belongs to; its end belongs to it too. #}
{% macro day_starts_at(instant_at, time_zone) -%}
    {{ return(adapter.dispatch("day_starts_at")(instant_at, time_zone)) }}
{%- endmacro %}

{% macro default__day_starts_at(instant_at, time_zone) -%}
    timezone(
        'UTC',
        timezone(
            {{ time_zone }},
            date_trunc(
                'day',
                timezone(
                    {{ time_zone }}, timezone('UTC', {{ instant_at }} - interval '1 microsecond')
                )
            )
        )
    )
{%- endmacro %}

{% macro spark__day_starts_at(instant_at, time_zone) -%}
    to_utc_timestamp(
        date_trunc(
            'day', from_utc_timestamp({{ instant_at }} - interval '1' microsecond, {{ time_zone }})
        ),
        {{ time_zone }}
    )
{%- endmacro %}

{# The instant at which a calendar day begins in a time zone. #}
{% macro date_starts_at(day, time_zone) -%}
    {{ return(adapter.dispatch("date_starts_at")(day, time_zone)) }}
{%- endmacro %}

{% macro default__date_starts_at(day, time_zone) -%}
    timezone('UTC', timezone({{ time_zone }}, cast({{ day }} as timestamp)))
{%- endmacro %}

{% macro spark__date_starts_at(day, time_zone) -%}
    to_utc_timestamp(cast({{ day }} as timestamp), {{ time_zone }})
{%- endmacro %}

{# An instant moved by a number of days that is itself a column. #}
{% macro plus_days(instant_at, days) -%}
    {{ return(adapter.dispatch("plus_days")(instant_at, days)) }}
{%- endmacro %}

{% macro default__plus_days(instant_at, days) -%}
    ({{ instant_at }} + {{ days }} * interval '1 day')
{%- endmacro %}

{% macro spark__plus_days(instant_at, days) -%}
    ({{ instant_at }} + make_dt_interval({{ days }}))
{%- endmacro %}

{# A number as short text, without trailing zeros: 20, not 20.0. #}
{% macro number_text(number) -%}
    {{ return(adapter.dispatch("number_text")(number)) }}
{%- endmacro %}

{% macro default__number_text(number) -%}
    case
        when {{ number }} = floor({{ number }})
        then cast(cast({{ number }} as bigint) as {{ dbt.type_string() }})
        else cast({{ number }} as {{ dbt.type_string() }})
    end
{%- endmacro %}

{# Minutes from one instant to another, exact to the microsecond. Null if either is null. #}
{% macro minutes_between(earlier_at, later_at) -%}
    {{ return(adapter.dispatch("minutes_between")(earlier_at, later_at)) }}
{%- endmacro %}

{% macro default__minutes_between(earlier_at, later_at) -%}
    cast(extract(epoch from ({{ later_at }} - {{ earlier_at }})) / 60 as double precision)
{%- endmacro %}

{% macro duckdb__minutes_between(earlier_at, later_at) -%}
    ((epoch_us({{ later_at }}) - epoch_us({{ earlier_at }})) / 60000000.0)
{%- endmacro %}

{% macro spark__minutes_between(earlier_at, later_at) -%}
    ((unix_micros({{ later_at }}) - unix_micros({{ earlier_at }})) / 60000000.0)
{%- endmacro %}

{# A time of day or a duration written HH:MM or HH:MM:SS, in whole minutes. Null where it is written otherwise. #}
{% macro clock_minutes(text) -%}
    {{ return(adapter.dispatch("clock_minutes")(text)) }}
{%- endmacro %}

{% macro default__clock_minutes(text) -%}
    case
        when {{ text }} ~ '^[0-9]{1,3}:[0-9]{2}(:[0-9]{2})?$'
        then
            cast(split_part({{ text }}, ':', 1) as integer) * 60
            + cast(split_part({{ text }}, ':', 2) as integer)
    end
{%- endmacro %}

{% macro duckdb__clock_minutes(text) -%}
    case
        when regexp_full_match({{ text }}, '[0-9]{1,3}:[0-9]{2}(:[0-9]{2})?')
        then
            try_cast(split_part({{ text }}, ':', 1) as integer) * 60
            + try_cast(split_part({{ text }}, ':', 2) as integer)
    end
{%- endmacro %}

{% macro spark__clock_minutes(text) -%}
    case
        when {{ text }} rlike '^[0-9]{1,3}:[0-9]{2}(:[0-9]{2})?$'
        then
            cast(split_part({{ text }}, ':', 1) as int) * 60
            + cast(split_part({{ text }}, ':', 2) as int)
    end
{%- endmacro %}

{# An instant moved by a number of whole minutes that is itself a column. #}
{% macro plus_minutes(instant_at, minutes) -%}
    {{ return(adapter.dispatch("plus_minutes")(instant_at, minutes)) }}
{%- endmacro %}

{% macro default__plus_minutes(instant_at, minutes) -%}
    ({{ instant_at }} + {{ minutes }} * interval '1 minute')
{%- endmacro %}

{% macro spark__plus_minutes(instant_at, minutes) -%}
    ({{ instant_at }} + make_dt_interval(0, 0, {{ minutes }}))
{%- endmacro %}

{# One row for each part of a list in a text, to be selected beside other columns. #}
{% macro rows_of_list(text, separator) -%}
    {{ return(adapter.dispatch("rows_of_list")(text, separator)) }}
{%- endmacro %}

{% macro default__rows_of_list(text, separator) -%}
    unnest(string_to_array({{ text }}, '{{ separator }}'))
{%- endmacro %}

{% macro spark__rows_of_list(text, separator) -%}
    explode(split({{ text }}, '{{ separator }}'))
{%- endmacro %}

{# What the first group of a regular expression matched in a text; null where nothing did. #}
{% macro matched_text(text, pattern) -%}
    {{ return(adapter.dispatch("matched_text")(text, pattern)) }}
{%- endmacro %}

{% macro default__matched_text(text, pattern) -%}
    nullif(regexp_extract({{ text }}, '{{ pattern }}', 1), '')
{%- endmacro %}

{% macro postgres__matched_text(text, pattern) -%}
    substring({{ text }} from '{{ pattern }}')
{%- endmacro %}

{% macro spark__matched_text(text, pattern) -%}
    nullif(regexp_extract({{ text }}, r'{{ pattern }}', 1), '')
{%- endmacro %}

{# The first entry of a JSON list of texts; a text that is no list is itself. #}
{% macro first_of_json_list(text) -%}
    coalesce({{ matched_text(text, '^\\["([^"]*)"') }}, nullif({{ text }}, '[]'))
{%- endmacro %}

{# The day that a text begins with, as ISO 8601 writes it (2026-01-31), or that its milliseconds since 1970 fall on
   in UTC (13 digits, as HubSpot exports them). Null where it is neither. #}
{% macro text_to_date(text) -%} {{ return(adapter.dispatch("text_to_date")(text)) }} {%- endmacro %}

{% macro default__text_to_date(text) -%}
    case
        when {{ text }} ~ '^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])'
        then cast(substr({{ text }}, 1, 10) as date)
        when {{ text }} ~ '^[0-9]{13}$'
        then
            cast('1970-01-01' as date)
            + cast(floor(cast({{ text }} as bigint) / 86400000.0) as integer)
    end
{%- endmacro %}

{% macro duckdb__text_to_date(text) -%}
    case
        when regexp_full_match({{ text }}, '[0-9]{13}')
        then
            cast('1970-01-01' as date)
            + cast(floor(try_cast({{ text }} as bigint) / 86400000.0) as integer)
        else try_cast(substr({{ text }}, 1, 10) as date)
    end
{%- endmacro %}

{% macro spark__text_to_date(text) -%}
    case
        when {{ text }} rlike '^[0-9]{13}$'
        then
            date_add(date '1970-01-01', cast(floor(cast({{ text }} as bigint) / 86400000.0) as int))
        else try_cast(substr({{ text }}, 1, 10) as date)
    end
{%- endmacro %}

{# A text as SQL writes it; a quote within it is doubled. #}
{% macro quoted_text(text) -%}
    chr(39) || replace({{ text }}, chr(39), chr(39) || chr(39)) || chr(39)
{%- endmacro %}

{# Texts of a group joined to one, in their own order. #}
{% macro joined_texts(text, separator) -%}
    {{ return(adapter.dispatch("joined_texts")(text, separator)) }}
{%- endmacro %}

{% macro default__joined_texts(text, separator) -%}
    string_agg({{ text }}, '{{ separator }}' order by {{ text }})
{%- endmacro %}

{% macro spark__joined_texts(text, separator) -%}
    array_join(array_sort(collect_list({{ text }})), '{{ separator }}')
{%- endmacro %}

{# The number that a text says; null where it says none. #}
{% macro number_or_null(text) -%}
    {{ return(adapter.dispatch("number_or_null")(text)) }}
{%- endmacro %}

{% macro default__number_or_null(text) -%} try_cast({{ text }} as double) {%- endmacro %}

{% macro postgres__number_or_null(text) -%}
    case
        when {{ text }} ~ '^ *[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)? *$'
        then cast({{ text }} as double precision)
    end
{%- endmacro %}

{# Whole microseconds from the beginning of 1970 to an instant, so that equal lengths of time are equal numbers. #}
{% macro microseconds_since_1970(instant_at) -%}
    {{ return(adapter.dispatch("microseconds_since_1970")(instant_at)) }}
{%- endmacro %}

{% macro default__microseconds_since_1970(instant_at) -%}
    cast(extract(epoch from {{ instant_at }}) * 1000000 as bigint)
{%- endmacro %}

{% macro duckdb__microseconds_since_1970(instant_at) -%} epoch_us({{ instant_at }}) {%- endmacro %}

{% macro spark__microseconds_since_1970(instant_at) -%}
    unix_micros({{ instant_at }})
{%- endmacro %}
