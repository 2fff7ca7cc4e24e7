"""Takes away one wall after the other, in a copy of this repository, and says which test noticed.

    tests/support/walls.py                   # all of them
    tests/support/walls.py network seccomp   # these
    tests/support/walls.py --list

Each removal is a small change of the source, as a careless commit would make it. The tests named beside it must be
green without the change and red with it; a wall that can go unnoticed ends this with exit code 1.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from autograder.cli.console import table

REPOSITORY = Path(__file__).resolve().parents[2]
FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+::\S+)", re.MULTILINE)  # not a file that cannot be read
ATTACK = "tests/test_hostile.py::test_an_attack_gets_what_it_deserves"


@dataclass(frozen=True)
class Wall:
    name: str
    removal: str  # in words
    changes: list[tuple[str, str, str]]  # file, what stands there, what takes its place
    tests: list[str]  # where it must be noticed


BUBBLEWRAP, ZYGOTE = "autograder/sandbox/bubblewrap.py", "autograder/student_process/zygote.py"
SUBMISSION, ROLES = "tests/engine/course/test_submission.py", "tests/service/web/test_roles.py"
RESTRICTIONS = "autograder/student_process/restrictions.py"
COMMAND = "autograder/sandbox/command.py"
SECCOMP, CHANNELS = "autograder/sandbox/seccomp.py", "tests/engine/sandbox/test_channels.py"
CLAIMS, GRADES = "grader_service/queue/leases.py", "autograder/batch/grades.py"
COSTLY = "tests/engine/judge/test_budget.py::test_a_costly_answer_fails_its_test_and_the_rest_is_graded"
SANDBOX, WIRE = "tests/engine/sandbox/test_sandbox.py", "tests/engine/wire/test_wire.py"

WALLS = [
    Wall(
        "expectation",
        "what an attack must get is turned round",
        [("tests/hostile/exits_in_a_call/expect.toml", 'test_double = "died"', 'test_double = "passed"')],
        [f"{ATTACK}[exits_in_a_call]"],
    ),
    Wall(
        "question and measure",
        "what a student's function does to an argument is done to the test's own, declared or not",
        [
            (
                "autograder/student/link.py",
                "            if isinstance(own, Mutable):\n                _make_equal(own.value,",
                "            if True:\n                _make_equal(getattr(own, 'value', own),",
            )
        ],
        [f"{ATTACK}[overwrites_its_arguments]"],
    ),
    Wall(
        "handles in callbacks",
        "an object that the judge's function looks at is a fault of ours",
        [
            (
                "autograder/student/channel.py",
                "            raise HandleInCallback(what)",
                "            raise GraderError(what)",
            )
        ],
        [f"{ATTACK}[hands_the_judge_objects]"],
    ),
    Wall(
        "float16",
        "a number in a coarser dtype is held to the tolerance of that dtype",
        [
            (
                "autograder/testing/compare.py",
                "return found if found.itemsize >= np.dtype(np.float32).itemsize else np.dtype(np.float32)",
                "return found",
            )
        ],
        [f"{ATTACK}[answers_in_float16]"],
    ),
    Wall(
        "probes",
        "what files earn that know nothing is not looked at",
        [("autograder/verify/verify.py", "        self._problems += earnings.problems(earned)\n", "")],
        ["tests/engine/verify/test_probes.py::test_a_sentence_names_all_probes_that_earn_alike_and_the_limit"],
    ),
    Wall(
        "probes that start from right answers",
        "whether an answer of theirs was wrong is not asked",
        [("autograder/verify/probes/earnings.py", "[test for test in passed if MARKER in test.output]", "passed")],
        ["tests/engine/verify/test_probes.py::test_what_starts_from_right_answers_earns_by_wrong_ones_alone"],
    ),
    Wall(
        "public examples",
        "a public test is tried on the public examples alone",
        [("autograder/judge/judge.py", "            course_secret=job.secret,\n", "")],
        ["tests/engine/grade/test_grade_and_verify.py::test_a_table_of_the_public_examples_is_not_enough"],
    ),
    Wall(
        "the judge's time",
        "a test's own work may take as long as it likes",
        [("autograder/judge/server.py", "watch.is_over_budget()", "False")],
        [f"{COSTLY}[a loop in Python]"],
    ),
    Wall(
        "the judge's memory",
        "a test's own work may take all the memory there is",
        [
            (
                "autograder/judge/budget.py",
                "        resource.setrlimit(resource.RLIMIT_DATA, (size",
                "        (lambda *_: None)(0, (size",
            )
        ],
        [f"{COSTLY}[arithmetic on a square]"],
    ),
    Wall(
        "inputs of a race",
        "what a race asks can be foreseen",
        [
            (
                "autograder/judge/running.py",
                "        return lambda purpose: seed(secret, ",
                "        return lambda purpose: seed(b'', ",
            )
        ],
        ["tests/engine/judge/test_timing.py::test_inputs_come_from_the_course_s_secret"],
    ),
    Wall(
        "seeds of a training",
        "the student is given the seed of the data",
        [
            (
                "autograder/judge/training.py",
                'seed = self._seed(f"of the student, {number}")',
                'seed = self._seed(f"of the data, {number}")',
            )
        ],
        ["tests/engine/judge/test_training.py::test_the_data_s_seed_is_not_the_student_s"],
    ),
    Wall(
        "whole reports",
        "a report may lack tests",
        [("autograder/grade.py", "    if not only:\n", "    if False:\n")],
        ["tests/engine/report/test_completeness.py::test_what_leaves_tests_out_of_a_grading_is_our_fault"],
    ),
    Wall(
        "network",
        "the sandbox stays in the machine's network",
        [(COMMAND, '"--unshare-net", ', "")],
        [f"{SANDBOX}::test_every_namespace_is_the_sandbox_s_own"],
    ),
    Wall(
        "processes",
        "a test's processes stay in the sandbox's pid namespace",
        [(ZYGOTE, 'must(libc.unshare(CLONE_NEWPID), "make a pid namespace")', "pass")],
        [f"{SANDBOX}::test_every_namespace_is_the_sandbox_s_own"],
    ),
    Wall(
        "environment",
        "the judge's environment is passed on",
        [
            (COMMAND, '"--clearenv", ', ""),
            (
                BUBBLEWRAP,
                'which sets that of what is behind it."""\n        return {}',
                '"""\n        return dict(os.environ)',
            ),
        ],
        [f"{SANDBOX}::test_the_environment_is_exactly_the_stated_one"],
    ),
    Wall(
        "files",
        "the machine's files can be seen",
        [(COMMAND, '"--chdir", "/"]', '"--ro-bind", "/", "/srv", "--chdir", "/"]')],
        [f"{SANDBOX}::test_the_root_holds_the_runtime_and_nothing_of_this_machine"],
    ),
    Wall(
        "read-only",
        "the sandbox's root can be written",
        [(COMMAND, 'return [*flags, "--remount-ro", "/", ', "return [*flags, ")],
        [f"{SANDBOX}::test_the_root_is_mounted_read_only"],
    ),
    Wall(
        "system calls",
        "no filter of system calls",
        [(ZYGOTE, "        filter_calls(program)\n    except", "    except")],
        [f"{SANDBOX}::test_system_calls_that_reach_out_are_filtered"],
    ),
    Wall(
        "uid",
        "a test's process keeps the uid of the zygote",
        [
            (
                RESTRICTIONS,
                "    if uid is not None:\n        os.setgroups([])",
                "    if False:\n        os.setgroups([])",
            )
        ],
        [f"{SANDBOX}::test_a_worker_is_nobody_and_sees_no_processes"],
    ),
    Wall(
        "capabilities",
        "a test's process keeps the capabilities of the zygote",
        [(RESTRICTIONS, "none = (ctypes.c_uint32 * 6)()", "none = (ctypes.c_uint32 * 6)(*[2**32 - 1] * 6)")],
        [f"{SANDBOX}::test_what_is_allowed_can_be_imported"],
    ),
    Wall(
        "number of processes",
        "pids without a limit",
        [(BUBBLEWRAP, "limits.processes + OWN_PROCESSES)", "limits.processes + 10**6)")],
        [f"{SANDBOX}::test_the_cgroup_limits_memory_and_processes"],
    ),
    Wall(
        "processes of a uid",
        "no rlimit on processes",
        [(RESTRICTIONS, '(resource.RLIMIT_NPROC, order["processes"]),', "")],
        [f"{SANDBOX}::test_the_limits_of_a_process_are_set"],
    ),
    Wall(
        "memory",
        "memory without a limit",
        [(BUBBLEWRAP, "cgroups.make(limits.memory_mb + OWN_MEMORY_MB,", "cgroups.make(10**6,")],
        [f"{SANDBOX}::test_the_cgroup_limits_memory_and_processes"],
    ),
    Wall(
        "disk",
        "the scratch folder without a quota",
        [(ZYGOTE, 'f"size={files_mb}m,nr_inodes=4096,mode=1777"', 'f"size={files_mb * 64}m,mode=1777"')],
        [f"{ATTACK}[a_million_files]", f"{ATTACK}[deleted_but_open_files]"],
    ),
    Wall(
        "page cache",
        "pages of library files can be evicted, and asked for without waiting",
        [
            (
                SECCOMP,
                'MISSING = "clone3 statx preadv2 pwritev2".split()',
                'MISSING = "clone3 statx pwritev2".split()\nALLOWED += ["preadv2", "fadvise64"]',
            )
        ],
        [f"{ATTACK}[leaves_a_message_in_the_page_cache]"],
    ),
    Wall(
        "load and free space",
        "the machine's load and free space can be asked for",
        [
            (
                SECCOMP,
                "setsid capget getrlimit setrlimit prlimit64 uname",
                "setsid capget prlimit64 uname sysinfo statfs",
            )
        ],
        [f"{ATTACK}[asks_how_busy_the_machine_is]"],
    ),
    Wall(
        "locks",
        "files that all sandboxes share can be locked, leased and watched",
        [
            (
                SECCOMP,
                'for command in FCNTL.values():\n        rules.allow("fcntl", rules.equals(1, command))',
                'rules.allow("fcntl")',
            )
        ],
        [f"{ATTACK}[marks_files_that_all_sandboxes_share]"],
    ),
    Wall(
        "times of devices",
        "the times of devices can be set",
        [(ZYGOTE, "    else:\n        _shut_devices()", "")],
        [f"{ATTACK}[marks_files_that_all_sandboxes_share]", f"{CHANNELS}::test_the_time_of_no_device_can_be_set"],
    ),
    Wall(
        "numbers of processes",
        "the number of a process on the whole machine can be had",
        [(SECCOMP, "FORBIDDEN_FLAGS = NEW_NAMESPACES | CLONE_PIDFD |", "FORBIDDEN_FLAGS = NEW_NAMESPACES |")],
        [f"{ATTACK}[counts_what_the_machine_has_made]"],
    ),
    Wall(
        "numbers of pipes",
        "a pipe has an inode number of the whole machine",
        [
            ("autograder/student_process/substitutes.py", "    os.pipe, os.pipe2 = pipe, pipe2\n", ""),
            (SECCOMP, "pause alarm", "pipe2"),
        ],
        [f"{ATTACK}[counts_what_the_machine_has_made]"],
    ),
    Wall(
        "waiters",
        "who waits in one sandbox can be woken from another",
        [(SECCOMP, "    else:\n        _futexes(rules)", '    else:\n        rules.allow("futex")')],
        [f"{CHANNELS}::test_nobody_wakes_a_waiter_of_another_sandbox"],
    ),
    Wall(
        "uids of workers",
        "the workers of a sandbox have one uid",
        [
            (ZYGOTE, "uid = uids.take(number) if uids else None", 'uid = settings["uids"][0] if uids else None'),
            (ZYGOTE, "                uids.give_back(number)", "                pass"),
        ],
        [f"{CHANNELS}::test_no_two_workers_have_the_same_uid_and_it_tells_nothing"],
    ),
    Wall(
        "uids by lot",
        "a uid follows from the number of the judge's process",
        [
            (
                "autograder/sandbox/uids.py",
                "secrets.randbelow(size // COUNT)",
                "__import__('os').getpid() % 999 + secrets.randbelow(9)",
            )
        ],
        [f"{CHANNELS}::test_no_two_workers_have_the_same_uid_and_it_tells_nothing"],
    ),
    Wall(
        "the end of a test",
        "the next test begins while processes of the last one are dying",
        [(ZYGOTE, "    os.waitpid(child, 0)  # a pid 1 ends", "    # a pid 1 ends")],
        [f"{SANDBOX}::test_what_one_test_left_does_not_count_in_the_next"],
    ),
    Wall(
        "pickle",
        "bytes from a worker are unpickled by the judge",
        [
            (
                "autograder/wire/decoder.py",
                "        if tree is None or kind is bool",
                "        if kind is bytes and tree[:1] == b'\\x80':\n"
                "            return __import__('pickle').loads(tree)\n"
                "        if tree is None or kind is bool",
            )
        ],
        [f"{ATTACK}[returns_a_pickle]", "tests/test_architecture.py"],
    ),
    Wall(
        "answers",
        "an answer need not be one to the question",
        [("autograder/student/channel.py", "if len(header) < 3 or header[1] != self.seq:", "if len(header) < 3:")],
        [f"{ATTACK}[answers_another_question]"],
    ),
    Wall(
        "sizes",
        "an array may be larger than the bytes that came with it",
        [
            (
                "autograder/wire/decoder.py",
                "if end > len(self._body) or sides > max(len(self._body), MAX_EMPTY):",
                "if False:",
            )
        ],
        [f"{WIRE}::test_an_array_must_have_come_with_its_bytes", f"{ATTACK}[sends_huge_shapes]"],
    ),
    Wall(
        "names in zips",
        "a member of a zip may climb out",
        [("autograder/course/locating.py", 'if ".." in parts_of(name):', 'if "nobody" in parts_of(name):')],
        [
            "tests/engine/course/test_submission.py::test_is_refused_with_a_sentence",
            f"{ATTACK}[climbs_out_of_the_folder]",
        ],
    ),
    Wall(
        "secret",
        "hidden tests draw the examples that everybody can draw",
        [("autograder/judge/judge.py", ' if visibility(path) == "public" else course_secret', "")],
        ["tests/engine/grade/test_grade_and_verify.py::test_another_secret_draws_other_hidden_examples"],
    ),
    Wall(
        "visibility",
        "students see all of a hidden failure",
        [("autograder/report/visibility.py", 'if viewer == "staff":', "if viewer:")],
        ["tests/service/web/test_pages.py::test_a_student_sees_of_a_hidden_failure_its_law_and_class_alone"],
    ),
    Wall(
        "variables",
        "the judge has the variables of the caller's shell",
        [("autograder/judge/server.py", "environment.clean() |", "dict(environment.os.environ) |")],
        [
            "tests/engine/core/test_environment.py::test_a_report_does_not_depend_on_the_callers_variables[grade-PYTHONOPTIMIZE]"
        ],
    ),
    Wall(
        "variables of check",
        "`deepgrade check` runs with the variables of the caller's shell",
        [("autograder/cli/checking.py", "    if not (in_this_process or no_limit):", "    if False:")],
        [
            "tests/engine/core/test_environment.py::test_a_report_does_not_depend_on_the_callers_variables[check-PYTHONOPTIMIZE]"
        ],
    ),
    Wall(
        "secret files",
        "what holds the hidden tests can be read by all",
        [("autograder/core/atomic_files.py", "SECRET = 0o600", "SECRET = 0o644")],
        ["tests/engine/core/test_atomic_files.py"],
    ),
    Wall(
        "wheels",
        "the wheel of students holds what stands beside the engine",
        [
            (
                "pyproject.toml",
                'only-include = ["autograder", "deepgrade"]',
                'only-include = ["autograder", "deepgrade", "solutions"]',
            )
        ],
        ["tests/test_packaging.py::test_what_students_get_has_no_solution_no_course_and_no_service[deepgrade-*.whl]"],
    ),
    Wall(
        "imports",
        "every test imports a module that cannot be imported",
        [("autograder/judge/imports.py", "PATIENCE = 2", "PATIENCE = 2000")],
        ["tests/engine/judge/test_imports.py"],
    ),
    Wall(
        "kinds of exceptions",
        "students see of which kind an exception of a hidden test is",
        [("autograder/report/visibility.py", 'RAISED if test.verdict == "raised" else test.failure', "test.failure")],
        [f"{ATTACK}[spells_its_input_in_exceptions]"],
    ),
    Wall(
        "points of a curve",
        "a curve has as many points as it was told",
        [("autograder/report/rounding.py", "    if count <= POINTS:", "    if True:")],
        [f"{ATTACK}[records_without_end]", "tests/engine/report/test_rounding.py"],
    ),
    Wall(
        "digits of a curve",
        "a curve has all digits that it was told",
        [("autograder/report/rounding.py", "float(round(value, places)) + 0.0 if", "float(value) if")],
        ["tests/engine/report/test_rounding.py"],
    ),
    Wall(
        "texts of a report",
        "a text of a report has no limit",
        [("autograder/report/schema.py", "    if len(data) <= limit:", "    if True:")],
        ["tests/engine/report/test_schema_and_visibility.py::test_every_text_of_a_result_has_a_limit"],
    ),
    Wall(
        "forms",
        "forms need no token",
        [("grader_service/web/security.py", "    csrf.init_app(app)\n", "")],
        [
            "tests/service/web/test_roles.py::test_every_form_needs_its_token",
            "tests/service/accounts/test_signing_in.py",
        ],
    ),
    Wall(
        "silence",
        "a client has no deadline",
        [("grader_service/web/server.py", "if channel.is_late(now, self.limits):", "if False:")],
        ["tests/service/web/test_silence.py::test_silent_connections_are_closed_in_the_end[no byte]"],
    ),
    Wall(
        "room",
        "silent connections make no room for who comes next",
        [("grader_service/web/server.py", "        self._make_room(waiting, now)\n", "")],
        ["tests/service/web/test_silence.py::test_who_comes_next_has_room_however_many_are_silent"],
    ),
    Wall(
        "lanes",
        "requests that take long have no threads of their own",
        [("grader_service/web/server.py", "self._lanes[self._lane_of(method, path)]", "self._lanes[min(self._lanes)]")],
        ["tests/service/web/test_silence.py::test_a_full_lane_holds_up_no_other"],
    ),
    Wall(
        "laid out once",
        "a page lays out what a student wrote",
        [("grader_service/submissions/rendering.py", "self._waiting.put(", "self._do(sha256) or self._waiting.put(")],
        ["tests/service/submissions/test_written.py::test_what_a_student_wrote_is_laid_out_by_no_page"],
    ),
    Wall(
        "whose failures",
        "failed sign-ins are counted by the address alone",
        [("grader_service/web/security.py", 'f"{name} from {_network', 'f"from {_network')],
        ["tests/service/accounts/test_failed_attempts.py"],
    ),
    Wall(
        "exact counts",
        "tries of one account are looked at beside each other",
        [("grader_service/accounts/failed_attempts.py", "            self._busy.add(key)\n", "")],
        ["tests/service/accounts/test_failed_attempts.py::test_the_count_is_exact_when_tries_come_all_at_once"],
    ),
    Wall(
        "unreleased",
        "students know of an assignment before its release",
        [
            (
                "grader_service/web/permissions.py",
                "        is_staff_here() or late_policy.released(course_assignment, submissions.now(session))",
                "        True",
            )
        ],
        [
            "tests/service/web/test_alike.py::test_a_student_cannot_tell_an_unreleased_assignment_from_one_that_is_not_there"
        ],
    ),
    Wall(
        "live",
        "what runs is told where hidden results are withheld",
        [
            (
                "grader_service/grading/visibility.py",
                "if job is None or not sees_hidden(",
                "if job is None or not (True or ",
            )
        ],
        [
            "tests/service/grading/test_visibility.py::test_while_it_is_graded_nothing_is_told_of_hidden_tests_that_are_withheld"
        ],
    ),
    Wall(
        "what counts",
        "a submission's own result counts whatever regrade does",
        [
            (
                "grader_service/grading/results.py",
                'sa.case((Result.batch == "", 0), else_=1)',
                'sa.case((Result.batch == "", 1), else_=0)',
            )
        ],
        ["tests/service/grading/test_results.py"],
    ),
    Wall(
        "minutes",
        "what is due at a minute is late after its first instant",
        [("grader_service/core/minutes.py", "return now >= end(moment)", "return now > moment")],
        ["tests/service/courses/test_late_policy.py"],
    ),
    Wall(
        "shell",
        "the processes of the service have all variables of the shell",
        [("grader_service/workers/supervisor.py", "**environment_of_ours()", "**os.environ")],
        ["tests/service/workers/test_processes.py::test_no_variable_of_the_shell_reaches_what_grades"],
    ),
    Wall(
        "passwords first",
        "a password is hashed while everybody waits",
        [
            (
                "grader_service/web/pages/auth.py",
                "accounts.set_password(person, hashed)",
                'accounts.set_password(person, form.password.data or "")',
            )
        ],
        ["tests/service/accounts/test_signing_in.py::test_a_new_password_signs_out_everywhere_else"],
    ),
    Wall(
        "leases",
        "a result is written whoever's token it has",
        [(CLAIMS, ' Job.state == "running", Job.token == claim.token)', ")")],
        ["tests/service/queue/test_jobs.py"],
    ),
    Wall(
        "formulas",
        "a cell may begin with a sign that a spreadsheet obeys",
        [(GRADES, "if plain.startswith(FORMULA) or text.startswith(FORMULA)", "if False")],
        ["tests/engine/batch/test_batch.py::test_no_cell_is_a_formula"],
    ),
]


