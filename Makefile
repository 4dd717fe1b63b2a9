# `make night` and `make test` need Python 3.11 or newer and make; everything else they install into .venv from
# the lock.

PYTHON ?= python3
UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)
RUN := .venv/bin

.PHONY: night demo ui test lint format docs clean
.DEFAULT_GOAL := night

night: .venv/installed
	@$(RUN)/stageproof demo --if-empty
	@$(RUN)/stageproof night $(if $(DATE),--date $(DATE))

demo: .venv/installed
	@$(RUN)/stageproof demo

# The UI listens on this machine only.
ui: .venv/installed
	@DAGSTER_HOME="$$($(RUN)/python -m orchestration.ui_home)" $(RUN)/dagster dev --host 127.0.0.1

test: .venv/installed lint
	@$(RUN)/pytest -n 2

lint: .venv/installed
	@$(RUN)/ruff check .
	@$(RUN)/ruff format --check .
	@$(RUN)/sqlfmt --check --quiet dbt_project
	@$(RUN)/mypy
	@$(RUN)/lint-imports --no-logo

format: .venv/installed
	@$(RUN)/ruff check --fix --quiet .
	@$(RUN)/ruff format --quiet .
	@$(RUN)/sqlfmt --quiet dbt_project

clean:
	rm -rf .venv .uv dbt_project/target dbt_project/logs

# Bytecode is compiled once here; without it every start of a night compiles Dagster and dbt again.
.venv/installed: uv.lock pyproject.toml
	@command -v uv >/dev/null 2>&1 || test -x .uv/bin/uv || ($(PYTHON) -m venv .uv && .uv/bin/pip install --quiet uv)
	@$(UV) sync --frozen --compile-bytecode --quiet --python "$$(command -v $(PYTHON))"
	@touch $@
