{#
  How DuckDB puts a model in place. dbt's own materializations build beside the old relation, rename twice and drop, each
  a statement of its own: on a small company that costs more than the models, two hundred times a night. DuckDB
  replaces a relation whole or not at all. Other warehouses keep dbt's own.
#}
{% materialization view, adapter = "duckdb" %}
    {{ return(put_in_place("view")) }}
{% endmaterialization %}

{% materialization table, adapter = "duckdb" %}
    {{ return(put_in_place("table")) }}
{% endmaterialization %}

{# Build this model in the place of what stood under its name. type: view or table. #}
{% macro put_in_place(type) %}
    {%- set target = this.incorporate(type=type) -%}
    {%- set standing = load_cached_relation(this) -%}
    {%- set is_under_contract = config.get("contract").enforced -%}
    {#- Two more statements, so only where there are several to hold together. -#}
    {%- set is_transaction = pre_hooks or post_hooks or (is_under_contract and type == "table") -%}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {#- One kind of relation does not replace another. -#}
    {%- if standing is not none and standing.type != type -%}
        {%- do adapter.drop_relation(standing) -%}
    {%- endif -%}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {%- call statement("main", auto_begin=is_transaction) -%}
        {%- if is_under_contract -%} {{ get_assert_columns_equivalent(sql) }} {%- endif -%}
        {{ config.get("sql_header") or "" }}
        {% if is_under_contract and type == "table" -%}
            create or replace table {{ target }} {{ get_table_columns_and_constraints() }};
            insert into {{ target }} {{ get_column_names() }} (
            {{ get_select_subquery(sql) }}
            )
        {%- else -%}
            create or replace {{ type }} {{ target }} as (
            {{ sql }}
            )
        {%- endif -%}
    {%- endcall -%}

    {%- do persist_docs(target, model) -%}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {%- if is_transaction -%} {%- do adapter.commit() -%} {%- endif -%}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({"relations": [target]}) }}
{% endmacro %}
