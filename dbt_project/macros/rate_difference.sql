{#
  Intervals, 95 %, of the difference between two win rates: of those who met a criterion (won1 of n1) and of those who
  did not (won0 of n0).
#}
{#
  Newcombe's hybrid score interval (1998, method 10): the difference, and on either side the root of the squared
  distances from each rate to the end of its own Wilson interval that lies on that side. Null where a side is empty.
#}
{% macro newcombe_low(won1, n1, won0, n0) -%}
    {{ rate_of(won1, n1) }}
    - {{ rate_of(won0, n0) }}
    - sqrt(
        power({{ rate_of(won1, n1) }} - {{ wilson_low(won1, n1) }}, 2)
        + power({{ wilson_high(won0, n0) }} - {{ rate_of(won0, n0) }}, 2)
    )
{%- endmacro %}

{% macro newcombe_high(won1, n1, won0, n0) -%}
    {{ rate_of(won1, n1) }}
    - {{ rate_of(won0, n0) }}
    + sqrt(
        power({{ wilson_high(won1, n1) }} - {{ rate_of(won1, n1) }}, 2)
        + power({{ rate_of(won0, n0) }} - {{ wilson_low(won0, n0) }}, 2)
    )
{%- endmacro %}

{% macro rate_of(successes, trials) -%}
    (cast({{ successes }} as double precision) / nullif({{ trials }}, 0))
{%- endmacro %}

{#
  Klingenberg's interval (2014) of the difference that Mantel and Haenszel pool over strata. The variance of Sato (1989)
  is linear in the difference, (difference * p + q) / (weight * weight); the interval holds all differences that lie
  within 1.96, or the root of z_squared, of their own standard error of the estimate, which is a quadratic equation.
  Unlike estimate plus and minus 1.96 errors it keeps its coverage where strata are small and where one side won or lost
  every deal.

  weight, p, q are the sums over strata of n1 n0 / n, of (n1^2 won0 - n0^2 won1 + n1 n0 (n0 - n1) / 2) / n^2, and of
  (won1 (n0 - won0) + won0 (n1 - won1)) / (2 n), where n = n1 + n0.
#}
{% macro klingenberg_middle(difference, weight, p, z_squared=3.841458820694124) -%}
    ({{ difference }} + {{ z_squared }} / 2 * {{ p }} / ({{ weight }} * {{ weight }}))
{%- endmacro %}

{% macro klingenberg_half_width(difference, weight, p, q, z_squared=3.841458820694124) -%}
    sqrt(
        greatest(
            power({{ klingenberg_middle(difference, weight, p, z_squared) }}, 2)
            - power({{ difference }}, 2)
            + {{ z_squared }} * {{ q }} / ({{ weight }} * {{ weight }}),
            0.0
        )
    )
{%- endmacro %}
