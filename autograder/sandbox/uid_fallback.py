"""A sandbox for a container that forbids namespaces: a dropped uid in place of bubblewrap. Never used unasked.

What is weaker, and said in every report: the student's code sees the container's own files, as far as anybody may read
them, and other distributions that are installed there; it shares the container's process table. What stands all the
same: no capability, no socket, no file that it could write, limits of memory, processes and time, and its end with
the test.
"""

from __future__ import annotations

import base64
import os
import shutil
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from pathlib import Path

from autograder.core.errors import SandboxLost, SandboxUnavailable
from autograder.course.manifest import Limits
from autograder.sandbox import seccomp
from autograder.sandbox.bubblewrap import Sandbox
from autograder.sandbox.command import environment
from autograder.sandbox.gpu import Gpu
from autograder.sandbox.runtime import PACKAGE


def make(
    packages: list[str],
    limits: Limits,
    preload: Sequence[str] = (),
    *,
    container: bool = False,
    gpu: Gpu | None = None,
    vocabulary: bool = False,
) -> Sandbox:
    """A sandbox behind namespaces; in a container, where there are none, one behind a dropped uid (and without a GPU).

    vocabulary : for a suite of a student's own: with the words that tests are written in.
    Raises SandboxUnavailable where neither can be built.
    """
    if not container:
        return Sandbox(packages, limits, preload, gpu=gpu, vocabulary=vocabulary)
    try:
        box = Sandbox(packages, limits, preload, vocabulary=vocabulary)
        try:
            with box.worker():
                return box  # with all its walls
        except BaseException:
            box.close()
            raise
    except (SandboxUnavailable, SandboxLost) as error:
        return UidFallbackSandbox(packages, limits, preload, because=str(error), vocabulary=vocabulary)


class UidFallbackSandbox(Sandbox):
    """The same face, the same zygote; each worker has a uid of its own."""

    def __init__(
        self,
        packages: list[str],
        limits: Limits,
        preload: Sequence[str] = (),
        *,
        because: str,
        vocabulary: bool = False,
    ) -> None:
        if os.geteuid() != 0:
            raise SandboxUnavailable(f"{because}; and only root can give each worker a uid of its own")
        self._folder: Path | None = None
        super().__init__(packages, limits, preload, vocabulary=vocabulary)

    def _check(self) -> None:
        """Bubblewrap is not needed."""

    @property
    def walls(self) -> str:
        limited = f"cgroup v{self._cgroup.version}" if self._cgroup else "rlimits and watchdog"
        return (
            "no namespaces in this container: a dropped uid for each test, no network, no file can be written, "
            f"seccomp, {limited}"
        )

    def close(self) -> None:
        super().close()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def _command(self, control: int, texts: dict[str, int]) -> list[str]:
        self._folder = self._links()
        assert self._uids is not None
        settings = {
            "imports": self.runtime.imports,
            "preload": self.runtime.preload,
            "uids": self._uids.workers,
            "filter": base64.b64encode(seccomp.program(container=True)).decode(),
            "uid_fallback": {
                "sealing": base64.b64encode(seccomp.sealing_program()).decode(),
                "bystander": self._uids.bystander,
                "folder": str(self._folder / "workers"),
                "readable": [sysconfig.get_path("stdlib"), *(str(path) for path, _ in self._packages())],
            },
        }
        program = [str(Path(sys.executable).resolve()), "-S", "-s", "-P", "-B"]
        return [
            *program,
            str(self._folder / "engine/autograder/student_process/zygote.py"),
            *self._words_of(control, settings),
        ]

    def _environment(self) -> dict[str, str]:
        given = environment(self.limits)
        del given["LD_LIBRARY_PATH"]
        return given | {"PYTHONPATH": f"{self._folder}/site:{self._folder}/engine"}

    def _packages(self) -> list[tuple[Path, str]]:
        return [(path, place) for path, place in self.runtime.mounts if place.startswith("/site/")]

    def _links(self) -> Path:
        """A search path that holds the allowed distributions and the untrusted end, and no more."""
        folder = Path(tempfile.mkdtemp(prefix="deepgrade-site-"))
        engine = [*self.runtime.engine, "student_process/uid_fallback.py"]
        for name in (
            "site",
            "workers",
            *sorted({Path("engine/autograder", name).parent.as_posix() for name in engine}),
        ):
            (folder / name).mkdir(parents=True)
        for path, place in self._packages():
            (folder / place.lstrip("/")).symlink_to(path)
        for name in engine:
            shutil.copyfile(PACKAGE / name, folder / "engine" / "autograder" / name)
        for path in (folder, *folder.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() else 0o644)  # whatever our umask is
        return folder
