# Docent's commands. Paths are relative, so that a clone may lie under a path with spaces.

PYTHON ?= python3
BIN := .venv/bin
# Three processes, each with a database and servers of its own: of two cores' worth of tests one always waits for
# something. A file's tests stay together; files go in their order, for the slowest ones are among the first.
PYTEST := $(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder
CHROMIUMS := chromium-headless-shell chromium chromium-browser google-chrome
PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --require-hashes

.DELETE_ON_ERROR:
.PHONY: run ocr otel messages test tests mutations lint types style lock bench bench-ingest bench-search bench-chat bench-api bench-portal fuzz faults audit sbom chromium chromium-package

## Install what is needed to run, then start everything; PORT= and DOCENT_DATA= are handed on.
run: .venv/base.stamp
	@exec $(BIN)/python manage.py up

## Install what is needed to read scanned pages too (130 MB); workers use it when they start the next time.
ocr: .venv/base.stamp
	@$(PIP) -r requirements/ocr.txt

## Install what is needed to send traces of requests, answers and jobs, where DOCENT_OTEL_ENDPOINT says where to.
otel: .venv/base.stamp
	@$(PIP) -r requirements/otel.txt

## Take what pages, mails and refusals say into locale/, beside its translations, and compile those.
messages: .venv/dev.stamp
	@$(BIN)/python manage.py messages

## Everything that continuous integration runs.
test:
	@begin=$$(date +%s) && $(MAKE) --no-print-directory -j2 chromium && \
	installed=$$(date +%s) && $(MAKE) --no-print-directory -j2 style types tests && \
	echo "Installed in $$((installed - begin)) s, linted and tested in $$(($$(date +%s) - installed)) s."

## Take defences away, one after another, and see the tests of isolation go red: five minutes.
mutations: .venv/dev.stamp
	@$(BIN)/python -m tests.isolation.mutations

# Of `make -j2 style types tests` they begin when the style has been looked at, beside the types. What they start
# is not to look for this make's other jobs. The few that fail among others are tried once more, alone.
tests: .venv/dev.stamp
	@export MAKEFLAGS= MFLAGS=; $(PYTEST) || $(BIN)/python -m tests.second_try $$?

lint: types style

types: .venv/dev.stamp
	$(BIN)/python -m mypy .

style: .venv/dev.stamp
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/python manage.py makemigrations --check --dry-run

## Write the complete locks, with hashes, from the short lists beside them.
lock: .venv/dev.stamp
	@for list in base ocr otel s3 dev; do \
		$(BIN)/python -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
			--no-emit-index-url --no-emit-find-links --overrides requirements/overrides.txt \
			requirements/$$list.in -o requirements/$$list.txt || exit 1; \
	done

## Every benchmark as one table, written to figures.md too; at most four hours.
bench: .venv/dev.stamp
	@$(BIN)/python -m bench

## How fast documents become searchable, beside the embedding model alone, and memory over a thousand of them.
## PDFS= measures on a folder of your own.
bench-ingest: .venv/dev.stamp
	@$(BIN)/python -m bench.ingestion --documents 1000 $(if $(PDFS),--pdfs "$(PDFS)")

## A million passages of a thousand organisations: what searches find, and how fast. Half an hour and 12 GB of disk.
bench-search: .venv/dev.stamp
	@$(BIN)/python -m bench.search

## A hundred people and three hundred, and five thousand idle sockets: ten minutes.
bench-chat: .venv/dev.stamp
	@$(BIN)/python -m bench.chat

## How soon programs hear: a hundred that ask, and a list of a thousand.
bench-api: .venv/dev.stamp
	@$(BIN)/python -m bench.api

## First paint of a long chat, streaming, layout shift and a first visit's bytes, in a Chromium: two minutes.
bench-portal: .venv/dev.stamp
	@$(BIN)/python -m bench.pages

## Requests and frames that nobody in their right mind sends: MINUTES= of them, ten if nothing is said.
fuzz: .venv/dev.stamp
	@$(BIN)/python -m bench.fuzz --minutes $(or $(MINUTES),10)

## Every fault that something is promised for, at its stated times, then everything killed at random: at most an hour.
faults: .venv/dev.stamp
	@$(BIN)/python -m bench.faults

## Known faults of all locked packages. It asks a public list, and says so where it cannot.
audit: .venv/dev.stamp
	@$(BIN)/python .ci/audit.py requirements/base.txt requirements/ocr.txt requirements/dev.txt

## What an installation consists of, as CycloneDX, in sbom.json.
sbom: .venv/dev.stamp
	@$(BIN)/python -W ignore::UserWarning -m cyclonedx_py requirements requirements/base.txt --pyproject pyproject.toml \
		--output-reproducible --output-file sbom.json

.venv/base.stamp: requirements/base.txt | .venv/made.stamp
	@echo "Installing what Docent needs into .venv ..."
	@$(PIP) -r requirements/base.txt
	@touch $@

# What the tests need includes what running needs.
.venv/dev.stamp: requirements/dev.txt requirements/base.txt | .venv/made.stamp
	@echo "Installing what Docent and its tests need into .venv ..."
	@$(PIP) -r requirements/dev.txt
	@touch .venv/base.stamp $@

.venv/made.stamp:
	@for python in "$(PYTHON)" python3.13 python3.12 python3.11; do \
		"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
		"$$python" -c 'import ensurepip, venv' 2>/dev/null || \
			{ echo "$$python lacks the module venv: install it (Debian, Ubuntu: apt install python3-venv)" >&2; exit 1; }; \
		"$$python" -m venv --clear .venv && touch $@ && exit 0; \
		exit 1; \
	done; \
	echo "Docent needs Python 3.11 or newer; none found. Name one with: make $(firstword $(MAKECMDGOALS) run) PYTHON=..." >&2; exit 1

# The browser tests drive a Chromium: one on PATH, else the system's package, else Playwright's own. The one without
# windows takes half the processor, and is what Playwright brings.
chromium: .venv/dev.stamp chromium-package
	@for name in $(CHROMIUMS); do command -v $$name >/dev/null && exit 0; done; \
	$(BIN)/python -m playwright install --only-shell chromium

chromium-package:
	@for name in $(CHROMIUMS); do command -v $$name >/dev/null && exit 0; done; \
	[ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq || exit 0; \
	for package in chromium-headless-shell chromium; do \
		apt-get install -y -qq --no-install-recommends $$package && exit 0; \
	done; true
