"""otter-grader's commands and formats, with our engine behind them. Student code never enters otter's process.

    deepgrade otter NAME ─> autograder.zip ── otter_config.json: the plugin, and in its settings the assignment
                                           ├─ tests/: names, points and hidden flags; their bodies grade nobody
                                           └─ run_otter.py, setup.sh: for containers, with no Jupyter kernel

    otter run, otter.api.grade_submission     plugin     reads the student's files, takes them away, grades in a sandbox
    Gradescope, otter grade                   container  the same without a kernel, from the replaced run_otter.py

    packaging   the assignment inside otter_config.json
    submission  what a student handed in, out of the folder where otter or Gradescope has put it
    results     a report -> otter's own GradingResults
    generate    makes the zip, through `otter generate`

Only `generate`, `results`, `plugin` and `container` import otter, and nothing of ours imports those but when they run.
"""
