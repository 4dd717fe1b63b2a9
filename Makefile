# `make night` and `make test` need Python 3.11 or newer and make; everything else they install into .venv from
# the lock.

PYTHON ?= python3
STAGEPROOF_HOME ?= $(CURDIR)/.stageproof
export STAGEPROOF_HOME
UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)
RUN := .venv/bin
# The certificates of this machine, not uv's own: behind a company's proxy only they are right.
export UV_SYSTEM_CERTS := 1
export UV_NATIVE_TLS := 1

.PHONY: night demo ui test bi-test bench lint format clean
.DEFAULT_GOAL := night

night: .venv/installed
	@$(RUN)/stageproof demo --if-empty
	@$(RUN)/stageproof night $(if $(DATE),--date $(DATE))

demo: .venv/installed
	@$(RUN)/stageproof demo

# The UI listens on this machine only.
ui: .venv/installed
	@mkdir -p "$(STAGEPROOF_HOME)/dagster" && cp orchestration/dagster.yaml "$(STAGEPROOF_HOME)/dagster/"
	@DAGSTER_HOME="$(STAGEPROOF_HOME)/dagster" $(RUN)/dagster dev --host 127.0.0.1

test: .venv/installed lint
	@$(RUN)/pytest -n 2

# Apache Superset reads what is served, in an environment of its own that takes a minute and 700 MB; screens are kept in
# .bi/screens.
bi-test: .venv/installed .bi/installed
	@$(RUN)/pytest -x tests/bi/charts_in_superset.py

# Speed as ratios against a baseline run in the same minutes; takes about twenty-five minutes and 6 GB of disk.
bench: .venv/installed
	@$(RUN)/python tests/benchmarks/ingest.py
	@$(RUN)/python tests/benchmarks/funnel.py
	@$(RUN)/python tests/benchmarks/gates.py
	@$(RUN)/python tests/benchmarks/backtest.py
	@$(RUN)/python tests/benchmarks/overhead.py

lint: .venv/installed
	@$(RUN)/ruff check .
	@$(RUN)/ruff format --check .
	@$(RUN)/sqlfmt --check --quiet dbt_project
	@$(RUN)/mypy
	@$(RUN)/lint-imports --no-logo
	@$(RUN)/hadolint Containerfile

format: .venv/installed
	@$(RUN)/ruff check --fix --quiet .
	@$(RUN)/ruff format --quiet .
	@$(RUN)/sqlfmt --quiet dbt_project

clean:
	rm -rf .venv .uv .bi dbt_project/target dbt_project/logs

# Bytecode is compiled once here; without it every start of a night compiles Dagster and dbt again.
.venv/installed: uv.lock pyproject.toml
	@command -v uv >/dev/null 2>&1 || test -x .uv/bin/uv || ($(PYTHON) -m venv .uv && .uv/bin/pip install --quiet uv)
	@$(UV) sync --frozen --compile-bytecode --quiet --python "$$(command -v $(PYTHON))"
	@touch $@

.bi/installed: .venv/installed tests/bi/requirements.txt
	@command -v uv >/dev/null 2>&1 || test -x .uv/bin/uv || ($(PYTHON) -m venv .uv && .uv/bin/pip install --quiet uv)
	@$(UV) venv --quiet --clear --python "$$(command -v $(PYTHON))" .bi/venv
	@$(UV) pip install --quiet --python .bi/venv/bin/python -r tests/bi/requirements.txt
	@touch $@
