"""From nothing to a graded submission: a bare Debian in a folder, the two commands of the README, and a clock.

    debootstrap SUITE         once, into .bare/SUITE; a minimal system without Python
    downloads                 packages of Debian into the tree's cache, wheels into .bare/wheels-VERSION; not counted
    the clock starts
        apt-get install       python3, make; for an ordinary user all that `make setup` would ask sudo for
        make setup            bubblewrap, libseccomp, .venv
        deepgrade grade       the reference of softmax, in the sandbox; full marks, or this fails
    the clock stops           at most SECONDS

    bare_system.py [SUITE ...]    as root, with util-linux and debootstrap; the suites are bookworm and trixie

Each suite is run as root and as an ordinary user. A tree is entered through pivot_root and not through chroot, since
the kernel gives no user namespace to a process in a chroot.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent.parent
CACHE = REPOSITORY / ".bare"
SUITES = {"bookworm": "3.11", "trixie": "3.13"}  # and the version of its python3
SECONDS = 60.0  # from a bare system to a graded submission, without the downloads
SYSTEM = ("python3", "python3-venv", "make", "bubblewrap", "libseccomp2")
USER = 1000
# Becomes the root of a namespace of mounts, so that nothing of this machine but the kernel is left.
ENTER = """
set -e
mount --bind "$1" "$1"
cd "$1"
mkdir -p .old wheels
mount -t proc proc proc
mount --rbind /dev dev
mount -t tmpfs tmpfs tmp
mount --bind "$2" wheels
pivot_root . .old
umount -l /.old
rmdir /.old
cd /root
shift 2
exec "$@"
"""
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
    "DEBIAN_FRONTEND": "noninteractive",
    "PIP_NO_INDEX": "1",
    "PIP_FIND_LINKS": "/wheels",
}


class Failed(Exception):
    """What was run, and what it printed."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=f"of {', '.join(SUITES)} (default: all)")
    suites = parser.parse_args().suites or list(SUITES)
    if unknown := set(suites) - set(SUITES):
        sys.exit(f"{', '.join(sorted(unknown))}: is none of {', '.join(SUITES)}")
    if os.geteuid() != 0:
        sys.exit("this makes and enters whole systems, so it needs root")
    slow = False
    print(f"{'system':12}{'who':16}{'install':>10}{'grade':>10}{'together':>10}{'processor':>11}")
    for suite in suites:
        for who in ("root", "ordinary user"):
            try:
                installing, grading, processor = run(suite, who)
            except Failed as error:
                sys.exit(f"{suite}, {who}: {error}")
            slow = slow or installing + grading > SECONDS
            times = f"{installing:8.1f} s{grading:8.1f} s{installing + grading:8.1f} s{processor:9.1f} s"
            print(f"{suite:12}{who:16}{times}", flush=True)
    if slow:
        sys.exit(f"not within {SECONDS:g} s")


def run(suite: str, who: str) -> tuple[float, float, float]:
    """Seconds to install, from then on to a graded submission, and of the processor for both. Raises Failed."""
    bare, wheels = bare_tree(suite), wheelhouse(SUITES[suite])
    with tempfile.TemporaryDirectory(prefix="tree-", dir=CACHE) as name:
        tree = Path(name) / "root"
        call("cp", "-a", bare, tree)
        home = tree / "home" / "deepgrade"
        copy_of_the_checkout(home)
        if who == "root":
            first, prefix = ["python3", "make"], []
        else:
            first, prefix = list(SYSTEM), ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"]
            call("chown", "-R", f"{USER}:{USER}", home)
        began, worked = time.monotonic(), processor_seconds()
        inside(tree, wheels, "apt-get", "install", "-qy", "--no-install-recommends", *first)
        inside(tree, wheels, *prefix, "make", "-C", "/home/deepgrade", "setup")
        installed = time.monotonic()
        words = ["grade", "softmax", "/home/deepgrade/solutions/softmax"]
        said = inside(tree, wheels, *prefix, "/home/deepgrade/.venv/bin/deepgrade", *words)
        if "100 of 100 points" not in said:
            raise Failed(f"the reference has no full marks:\n{said}")
        return installed - began, time.monotonic() - installed, processor_seconds() - worked


def processor_seconds() -> float:
    """Of all cores, by what this process has started: on a busy machine the clock alone says little."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def bare_tree(suite: str) -> Path:
    """A minimal system with the packages downloaded that will be installed. Made once."""
    tree = CACHE / suite
    if not (tree / ".ready").exists():
        shutil.rmtree(tree, ignore_errors=True)
        tree.mkdir(parents=True)
        print(f"{suite}: making a bare system", file=sys.stderr)
        call("debootstrap", "--variant=minbase", suite, tree)
        (tree / "wheels").mkdir()
        inside(tree, tree / "wheels", "apt-get", "-q", "update")
        inside(tree, tree / "wheels", "apt-get", "install", "-qyd", "--no-install-recommends", *SYSTEM)
        (tree / ".ready").touch()
    return tree


def wheelhouse(version: str) -> Path:
    """The wheels that `make setup` installs with that Python, and those that build the two distributions."""
    folder = CACHE / f"wheels-{version}"
    if not (folder / ".ready").exists():
        print(f"Python {version}: downloading wheels", file=sys.stderr)
        folder.mkdir(parents=True, exist_ok=True)
        dist = CACHE / "dist"
        for project in (REPOSITORY, REPOSITORY / "staff"):
            call(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", dist, cwd=project)
        (students,), (staff,) = dist.glob("deepgrade-*.whl"), dist.glob("deepgrade_staff-*.whl")
        options = ["--python-version", version, "--only-binary=:all:", "-c", REPOSITORY / "constraints.txt"]
        wanted = [students, f"{staff}[service]", "hatchling", "editables"]
        call(sys.executable, "-m", "pip", "download", "-q", "-d", folder, *options, *wanted)
        (folder / ".ready").touch()
    return folder


def copy_of_the_checkout(target: Path) -> None:
    """The files that git knows, as a fresh clone has them."""
    target.mkdir(parents=True)
    names = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, check=True).stdout
    for name in filter(None, names.decode().split("\0")):
        place = target / name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(REPOSITORY / name, place, follow_symlinks=False)


def inside(tree: Path, wheels: Path, *words: str) -> str:
    """What the command prints, with the tree as its whole system. Raises Failed."""
    home = "/home/deepgrade" if "setpriv" in words else "/root"
    entered = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", ENTER, "sh", tree, wheels]
    return call(*entered, *words, environment={**ENVIRONMENT, "HOME": home})


def call(*words: object, environment: dict[str, str] | None = None, cwd: Path | None = None) -> str:
    """What a command prints. Raises Failed with the end of it."""
    done = subprocess.run(
        list(map(str, words)),
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise Failed(f"`{' '.join(map(str, words))[-200:]}` ended with {done.returncode}:\n{done.stdout[-2000:]}")
    return done.stdout


if __name__ == "__main__":
    main()
