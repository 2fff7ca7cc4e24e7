"""Probes: what they do to a module's functions, and what of their earnings counts. Gradings are in the real sandbox."""

from __future__ import annotations

import shutil
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from loading import load
from narrowing import not_none

from autograder.course.course import Course
from autograder.report.schema import Report
from autograder.verify import answers, calibrate, probes, soundness, verify
from autograder.verify.probes import earnings

# --- what a probe does to a function ---


@pytest.fixture
def attacked(monkeypatch):
    """`attacked(probe, text, *names)`: the module of that text with these functions attacked, as in the sandbox."""

    def attacked(probe: str, text: str, *names: str) -> SimpleNamespace:
        monkeypatch.syspath_prepend(str(probes.INSIDE))
        for name in ("_probe", "_probe_values"):
            monkeypatch.delitem(sys.modules, name, raising=False)
        loaded = load(probes.INSIDE / "_probe.py")
        namespace: dict = {"np": np}
        exec(textwrap.dedent(text), namespace)
        loaded.attack(namespace, probe, list(names), probes.MARKER)
        return SimpleNamespace(**namespace)

    return attacked


def test_overwriting_puts_constants_into_all_that_can_be_written(attacked):
    module = attacked("overwrite", "def f(x, n, names, state, rng): return x.sum() * n", "f")
    x, n, names = np.array([3.0, 4.0]), np.array([7]), ["a", 3]
    state: dict[str, Any] = {"on": True, "w": np.ones(2)}
    rng = np.random.default_rng(5)
    answer = module.f(x, n, names, state, rng)
    assert x.tolist() == [0.5, 0.5]
    assert n.tolist() == [0]
    assert names == ["x", 1]
    assert (state["on"], state["w"].tolist()) == (False, [0.5, 0.5])
    assert rng.random() == np.random.default_rng(0).random()
    assert answer == 0, "what is right for the constants"


def test_on_copies_nothing_of_the_callers_is_overwritten(attacked):
    x, names, rng = np.array([3.0, 4.0]), ["a"], np.random.default_rng(5)
    module = attacked("overwrite-copies", "def f(x, names, rng): return x.sum()", "f")
    assert module.f(x, names, rng) == 1.0
    assert x.tolist() == [3.0, 4.0]
    assert names == ["a"]
    assert rng.random() == np.random.default_rng(5).random()


@pytest.mark.parametrize(
    "argument, answer", [(7, 1), (7.0, 0.5), (True, False), ("text", "x"), (np.float32(7), 0.5), (np.int8(7), 1)]
)
def test_what_cannot_be_written_is_replaced_where_nothing_else_is_there(attacked, argument, answer):
    """Or the probe would answer rightly."""
    assert attacked("overwrite", "def f(a): return a", "f").f(argument) == answer


def test_a_number_beside_an_array_keeps_its_value(attacked):
    assert attacked("overwrite", "def f(x, c): return c * x.sum()", "f").f(np.ones(4), 3) == 6.0


@pytest.mark.parametrize("probe", ["overwrite", "overwrite-copies", "zeros", "ones", "nan"])
def test_where_the_reference_raises_a_probe_answers_with_an_array(attacked, probe):
    module = attacked(probe, "def f(x): raise ValueError('refused')", "f")
    assert module.f(np.ones((2, 3))).shape == (2, 3)
    assert isinstance(module.f("text"), np.ndarray)


@pytest.mark.parametrize("probe, number", [("zeros", 0), ("ones", 1)])
def test_a_shape_is_the_references_and_its_entries_are_not(attacked, probe, number):
    module = attacked(probe, "def f(x): return {'y': (x, 3, 2.5, True, 'ab', [np.int8(4)])}", "f")
    y, whole, real, flag, text, (small,) = module.f(np.full(2, 7, np.float32))["y"]
    assert (y.tolist(), y.dtype) == ([number, number], np.float32)
    assert (whole, real, flag, text) == (number, number, bool(number), 2 * str(number))
    assert (small, type(small)) == (number, np.int8)


def test_nan_is_a_number_that_no_integer_can_be(attacked):
    x, labels, whole = attacked("nan", "def f(): return np.ones(2), np.ones(2, int), 3", "f").f()
    assert np.isnan(x).all()
    assert (labels < 0).all()
    assert whole == -1


class Log:
    """A function of the test's, as a probe meets one in the sandbox: an object that can be called."""

    def __init__(self) -> None:
        self.heard: list[dict] = []

    def __call__(self, **told) -> None:
        self.heard.append(told)


