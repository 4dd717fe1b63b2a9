{#
  A layer's schema is called by its own name (staging, intermediate, marts), without dbt's prefix of the
  target's schema: one warehouse holds one company, and readers are given plain names.
#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}
