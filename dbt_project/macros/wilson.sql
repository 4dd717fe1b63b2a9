{#
  Wilson score interval of a proportion (E. B. Wilson, 1927), 95 %, or as many standard errors wide as z says.
  Chosen over the normal interval because it stays within 0 and 1 and keeps its coverage for small counts.
  Null when the number of trials is zero.
#}
{% macro wilson_low(successes, trials, z="1.959963984540054") -%}
    {{ wilson_bound(successes, trials, "-", z) }}
{%- endmacro %}

{% macro wilson_high(successes, trials, z="1.959963984540054") -%}
    {{ wilson_bound(successes, trials, "+", z) }}
{%- endmacro %}

{% macro wilson_bound(successes, trials, sign, z) -%}
    {%- set n = "cast(" ~ trials ~ " as double precision)" -%}
    {%- set p = "(" ~ successes ~ " / nullif(" ~ n ~ ", 0))" -%}
    (
        ({{ p }} + {{ z }} * {{ z }} / (2 * nullif({{ n }}, 0)))
        {{ sign }} {{ z }} * sqrt(
            ({{ p }} * (1 - {{ p }}) + {{ z }} * {{ z }} / (4 * nullif({{ n }}, 0)))
            / nullif({{ n }}, 0)
        )
    )
    / (1 + {{ z }} * {{ z }} / nullif({{ n }}, 0))
{%- endmacro %}