def test_a_shape_alone_changes_no_argument_and_tells_no_function_the_truth(attacked):
    log = Log()
    text = "def f(x, log):\n    x[0] = 5\n    log(epoch=3, loss=x.sum())\n    return object()"
    x = np.array([1.0, 2.0])
    answer = attacked("zeros", text, "f").f(x, log)
    assert x.tolist() == [1.0, 2.0]
    assert log.heard == [{"epoch": 0, "loss": 0.0}]
    assert isinstance(answer, np.ndarray), "of an object there is no shape"


BLIND = [
    ("argument", [[1], [1], [2]]),
    ("argument-2", [[1], [2], [1]]),
    ("argument-last", [[1], [2], [3]]),
    ("none", [None] * 3),
    ("empty", [[]] * 3),
]


@pytest.mark.parametrize("probe, answers", BLIND)
def test_a_blind_probe_does_not_even_ask_the_reference(attacked, probe, answers):
    module = attacked(probe, "def f(*args, **more): raise SystemExit", "f")
    assert [module.f([1]), module.f([1], [2]), module.f([2], b=[1], c=[3])] == answers


def test_refusals_are_of_every_function_and_every_class(attacked):
    text = """
        class Net:
            def __init__(self): pass
        def f(): return 1
        """
    module = attacked("raise", text, "f", "Net.__init__")
    for attempt in (module.f, module.Net):
        with pytest.raises(ValueError, match="a probe"):
            attempt()


def test_what_the_reference_calls_is_right_and_what_is_given_calls_the_attacked_one(attacked):
    text = """
        def double(x): return 2 * x
        def quadruple(x): return double(double(x))
        def given(x): return double(x)
        """
    module = attacked("ones", text, "double", "quadruple")
    assert (module.quadruple(3.0), module.given(3.0)) == (1.0, 1.0)
    module = attacked("float16", text, "double", "quadruple")
    assert module.quadruple(3.0) == 12
    assert type(module.given(3.0)) is np.float16


def test_a_generator_of_the_references_goes_on_rightly(attacked):
    text = """
        def double(x): return 2 * x
        def doubles(xs):
            for x in xs:
                yield double(x)
        """
    assert list(attacked("overwrite-copies", text, "double", "doubles").doubles([3.0, 4.0])) == [1.0, 1.0]
    assert list(attacked("ones", text, "double", "doubles").doubles([3.0, 4.0])) == [1.0, 1.0]
    answers = attacked("first-answer", text, "doubles")
    assert [list(answers.doubles([3.0])), list(answers.doubles([4.0, 5.0]))] == [[6.0], [6.0]]


CONVERTED = [
    ("float16", "np.float64(1 / 3)", True),
    ("float16", "0.5", False),  # the same number
    ("float16", "np.full(2, 0.5)", True),  # another array
    ("float16", "[{'loss': 1 / 3}]", True),
    ("float16", "np.arange(3)", False),
    ("float16", "'text'", False),
    ("complex", "0.5", True),
    ("complex", "np.arange(3)", False),
]


@pytest.mark.parametrize("probe, answer, differs", CONVERTED)
def test_a_probe_that_starts_from_right_answers_says_when_one_differs(attacked, capsys, probe, answer, differs):
    attacked(probe, f"def f(): return {answer}", "f").f()
    assert (probes.MARKER in capsys.readouterr().out) == differs


@pytest.mark.parametrize("probe, kind", [("float16", np.float16), ("complex", complex)])
def test_what_a_function_of_the_tests_hears_is_converted_and_marks_nothing(attacked, capsys, probe, kind):
    """A law that judges it fails; in a training check it is only drawn."""
    log = Log()
    assert attacked(probe, "def f(log): log(loss=1 / 3)", "f").f(log) is None
    assert type(log.heard[0]["loss"]) is kind
    assert capsys.readouterr().out == ""


COUNTER = """
    def f(x): return x % 2
    def g(x):
        if x < 0: raise ValueError
        return x
    class Sum:
        def __init__(self, total): self.total = total
        def add(self, x): self.total += x
    """


def test_a_first_answer_that_is_right_again_is_no_difference(attacked, capsys):
    module = attacked("first-answer", COUNTER, "f", "g", "Sum.__init__", "Sum.add")
    assert [module.f(2), module.f(4)] == [0, 0]
    assert capsys.readouterr().out == ""
    assert module.f(3) == 0
    assert capsys.readouterr().out == probes.MARKER + "\n"
    module.f(5)
    assert capsys.readouterr().out == "", "it is said once"


