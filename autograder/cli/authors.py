"""Commands of authors: `new` begins an assignment, `verify` proves one sound, `calibrate` measures bars."""

from __future__ import annotations

import itertools
import os
import string
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console
from rich.text import Text

from autograder.cli import console
from autograder.core.errors import DeepgradeError
from autograder.course.course import find_course

if TYPE_CHECKING:
    from autograder.verify.mistakes import Field
    from autograder.verify.probes.earnings import Earning
    from autograder.verify.proofs import Proofs
    from autograder.verify.soundness import Kill, PointsLost, Soundness

LETTERS = string.ascii_lowercase + string.ascii_uppercase  # of the matrix's columns


def verify(
    context: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME ...]", help="Assignments; all if none.")] = None,
    matrix: Annotated[
        bool, typer.Option("--matrix", help="Grade each wrong answer with all tests that call its function.")
    ] = False,
    every: Annotated[
        int, typer.Option(metavar="N", min=1, help="A spot check: each N-th wrong answer and one variant.")
    ] = 1,
    probes: Annotated[
        bool, typer.Option("--probes", help="Only the probes: files that know nothing and must earn nothing.")
    ] = False,
    anew: Annotated[bool, typer.Option("--anew", help="Prove everything again, also what has not changed.")] = False,
    write: Annotated[
        Path | None, typer.Option("--write", metavar="DIR", help="With --matrix: write it to DIR/NAME.md, too.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Prove an assignment sound: the reference gets full marks, the stub none, every wrong answer is caught, and a
    file that knows nothing earns nothing."""
    from autograder.verify import kill_matrix
    from autograder.verify import proofs as keeping
    from autograder.verify import verify as verifying

    if write and not matrix:
        raise DeepgradeError("--write: a page shows a kill matrix; add --matrix")
    if matrix and (every > 1 or probes):
        option = f"--every {every}" if every > 1 else "--probes"
        raise DeepgradeError(f"--matrix {option}: a kill matrix has all wrong answers; remove one of the two options")
    course = find_course(context.obj)
    assignments = [course[name] for name in names] if names else list(course)
    results = {}
    known = {}
    for assignment in assignments:
        proofs = known[assignment.name] = keeping.Proofs(assignment, keeping.folder(), anew=anew)
        with console.progress(f"verifying {assignment.name}") as follow:
            results[assignment.name] = verifying.verify(
                assignment,
                on_event=follow,
                matrix=matrix,
                every=every,
                parts=["probes"] if probes else verifying.EVERYTHING,
                proofs=proofs,
            )
        if not json:
            _print(results[assignment.name], proofs)
        if write and results[assignment.name].sound:
            kill_matrix.write(results[assignment.name], write)
    if json:
        console.print_json({name: _facts(result, known[name]) for name, result in results.items()})
    raise typer.Exit(0 if all(result.sound for result in results.values()) else 1)


def _facts(result: Soundness, proofs: Proofs) -> dict[str, Any]:
    import msgspec

    return {
        "sound": result.sound,
        **msgspec.to_builtins(result),
        "points_lost": msgspec.to_builtins(result.points_lost),
        "proofs": {"kept": proofs.kept, "count": proofs.count},
    }


def _print(result: Soundness, proofs: Proofs) -> None:
    """Print the wrong answers to each function and their kill matrix, then the problems."""
    terminal = console.out()
    for target, kills in itertools.groupby(sorted(result.kills, key=_target), _target):
        _print_matrix(terminal, target, list(kills), result.tests)
    _print_points_lost(terminal, result.points_lost)
    _print_probes(terminal, result.probes)
    name = console.plain(result.assignment)
    if result.idle_tests:
        terminal.print(f"{name}: no wrong answer dies by {', '.join(result.idle_tests)}")
    if result.variants:
        terminal.print(f"{name}: full marks for {', '.join(map(console.plain, result.variants))}")
    for problem in result.problems:
        terminal.print(Text.assemble((f"{name}: unsound: ", "red"), console.plain(problem)))
    if proofs.kept:
        terminal.print(f"{name}: {proofs.kept} of {proofs.count} proofs are of unchanged sources")
    verdict = Text("sound", "bold green") if result.sound else Text("unsound", "bold red")
    terminal.print(Text.assemble(f"{name}: ", verdict, f" ({len(result.kills)} wrong answers)"))


def _target(kill: Kill) -> str:
    return kill.target


def _print_matrix(terminal: Console, target: str, kills: list[Kill], tests: list[str]) -> None:
    """Print the wrong answers to one function, each with a letter, and a row for each test that kills one of them."""
    whole = kills[0].points_lost is not None
    rows = console.table("", f"Wrong {target}", "dies by", *(["points lost", "outside"] if whole else []))
    for letter, kill in zip(itertools.cycle(LETTERS), kills, strict=False):
        dead = kill.named in kill.killed_by
        named = Text(kill.named) if dead else Text(f"survives {kill.named}", "bold red")
        lost = [f"{kill.points_lost:g}", f"{kill.points_lost_outside:g}"] if whole else []
        rows.add_row(letter, Text(kill.mutant), named, *lost)
    matrix = console.table("X: named, x: kills it too", "".join(LETTERS[: len(kills)]))
    for test in tests:
        marks = "".join(_mark(kill, test) for kill in kills)
        if marks.strip("."):
            matrix.add_row(Text(test), marks)
    terminal.print(rows, matrix)


def _print_points_lost(terminal: Console, points_lost: PointsLost | None) -> None:
    if points_lost is None:
        return
    table = console.table("Over all wrong answers", "median", "95 %", "most")
    for name, spread in (("points lost", points_lost.lost), ("of these, in other problems", points_lost.outside)):
        table.add_row(name, *(f"{value:g}" for value in (spread.median, spread.high, spread.most)))
    terminal.print(table)


def _print_probes(terminal: Console, earnings: list[Earning]) -> None:
    """Print a row for each probe: the points that count, and the tests that give them."""
    table = console.table("Probe", "points", "by")
    for earning in earnings:
        points = Text(f"{earning.points:g}", "bold red" if earning.too_much else "")
        table.add_row(Text(earning.probe), points, Text(", ".join(earning.tests)))
    if earnings:
        terminal.print(table)


def _mark(kill: Kill, test: str) -> str:
    if test not in kill.killed_by:
        return "."
    return "X" if test == kill.named else "x"


def record_mistakes(
    context: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME ...]", help="Assignments; all if none.")] = None,
    jobs: Annotated[int, typer.Option("--jobs", help="Wrong answers at a time (0: one for each core).", min=0)] = 0,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of sentences.")] = False,
) -> None:
    """Record how each known wrong answer answers the tests, so that gradings on this machine name mistakes.

    It takes minutes for an assignment. Run it again when tests, the reference, wrong answers or the secret change."""
    from autograder.course import secrets
    from autograder.fingerprinting.build import build
    from autograder.mistakes import catalogue, store

    course, facts = find_course(context.obj), {}
    secret = secrets.course_secret()
    for assignment in [course[name] for name in names] if names else list(course):
        with console.progress(f"recording the mistakes of {assignment.name}") as follow:
            made = build(assignment, secret, jobs=jobs, on_event=follow)
        path = store.keep(assignment, made)
        size = len(catalogue.packed(made))
        facts[assignment.name] = {"mistakes": len(made.mistakes), "left_out": made.left_out, "bytes": size}
        if not json:
            left_out = f", {made.left_out} are too large and left out" if made.left_out else ""
            print(f"{path}: {len(made.mistakes)} mistakes{left_out} ({size // 1024:,} kB)")
    if json:
        console.print_json(facts)


def mistakes(
    context: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME ...]", help="Assignments; all if none.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Print which kinds of mistakes were tried in which functions, and the law that catches each.

    Exit code 1 if a field is empty: neither a wrong answer of that kind, nor a reason why there can be none."""
    from autograder.verify.mistakes import table

    course = find_course(context.obj)
    tables = {name: table(course[name]) for name in names or [assignment.name for assignment in course]}
    if json:
        names_of_facts = ("kind", "function", "laws", "reason", "empty")

        def facts_of(field: Field) -> dict[str, object]:
            return {fact: getattr(field, fact) for fact in names_of_facts}

        console.print_json({name: [facts_of(field) for field in fields] for name, fields in tables.items()})
    else:
        for name, fields in tables.items():
            _print_fields(console.out(), name, fields)
    raise typer.Exit(any(field.empty for fields in tables.values() for field in fields))


def _print_fields(terminal: Console, name: str, fields: list[Field]) -> None:
    """Print a row for each kind of mistake in each function, then the reasons, then the empty fields."""
    rows = console.table("Kind of mistake", "function", "caught by", title=console.plain(name))
    for field in fields:
        if field.mutants:
            rows.add_row(Text(field.kind), Text(field.function), Text(", ".join(field.laws)))
    reasons: dict[tuple[str, str], list[str]] = {}
    for field in fields:
        if field.reason:
            reasons.setdefault((field.kind, field.reason), []).append(field.function)
    cannot = console.table("Kind of mistake", "cannot occur in", "because")
    for (kind, reason), functions in reasons.items():
        cannot.add_row(Text(kind), Text(", ".join(functions)), Text(reason))
    terminal.print(rows, cannot)
    empty = [field for field in fields if field.empty]
    for field in empty:
        terminal.print(Text.assemble((f"{name}: empty: ", "red"), f"{field.kind}, in {field.function}"))
    terminal.print(f"{name}: {len(fields)} fields, {len(empty)} of them empty")


def calibrate(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The assignment.")],
    seeds: Annotated[int, typer.Option("--seeds", min=1, max=1000, help="How often the reference trains.")] = 20,
    first_seed: Annotated[int, typer.Option("--first-seed", min=0, help="The first of the seeds.")] = 0,
    profile: Annotated[
        Literal["cpu", "gpu"], typer.Option("--profile", help="The tests' settings: cpu, or gpu (on a CPU: slow).")
    ] = "cpu",
    test: Annotated[list[str] | None, typer.Option("--test", metavar="TEST", help="Only this one; repeatable.")] = None,
    write: Annotated[
        bool, typer.Option("--write", help="Keep what was found in solutions/NAME/calibration.json.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Measure what the reference reaches in training checks, under many seeds: where bars come from."""
    from autograder.verify import calibrate as calibrating

    assignment = find_course(context.obj)[name]
    with console.progress(f"calibrating {name}") as follow:
        calibration = calibrating.calibrate(
            assignment, seeds=seeds, profile=profile, tests=test or [], first_seed=first_seed, on_event=follow
        )
    if json:
        console.print_json(calibration)
    else:
        for title, facts in calibration.items():
            _print_calibration(console.out(), title, facts)
    if write:
        path = calibrating.write(assignment, profile, calibration)
        if not json:
            print(path)


def _print_calibration(terminal: Console, title: str, facts: dict[str, Any]) -> None:
    """Print one test: a row for each value with its bar, then times and ratios."""
    from autograder.verify import calibrate as calibrating

    table = console.table(title, "least", "5 %", "median", "95 %", "most", "deviation", "bar", "missed", "false fails")
    for name, row in facts["measured"].items():
        summary = calibrating.summary(row)
        bar = f"{'>=' if row['at_least'] else '<='} {row['bar']:g} {row['unit']}"
        numbers = [f"{summary[key]:.4g}" for key in ("least", "low", "median", "high", "most", "deviation")]
        rate = f"{summary['tail']:.1g} (normal), at most {summary['at_most']:.2g}"
        table.add_row(Text(name), *numbers, bar, f"{summary['misses']} of {summary['runs']}", rate)
    terminal.print(table)
    line = f"{min(facts['seconds']):.3g} to {max(facts['seconds']):.3g} s on {facts['device']}"
    if facts["ratios"]:
        line += f"; ratio {min(facts['ratios']):.3g} to {max(facts['ratios']):.3g}, limit {facts['limit']:g}"
    terminal.print(line)


def new(context: typer.Context, name: Annotated[str, typer.Argument(metavar="NAME", help="The new name.")]) -> None:
    """Begin an assignment: a tiny one that is complete and sound, to be edited into yours.

    It is written into the course around this folder; an empty folder becomes a course."""
    from autograder.course.scaffold import begin

    root = Path(context.obj or os.environ.get("DEEPGRADE_COURSE") or ".").resolve()
    for path in begin(root, name):
        print(path)
    print(f"edit these, and prove them sound with `deepgrade verify {name}`")
