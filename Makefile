# Tingfeng. Every target makes .venv (with the command .venv/bin/tingfeng) by itself, and only when it is needed.
#   make demo                     an invented brand, an invented crisis, both messages; no key, no network
#   make run BRAND=云杉咖啡        listen to public sources for one brand with the starter settings
#   make run CONFIG=tingfeng.yaml listen with your own settings
# Other targets: setup setup-dev lint check test coverage postgres elasticsearch eval e2e crash soak bench prove profile docs lock clean
# PYTHON=/path/to/python3 picks the interpreter. GNU make 3.81 and newer.
SHELL := /bin/sh
BIN := .venv/bin
STALE := $(shell sh .ci/venv stale)
SETTINGS := setup.cfg pyproject.toml
# Compiled modules are kept even where the environment forbids it: each of the many processes would compile them anew.
unexport PYTHONDONTWRITEBYTECODE
CONFIG ?=
BRAND ?=
SOAK_MINUTES ?=
PYTEST := $(BIN)/python -m pytest
# What needs no engine (Elasticsearch, PostgreSQL), no labelled corpus and no real service process.
UNIT := not live and not es and not pg and not e2e and not eval and not bench
export CONFIG BRAND PYTHON

DAMAGED := tests/hostile tests/crawlers/test_hostile.py tests/crawlers/test_walls.py

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev run demo lint check test coverage postgres elasticsearch eval e2e crash soak bench prove profile docs lock clean FORCE

help:
	@sed -n '2,6s/^# \{0,1\}//p' Makefile

FORCE:

$(BIN)/tingfeng: $(SETTINGS) requirements.lock .ci/venv $(STALE)
	@sh .ci/venv run
	@touch $@

$(BIN)/.dev: $(SETTINGS) requirements-dev.lock .ci/venv $(STALE)
	@sh .ci/venv dev
	@touch $(BIN)/tingfeng $@

setup: $(BIN)/tingfeng

setup-dev: $(BIN)/.dev

demo: $(BIN)/tingfeng
	@$(BIN)/tingfeng demo

run: $(BIN)/tingfeng
	@if [ -n "$$CONFIG" ]; then \
	    exec $(BIN)/tingfeng run --config "$$CONFIG"; \
	elif [ -n "$$BRAND" ] && [ -e tingfeng.yaml ]; then \
	    echo "make run: tingfeng.yaml is already here. Add the brand to it and say: make run CONFIG=tingfeng.yaml" >&2; exit 2; \
	elif [ -n "$$BRAND" ]; then \
	    $(BIN)/tingfeng init --brand="$$BRAND" && exec $(BIN)/tingfeng run --config tingfeng.yaml; \
	elif [ -e tingfeng.yaml ]; then \
	    exec $(BIN)/tingfeng run --config tingfeng.yaml; \
	else \
	    echo "make run: name a brand or a settings file: make run BRAND=云杉咖啡 | make run CONFIG=tingfeng.yaml" >&2; exit 2; \
	fi

lint: $(BIN)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint
	$(PYTEST) -q -n auto -m "$(UNIT) and not slow"

test: $(BIN)/.dev
	$(PYTEST) -q -n auto -m "$(UNIT)"
	$(PYTEST) -q -n 2 --dist loadfile -m "eval and not live"

# Branch coverage of the fast tests, which reach what the slow ones reach; those that read the same code again and again
# with damaged input are many times slower under it.
coverage: $(BIN)/.dev
	rm -f .coverage .coverage.*
	$(PYTEST) -q -n auto -m "$(UNIT) and not slow" $(DAMAGED:%=--ignore=%) --cov --cov-report=term --cov-fail-under=90

# On a throwaway server of Debian's package `postgresql` (13 or newer), or on POSTGRES_URL.
postgres: $(BIN)/.dev
	$(PYTEST) -q -m "pg and not live and not es and not e2e and not bench"

# On a real node (a JDK of 21 or newer; Maven fetches the server once, about 1 GB), or on ELASTICSEARCH_URL.
elasticsearch: $(BIN)/.dev
	@[ -n "$$ELASTICSEARCH_URL" ] || $(BIN)/python -m tests.elasticsearch_node.node provision
	$(PYTEST) -q -m "es and not live and not pg and not e2e and not bench"

eval: $(BIN)/.dev
	$(PYTEST) -q -s -m "eval and not live"

# Two runs side by side, each on ports and folders of its own: they mostly wait for their clocks.
e2e: $(BIN)/.dev
	$(PYTEST) -q -n 2 --dist loadfile -m "e2e and not live" tests/e2e

# kill -9 at every write and every outgoing call of every role (about an hour), or at a sample: TINGFENG_BENCH_REDUCED=1.
crash: $(BIN)/.dev
	$(PYTEST) -q -m e2e tests/crash

# 100,000 visits with faults on and off (about an hour); SOAK_MINUTES=10 for so long at an easy pace.
soak: $(BIN)/.dev
	TINGFENG_SOAK_MINUTES=$(SOAK_MINUTES) $(PYTEST) -q -s -m "e2e and not live" tests/soak $(if $(SOAK_MINUTES),,--measured docs/measured)

bench: $(BIN)/.dev
	$(PYTEST) -q -s -m bench tests/benchmarks

# Every figure that a page of docs/ quotes, with commit and machine, in docs/measured/*.json.
prove: $(BIN)/.dev
	$(PYTEST) -q -s -m "eval and not live" tests --measured docs/measured
	$(PYTEST) -q -m "e2e and not live" tests/e2e --measured docs/measured
	$(PYTEST) -q -m e2e tests/crash --measured docs/measured
	ES_TEST_HEAP=2g TINGFENG_BENCH_MENTIONS=1000000 $(PYTEST) -q -s -m bench tests/benchmarks --measured docs/measured
	TINGFENG_MOVE_MENTIONS=200000 $(PYTEST) -q tests/service/test_store.py -k killed_twice --measured docs/measured
	$(BIN)/python -m tests.benchmarks.profile docs/measured

# Where the processor time goes, in docs/measured/profile_*.txt.
profile: $(BIN)/.dev
	$(BIN)/python -m tests.benchmarks.profile docs/measured

# The parts of docs/ that follow from the code: settings, commands, JSON schema.
docs: $(BIN)/.dev
	$(BIN)/python -m tests.docs

lock: $(BIN)/.dev
	$(BIN)/uv pip compile setup.cfg --universal --python-version 3.11 --all-extras --generate-hashes \
	    --no-header --no-annotate --upgrade --quiet --output-file requirements-dev.lock
	$(BIN)/uv pip compile setup.cfg --universal --python-version 3.11 --extra fast --generate-hashes \
	    --no-header --no-annotate --quiet --constraint requirements-dev.lock --output-file requirements.lock

clean:
	rm -rf .venv .venv-setup.log build dist tingfeng.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache \
	    .hypothesis .coverage .coverage.* htmlcov