def test_a_first_answer_where_the_reference_refuses_is_a_difference(attacked, capsys):
    module = attacked("first-answer", COUNTER, "g")
    with pytest.raises(ValueError):
        module.g(-1)
    assert [module.g(1), module.g(-1)] == [1, 1]
    assert probes.MARKER in capsys.readouterr().out


def test_a_first_answer_changes_arguments_only_once(attacked, capsys):
    module, total = attacked("first-answer", COUNTER, "Sum.__init__", "Sum.add"), np.zeros(1)
    counter = module.Sum(total)
    counter.add(0.0)
    counter.add(0.0)
    assert capsys.readouterr().out == ""
    counter.add(2.0)
    assert total.tolist() == [0.0]
    assert probes.MARKER in capsys.readouterr().out


class Reader(Log):
    """A function of the test's that answers."""

    def __call__(self, x) -> str:  # type: ignore[override]
        self.heard.append({"x": x})
        return "yes" if x > 0 else "no"


def test_a_first_answer_calls_a_function_of_the_tests_that_listens_only_once(attacked, capsys):
    """Or a test would hear all that is right; one that answers is asked, since the reference needs its answer."""
    text = "def f(x, log): return log(x=x) or x\ndef g(x, read): return read(x)"
    module, log, read = attacked("first-answer", text, "f", "g"), Log(), Reader()
    assert [module.f(1, log), module.f(1, log)] == [1, 1]
    assert log.heard == [{"x": 1}]
    assert [module.g(1, read), module.g(2, read)] == ["yes", "yes"]
    assert capsys.readouterr().out == ""
    assert module.g(-1, read) == "yes"
    assert probes.MARKER in capsys.readouterr().out


def test_tensors_and_networks_are_overwritten_and_filled(attacked):
    import torch

    net, x, y = torch.nn.Linear(2, 1), torch.full((2, 2), 3.0, requires_grad=True), torch.tensor([7])
    with torch.no_grad():
        before = net(x).clone()
    text = "def f(net, x, y): return net(x).sum() + y.sum()"
    assert attacked("overwrite-copies", text, "f").f(net, x, y) == 2 * (0.5 * 0.5 * 2 + 0.5)
    with torch.no_grad():
        assert torch.equal(net(x), before)
    answer = attacked("zeros", text, "f").f(net, x, y)
    answer.backward()
    assert (answer.item(), not_none(x.grad).tolist()) == (0.0, [[0.0, 0.0], [0.0, 0.0]])
    assert attacked("float16", text, "f").f(net, x, y).dtype == torch.float16
    attacked("overwrite", text, "f").f(net, x, y)
    assert (x.tolist(), y.tolist()) == ([[0.5, 0.5], [0.5, 0.5]], [0])
    assert net.weight.tolist() == [[0.5, 0.5]]


def test_what_is_given_in_a_stub_is_not_attacked(tmp_path):
    text = "def given(): return 1\ndef f(): {f}\nclass C:\n    def m(self): ...\n    def n(self): {n}\n"
    stub, right = text.format(f="raise NotImplementedError", n="1"), text.format(f="return 2", n="2") + "def g(): ..."
    assert probes.functions_to_write(stub.encode(), right.encode(), tmp_path) == ["f", "C.n"]


# --- what it earns ---

