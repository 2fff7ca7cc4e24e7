"""The same tests in other environments: with the lowest versions that are promised, and with each Python.

    environments.py lowest              the lowest version of every direct requirement, with the lowest Python
    environments.py pythons [3.12 ..]   every Python that is promised, with the versions of constraints.txt

Each has an environment of its own below .environments, made anew when what is to be installed has changed. What is run
there is `SLICE`: the engine's laws, the real sandbox, gradings, and the service from an upload to its report.

An interpreter is the one that the variable PYTHON_3_12 names, or python3.12 of the PATH, or one of pyenv's. One that is
missing is a failure: what was not tried is not promised.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

REPOSITORY = Path(__file__).resolve().parent.parent.parent
FOLDER = REPOSITORY / ".environments"
PYTHONS = ("3.11", "3.12", "3.13")
EXTRAS = ("service",)
TOOLS = ("pytest-xdist", "jsonschema")
SLICE = (
    "tests/engine/core",
    "tests/engine/wire",
    "tests/engine/testing",
    "tests/engine/course",
    "tests/engine/diagnosis",
    "tests/engine/report",
    "tests/engine/grade",
    "tests/engine/local_check",
    "tests/engine/cli/test_cli.py",
    "tests/engine/sandbox/test_sandbox.py",
    "tests/oracles/test_softmax.py",
    "tests/service/courses",
    "tests/service/queue",
    "tests/service/submissions/test_intake.py",
    "tests/service/serve",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["lowest", "pythons"])
    parser.add_argument(
        "versions", nargs="*", metavar="VERSION", help=f"of Python: {', '.join(PYTHONS)} (default: all)"
    )
    arguments = parser.parse_args()
    failed = []
    versions = arguments.versions or (PYTHONS if arguments.what == "pythons" else PYTHONS[:1])
    for version in versions:
        name = f"{arguments.what}-{version}"
        pins = REPOSITORY / "constraints.txt" if arguments.what == "pythons" else lowest_versions()
        python = interpreter(version)
        if python is None:
            print(f"{name}: there is no Python {version} here; set PYTHON_{version.replace('.', '_')}", file=sys.stderr)
            failed.append(name)
        elif not (install(name, python, pins) and passes(name)):
            failed.append(name)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


def interpreter(version: str) -> Path | None:
    """A Python of that version which runs."""
    named = os.environ.get(f"PYTHON_{version.replace('.', '_')}")
    folders = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates = [folder / f"python{version}" for folder in [*folders, *sorted(pyenv.glob(f"{version}.*/bin"))]]
    for candidate in [Path(named)] if named else candidates:
        if candidate.exists() and _says(candidate) == version:
            return candidate
    return None


def _says(python: Path) -> str:
    words = "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])"
    done = subprocess.run([python, "-c", words], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def lowest_versions() -> Path:
    """A file of constraints: of each direct requirement the lowest version that its bounds allow."""
    lines = []
    for path in (REPOSITORY / "pyproject.toml", REPOSITORY / "staff" / "pyproject.toml"):
        project = tomllib.loads(path.read_text(encoding="utf-8"))["project"]
        entries = [
            *project["dependencies"],
            *(one for extra in project["optional-dependencies"].values() for one in extra),
        ]
        for requirement in map(Requirement, entries):
            bounds = [one.version for one in requirement.specifier if one.operator == ">="]
            lines += [f"{requirement.name}=={bound}\n" for bound in bounds]
    FOLDER.mkdir(exist_ok=True)
    file = FOLDER / "lowest.txt"
    file.write_text("".join(sorted(set(lines))), encoding="utf-8")
    return file


def install(name: str, python: Path, pins: Path) -> bool:
    """The environment with that name, as it should be. False where pip could not."""
    folder, stamp = FOLDER / name, FOLDER / name / ".installed"
    projects = [REPOSITORY / "pyproject.toml", REPOSITORY / "staff" / "pyproject.toml"]
    wanted = hashlib.sha256(b"".join(path.read_bytes() for path in [pins, *projects])).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return True
    print(f"{name}: installing into {folder.relative_to(REPOSITORY)}", flush=True)
    subprocess.run([python, "-m", "venv", "--clear", folder], check=True)
    command = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--constraint", str(pins)]
    command += ["-e", ".", "-e", f"staff[{','.join(EXTRAS)}]", *TOOLS]
    done = subprocess.run(command, cwd=REPOSITORY, check=False)
    if done.returncode == 0:
        stamp.write_text(wanted)
    return done.returncode == 0


def passes(name: str) -> bool:
    """Do the tests of `SLICE` pass there?"""
    print(f"{name}: testing", flush=True)
    command = [str(FOLDER / name / "bin" / "python"), "-m", "pytest", *SLICE, "-q", "-p", "no:cacheprovider"]
    if name.startswith("lowest"):  # old versions warn of each other
        command += ["-o", "filterwarnings=default"]
    # pytest takes the modules of a plugin from the files of its distribution, and an editable install lists none.
    command += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]
    command += ["--numprocesses", "auto", "--dist", "loadfile", "--durations=0", "--durations-min=60"]
    return subprocess.run(command, cwd=REPOSITORY, check=False).returncode == 0


if __name__ == "__main__":
    main()
