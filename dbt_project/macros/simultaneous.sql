{#
  How many standard errors an interval reaches on either side so that all of several hold at once with 95 % (Bonferroni):
  the quantile of the normal distribution at 1 - 0.05 / (2 * comparisons), by the rational approximation 26.2.23 of
  Abramowitz and Stegun (1964), whose error stays under 0.00045. Whoever looks at many finds one that stands out by
  chance, so the more are looked at, the further one must stand out.
#}
{% macro simultaneous_z(comparisons) -%}
    {%- set t = "sqrt(-2 * ln(0.05 / (2 * greatest(" ~ comparisons ~ ", 1))))" -%}
    (
        {{ t }}
        - (2.515517 + 0.802853 * {{ t }} + 0.010328 * {{ t }} * {{ t }})
        / (
            1
            + 1.432788 * {{ t }}
            + 0.189269 * {{ t }} * {{ t }}
            + 0.001308 * {{ t }} * {{ t }} * {{ t }}
        )
    )
{%- endmacro %}

{# The class of a length of time, so many to each doubling of one day more than the days: alike lengths share a class. #}
{% macro time_class(days, steps) -%}
    cast(
        floor({{ steps }} * ln(1 + greatest({{ days }}, 0.0)) / 0.6931471805599453 + 1e-9) as bigint
    )
{%- endmacro %}