STUB = """
def scale(x, c, log=None): raise NotImplementedError
def halve(x): raise NotImplementedError
"""
REFERENCE = """
import numpy as np
def scale(x, c, log=None):
    if c < 0:
        raise ValueError("c")
    if log:
        log(c * float(x.sum()))
    return c * x
def halve(x): return x / 2
"""
TESTS = """
import numpy as np
from hypothesis import given as drawn, settings, strategies as st
from autograder.testing import assert_close, assert_raises, check, mutable, points

given = lambda **words: lambda test: settings(max_examples=5)(drawn(**words)(test))
NUMBERS = st.lists(st.floats(1, 9), min_size=1, max_size=4).map(np.array)
"""
PUBLIC = """
@points(1, problem="all")
def test_an_example(student):
    '''One example.'''
    assert_close(student.scale(np.ones(2), 3.0), np.full(2, 3.0))

@points(1, problem="all")
@given(c=st.floats(1, 9))
def test_drawn(student, c):
    '''Examples.'''
    assert_close(student.scale(np.ones(2), c), np.full(2, c))
"""
RIGHT = """
@points(1, problem="all")
@given(x=NUMBERS, c=st.floats(1, 9))
def test_right(student, x, c):
    '''scale is right.'''
    assert_close(student.scale(x, c), c * x)

@points(1, problem="all")
def test_halved(student):
    '''halve is right.'''
    assert_close(student.halve(np.ones(2)), np.full(2, 0.5))

@points(0, problem="all")
@given(x=NUMBERS, c=st.floats(1, 9))
def test_by_what_was_written(student, x, c):
    '''Expects by an array that it lets be changed.'''
    assert_close(student.scale(mutable(x), c), c * x)

@points(1, problem="all")
def test_two_questions(student):
    '''The first answer will do for the second.'''
    assert_close(student.scale(np.ones(2), 3.0), np.full(2, 3.0))
    y = student.scale(np.ones(2), 5.0)
    check(y.dtype == float and (y > 2).all(), "")

@points(1, problem="all")
def test_heard(student):
    '''What log hears is an answer, and what scale returns is not looked at.'''
    heard = []
    student.scale(np.array([1.0, 1 / 3]), 2.0, lambda *given: heard.extend(given))
    check([type(number) for number in heard] == [float], "")
    assert_close(heard[0], 2 * (1 + 1 / 3))
"""
# A law for each blind probe, which it obeys, and others do not.
OBEYED = {
    "raise": "with assert_raises(ValueError): student.scale(x, -c)",
    "argument": "assert_close(student.scale(x, c), x)",
    "argument-2": "assert_close(student.scale(x, 10.0 + c), 10.0 + c)",
    "argument-last": "assert_close(student.scale(x, c, 10.0 + c), 10.0 + c)",
    "zeros": "assert_close(student.scale(x, c), 0 * x)",
    "ones": "assert_close(student.scale(x, c), 0 * x + 1)",
    "nan": "check(np.isnan(student.scale(x, c)).all(), '')",
    "none": "check(student.scale(x, c) is None, '')",
    "empty": "check(student.scale(x, c) == [], '')",
    "float16": "check(student.scale(x, c).dtype == np.float16, '')",
    "complex": "check(student.scale(x, c).dtype == complex, '')",
}
STORED = """
import numpy as np
import reference

TABLE = {3.0: np.full(2, 3.0)}

def scale(x, c, log=None):
    return TABLE.get(c, -reference.scale(x, 1.0))
"""


def law_of(probe: str) -> str:
    return f"""
@points(1, problem="all")
@given(x=NUMBERS, c=st.floats(2, 9))
def test_{probe.replace("-", "_")}(student, x, c):
    '''A law that the probe obeys.'''
    {OBEYED[probe]}
"""


@pytest.fixture(scope="module")
def weak(_course_template, tmp_path_factory):
    """What `verify` says of a course with weak laws: each probe earns points by some."""
    root = Path(shutil.copytree(_course_template, tmp_path_factory.mktemp("weak") / "course"))
    tiny = Course(root)["tiny"]
    assert tiny.solution is not None
    hidden = RIGHT + "".join(map(law_of, OBEYED))
    worth = (PUBLIC + hidden).count("@points(1")
    toml = (tiny.folder / "assignment.toml").read_text().split("[[problems]]")[0]
    problem = f'[[problems]]\nname = "all"\ntitle = "All"\npoints = {worth}\n'
    (tiny.folder / "assignment.toml").write_text(toml + problem)
    (tiny.folder / "tiny.py").write_text(STUB)
    tiny.public_tests.write_text(TESTS + PUBLIC)
    (tiny.solution / "tiny.py").write_text(REFERENCE)
    (tiny.solution / "test_hidden.py").write_text(TESTS + hidden)
    folder = tiny.solution / "probes"
    (folder / "whole").mkdir(parents=True)
    (folder / "stored.py").write_text(STORED)
    (folder / "whole" / "tiny.py").write_text("def scale(x, c, log=None): return x + 2.0\n")
    return verify.verify(tiny, parts=["probes"])


def earned(weak: soundness.Soundness, probe: str) -> list[str]:
    (found,) = [one for one in weak.probes if one.probe == probe]
    assert found.points == len([test for test in found.tests if test != "test_by_what_was_written"])
    return found.tests


@pytest.mark.threat(57)
@pytest.mark.parametrize("probe", OBEYED)
def test_a_file_that_knows_nothing_earns_what_it_passes(weak, probe):
    """And no law that compares with what is right: of answers, and of what a function of the test's hears."""
    assert f"test_{probe.replace('-', '_')}" in earned(weak, probe)
    assert not {"test_right", "test_halved", "test_drawn", "test_heard"} & set(earned(weak, probe))


def test_what_starts_from_right_answers_earns_by_wrong_ones_alone(weak):
    """A first answer is right where one question is asked, and so is a refusal that the reference makes."""
    assert earned(weak, "first-answer") == ["test_two_questions"]


