{#
  How much better the odds of winning are on one side than on the other, from the four counts (won and not won
  here, won and not won elsewhere), as a logarithm.

  Half a deal is added to each count (Haldane, 1956; Anscombe, 1956), so that a side which never lost has finite
  odds; the variance is that of Gart and Zweifel (1967).

  The estimate is then drawn towards zero by a normal prior with mean 0 and variance 1/2 (Greenland, 2006): before
  any deal is seen, 95 % of all odds ratios lie between 1/4 and 4, which is as much as one attribute of a customer
  can plausibly do. The posterior mean is estimate * prior / (prior + variance), its variance their product over
  their sum.
#}
{% macro log_odds(won, not_won, rest_won, rest_not_won) -%}
    ln(
        (({{ won }} + 0.5) * ({{ rest_not_won }} + 0.5))
        / (({{ not_won }} + 0.5) * ({{ rest_won }} + 0.5))
    )
{%- endmacro %}

{% macro log_odds_variance(won, not_won, rest_won, rest_not_won) -%}
    (
        1.0 / ({{ won }} + 0.5)
        + 1.0 / ({{ not_won }} + 0.5)
        + 1.0 / ({{ rest_won }} + 0.5)
        + 1.0 / ({{ rest_not_won }} + 0.5)
    )
{%- endmacro %}

{% macro log_odds_prior_variance() -%} 0.5 {%- endmacro %}

{% macro shrunken_log_odds(estimate, variance) -%}
    (
        {{ estimate }}
        * {{ log_odds_prior_variance() }}
        / ({{ log_odds_prior_variance() }} + {{ variance }})
    )
{%- endmacro %}

{% macro shrunken_log_odds_error(variance) -%}
    sqrt(
        {{ variance }}
        * {{ log_odds_prior_variance() }}
        / ({{ log_odds_prior_variance() }} + {{ variance }})
    )
{%- endmacro %}
