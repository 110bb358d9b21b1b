# Everything a user or CI runs. Needs Python 3.11 or newer with venv, and make; nothing else.
# The environment is rebuilt when constraints.txt or pyproject.toml change.
# Modules are compiled where they are first imported, and kept: all of them at once would take a minute, and a shell that
# forbids keeping them would have every process compile them again.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
STAMP_DEV := $(VENV)/.installed-dev
export PIP_DISABLE_PIP_VERSION_CHECK := 1
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run up test nightly check bench peers clean

run: $(STAMP)  ## the main job on the watchlist: bars to a reviewed portfolio
	@$(BIN)/bot-core run

up: $(STAMP)  ## the Dagster UI and daemon on 127.0.0.1:3000
	@$(BIN)/bot-core up

test: $(STAMP_DEV)  ## everything but the slow tests
	$(BIN)/pytest -q -n 2 --dist worksteal

nightly: $(STAMP_DEV)  ## the slow tests too: full counts of kills, concurrency, statistics
	$(BIN)/pytest -q -m "slow or not slow"

check: $(STAMP_DEV)  ## lint, types, import rule, definitions
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	DAGSTER_DISABLE_TELEMETRY=1 $(BIN)/dagster definitions validate

bench: $(STAMP_DEV)  ## the figures of docs/benchmarks.md; run it on an idle machine
	$(BIN)/python -m benchmarks

peers:  ## the other engines, in an environment of their own, for `make bench` and the tests of agreement
	$(PYTHON) -m venv .venv-peers
	.venv-peers/bin/pip install --quiet --requirement benchmarks/peers.txt

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(STAMP): $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "Installing Bot Core into $(VENV) (one to three minutes, once)"
	@$(BIN)/pip install --quiet --no-compile --constraint constraints.txt --editable .
	@touch $@

$(STAMP_DEV): $(STAMP)
	@$(BIN)/pip install --quiet --no-compile --constraint constraints.txt --editable ".[dev]"
	@touch $@

clean:  ## the environment and caches; never the state in .bot_core
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