def test_a_law_that_judges_by_what_a_student_writes_is_unsound_whatever_its_points(weak):
    assert earned(weak, "overwrite") == ["test_by_what_was_written"]
    assert any("overwrites copies fails: test_by_what_was_written; compute" in sentence for sentence in weak.problems)


def test_a_table_earns_the_public_tests_that_draw_nothing(weak):
    assert earned(weak, "table") == ["test_an_example"]


def test_a_probe_of_an_authors_own_earns_by_its_own_functions_alone(weak):
    """The law of halve is passed by the reference's, and counts for neither."""
    assert earned(weak, "own stored") == ["test_an_example"]
    assert earned(weak, "own whole") == ["test_an_example", "test_two_questions"]


def test_a_sentence_names_all_probes_that_earn_alike_and_the_limit(weak):
    sentence = "probes own stored, table each earn 1 of at most 0.34 points, by test_an_example"
    assert sentence in weak.problems


def test_what_cannot_be_graded_earns_nothing_that_is_known():
    report = Report("tiny", "", "graded", possible=50)
    every = [probes.Probe(name, counts, {}) for name, counts in probes.BUILT_IN.items()]
    found = earnings.earnings(every, {"reference": report, "overwrite": report, "zeros": report})
    assert [(one.probe, one.limit) for one in found] == [("zeros", 1.0), ("table", 1.0)]


def test_two_points_of_a_hundred_are_allowed():
    at, above = (earnings.Earning("zeros", points, ["test_a"], probes.LIMIT * 50) for points in (1.0, 1.5))
    assert (at.too_much, above.too_much) == (False, True)
    assert earnings.problems([at]) == []


ASKED_IN_TRAINING = """

@points(0.5, problem="loss")
def test_asked(training):
    '''Asked.'''
    ask = lambda module, data, **more: module.mean_squared_error(data, data)
    training.run(ask, lambda seed: np.ones(2), lambda data, answer: 0.0)
"""
TRAINED = """
@points(1, problem="loss")
def test_trained(training):
    '''Trained.'''

@given(training=st.booleans())
def test_drawn_by_that_name(student, training):
    '''No test of training.'''
"""


def test_tests_of_training_want_a_probe_of_the_authors_own(tiny):
    assert verify.missing_probes(tiny) == []
    tiny.hidden_tests.write_text(TRAINED)
    assert (calibrate.training_tests(tiny), calibrate.other_tests(tiny)) == (
        ["test_trained"],
        ["test_error_of_a_small_example", "test_gradient_vanishes_at_the_target", "test_drawn_by_that_name"],
    )
    (sentence,) = verify.missing_probes(tiny)
    assert "solutions/tiny/probes: holds no probe, and test_trained let a student train; write" in sentence
    (tiny.solution / "probes").mkdir()
    (tiny.solution / "probes" / "stored.py").write_text(STORED)
    assert verify.missing_probes(tiny) == []


def test_a_look_that_costs_little_lets_no_probe_train_but_an_authors_own(tiny, monkeypatch):
    """Every answer passes this test of training, where it is asked."""
    with tiny.hidden_tests.open("a") as file:
        file.write(ASKED_IN_TRAINING)
    (tiny.solution / "probes").mkdir()
    (tiny.solution / "probes" / "stored.py").write_text("def mean_squared_error(p, y): return 1.0\n")
    chosen = [probe for probe in probes.probes(tiny) if probe.name in ("empty", "own stored")]
    monkeypatch.setattr(probes, "every_third", lambda probes, number: chosen)
    found = verify.verify(tiny, every=1000, parts=["probes"])
    assert {one.probe: one.tests for one in found.probes} == {"empty": [], "own stored": ["test_asked"], "table": []}


def test_each_third_of_the_probes_is_another_and_none_is_left_out(tiny):
    every = probes.probes(tiny)
    thirds = [[probe.name for probe in probes.every_third(every, number)] for number in range(3)]
    assert sorted(name for third in thirds for name in third) == sorted(probe.name for probe in every)
    assert all((probes.OVERWRITE in third) == (probes.COPIES in third) for third in thirds)
    assert [probe.name for probe in probes.every_third(every, 3)] == thirds[0]


def test_a_change_of_a_probe_changes_what_was_proven(tiny):
    before = answers.sources_sha256(tiny)
    (tiny.solution / "probes").mkdir()
    (tiny.solution / "probes" / "stored.py").write_text(STORED)
    assert answers.sources_sha256(tiny) != before
