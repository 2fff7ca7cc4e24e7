"""`make bench`: what this project measures of itself; every section writes its own part of docs/benchmarks.md."""
