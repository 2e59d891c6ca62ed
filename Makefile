# Two commands matter: `make demo` shows the service playing a year, `make test` runs all tests.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
INSTALLED_DEV := .venv/.installed-dev

.PHONY: demo test check serve lint types layers document pins migration clean

demo: $(INSTALLED)  ## install, start, play one contract year, print the report, keep serving
	@$(BIN)/peer-support demo

serve: $(INSTALLED)  ## install and serve on 127.0.0.1:8000
	@$(BIN)/peer-support serve

test: $(INSTALLED_DEV)  ## all tests, on the PostgreSQL that comes with the installation
	@$(BIN)/pytest -n 2 --dist worksteal

check: $(INSTALLED_DEV) lint types layers pins document  ## everything that must hold before a change lands
	@rm -f .coverage .coverage.*
	@COVERAGE_PROCESS_START=pyproject.toml $(BIN)/pytest -n 2 --dist worksteal --cov --cov-report=
	@$(BIN)/coverage report --fail-under=95 | tail -n 60

lint: $(INSTALLED_DEV)
	@$(BIN)/ruff format --check --quiet . && $(BIN)/ruff check . && echo "ruff: clean"

types: $(INSTALLED_DEV)
	@$(BIN)/mypy

layers: $(INSTALLED_DEV)
	@$(BIN)/lint-imports --no-cache | tail -n 12

document: $(INSTALLED_DEV)  ## the committed API document is the code's
	@$(BIN)/peer-support openapi | cmp - openapi/openapi.json && echo "openapi.json: as the code says"

pins: $(INSTALLED_DEV)  ## the pinned requirements satisfy pyproject.toml
	@$(BIN)/python scripts/check_pins.py

$(INSTALLED): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed" if sys.version_info < (3, 11) else 0)'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "installing (about a minute the first time) ..."
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements.txt
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $@

$(INSTALLED_DEV): requirements-dev.txt $(INSTALLED)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

clean:  ## remove what was made here, the demo's data included
	rm -rf .venv .peer-support .coverage* .pytest_cache .mypy_cache .ruff_cache .hypothesis