class Copy:
    """This repository, as git has it, in a folder where it may be spoilt."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=REPOSITORY, capture_output=True, check=True,
        )  # fmt: skip
        for name in filter(None, listed.stdout.decode().split("\0")):
            if (REPOSITORY / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(REPOSITORY / name, folder / name)

    def spoil(self, wall: Wall) -> dict[Path, str]:
        """Change the sources; what they were."""
        were: dict[Path, str] = {}
        for name, here, there in wall.changes:
            path = self.folder / name
            text = path.read_text(encoding="utf-8")
            if text.count(here) != 1:
                sys.exit(
                    f"{name}: {here!r} stands there {text.count(here)} times, so {wall.name!r} cannot be taken away"
                )
            were.setdefault(path, text)
            path.write_text(text.replace(here, there), encoding="utf-8")
        return were

    def failures(self, tests: list[str]) -> list[str]:
        """The tests among these that fail, up to the first; with a way to start that fails, that."""
        environment = {**os.environ, "PYTHONPATH": str(self.folder), "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-m", "pytest", "-x", "-p", "no:cacheprovider", "-rfE", *tests]
        ran = subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False, timeout=900
        )
        found = FAILED.findall(ran.stdout)
        if ran.returncode not in (0, 1) and not found:
            sys.exit(f"pytest ends with {ran.returncode}: {(ran.stdout + ran.stderr)[-1500:]}")
        return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="WALL", help="only these")
    parser.add_argument("--list", action="store_true", help="name the walls, and do nothing")
    options = parser.parse_args()
    known = {wall.name: wall for wall in WALLS}
    if unknown := [name for name in options.names if name not in known]:
        parser.error(f"no wall is called {unknown[0]!r}; there are {', '.join(known)}")
    walls = [known[name] for name in options.names] or WALLS
    console = Console()
    if options.list:
        for wall in walls:
            print(f"{wall.name}: {wall.removal}")
        return
    rows = table("wall", "taken away", "noticed by")
    unnoticed = []
    with tempfile.TemporaryDirectory(prefix="deepgrade-walls-") as name:
        copy = Copy(Path(name))
        every = sorted({test for wall in walls for test in wall.tests})
        with console.status("all walls standing"):
            if failed := copy.failures(every):
                sys.exit(f"{failed[0]} fails with all walls standing, so it could notice nothing")
        for number, wall in enumerate(walls, 1):
            with console.status(f"{number} of {len(walls)}: {wall.removal}"):
                were = copy.spoil(wall)
                failed = copy.failures(wall.tests)
                for path, text in were.items():
                    path.write_text(text, encoding="utf-8")
            rows.add_row(wall.name, wall.removal, failed[0].removeprefix("tests/") if failed else "[bold red]nobody[/]")
            unnoticed += [] if failed else [wall.name]
    console.print(rows)
    if unnoticed:
        sys.exit(f"gone unnoticed: {', '.join(unnoticed)}")


if __name__ == "__main__":
    main()
