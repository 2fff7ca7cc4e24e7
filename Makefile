# The verbs of this repository; README.md says more of each.

PYTHON ?= python3
BIN := .venv/bin
SETUP := PYTHON="$(PYTHON)" bash scripts/setup.sh

.PHONY: help setup demo test lint bench chaos schema

help:            ## this list
	@sed -n 's/^\([a-z]*\):[^#]*## /  make \1\t/p' Makefile | expand -t 16

setup:           ## bubblewrap and .venv with everything that grading and serving need
	@$(SETUP) service

demo: setup      ## the service with a demo course and five graded submissions (ONCE=1: stop after the reports)
	@$(BIN)/python scripts/demo.py $(if $(ONCE),--once)

test:            ## all tests, in the real sandbox and the real browser
	@$(SETUP) dev chromium servers
	@$(BIN)/python -m pytest tests $(ARGS)

lint:            ## ruff and mypy, as pre-commit runs them
	@$(SETUP) dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

bench:           ## what isolation costs and what each engine does, measured here
	@$(SETUP) dev servers
	@$(BIN)/python scripts/bench.py
	@$(BIN)/python scripts/bench_jobs.py

chaos:           ## kill -9 of everything at random while uploads come in, on each engine (ARGS="--minutes 10")
	@$(SETUP) dev servers
	@$(BIN)/python scripts/chaos.py $(ARGS)

schema: setup    ## write autograder/report.schema.json from the Report that the code defines
	@$(BIN)/python -c "import json; from autograder import report; \
	  report.SCHEMA_FILE.write_text(json.dumps(report.schema(), indent=2) + '\n', encoding='utf-8')"
