# Two commands matter: `make demo` and `make test`. Each does its own set-up, once; `make help` lists the rest.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

PYTHON ?= python3
export VENV ?= .venv
# A stack is a dozen programs, and tests start hundreds: compiled once, each takes a second less of processor.
unexport PYTHONDONTWRITEBYTECODE
BIN := $(VENV)/bin
DONE := $(VENV)/.done
UV := .ci/uv
export UV_PYTHON := $(BIN)/python
COMPILE = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	$(if $(UPGRADE),--upgrade)
ALONE := tests/contract tests/unit tests/topology
# Whom some tests interrupt: what a shell starts in the background ignores that. The rest is work for as long.
FRONT := $(wildcard tests/integration/test_import*.py tests/integration/test_stack*.py) tests/integration/test_relay.py \
	tests/e2e/test_demo.py tests/crash/test_supervision_kills.py tests/crash/test_failpoints.py \
	tests/crash/test_filings_under_kills.py
BESIDE := $(filter-out $(FRONT),$(wildcard tests/integration/test_*.py tests/e2e/test_*.py))

.PHONY: help install demo logs crash torture fuzz bench test lint contracts unit locks clean

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 20

install: $(DONE)/python $(DONE)/assets $(DONE)/kafka ## all set-up: Python packages, web assets, Kafka

demo: install ## the generated city through the whole system [ONCE=1] [DAYS=n] [SEED=n] [PORT=n] [ARGS="…"]
	@exec $(BIN)/duban demo $(if $(ONCE),--once) $(if $(DAYS),--days $(DAYS)) $(if $(SEED),--seed $(SEED)) \
		$(if $(PORT),--port $(PORT)) $(ARGS)

crash: install ## kills, faults of brokers, disks, workers, clocks and databases: the long forms
	@DUBAN_LONG=1 exec $(BIN)/pytest tests/crash -s $(ARGS)

torture: install ## 1,000,000 events while brokers and workers are killed: the ledger [MINUTES=10] [ARGS="--json …"]
	@exec $(BIN)/python -m tests.torture --minutes $(or $(MINUTES),10) $(ARGS)

fuzz: install ## the decoder under coverage-guided fuzzing (atheris) [SECONDS=60]
	@exec $(BIN)/python -m tests.fuzz.decoder --seconds $(or $(SECONDS),60) $(ARGS)

bench: install .venv-bench/.done ## side by side with peers: a table and benchmarks/results/ [QUICK=1] [ONLY=name,…] [RUNS=n] [EVENTS=n]
	@exec $(BIN)/python -m benchmarks $(if $(QUICK),--quick) $(if $(ONLY),--only $(ONLY)) $(if $(RUNS),--runs $(RUNS)) \
		$(if $(EVENTS),--events $(EVENTS)) $(ARGS)

logs: install ## every real log of DUBAN_LOGS through the whole stack, against the oracles
	@exec $(BIN)/pytest tests/logs -s $(ARGS)

test: install $(DONE)/greenmail lint ## every check and every test
	@echo "== tests, in three runs beside one another"
	@logs=$$(mktemp -d); good=0; \
	$(BIN)/pytest $(BESIDE) $(ARGS) > $$logs/beside 2>&1 & beside=$$!; \
	$(BIN)/pytest $(ALONE) $(ARGS) > $$logs/alone 2>&1 & alone=$$!; \
	$(BIN)/pytest $(FRONT) $(ARGS) || good=1; \
	wait $$beside || good=1; cat $$logs/beside; \
	wait $$alone || good=1; cat $$logs/alone; \
	rm -r $$logs; exit $$good

lint: $(DONE)/python contracts ## style, types, import rules, generated files
	@echo "== style"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@echo "== types"
	@$(BIN)/mypy
	@echo "== import rules"
	@$(BIN)/lint-imports --no-logo

contracts: $(DONE)/python ## schemas, examples, AsyncAPI and OpenAPI equal what the code says
	@echo "== contracts"
	@$(BIN)/python -m services.contracts.generate --check
	@$(BIN)/python -m duban.openapi --check

unit: $(DONE)/python ## the tests that touch no infrastructure
	@exec $(BIN)/pytest $(ALONE) $(ARGS)

locks: $(DONE)/uv ## requirements/*.lock from pyproject.toml [UPGRADE=1]
	$(COMPILE) requirements/uv.in -o requirements/uv.lock
	$(COMPILE) pyproject.toml --extra embedded --group dev -o requirements/dev.lock
	$(COMPILE) pyproject.toml --extra embedded -c requirements/dev.lock -o requirements/embedded.lock
	$(COMPILE) pyproject.toml -c requirements/dev.lock -o requirements/prod.lock
	$(COMPILE) requirements/bench.in -o requirements/bench.lock
	$(COMPILE) requirements/fuzz.in -o requirements/fuzz.lock

clean: ## removes what set-up made; data of the embedded stack (.duban) stays
	rm -rf $(VENV) .venv-bench .venv-fuzz node_modules services/*/web/vendor services/*/web/*/vendor .mypy_cache .ruff_cache .pytest_cache \
		.import_linter_cache .hypothesis

$(DONE)/uv: requirements/uv.lock
	@echo "== virtual environment and uv"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, $(PYTHON) is " + sys.version.split()[0])'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.lock
	@mkdir -p $(DONE) && touch $@

$(DONE)/python: requirements/dev.lock pyproject.toml $(DONE)/uv
	@echo "== Python packages"
	@$(UV) pip sync --compile-bytecode --require-hashes requirements/dev.lock
	@$(UV) pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

.venv-bench/.done: requirements/bench.lock $(DONE)/uv
	@echo "== peers of the benchmarks"
	@$(PYTHON) -m venv .venv-bench && echo '*' > .venv-bench/.gitignore
	@UV_PYTHON=.venv-bench/bin/python $(UV) pip sync --quiet --require-hashes requirements/bench.lock
	@touch $@

$(DONE)/assets: package.json package-lock.json services/shared/web/assets.py \
		$(wildcard services/*/web/styles/*.scss services/*/web/*/styles/*.scss) $(DONE)/python
	@echo "== web assets"
	@$(BIN)/python -m services.shared.web.assets
	@touch $@

$(DONE)/kafka: deploy/embedded/kafka.lock $(DONE)/python
	@echo "== Kafka"
	@$(BIN)/python -m deploy.embedded.jars fetch kafka
	@touch $@

$(DONE)/greenmail: deploy/embedded/greenmail.lock $(DONE)/python
	@echo "== GreenMail, the mail server of the tests"
	@$(BIN)/python -m deploy.embedded.jars fetch greenmail
	@touch $@
