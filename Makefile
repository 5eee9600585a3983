# Everything starts here. Each target sets up what it needs; nothing but python3 (3.11 or newer) and make is assumed.
#
#   make run                                    the daily refresh on the sample extracts
#   make run EXTRACTS=<folder> CONFIG=<file>    the same on your own
#   make run JOB=full_rebuild                   another job (README.md); RESTATE_FROM=<date>, CUSTOMER=<id> where it takes them
#   make rollback                               readers see the release before, or RELEASE=<id>
#   make check-freshness                        an alert and exit code 1 if data are stale
#   make dashboard                              the figures of the current release in a browser
#   make superset-dashboard                     a ready dashboard for Superset, as one file to import (DATABASE=<its address>)
#   make test | make lint | make dev            tests | every style check | Dagster's page in a browser
#   make test-long                              the long tests: Spark beside DuckDB, a large release in the dashboard (twenty minutes)
#   make quarantine DO="list"                   refused rows: list, show, export, correct, discard (DO=--help)
#   make bench SIZES=1e6,1e7                    the benchmark, its results in benchmarks/RESULTS.md
#   make bench-engines ORDERS=1e6               DuckDB beside Spark, in benchmarks/ENGINES.md
#   make lock                                   lock files anew, after a change of locks/*.in
#   make soak                                   faults for several hours, or some of them (PARTS="readers histories"); tests/soak/RESULTS.md

SHELL := /bin/sh
.DEFAULT_GOAL := help

PYTHON3 ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
PYTHON := .venv/bin/python
WAREHOUSE_HOME ?= $(CURDIR)/var
JOB ?= daily_refresh

export WAREHOUSE_HOME
export PYTHONPATH := $(CURDIR)
export DAGSTER_DISABLE_TELEMETRY := true
export DBT_SEND_ANONYMOUS_USAGE_STATS := false
export GX_ANALYTICS_ENABLED := false
export PIP_DISABLE_PIP_VERSION_CHECK := 1
ifdef EXTRACTS
export EXTRACTS_DIR := $(EXTRACTS)
endif
ifdef CONFIG
export EXTRACTS_CONFIG := $(CONFIG)
endif
ifdef DBT_TARGET
export DBT_TARGET
endif
ifdef RESTATE_FROM
export RESTATE_FROM
endif
ifdef CUSTOMER
export ERASE_CUSTOMER_ID := $(CUSTOMER)
endif

# A stamp is named for the content of its lock file, so that set-up is repeated when, and only when, the lock changes.
lock_hash = $(shell cksum locks/$(1).txt | cut -d ' ' -f 1)
RUN_ONLY_STAMP := .venv/run-$(call lock_hash,run).stamp
SPARK_STAMP := .venv/spark-$(call lock_hash,spark).stamp
# Who asks for Spark gets it; who does not downloads nothing of it.
RUN_STAMP := $(if $(filter spark%,$(DBT_TARGET)),$(SPARK_STAMP),$(RUN_ONLY_STAMP))
DASHBOARD_STAMP := .venv/dashboard-$(call lock_hash,dashboard).stamp
DEVELOPMENT_STAMP := .venv/dev-$(call lock_hash,dev).stamp
INDEX_OF_PIP = $$($(PYTHON) -m pip config list | sed -n "s/.*\.index-url='\(.*\)'$$/\1/p" | tail -n 1)

.PHONY: help
help:
	@sed -n 's/^#   make/make/p' Makefile

.PHONY: run
run: $(RUN_STAMP)
	@$(PYTHON) -m dagster_project run $(JOB)

.PHONY: rollback
rollback: $(RUN_STAMP)
	@$(PYTHON) -m dagster_project rollback $(RELEASE)

.PHONY: check-freshness
check-freshness: $(RUN_STAMP)
	@$(PYTHON) -m dagster_project check-freshness

.PHONY: quarantine
quarantine: $(RUN_STAMP)
	@$(PYTHON) -m dagster_project quarantine $(or $(DO),list)

.PHONY: dev
dev: $(RUN_STAMP)
	@$(PYTHON) -m dagster_project dev

.PHONY: dashboard
dashboard: $(DASHBOARD_STAMP)
	@$(PYTHON) -m dashboard --port $(or $(PORT),8501)

.PHONY: superset-dashboard
superset-dashboard: $(RUN_STAMP)
	@$(PYTHON) -m dashboard.superset_package $(if $(DATABASE),--database '$(DATABASE)')

# The tests of the dashboard need a browser and those of Spark need Java; where these cannot be installed the tests are
# skipped and say so.
.PHONY: java
java:
	@command -v java >/dev/null || [ -n "$$JAVA_HOME" ] || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
		&& echo "Setting up: Java, for the tests of Spark" && apt-get install --yes --quiet=2 openjdk-17-jre-headless >/dev/null; } \
		|| echo "No Java, so the tests of Spark are skipped." >&2

