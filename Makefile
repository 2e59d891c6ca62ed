# Two commands matter: `make demo` shows the service playing a year, `make test` runs all tests.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
INSTALLED_DEV := .venv/.installed-dev
# the programs of another PostgreSQL, on which the tests run once more where they are there
POSTGRES_15 ?= /usr/lib/postgresql/15/bin
BEHIND_POOLER := tests/core/test_transactions.py tests/house/test_idempotency.py tests/house/test_replays.py \
	tests/access/test_traps.py

.PHONY: demo test second pooled assure check serve lint squawk image-lint types layers document pins migration bench overload clean

demo: $(INSTALLED)  ## install, start, play one contract year, print the report, keep serving
	@$(BIN)/peer-support demo

serve: $(INSTALLED)  ## install and serve on 127.0.0.1:8000
	@$(BIN)/peer-support serve

test: $(INSTALLED_DEV)  ## all tests, on the included PostgreSQL; what uses a database also on 15, and behind pgbouncer
	@$(BIN)/pytest -n 2 --dist worksteal
	@$(MAKE) --no-print-directory second pooled

second: $(INSTALLED_DEV)  ## every test that uses a database, on PostgreSQL 15 where there is one
	@if [ -x "$(POSTGRES_15)/postgres" ]; then \
		echo "every test that uses a database, on $$($(POSTGRES_15)/postgres --version):"; \
		PEER_SUPPORT_TEST_POSTGRES="$(POSTGRES_15)" $(BIN)/pytest -n 2 --dist worksteal; \
	else echo "PostgreSQL 15: not found in $(POSTGRES_15), not run (POSTGRES_15=/its/bin says where it is)"; fi

pooled: $(INSTALLED_DEV)  ## the tests of transactions, identity and replays, behind pgbouncer where there is one
	@if PATH="$$PATH:/usr/sbin:/usr/local/sbin" command -v pgbouncer > /dev/null; then \
		echo "transactions, identity and replays, behind pgbouncer in transaction mode:"; \
		PEER_SUPPORT_TEST_POOLER=1 $(BIN)/pytest -n 2 --dist worksteal $(BEHIND_POOLER); \
	else echo "pgbouncer: not found, the tests behind it not run"; fi

assure: $(INSTALLED_DEV)  ## the long proofs: kills, migrations under load; ASSURE_SEED and ASSURE_MENTEES repeat or enlarge them
	@$(BIN)/pytest -m long -s -rs

check: $(INSTALLED_DEV) lint types layers pins document  ## everything that must hold before a change lands
	@rm -f .coverage .coverage.*
	@COVERAGE_PROCESS_START=pyproject.toml $(BIN)/pytest -n 2 --dist worksteal --cov --cov-report=
	@$(BIN)/coverage report --fail-under=95 | tail -n 60
	@$(MAKE) --no-print-directory second pooled

lint: $(INSTALLED_DEV) squawk image-lint
	@$(BIN)/ruff format --check --quiet . && $(BIN)/ruff check . && echo "ruff: clean"

squawk: $(INSTALLED_DEV)  ## no migration holds up a running service
	@PYTHONPATH=. $(BIN)/python scripts/lint_migrations.py

image-lint: $(INSTALLED_DEV)  ## the image's recipe and, where Docker Compose is, compose.yaml
	@$(BIN)/hadolint Dockerfile && echo "hadolint: clean"
	@if docker compose version > /dev/null 2>&1; then \
		SUPERUSER_PASSWORD=a OWNER_PASSWORD=b API_PASSWORD=c SETTINGS_FILE=/dev/null docker compose config --quiet && echo "compose.yaml: clean"; \
	else echo "Docker Compose: not found, compose.yaml is read by the tests only"; fi

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

bench: $(INSTALLED_DEV)  ## measure against the plain baseline, and growth; BENCH="--rows 20000 --quick" for a minute's worth
	@$(BIN)/python -m benchmarks.run $(or $(BENCH),--growth)

overload: $(INSTALLED_DEV)  ## a minute at twice what the service can answer
	@$(BIN)/python -m benchmarks.overload $(BENCH)

clean:  ## remove what was made here, the demo's data included
	rm -rf .venv .peer-support .peer-support-bench .coverage* .pytest_cache .mypy_cache .ruff_cache .hypothesis
