"""`%check` and `%submit`: the package `deepgrade` calls this. The tests run in another process.

cells that ran in the kernel ──> the module in them ──> a temporary folder ──> deepgrade check --json ──> a table
elsewhere: the files in the folder ──────────────────────────────────────────> deepgrade check --json ──> words
"""
