# One command per wish. Needs Python >= 3.11 and make; everything else is installed into .venv from requirements.lock.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CLIENTS := tests/clients/node_modules/.synced
UV := $(BIN)/uv
YES ?=

.PHONY: help demo up test check bench chaos mutants evals lock clean

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

demo: $(VENV)/.synced ## the whole story on this machine, narrated (YES=1 answers for you)
	@$(BIN)/nightshift demo $(if $(YES),--yes)

up: $(VENV)/.synced ## nightshift for real use, on the embedded database
	@$(BIN)/nightshift up

# Stories over real processes come after the rest, one at a time: they watch clocks, and two at once would starve each other.
STORIES := tests/demo tests/stories tests/chaos tests/clients tests/neighbours tests/test_mutants.py
test: $(VENV)/.synced $(if $(shell command -v npm),$(CLIENTS)) ## all tests
	@$(BIN)/python -m pytest -n 3 --dist loadfile $(addprefix --ignore=,$(STORIES)) $(ARGS)
	@$(BIN)/python -m pytest $(STORIES) $(ARGS)

check: $(VENV)/.synced ## format, lint, types, architecture, house rules
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/python tests/house_rules.py

bench: $(VENV)/.synced ## measured figures as a table and JSON
	@$(BIN)/python -m evals.bench $(ARGS)

chaos: $(VENV)/.synced ## the long form of the kill tests, the storm, the faults of chats and the laws (NIGHTSHIFT_CHAOS_SEED repeats a run)
	@NIGHTSHIFT_CHAOS=full $(BIN)/python -m pytest tests/laws tests/ingest tests/api/test_schema_walk.py \
	  tests/stories/test_critical_in_storm.py tests/stories/test_chat_pages.py tests/engine/test_voices_faults.py \
	  tests/chaos $(ARGS)

mutants: $(VENV)/.synced ## faults put into claim, approval, policy and rates: a test has to fail for each
	@$(BIN)/python -m tests.mutants $(ARGS)

evals: $(VENV)/.synced ## the scripted-model lane
	@$(BIN)/python -m pytest tests/agent $(ARGS)

lock: $(UV) ## resolve again: universal, hashed, without any index address
	$(UV) pip compile pyproject.toml --extra local-embed --group dev --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-annotate --no-header --quiet -o requirements.lock

clean: ## remove the environment
	rm -rf $(VENV)

$(VENV)/.synced: pyproject.toml requirements.lock | $(UV)
	@$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps -e .
	@touch $@

# Other companies' clients in JavaScript: the tests that need them skip without, unless neighbours are required.
$(CLIENTS): tests/clients/package.json tests/clients/package-lock.json
	@cd tests/clients && { npm ci --silent && touch node_modules/.synced || { [ "$$NIGHTSHIFT_REQUIRE_NEIGHBOURS" != 1 ] && \
	  echo "npm could not install tests/clients: what needs them is skipped"; }; }

$(UV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Nightshift needs Python 3.11 or newer: make PYTHON=python3.12 demo"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	  { echo "venv is missing: on Debian and Ubuntu install python3-venv"; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
