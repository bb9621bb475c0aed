# The commands a person needs; each sets up what it uses and can be repeated cheaply.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CODE := farmhand agent tray resources tests benchmarks

.PHONY: help run demo test check unit soak real bench docs clean
.DEFAULT_GOAL := help

help:  ## show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

run: $(VENV)/.run  ## lend this machine: agent, registry and tray, until Ctrl-C
	@exec $(BIN)/farmhand up

demo: $(VENV)/.run-demo  ## the whole story in half a minute, on a display of its own
	@exec $(BIN)/python -m tests.whole.demo

test: check unit  ## every check and every test

check: $(VENV)/.test  ## style, types, borders
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/ruff check $(CODE)
	$(BIN)/mypy
	$(BIN)/pyright
	PYTHONPATH=.:agent:tray:resources $(BIN)/lint-imports

unit: $(VENV)/.test  ## the tests
	$(BIN)/python -m pytest --cov --cov-report=term

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Farmhand needs Python 3.11 or newer; say make PYTHON=..." >&2; exit 1; }
	@installers/linux/packages.sh run
	@echo "Making $(VENV)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.run: pyproject.toml installers/linux/packages.sh | $(VENV)/bin/python
	@installers/linux/packages.sh run
	@echo "Installing Farmhand with its tray into $(VENV)"
	@$(BIN)/pip install -q --disable-pip-version-check -e '.[tray]'
	@touch $@

$(VENV)/.run-demo: $(VENV)/.run
	@installers/linux/packages.sh test
	@touch $@

$(VENV)/.test: pyproject.toml installers/linux/packages.sh | $(VENV)/bin/python
	@installers/linux/packages.sh test
	@echo "Installing Farmhand with its test tools into $(VENV)"
	@$(BIN)/pip install -q --disable-pip-version-check -e '.[tray,calendar,test]'
	@touch $@

soak: $(VENV)/.test  ## ten minutes of random faults on a farm of its own; as root, for it makes networks
	@$(BIN)/python -m tests.whole.soak $(SOAK)

real: $(VENV)/.test  ## real projects must be the same with the farm as without; a quarter of an hour
	@$(BIN)/python -m tests.whole.real_sources $(REAL)

docs: $(VENV)/.test  ## rewrite the generated parts of the manual
	$(BIN)/python docs/generate.py

clean:  ## remove what make made
	rm -rf $(VENV) .cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis out
