# The whole of it, from a fresh clone: `make run` to see it, `make test` to try it.
PORT ?= 8000
PYTHON ?= python3
ARGS ?=

BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help run dev test check faults fuzz bench audit format screenshots clean installed installed-for-tests

help:
	@echo "make run [PORT=8000]   the product with sample data, at http://localhost:8000"
	@echo "make test [ARGS=...]   the whole suite; ARGS go to pytest"
	@echo "make check             format, lint, types, imports, migrations, deployment"
	@echo "make dev [PORT=8000]   the same as run, started anew whenever code changes"
	@echo "make faults            break it on purpose, and write docs/reliability.md (under 40 minutes)"
	@echo "make fuzz [ARGS=100]   hostile input, so many examples each"
	@echo "make bench             speed, as ratios to the raw limit, into docs/performance.md (25 minutes)"
	@echo "make audit             ask whether anything installed has a known hole"
	@echo "make format            rewrite the code as ruff has it"
	@echo "make screenshots       the README's pictures, of what 'make run' shows meanwhile"
	@echo "make clean             forget the environment and the caches; data and .env stay"

run: installed
	@$(BIN)/python aetos/management/dotenv.py
	@$(BIN)/python manage.py demo --port $(PORT)

test: installed-for-tests
	@$(BIN)/python -m tests.run $(ARGS)

check: installed-for-tests
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/hadolint Dockerfile
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.compose-spec docker-compose.yml
	@$(BIN)/python -m tests.lint_migrations
	@$(BIN)/python -m tests.production makemigrations --check --dry-run
	@$(BIN)/python -m tests.production check --deploy --fail-level WARNING

dev: installed-for-tests
	@$(BIN)/python aetos/management/dotenv.py
	@$(BIN)/python manage.py demo --port $(PORT) --reload

faults: installed-for-tests
	@$(BIN)/python -m tests.faults --write $(ARGS)

fuzz: installed-for-tests
	@$(BIN)/python -m tests.fuzz $(ARGS)

bench: installed-for-tests
	@$(BIN)/python -m bench $(ARGS)

audit: installed-for-tests
	@$(BIN)/python -m tests.dependencies

format: installed-for-tests
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

# Beside a `make run` that has been up for some minutes: its cameras are on their way by then. Wants Chromium and a font
# with emoji (fonts-noto-color-emoji): titles hold some.
screenshots: installed-for-tests
	@$(BIN)/python -m tests.screenshots http://localhost:$(PORT) admin "$$(sed -n 's/^DEMO_PASSWORD=//p' .env)"

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

installed:
	$(call install,requirements.txt)

installed-for-tests:
	$(call install,requirements-dev.txt)

# A version manager may put a `python3.12` on the PATH that only says how to install one: each is asked.
define install
@for python in $(BIN)/python $(PYTHON) python3.11 python3.12 python3.13 python3.14; do \
  $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && found=$$python && break; \
done; \
if [ -z "$$found" ]; then \
  old=$$($(PYTHON) -c 'import sys; print(" (%s is %d.%d)" % (("$(PYTHON)",) + sys.version_info[:2]))' 2>/dev/null); \
  echo "Python 3.11 or later is needed$$old. Install it, or name it: make $(MAKECMDGOALS) PYTHON=/path/to/python3" >&2; \
  exit 1; \
fi; \
$$found aetos/management/install.py $(1)
endef
