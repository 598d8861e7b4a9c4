# Two commands: `make demo` shows everything running, `make test` tests everything.
# They need Python 3.11 or newer and make; the rest they install into .venv by themselves.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
PO := $(wildcard lti_tool/web/translations/*/LC_MESSAGES/messages.po)

.DEFAULT_GOAL := help
.PHONY: help demo demo-reset setup setup-test test test-all check bench format pins clean

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: setup ## the whole loop on this machine: tool, worker, LRS and a demo LMS; Ctrl-C ends it
	@$(BIN)/roadmap demo $(ARGS)

demo-reset: ## forget what the demo has stored
	@rm -rf var/demo && echo "The demo starts from scratch next time."

setup: $(VENV)/.run $(VENV)/.assets $(VENV)/.messages ## set up only; afterwards .venv/bin/roadmap

setup-test: setup $(VENV)/.dev

test: setup-test ## everything that can fail a release, browser walk included
	@tools/test.sh

test-all: setup-test ## everything, also what takes long
	@tools/test.sh --all

check: setup-test ## format, lint, types, import contracts, fast tests, docs tests
	@tools/check.sh

bench: setup-test $(VENV)/.bench ## benchmarks beside real peers
	@$(BIN)/python -m benchmarks

format: setup-test ## put the code into shape
	@$(BIN)/ruff format --quiet . && $(BIN)/ruff check --fix --quiet .

pins: ## compile requirements/*.in to pinned, hashed files without any index address
	@$(PYTHON) -m venv $(VENV) && $(PIP) install uv
	@for name in run build dev bench; do $(BIN)/uv pip compile --quiet --generate-hashes --universal \
	  --python-version 3.11 --no-emit-index-url --no-header \
	  requirements/$$name.in -o requirements/$$name.txt; done

clean: ## remove everything that setup and tests have made
	@rm -rf $(VENV) var assets/node_modules lti_tool/web/static/kern .mypy_cache .ruff_cache \
	  .pytest_cache .hypothesis .import_linter_cache *.egg-info

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed: make PYTHON=python3.11 …"; exit 1; }
	@echo "Setting up (about a minute, once)…"
	@$(PYTHON) -m venv $(VENV) || \
	  { echo "python3-venv is missing: apt-get install python3-venv"; exit 1; }

# setup.cfg names the packages and the command; requirements pin what they need.
$(VENV)/.run: requirements/run.txt requirements/build.txt setup.cfg | $(VENV)/bin/python
	@$(PIP) install --require-hashes -r requirements/build.txt -r requirements/run.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.run
	@$(PIP) install --require-hashes -r requirements/dev.txt
	@touch $@

$(VENV)/.bench: requirements/bench.txt $(VENV)/.dev
	@$(PIP) install --require-hashes -r requirements/bench.txt
	@touch $@

$(VENV)/.assets: assets/package-lock.json tools/build_assets.py $(VENV)/.run
	@$(BIN)/python tools/build_assets.py
	@touch $@

$(VENV)/.messages: $(PO) $(VENV)/.run
	@$(BIN)/pybabel --quiet compile --directory lti_tool/web/translations
	@touch $@
