# Every target sets up what it needs; `make setup` does only that. All of it stays inside this folder.
PYTHON ?= python3
VENV   := .venv
RUN    := $(VENV)/bin/python
PIP    := $(RUN) -m pip install --disable-pip-version-check --quiet --require-hashes

.PHONY: setup demo test bench lint clean

setup: $(VENV)/.runtime

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Kasanie needs Python 3.11 or newer; say which one: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 2; }
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(VENV)/.runtime: requirements.lock | $(VENV)/bin/python
	$(PIP) -r requirements.lock
	@touch $@

$(VENV)/.test: requirements-test.lock $(VENV)/.runtime
	$(PIP) -r requirements-test.lock
	@touch $@

$(VENV)/.chromium: tests/find_chromium.py $(VENV)/.test
	$(RUN) tests/find_chromium.py
	@touch $@

# The main job on the sandbox, both CRMs. ONCE=1 plays the story, checks it and exits 0 or 1.
demo: $(VENV)/.runtime
	$(RUN) -m connector.sandbox.demo $(if $(ONCE),--once)

lint: $(VENV)/.test
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy

test: lint $(VENV)/.chromium
	$(RUN) -m pytest $(ARGS)

# What the main jobs cost on the sandbox, beside the floors (docs/bench.md). PORTION=bitrix24, amocrm, …: only that.
bench: $(VENV)/.test
	PYTHONPATH=tests $(RUN) -m bench $(PORTION)

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
