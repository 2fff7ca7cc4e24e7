"""Fuzz for long what tests/test_fuzz.py tries briefly: `make fuzz ARGS="--minutes 10"`.

    tests/support/fuzz.py                          # every target in turn, five minutes together
    tests/support/fuzz.py --minutes 60 wire zip    # these two, half an hour each
    tests/support/fuzz.py --list                   # what there is
    tests/support/fuzz.py zip --input UEsDBA==     # one input again, as a crash has printed it

Each target runs in a process of its own, so that what ends the interpreter ends no more than that; past its memory or
the time for one input it is killed, which is a crash too. With atheris (`pip install -e "staff[fuzz]"`) the branches
that an input takes lead to the next one; without, and for the API, hypothesis draws inputs of the target's kind, with
other seeds each time. Inputs that took new branches are kept in .fuzz/, and are where the next run begins.

Exit code 0: nothing crashed. 1: something did; the input is printed, and kept in .fuzz/crashes/.
"""

from __future__ import annotations

import argparse
import base64
import importlib
import os
import re
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
KEPT = REPOSITORY / ".fuzz"
API = "api"  # hypothesis alone: its inputs are calls, not bytes
INPUT_SECONDS = 10  # for one input; past it that input is a crash
MEMORY_MB = 2048  # of a target's process; past it the input is a crash
INPUT_BYTES = 8192  # of one input, at most
SHOW_SECONDS = 10  # between two lines of a target
ROUND = 200  # inputs that hypothesis draws from one seed
API_ROUND = 15  # calls of one operation, before the next one's turn
INSTRUMENTED = [
    "autograder",
    "grader_service.submissions.written",
    "grader_service.submissions.markup",
    "markdown_it",
    "zipfile",
    "tomllib",
]
CRASHED = 77  # exit code of a target's process that has printed its crash


# --- in a target's own process ----------------------------------------------------------------------------------------


def with_atheris(name: str, seconds: float, folder: Path, kept: Path) -> None:
    """libFuzzer counts, mutates, and writes the input of a crash to a file; it never returns."""
    import atheris

    sys.modules.pop("zipfile", None)  # else it is not instrumented: atheris has imported it
    with atheris.instrument_imports(include=INSTRUMENTED):
        from fuzzing import TARGETS

        for module in TARGETS[name].modules:
            importlib.import_module(module)

    corpus = kept / "corpus" / name
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(TARGETS[name].seeds):
        (corpus / f"seed-{number}").write_bytes(seed)
    options = {
        "max_total_time": max(1, round(seconds)),
        "timeout": INPUT_SECONDS,
        "rss_limit_mb": MEMORY_MB,
        "max_len": INPUT_BYTES,
        "artifact_prefix": f"{folder}/",
        "print_final_stats": 1,
    }
    atheris.Setup([name, *(f"-{option}={value}" for option, value in options.items()), str(corpus)], TARGETS[name].run)
    atheris.Fuzz()


def with_hypothesis(name: str, seconds: float) -> None:
    """Rounds of other seeds until the time is over."""
    import resource

    from hypothesis import HealthCheck, settings

    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_MB * 2**20, MEMORY_MB * 2**20))
    how = settings(
        max_examples=API_ROUND if name == API else ROUND,
        deadline=None,
        database=None,
        print_blob=True,
        derandomize=False,
        suppress_health_check=list(HealthCheck),
    )
    tried: list[None] = []  # an item for each input
    until = time.monotonic() + seconds
    for ask in _asking(name, how, tried):
        try:
            ask()
        except BaseException as error:
            print(f"#{len(tried)} inputs", flush=True)
            traceback.print_exception(error, file=sys.stdout)
            if (data := getattr(error, "fuzzed", None)) is not None:
                print(f"input {base64.b64encode(data).decode()}")
            sys.stdout.flush()
            os._exit(CRASHED)
        print(f"#{len(tried)} inputs", flush=True)
        if time.monotonic() > until:
            os._exit(0)


def _asking(name: str, how: Any, tried: list[None]) -> Iterator[Callable[[], object]]:
    """For ever: what tries a round of inputs."""
    if name == API:
        sys.path.append(str(REPOSITORY / "tests"))
        from service.support import api_cases

        with tempfile.TemporaryDirectory() as home, api_cases.described(Path(home) / "home") as described:
            while True:
                for mode in api_cases.MODES:
                    for _, ask in api_cases.calls(*described, mode):
                        yield partial(ask, how, tried)
    from fuzzing import TARGETS

    test = TARGETS[name].test
    inner = test.hypothesis.inner_test  # type: ignore[attr-defined]

    def counted(*args: Any, **kwargs: Any) -> None:
        tried.append(None)
        try:
            inner(*args, **kwargs)
        except Exception as error:
            error.fuzzed = kwargs.get("data")  # type: ignore[attr-defined]
            raise

    test.hypothesis.inner_test = counted  # type: ignore[attr-defined]
    while True:
        yield how(test)


# --- outside ----------------------------------------------------------------------------------------------------------


@dataclass
class Ended:
    """How a target's time went."""

    name: str
    engine: str
    seconds: float = 0.0
    inputs: int = 0
    crash: str = ""  # its last words
    data: bytes | None = None  # the input that crashed it, where it is bytes