# After Java: the system's package manager works for one at a time.
.PHONY: chromium
chromium: | java
	@command -v chromium chromium-browser >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
		&& echo "Setting up: Chromium, for the tests of the dashboard" && apt-get install --yes --quiet=2 chromium >/dev/null; } \
		|| echo "No Chromium, so the tests that need a browser are skipped." >&2

# pip and the system's package manager set up beside each other.
.PHONY: set-up-for-tests
set-up-for-tests: $(DEVELOPMENT_STAMP) chromium java

.PHONY: test
test:
	@$(MAKE) --no-print-directory --jobs=2 set-up-for-tests
	$(PYTHON) -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder -m "not long"

# The whole job on Spark, the public data set there, and how soon a large release is shown: too long for every commit.
.PHONY: test-long
test-long: set-up-for-tests
	$(PYTHON) -m pytest --numprocesses auto --dist loadfile -m long

.PHONY: bench
bench: $(DEVELOPMENT_STAMP)
# The development set is installed uncompiled; where Python keeps nothing it compiles, every measured process would.
	@$(PYTHON) -m compileall -qq -j 2 .venv/lib dagster_project expectations || :
	@$(PYTHON) -m benchmarks.run --sizes $(or $(SIZES),1e6)

.PHONY: bench-engines
bench-engines: $(DEVELOPMENT_STAMP)
	@$(PYTHON) -m benchmarks.engines --orders $(or $(ORDERS),1e6)

.PHONY: soak
soak: $(DEVELOPMENT_STAMP)
	@$(PYTHON) -m tests.soak.run $(PARTS)

.PHONY: lint
lint: $(DEVELOPMENT_STAMP)
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	.venv/bin/sqlfluff lint dbt/models dbt/tests
	$(PYTHON) -m dagster_project parse
	.venv/bin/dg check defs

# The lock files: exact versions with hashes, no registry address. Each builds on the one before.
COMPILE := .venv/bin/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet
.PHONY: lock
lock: $(DEVELOPMENT_STAMP)
	$(COMPILE) -o locks/run.txt locks/run.in
	$(COMPILE) -c locks/run.txt -o locks/dashboard.txt locks/dashboard.in
	$(COMPILE) -c locks/dashboard.txt -o locks/spark.txt locks/spark.in
	$(COMPILE) -c locks/spark.txt -c locks/dashboard.txt -o locks/dev.txt locks/dev.in
	$(COMPILE) -o locks/uv.txt locks/uv.in

.venv/bin/python:
	@"$(PYTHON3)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Python 3.11 or newer is needed; found: $$("$(PYTHON3)" --version 2>&1). Name another one: make PYTHON3=<path>" >&2; exit 1; }
	@echo "Setting up: Python environment in .venv (once, about a minute)"
	@"$(PYTHON3)" -m venv .venv || { rm -rf .venv; exit 1; }

# The locks are complete, so pip has nothing to resolve; without --no-deps its hash mode asks for hashes of extras that are
# already locked. `pip check` then proves that the set is consistent.
$(RUN_ONLY_STAMP): .venv/bin/python
	@$(PYTHON) -m pip install --quiet --no-deps --require-hashes -r locks/run.txt
	@$(PYTHON) -m pip check --quiet
	@touch $@

$(SPARK_STAMP): .venv/bin/python
	@"$${JAVA_HOME:+$$JAVA_HOME/bin/}java" -version >/dev/null 2>&1 || { \
		echo "Spark needs Java 17 or newer; install it, or set JAVA_HOME." >&2; exit 1; }
	@echo "Setting up: Apache Spark (about 450 MB)"
	@$(PYTHON) -m pip install --quiet --no-deps --require-hashes -r locks/spark.txt
	@$(PYTHON) -m pip check --quiet
	@touch $@

$(DASHBOARD_STAMP): .venv/bin/python
	@$(PYTHON) -m pip install --quiet --no-deps --require-hashes -r locks/dashboard.txt
	@$(PYTHON) -m pip check --quiet
	@touch $@ $(RUN_STAMP)

# uv installs this set in a third of pip's time. It does not read pip's settings, so it is told of an index that stands there;
# where it cannot be had, or fails, pip does the work. Nothing is compiled: most of the modules are never imported.
$(DEVELOPMENT_STAMP): .venv/bin/python
	@{ $(PYTHON) -m pip install --quiet --no-deps --require-hashes -r locks/uv.txt && UV_DEFAULT_INDEX="$${UV_DEFAULT_INDEX:-$(INDEX_OF_PIP)}" \
		.venv/bin/uv pip install --quiet --python $(PYTHON) --no-deps --require-hashes -r locks/dev.txt; } \
		|| { echo "uv could not install the packages, so pip does" >&2 \
		&& $(PYTHON) -m pip install --quiet --no-deps --require-hashes --no-compile -r locks/dev.txt; }
	@$(PYTHON) -m pip check --quiet
	@touch $@ $(RUN_STAMP) $(DASHBOARD_STAMP)
