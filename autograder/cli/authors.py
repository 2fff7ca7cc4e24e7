"""What authors run: `new` begins an assignment, `verify` says whether one is sound."""

from __future__ import annotations

from typing import Annotated

import typer

from autograder.cli import console
from autograder.course import find_course


def verify(
    context: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME ...]", help="Assignments; all if none.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Prove an assignment sound: the reference gets full marks, the stub none, and every wrong answer is caught."""
    import msgspec

    from autograder import verify as verifying

    course = find_course(context.obj)
    chosen = [course[name] for name in names] if names else list(course)
    results = {}
    for assignment in chosen:
        with console.progress(f"verifying {assignment.name}") as follow:
            results[assignment.name] = verifying.verify(assignment, on_event=follow)
        if not json:
            _print(assignment.name, results[assignment.name])
    if json:
        console.print_json({name: msgspec.to_builtins(result) for name, result in results.items()})
    raise typer.Exit(0 if all(result.sound for result in results.values()) else 1)


def _print(name: str, result) -> None:
    terminal = console.out()
    rows = console.table("Wrong answer", "Killed by", title=f"{name}: what each wrong answer dies of")
    for mutant, killers in result.matrix.items():
        rows.add_row(mutant, "\n".join(killers) or "[bold red]nothing[/]")
    terminal.print(rows)
    if result.idle_tests:
        terminal.print(f"Tests that kill nothing: {', '.join(result.idle_tests)}")
    for problem in result.problems:
        terminal.print(f"[red]unsound[/]  {console.plain(problem)}")
    terminal.print(f"{name}: [bold green]sound[/]" if result.sound else f"{name}: [bold red]unsound[/]")


def new(context: typer.Context, name: Annotated[str, typer.Argument(metavar="NAME", help="The new name.")]) -> None:
    """Begin an assignment: a tiny one that is complete and sound, to be edited into yours."""
    from autograder import scaffold

    for path in scaffold.create(find_course(context.obj), name):
        print(path)
    print(f"edit these, and prove them sound with `deepgrade verify {name}`")
