"""`make bench`, or some of it: `make bench ARGS="isolation false_alarms"`."""

from __future__ import annotations

import argparse
import importlib

from bench.page import Measure

# Each is a module beside this one with `measure(rounds) -> Section`, and says what it measures at its top.
SECTIONS = (
    *("isolation", "grading", "recording", "false_alarms", "convolution", "training", "reading", "otter", "jobs"),
    *("pages", "mistakes"),
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description="Measure, and write docs/benchmarks.md.")
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"of {', '.join(SECTIONS)} (default: all)")
    parser.add_argument("--rounds", type=int, default=0, help="measurements of each figure (default: as many as suit)")
    parser.add_argument("--dry", action="store_true", help="print, but leave docs/benchmarks.md as it is")
    arguments = parser.parse_args()
    if unknown := set(arguments.sections) - set(SECTIONS):
        parser.error(f"no section {', '.join(sorted(unknown))}; there is: {', '.join(SECTIONS)}")
    for name in arguments.sections or SECTIONS:
        measure: Measure = importlib.import_module(f"bench.{name}").measure
        section = measure(arguments.rounds)
        section.show()
        if not arguments.dry:
            section.write(name)


if __name__ == "__main__":
    main()
