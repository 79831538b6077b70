# `make run` and `make test` do all the set-up they need; see docs/decisions/0003-set-up.md.

.DEFAULT_GOAL := help
SHELL := /bin/bash

python := .venv/bin/python
sources := agent hw provisioning tests
web_folders := agent/web provisioning/web

# More arguments for the demo, as in `make run ARGS=--json`.
ARGS ?=
# What pytest is given; one file's tests stay in one process, in their order.
PYTEST_ARGS ?= -n 2 --dist loadfile

.PHONY: help setup setup-test run test test-long check format bench bench-logs lock clean

help: ## Show this list
	@sed -nE 's/^([a-z-]+):.*## (.*)/\1|\2/p' Makefile | while IFS='|' read -r name text; do printf 'make %-10s %s\n' "$$name" "$$text"; done

setup: ## Set up what is missing, and stop there
	@requirements/setup.sh run

setup-test:
	@requirements/setup.sh test

run: setup ## Run the whole system on this machine
	@.venv/bin/outpost-fleet demo --state .state $(ARGS)

test: setup-test ## Run every test that this machine can run
	@$(python) -m pytest $(PYTEST_ARGS)

test-long: setup-test ## Run kill, power-cut and soak tests with their full counts (hours)
	@OUTPOST_LONG=1 $(python) -m pytest -m long --timeout 0 $(ARGS)

check: setup-test ## Check format, lint, types and import direction (seconds)
	@.venv/bin/ruff format --check --quiet $(sources)
	@.venv/bin/ruff check --quiet $(sources)
	@.venv/bin/mypy --no-error-summary $(sources)
	@.venv/bin/lint-imports
	@set -e; for folder in $(web_folders); do requirements/npm.sh $$folder run --silent check; done

format: setup-test ## Put the Python code into its form
	@.venv/bin/ruff check --quiet --fix-only $(sources)
	@.venv/bin/ruff format $(sources)

bench: setup-test ## Run the benchmarks, with their peers, as a table
	@$(python) -m tests.bench $(ARGS)

bench-logs: setup-test ## Run the log miner's benchmark: accuracy, speed and memory, beside published figures
	@$(python) -m tests.bench.bench_miner $(ARGS)

lock: ## Write the lock files of requirements/ anew (ARGS=--upgrade takes newer versions)
	@requirements/lock.sh $(ARGS)

clean: ## Remove what set-up and checks have made; .state, the data of `make run`, stays
	@rm -rf .venv .cache .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis dist
	@rm -rf $(web_folders:=/node_modules) agent/outpost_agent/web/static provisioning/outpost_manager/web/static
	@find $(sources) -name __pycache__ -type d -prune -exec rm -rf {} +
