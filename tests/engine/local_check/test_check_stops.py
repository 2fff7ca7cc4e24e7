"""`deepgrade check` ends, whatever the student's code does: limits, Ctrl-C, a process that goes, odd folders."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys

import pytest

from autograder.local_check import memory

GRADIENT = "def mean_squared_error_grad(p, y):\n    return 2 * (p - y) / len(p)\n"


@pytest.fixture
def hand_in(tiny):
    """Write the body of mean_squared_error; the limit of a call is half a second, and no test needs another."""

    def write(body: str, head: str = "") -> None:
        lines = "".join(f"    {line}\n" for line in body.splitlines())
        (tiny.folder / "tiny.py").write_text(f"{head}\ndef mean_squared_error(p, y):\n{lines}\n\n{GRADIENT}")

    with (tiny.folder / "assignment.toml").open("a") as file:
        file.write("\n[limits]\nseconds = 0.5\n")
    tests = tiny.public_tests.read_text()
    tiny.public_tests.write_text(tests.replace('@needs("test_error_of_a_small_example")\n', ""))
    return write


def checked(deepgrade, tiny) -> dict:
    result = deepgrade("check", "--json", cwd=tiny.folder)
    assert result.returncode == 1, result.stderr
    return {test["name"].removeprefix("test_"): test for test in json.loads(result.stdout)["tests"]}


ENDLESS = {
    "a loop": "while True:\n    pass",
    "a loop that swallows everything": "while True:\n  try:\n    while True: len(p)\n  except BaseException: pass",
    "a loop in C": "import itertools\nreturn sum(itertools.count())",
    "a wait": "import time\ntime.sleep(1e6)",
    "a lock": "import threading\nlock = threading.Lock()\nlock.acquire()\nlock.acquire()",
}


@pytest.mark.parametrize("case", ENDLESS)
def test_code_without_end_is_stopped_and_the_other_tests_are_run(deepgrade, tiny, hand_in, case):
    hand_in(ENDLESS[case])
    tests = checked(deepgrade, tiny)
    endless = tests["error_of_a_small_example"]
    assert endless["verdict"] == "timed_out"
    assert re.search(r'File "tiny.py", line \d+, in mean_squared_error', endless["traceback"])
    assert tests["gradient_vanishes_at_the_target"]["verdict"] == "passed"


def test_an_endless_import_is_said_once_with_its_line(deepgrade, tiny, hand_in):
    hand_in("pass", head="while True:\n    pass")
    result = deepgrade("check", cwd=tiny.folder)
    assert result.returncode == 1
    said = " ".join(result.stdout.split())
    assert "importing tiny.py took longer than 1 s, at tiny.py, line " in said
    assert "the server allows 0.5 s" in said


ENDS = {
    "os._exit": ("import os\nos._exit(0)", "its process ended (exit status 0)"),
    "a crash": ("import ctypes\nctypes.string_at(0)", "its process ended (SIGSEGV)"),
    "sys.exit": (
        "import sys\nsys.exit('so')",
        "ended its process by sys.exit(so), at tiny.py, line 4",
    ),
    "KeyboardInterrupt": ("raise KeyboardInterrupt", "ended its process by KeyboardInterrupt(), at tiny.py, line 3"),
}


@pytest.mark.parametrize("case", ENDS)
def test_code_that_ends_its_process_has_that_verdict_and_the_other_tests_are_run(deepgrade, tiny, hand_in, case):
    body, words = ENDS[case]
    hand_in(body)
    tests = checked(deepgrade, tiny)
    assert tests["error_of_a_small_example"]["verdict"] == "died"
    assert words in tests["error_of_a_small_example"]["detail"]
    assert tests["gradient_vanishes_at_the_target"]["verdict"] == "passed"


def test_code_that_ends_its_process_when_it_is_imported(deepgrade, tiny, hand_in):
    for head, words in {
        "import sys\nsys.exit()": "importing tiny.py ended its process by sys.exit(), at tiny.py, line 2",
        "import os\nos._exit(7)": "its process ended (exit status 7)",
    }.items():
        hand_in("pass", head=head)
        result = deepgrade("check", cwd=tiny.folder)
        assert result.returncode == 1
        said = " ".join(result.stdout.split())
        assert f"tiny.py cannot be imported, so no test could ask it anything: {words}" in said


@pytest.mark.skipif(sys.platform == "win32", reason="sends signals")
@pytest.mark.parametrize(
    ("case", "to_all"),
    [(case, True) for case in ENDLESS] + [("a loop", False)],  # as a terminal does; to us alone
)
def test_ctrl_c_shows_the_results_so_far_and_the_line(tiny, hand_in, case, to_all):
    hand_in(ENDLESS[case])
    tests = tiny.public_tests.read_text()
    first = '@points(0, problem="loss")\ndef test_first(student):\n    """Nothing."""\n    print("begun", flush=True)\n'
    tiny.public_tests.write_text(tests.replace("@points", f"{first}\n\n@points", 1))
    manifest = tiny.folder / "assignment.toml"
    manifest.write_text(manifest.read_text().replace("seconds = 0.5", "seconds = 60.0\ntest_seconds = 60.0"))
    marked = (tiny.folder / "tiny.py").read_text().replace("(p, y):\n", "(p, y):\n    print('called', flush=True)\n", 1)
    (tiny.folder / "tiny.py").write_text(marked)
    process = subprocess.Popen(
        [sys.executable, "-m", "autograder.cli", "check"],
        cwd=tiny.folder,
        env=os.environ | {"COLUMNS": "120"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    while "called" not in (line := process.stdout.readline()):
        assert line, "it ended before it was interrupted"
    (os.killpg if to_all else os.kill)(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert re.search(r"test_first +passed", out)
    assert "our fault" not in out + err
    assert "Traceback" not in err
    assert "deepgrade: stopped by Ctrl-C in test_error_of_a_small_example; the result of 1 test is above" in err
    assert re.search(r'File "tiny.py", line \d+, in mean_squared_error', err)


@pytest.mark.parametrize("name", ["week [1]", "a::b", "1: softmax", "{x}$HOME %41 'y'", "Übung 3", "-x", "a b"])
def test_a_folder_may_have_any_name(deepgrade, tiny, tmp_path, name):
    for file, content in tiny.reference().items():
        (tiny.folder / file).write_bytes(content)
    folder = tmp_path / "homes" / name / name
    shutil.copytree(tiny.folder, folder)
    result = deepgrade("check", cwd=folder)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "2 of 2 points" in result.stdout


# Memory, no limits, names, --watch

MEMORY = "array = np.ones(2**28)\nreturn float(array[0])"  # 2 GB


@pytest.mark.skipif(not memory.AVAILABLE, reason="this system cannot limit memory")
def test_a_test_that_takes_too_much_memory_is_told_so_and_the_others_run(deepgrade, tiny, hand_in):
    hand_in(MEMORY, head="import numpy as np")
    with (tiny.folder / "assignment.toml").open("a") as file:
        file.write("memory_mb = 512\n")
    tests = checked(deepgrade, tiny)
    assert tests["error_of_a_small_example"]["verdict"] == "out_of_memory"
    assert 'File "tiny.py", line 3, in mean_squared_error' in tests["error_of_a_small_example"]["traceback"]
    assert tests["gradient_vanishes_at_the_target"]["verdict"] == "passed"


def test_where_memory_cannot_be_limited_it_is_said(deepgrade, tiny, hand_in, tmp_path):
    hand_in("return 0.0")
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['resource'] = None\n")
    path = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    result = deepgrade("check", "--in-this-process", cwd=tiny.folder, PYTHONPATH=path)
    limit = tiny.manifest.limits.memory_mb
    assert f"on the server: a test may take {limit:,} MB; this system cannot limit memory" in result.stdout


def test_without_limits_a_slow_call_comes_to_its_end(deepgrade, tiny, hand_in):
    hand_in("import time, numpy\ntime.sleep(1.5)\nreturn float(numpy.mean((p - y) ** 2))")
    limited = {name: test["verdict"] for name, test in checked(deepgrade, tiny).items()}
    assert limited["error_of_a_small_example"] == "timed_out"
    result = deepgrade("check", "--no-limit", "--json", cwd=tiny.folder)
    assert {test["verdict"] for test in json.loads(result.stdout)["tests"]} == {"passed"}


@pytest.mark.parametrize("source", ["stub", "wrong"])
def test_results_are_the_same_with_and_without_limits(deepgrade, tiny, source):
    text = {"wrong": tiny.reference(), "stub": tiny.stub()}[source]["tiny.py"].decode()
    if source == "wrong":
        text = text.replace("2 * (p - y)", "3 * (p - y)").replace("np.mean((", "{}['x'] or np.mean((")
    (tiny.folder / "tiny.py").write_text(text)
    reports = []
    for option in ((), ("--no-limit",)):
        report = json.loads(deepgrade("check", "--json", *option, cwd=tiny.folder).stdout)
        reports.append(report | {"timings": None})
    assert reports[0] == reports[1]


def test_problems_functions_and_tests_are_found_by_a_part_of_their_names(deepgrade, tiny):
    def names(*options: str) -> set[str]:
        return {
            test["name"] for test in json.loads(deepgrade("check", "--json", *options, cwd=tiny.folder).stdout)["tests"]
        }

    everything = names()
    assert names("--problem", "grad") == names("--test", "VANISHES") == {"test_gradient_vanishes_at_the_target"}
    assert names("--problem", "mean_squared_error") == everything - {"test_gradient_vanishes_at_the_target"}
    unknown = deepgrade("check", "--problem", "nothing", cwd=tiny.folder)
    assert unknown.returncode == 2
    assert "problems: loss, gradient; functions: mean_squared_error, mean_squared_error_grad" in unknown.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="sends signals")
def test_watch_checks_again_on_each_save_and_ends_with_ctrl_c(tiny):
    command = [sys.executable, "-m", "autograder.cli", "check", "--watch", "--problem", "loss"]
    with subprocess.Popen(
        command, cwd=tiny.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert "0 of" in until(process.stdout, "watching ")
        (tiny.folder / "tiny.py").write_bytes(tiny.reference()["tiny.py"])
        assert "1 of 1 points" in until(process.stdout, "watching ")
        (tiny.folder / "tiny.py").write_text("def mean_squared_error(p, y):\n    while True: pass\n")
        assert "timed out" in until(process.stdout, "watching ")
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()


def until(stream, words: str) -> str:
    """All that a stream says, up to the line that begins with these words."""
    said = ""
    for line in stream:
        said += line
        if line.startswith(words):
            return said
    raise AssertionError(f"the stream ended: {said}")
