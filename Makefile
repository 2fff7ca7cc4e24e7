# The verbs of this repository; README.md says more of each.

PYTHON ?= python3
BIN := .venv/bin
SETUP := PYTHON="$(PYTHON)" bash scripts/setup.sh

# Tests without a sandbox, a server or a browser: what a change breaks at once.
QUICK := $(addprefix tests/engine/test_,$(addsuffix .py,answers bundle coarse compare gpu manifest_and_course mistakes \
    report_and_feedback sources verdicts wire)) tests/handouts tests/oracles/test_softmax.py \
    $(addprefix tests/service/test_,$(addsuffix .py,alike dashboard dates fairness policy)) \
    $(addprefix tests/test_,$(addsuffix .py,architecture english numerals threats walls))

.PHONY: help setup demo quick test nightly architecture lint bench matrices chaos threats walls fuzz schema settings

help:            ## this list
	@sed -n 's/^\([a-z]*\):[^#]*## /  make \1\t/p' Makefile | expand -t 16

setup:           ## bubblewrap and .venv with everything that grading and serving need
	@$(SETUP) service

demo: setup      ## the service with a demo course and five graded submissions (ONCE=1: stop after the reports)
	@$(BIN)/python scripts/demo.py $(if $(ONCE),--once)

quick:           ## under a minute: laws of the engine, dates and fairness, architecture; no sandbox, no browser
	@$(SETUP) dev
	@$(BIN)/python -m pytest $(QUICK) --numprocesses auto --dist loadfile $(ARGS)

test:            ## all tests, in the real sandbox and the real browser
	@$(SETUP) dev chromium servers
	@$(BIN)/python -m pytest tests --numprocesses auto --dist loadfile --no-loadscope-reorder $(ARGS)

nightly: test    ## all tests, all wrong answers, 2,000 hostile answers, storms on each engine, a long fuzz
	@$(BIN)/deepgrade verify
	@DEEPGRADE_HOSTILE_SEEDS=4 $(BIN)/python -m pytest tests/test_hostile_answers.py --numprocesses auto
	@$(BIN)/python scripts/chaos.py --minutes 10
	@$(BIN)/python scripts/fuzz.py --minutes 60

architecture:    ## the rooms of both packages and what they import, against the table of tests/architecture.py
	@$(SETUP) dev
	@$(BIN)/python tests/architecture.py

lint:            ## ruff and mypy, as pre-commit runs them
	@$(SETUP) dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

bench:           ## measures, and writes docs/benchmarks.md (ARGS="isolation": that section only)
	@$(SETUP) dev servers
	@PYTHONPATH=scripts $(BIN)/python -m bench $(ARGS)

matrices: setup  ## prove all assignments, and write their kill matrices to docs/kill_matrices (ARGS="conv")
	@$(BIN)/deepgrade verify --write docs/kill_matrices $(ARGS)

chaos:           ## kill -9 of everything at random while uploads come in, on each engine (ARGS="--minutes 10")
	@$(SETUP) dev servers
	@$(BIN)/python scripts/chaos.py $(ARGS)

threats:         ## run every attack and fault, and write the table of docs/security.md
	@$(SETUP) dev chromium servers
	@$(BIN)/python scripts/threats.py $(ARGS)

walls:           ## take away one wall after the other, and say which test noticed (ARGS="network")
	@$(SETUP) dev chromium servers
	@$(BIN)/python scripts/walls.py $(ARGS)

fuzz:            ## damaged bytes for all that reads a stranger's, for minutes (ARGS="--minutes 60 wire zip")
	@$(SETUP) dev
	@$(SETUP) fuzz || echo "fuzz: there is no atheris here, hypothesis goes on alone"
	@$(BIN)/python scripts/fuzz.py $(ARGS)

schema: setup    ## write autograder/report/report.schema.json from the Report that the code defines
	@$(BIN)/python -c "import json; from autograder import report; \
	  report.SCHEMA_FILE.write_text(json.dumps(report.schema(), indent=2) + '\n', encoding='utf-8')"

settings: setup  ## write docs/settings.md from grader_service/core/variables.py
	@$(BIN)/python -c "from grader_service.core import settings_page; \
	  open('docs/settings.md', 'w', encoding='utf-8').write(settings_page.page())"