def fuzz(name: str, seconds: float, engine: str, kept: Path) -> Ended:
    """One target, in a process of its own, with a line now and then."""
    said: list[str] = []
    ended, began = Ended(name, engine), time.monotonic()
    shown = began
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        options = {"--child": engine, "--seconds": seconds, "--folder": folder, "--keep": kept}
        command = [sys.executable, __file__, name, *(str(word) for option in options.items() for word in option)]
        environment = os.environ | {"PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1", "TMPDIR": folder}
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", env=environment
        )
        assert process.stdout is not None
        covered = ""
        for line in process.stdout:
            if not line.startswith(("INFO: Instrumenting", "WARNING: Failed to find function")):
                said = [*said[-400:], line]
            if match := re.match(r"#(\d+)\b|stat::number_of_executed_units:\s*(\d+)", line):
                ended.inputs = max(ended.inputs, int(match[1] or match[2]))
                covered = (re.search(r"cov: \d+", line) or [covered])[0]
                if time.monotonic() - shown > SHOW_SECONDS:
                    shown = time.monotonic()
                    print(f"  {name:<10}{shown - began:6.0f} s{ended.inputs:>12,} inputs  {covered}", flush=True)
        code = process.wait()
        ended.seconds = time.monotonic() - began
        if code != 0:
            ended.crash = _last_words(said) or f"it ended with {code} and without a word"
            found = sorted(Path(folder).glob("*-*[0-9a-f]"))
            last = next((line.split()[1] for line in reversed(said) if re.match(r"input \S*$", line)), None)
            if found:
                ended.data = found[0].read_bytes()
            elif last is not None:
                ended.data = base64.b64decode(last)
    return ended


def _last_words(said: list[str]) -> str:
    """From where it begins to complain, without libFuzzer's numbers."""
    noise = re.compile(r"#\d+\s|stat::|MS: |0x[0-9a-f]{2},|Base64: |artifact_prefix")
    lines = [line for line in said if not noise.match(line)]
    begins = ("==", "Traceback", " === Uncaught")
    starts = [place for place, line in enumerate(lines) if line.startswith(begins)]
    return "".join(lines[starts[0] :] if starts else lines[-40:]).strip()


def tell(ended: Ended, kept: Path) -> None:
    print(f"\n{ended.name} crashed after {ended.inputs:,} inputs:\n\n{ended.crash}\n")
    if ended.data is None:
        return
    place = kept / "crashes" / ended.name / time.strftime("%Y%m%d-%H%M%S")
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(ended.data)
    print(f"again:  tests/support/fuzz.py {ended.name} --input {base64.b64encode(ended.data).decode()}")
    print(f"as a test:  cp {place} tests/fuzz/{ended.name}/what_it_does\n")


def have_atheris() -> bool:
    try:
        import atheris  # noqa: F401
    except ImportError:
        return False
    return True


def main() -> None:
    from fuzzing import TARGETS

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="*", help="some of them; without, all")
    parser.add_argument("--minutes", type=float, default=5.0, help="for all targets together")
    parser.add_argument("--engine", choices=("atheris", "hypothesis"), help="without, atheris where it is installed")
    parser.add_argument("--list", action="store_true", help="name the targets")
    parser.add_argument("--input", metavar="BASE64", help="try this one input")
    parser.add_argument("--keep", type=Path, default=KEPT, metavar="DIR", help="of inputs worth keeping (.fuzz)")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=float, default=0.0, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, default=Path(), help=argparse.SUPPRESS)
    options = parser.parse_args()
    names = [*TARGETS, API]
    if unknown := [name for name in options.targets if name not in names]:
        parser.error(f"{unknown[0]!r} is no target; there is: {', '.join(names)}")
    chosen = options.targets or names
    if options.list:
        print("\n".join(names))
        return
    if options.input is not None:
        if len(options.targets) != 1 or options.targets[0] == API:
            parser.error(f"name the one target that the input is for: {', '.join(TARGETS)}")
        TARGETS[options.targets[0]].run(base64.b64decode(options.input))
        print("no crash")
        return
    engine = options.engine or ("atheris" if have_atheris() else "hypothesis")
    seconds = 60 * options.minutes / len(chosen)
    print(f"{len(chosen)} targets, {seconds:.0f} s each, with {engine}; the API with hypothesis", flush=True)
    all_ended = []
    for name in chosen:
        ended = fuzz(name, seconds, "hypothesis" if name == API else engine, options.keep)
        all_ended.append(ended)
        if ended.crash:
            tell(ended, options.keep)
    print(f"\n{'target':<12}{'engine':<12}{'seconds':>8}{'inputs':>14}")
    for ended in all_ended:
        verdict = "  CRASHED" if ended.crash else ""
        print(f"{ended.name:<12}{ended.engine:<12}{ended.seconds:>8.0f}{ended.inputs:>14,}{verdict}")
    sys.exit(1 if any(ended.crash for ended in all_ended) else 0)


if __name__ == "__main__":
    if "--child" in sys.argv:  # before anything of ours is imported, so that it can be instrumented
        place = sys.argv.index("--child")
        child = dict(zip(sys.argv[place::2], sys.argv[place + 1 :: 2], strict=True))
        if child["--child"] == "atheris":
            with_atheris(sys.argv[1], float(child["--seconds"]), Path(child["--folder"]), Path(child["--keep"]))
        else:
            with_hypothesis(sys.argv[1], float(child["--seconds"]))
    main()
