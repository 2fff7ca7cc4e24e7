"""`deepgrade data`: lists the local data sets, and fetches others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from autograder.cli import console
from autograder.core.errors import DeepgradeError

if TYPE_CHECKING:
    from autograder.datasets.catalogue import Entry
    from autograder.datasets.fetch import LocalFiles
    from autograder.datasets.files import File


def data(
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME", help="Fetch these.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Fetch every data set that has a public address.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """List the data sets and where they are; with a NAME, fetch that one into the cache.

    Files are looked for in the folder that DEEPGRADE_DATA names, then in the cache (DEEPGRADE_CACHE, else the
    platform's). Without them everything runs on smaller stand-ins. DEEPGRADE_MIRROR names a mirror to ask first.
    """
    from autograder.datasets import catalogue, fetch

    if names and everything:
        raise DeepgradeError(f"--all already has {names[0]}: give names or --all, not both")
    selected = [catalogue.entry(name) for name in names or ()]
    if everything:
        selected = [entry for entry in catalogue.ENTRIES if entry.mirrors]
    for entry in selected:
        with console.downloads(entry.name) as follow:
            fetched = fetch.fetch(entry, follow)
        if not json:
            print(_outcome(fetch.inspect(entry), entry.name, fetched))
    states = [(entry, fetch.inspect(entry)) for entry in selected or catalogue.ENTRIES]
    if json:
        console.print_json([_facts(entry, local) for entry, local in states])
    elif not selected:
        _table(states)


def _outcome(local: LocalFiles, name: str, fetched: list[File]) -> str:
    if fetched:
        folder = local.paths[fetched[0].name].parent
        return f"{name}: fetched {len(fetched)} files ({_megabytes(sum(file.size for file in fetched))}) into {folder}"
    return f"{name}: {_state(local)}, nothing to fetch"


def _table(states: list[tuple[Entry, LocalFiles]]) -> None:
    from autograder.datasets import files

    rows = console.table("Name", "What", "Size", "State", numbers=("Size",))
    for entry, local in states:
        state = Text(_state(local), "red" if local.damaged else "green" if local.where else "yellow")
        if not local.where and not local.damaged:
            state.append(f"{'' if entry.mirrors else ', no public address'}; instead: {entry.stand_in}", "default")
        rows.add_row(entry.name, Text(entry.what), _megabytes(local.size) if local.files else "", state)
    console.out().print(rows)
    folder = files.data_folder()
    print(f"{files.VARIABLE}: {folder or 'not set'}")
    print(f"the cache: {files.cache_folder()}")
    print("`deepgrade data NAME` fetches one into the cache.")


def _state(local: LocalFiles) -> str:
    if local.damaged:
        return f"damaged: {', '.join(map(str, local.damaged))}"
    if local.where == ("embedded",):
        return "comes with deepgrade"
    if local.where:
        return f"in {' and '.join('the cache' if name == 'cache' else name for name in local.where)}"
    return f"not here ({len(local.paths)} of {len(local.files)} files)" if local.paths else "not here"


def _facts(entry: Entry, local: LocalFiles) -> dict[str, Any]:
    return {
        "name": entry.name,
        "what": entry.what,
        "here": bool(local.where) and not local.damaged,
        "where": list(local.where),
        "stand_in": entry.stand_in or None,
        "bytes": local.size,
        "mirrors": list(entry.mirrors),
        "files": [
            {
                "name": file.name,
                "bytes": file.size,
                "sha256": file.sha256,
                "path": str(local.paths[file.name]) if file.name in local.paths else None,
                "damaged": local.paths.get(file.name) in local.damaged,
            }
            for file in local.files
        ],
    }


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
