# The verbs of this repository; docs/developers.md says more of each.

PYTHON ?= python3
BIN := .venv/bin
SETUP := PYTHON="$(PYTHON)" bash scripts/setup.sh

# Tests without a sandbox, a server or a browser: what a change breaks at once.
QUICK := $(addprefix tests/engine/,core course/test_bundle.py course/test_manifest_and_course.py judge/test_verdicts.py \
    report/test_numbers.py report/test_rounding.py report/test_schema_and_visibility.py sandbox/test_gpu.py testing \
    verify/test_mistakes.py wire) tests/assignments/test_numbers_of_*.py tests/oracles/test_softmax.py \
    $(addprefix tests/service/,courses/test_dates.py courses/test_late_policy.py queue/test_fairness.py \
    web/test_alike.py web/test_dashboard.py) \
    $(addprefix tests/test_,$(addsuffix .py,architecture english mutation threats walls))

.PHONY: help setup demo quick test coverage nightly wheels lowest pythons bare licences architecture lint bench rehearsal matrices mutants chaos threats walls fuzz schema settings site

help:            ## this list
	@sed -n 's/^\([a-z]*\):[^#]*## /  make \1\t/p' Makefile | expand -t 16

setup:           ## bubblewrap and .venv with everything that grading and serving need
	@$(SETUP) service sandbox

demo: setup      ## the service with a demo course and five graded submissions (ONCE=1: stop after the reports)
	@$(BIN)/python scripts/demo.py $(if $(ONCE),--once)

quick:           ## under a minute: laws of the engine, dates and fairness, architecture; no sandbox, no browser
	@$(SETUP) dev
	@$(BIN)/python -m pytest $(QUICK) --numprocesses auto --dist loadfile $(ARGS)

test:            ## all tests, some cases of the longest ones, in the real sandbox and the real browser
	@$(SETUP) dev chromium servers
	@$(BIN)/python -m pytest tests --numprocesses auto --dist loadfile --no-loadscope-reorder $(ARGS)

coverage:        ## the same with branch coverage, of what runs in the tests' own processes (ARGS="tests/engine")
	@$(SETUP) dev chromium servers
	@$(BIN)/python -m pytest $(or $(ARGS),tests) --numprocesses auto --dist loadfile --cov --cov-report=term

nightly: export DEEPGRADE_ALL_CASES := 1
nightly: test    ## all tests with all their cases, all kill matrices, mechanical mutants, 2,000 hostile answers, storms on each engine, a long fuzz, lowest, pythons
	@$(BIN)/deepgrade verify --matrix --anew
	@$(BIN)/python tests/support/mechanical_mutants.py
	@DEEPGRADE_HOSTILE_SEEDS=4 $(BIN)/python -m pytest tests/test_hostile_answers.py --numprocesses auto
	@$(BIN)/python tests/support/chaos.py --minutes 10
	@$(BIN)/python tests/support/fuzz.py --minutes 60
	@$(BIN)/python tests/support/environments.py lowest
	@$(BIN)/python tests/support/environments.py pythons

wheels:          ## both wheels and both sdists, in dist/: for students, and for staff with the solutions
	@$(SETUP) dev
	@$(BIN)/python -m hatchling build -d dist
	@cd staff && ../$(BIN)/python -m hatchling build -d ../dist

lowest:          ## a slice of the tests with the lowest version of every requirement
	@$(SETUP) dev
	@$(BIN)/python tests/support/environments.py lowest

pythons:         ## the same slice with Python 3.11, 3.12 and 3.13 (ARGS="3.12"); a missing one is a failure
	@$(SETUP) dev
	@$(BIN)/python tests/support/environments.py pythons $(ARGS)

bare:            ## from a bare Debian 12 and 13 to a graded submission within a minute, as root (ARGS="trixie")
	@$(SETUP) dev
	@$(BIN)/python tests/support/bare_system.py $(ARGS)

architecture:    ## the rooms of both packages and what they import, against the table of tests/support/architecture.py
	@$(SETUP) dev
	@$(BIN)/python tests/support/architecture.py

lint:            ## ruff and mypy, as pre-commit runs them
	@$(SETUP) dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

bench:           ## measures, and writes docs/benchmarks.md (ARGS="isolation": that section only)
	@$(SETUP) dev servers
	@PYTHONPATH=scripts:tests/support $(BIN)/python -m bench $(ARGS)

rehearsal:       ## a deadline's last hour: real queue, PostgreSQL, broker and Celery workers (ARGS="--hosts 20 --minutes 10")
	@$(SETUP) dev servers
	@PYTHONPATH=scripts:tests/support $(BIN)/python -m bench.rehearsal $(ARGS)

matrices: setup  ## prove all assignments, and write their kill matrices to docs/kill_matrices (ARGS="conv")
	@$(BIN)/deepgrade verify --matrix --write docs/kill_matrices $(ARGS)
	@$(BIN)/python tests/support/points_outside.py

mutants:         ## try mechanical mutants of all references, and print the survivors (ARGS="softmax")
	@$(SETUP) dev
	@$(BIN)/python tests/support/mechanical_mutants.py $(ARGS)

chaos:           ## kill -9 of everything at random while uploads come in, on each engine (ARGS="--minutes 10")
	@$(SETUP) dev servers
	@$(BIN)/python tests/support/chaos.py $(ARGS)

threats:         ## run every attack and fault, and write the table of docs/security.md
	@$(SETUP) dev chromium servers
	@$(BIN)/python tests/support/threats.py $(ARGS)

walls:           ## take away one wall after the other, and say which test noticed (ARGS="network")
	@$(SETUP) dev chromium servers
	@$(BIN)/python tests/support/walls.py $(ARGS)

fuzz:            ## damaged bytes for all that reads a stranger's, for minutes (ARGS="--minutes 60 wire zip")
	@$(SETUP) dev
	@$(SETUP) fuzz || echo "fuzz: there is no atheris here, hypothesis goes on alone"
	@$(BIN)/python tests/support/fuzz.py $(ARGS)

schema: setup    ## write autograder/report/report.schema.json from the Report that the code defines
	@$(BIN)/python -c "import json; from autograder.report import schema; \
	  schema.SCHEMA_FILE.write_text(json.dumps(schema.schema(), indent=2) + '\n', encoding='utf-8')"

licences:        ## write docs/licences.md: what the wheels hold of others, and what they require
	@$(SETUP) dev
	@$(BIN)/python tests/support/licences.py

settings: setup  ## write docs/settings.md from grader_service/core/variables.py
	@$(BIN)/python -c "from grader_service.core import settings_page; \
	  open('docs/settings.md', 'w', encoding='utf-8').write(settings_page.page())"

site:            ## pictures of the demo course, and the documentation site in site/, which needs no network to be read
	@$(SETUP) dev chromium
	@$(BIN)/python scripts/screenshots.py
	@$(BIN)/python -m mkdocs build --quiet --clean
