# The verbs of this repository; README.md says more of each.

PYTHON ?= python3
BIN := .venv/bin
SETUP := PYTHON="$(PYTHON)" bash scripts/setup.sh

.PHONY: help setup demo test architecture lint bench matrices chaos threats walls fuzz schema settings

help:            ## this list
	@sed -n 's/^\([a-z]*\):[^#]*## /  make \1\t/p' Makefile | expand -t 16

setup:           ## bubblewrap and .venv with everything that grading and serving need
	@$(SETUP) service

demo: setup      ## the service with a demo course and five graded submissions (ONCE=1: stop after the reports)
	@$(BIN)/python scripts/demo.py $(if $(ONCE),--once)

test:            ## all tests, in the real sandbox and the real browser
	@$(SETUP) dev chromium servers
	@$(BIN)/python -m pytest tests --numprocesses auto --dist loadfile --no-loadscope-reorder $(ARGS)

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

schema: setup    ## write autograder/report.schema.json from the Report that the code defines
	@$(BIN)/python -c "import json; from autograder import report; \
	  report.SCHEMA_FILE.write_text(json.dumps(report.schema(), indent=2) + '\n', encoding='utf-8')"

settings: setup  ## write docs/settings.md from grader_service/core/variables.py
	@$(BIN)/python -c "from grader_service.core import variables; \
	  open('docs/settings.md', 'w', encoding='utf-8').write(variables.page())"
