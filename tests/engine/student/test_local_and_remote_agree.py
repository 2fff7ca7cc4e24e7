"""`student` on a laptop and `student` in the grader: one battery, run against both, must see the same.

Each test states one behaviour of a student's module as a test file sees it; a difference between the two would show a
student one verdict at home and another one on the server.
"""

from __future__ import annotations

import builtins
import copy
from typing import Any

import numpy as np
import pytest

from autograder.course.manifest import Limits
from autograder.student.local import Local
from autograder.student.remote import Remote
from autograder.testing import Mismatch, assert_raises, assert_unchanged, check, mutable, snapshot
from autograder.testing.comparable import describe


@pytest.mark.parametrize(
    "value",
    [None, True, 3, 2**80, 0.5, float("inf"), 1j, "text", b"bytes", (1, "a"), [1, [2]], {"a": [1], 2: (3,)}, (), {}],
    ids=repr,
)
def test_values_come_back_as_they_are(ask, value):
    with ask("def f(x): return x") as answer:
        assert answer.f(value) == value
        assert type(answer.f(value)) is type(value)


@pytest.mark.parametrize(
    "value", [np.float32(0.1), np.int8(3), np.bool_(True), np.zeros((0, 2)), np.array(5), np.eye(2)], ids=repr
)
def test_numpy_values_keep_type_dtype_and_shape(ask, value):
    with ask("def f(x): return x") as answer:
        found = answer.f(value)
        assert (type(found), found.dtype, found.shape) == (type(value), value.dtype, value.shape)
        np.testing.assert_array_equal(found, value)


def test_keyword_arguments_reach_their_names(ask):
    with ask("def f(a, b=2, *, c): return [a, b, c]") as answer:
        assert answer.f(1, c=3) == [1, 2, 3]
        assert answer.f(b=5, a=np.float64(4), c=None) == [4, 5, None]


def test_constants_are_read(ask):
    with ask("import numpy as np\nRATE = 0.1\nTABLE = {'w': np.ones(2)}") as answer:
        assert answer.RATE == 0.1
        assert answer.TABLE["w"].tolist() == [1, 1]


def test_functions_of_a_constant_module_are_reached(ask):
    with ask("import numpy as np\ndef g(): return 1\nclass box: h = staticmethod(g)") as answer:
        assert answer.box.h() == 1


@pytest.mark.parametrize(
    "kind", ["ValueError", "TypeError", "KeyError", "IndexError", "ZeroDivisionError", "AssertionError"]
)
def test_an_exception_is_the_builtin_that_it_was(ask, kind):
    with ask(f"def f(): raise {kind}('no')") as answer, assert_raises(getattr(builtins, kind)):
        answer.f()


def test_a_subclass_of_a_builtin_counts_as_it(ask):
    with ask("class Odd(ValueError): pass\ndef f(): raise Odd('no')") as answer:
        with assert_raises(ValueError):
            answer.f()
        with assert_raises(Exception):
            answer.f()


def test_another_exception_does_not_count(ask):
    with ask("def f(): raise TypeError('no')") as answer, pytest.raises(TypeError), assert_raises(ValueError):
        answer.f()


def test_returning_where_an_error_is_due_is_a_mismatch(ask):
    with ask("def f(): return 1") as answer, pytest.raises(Mismatch) as found, assert_raises(ValueError):
        answer.f()
    assert found.value.kind == "no_error"


def test_the_message_of_an_exception_is_kept(ask):
    with ask("def f(): raise ValueError('n must be positive')") as answer, pytest.raises(ValueError, match="n must be"):
        answer.f()


def test_a_missing_name_is_an_attribute_error_that_names_it(ask):
    with ask("x = 1") as answer, pytest.raises(AttributeError, match=r"answer\.py defines no 'softmax'"):
        answer.softmax(np.ones(2))


def test_a_missing_name_is_no_error_to_hasattr(ask):
    with ask("x = 1") as answer:
        assert hasattr(answer, "x")
        assert not hasattr(answer, "y")


def test_an_array_changed_in_place_is_seen(ask):
    x = np.zeros((2, 3))
    with ask("def f(x): x[1, 2] = 7") as answer:
        assert answer.f(mutable(x)) is None
    assert x[1, 2] == 7
    assert x.sum() == 7


def test_a_long_array_changed_in_place_is_seen(ask):
    x = np.zeros(2**16)
    with ask("def f(x): x[-1] = 7") as answer:
        answer.f(mutable(x))
    assert x[-1] == 7


def test_an_array_behind_a_view_changed_in_place_is_seen(ask):
    whole = np.zeros((4, 4))
    with ask("def f(x): x += 1") as answer:
        answer.f(mutable(whole[::2, 1:3]))
    assert whole.sum() == 4


def test_an_argument_given_by_name_and_changed_is_seen(ask):
    x = np.zeros(2)
    with ask("def f(*, x): x += 1") as answer:
        answer.f(x=mutable(x))
    assert x.tolist() == [1, 1]


def test_an_argument_that_is_left_alone_stays(ask):
    x = np.arange(3.0)
    with ask("def f(x): x = x + 1; return x") as answer:
        answer.f(x)
    assert x.tolist() == [0, 1, 2]


def test_a_list_changed_in_place_is_seen(ask):
    items = [1, 2]
    with ask("def f(items): items.append(3); items[0] = 'a'") as answer:
        answer.f(mutable(items))
    assert items == ["a", 2, 3]


def test_a_list_made_shorter_is_seen(ask):
    items = [1, 2, 3]
    with ask("def f(items): del items[0]") as answer:
        answer.f(mutable(items))
    assert items == [2, 3]


def test_a_dict_changed_in_place_is_seen(ask):
    params: dict[str, Any] = {"w": np.zeros(2), "gone": 1}
    w = params["w"]
    with ask("def f(params): params['w'] -= 1; params['new'] = 5; del params['gone']") as answer:
        answer.f(mutable(params))
    assert set(params) == {"w", "new"}
    assert params["w"] is w
    assert w.tolist() == [-1, -1]


def test_arrays_deep_in_containers_are_changed_where_they_are(ask):
    w, b = np.zeros(2), np.zeros(1)
    layers: list[Any] = [{"params": [w]}, (b,)]
    with ask("def f(layers):\n    layers[0]['params'][0] += 1\n    layers[1][0][0] = 9") as answer:
        answer.f(mutable(layers))
    assert w.tolist() == [1, 1]
    assert b.tolist() == [9]
    assert layers[0]["params"][0] is w
    assert layers[1][0] is b


def test_arrays_in_a_tuple_are_changed_where_they_are(ask):
    w = np.zeros(2)
    with ask("def f(pair): pair[0][:] = 4") as answer:
        answer.f(mutable((w, 1)))
    assert w.tolist() == [4, 4]


@pytest.mark.parametrize(
    ("container", "key"),
    [(lambda w: [w], 0), (lambda w: {"w": w}, "w"), (lambda w: [({3: w}, 1)], None)],
    ids=["list", "dict", "both"],
)
def test_another_array_in_its_place_leaves_the_array_alone(ask, container, key):
    w = np.zeros(2)
    holder = container(w)
    place = f"holder[{key!r}]" if key is not None else "holder[0][0][3]"
    with ask(f"def f(holder): {place} = {place} + 1") as answer:
        answer.f(mutable(holder))
    assert w.tolist() == [0, 0]
    inner, index = (holder, key) if key is not None else (holder[0][0], 3)
    assert inner[index].tolist() == [1, 1]


def test_an_array_put_in_place_is_changed_where_it_is_from_then_on(ask):
    w = np.zeros(2)
    params = [w]
    code = """
class Opt:
    def __init__(self, params): self.params = params
    def put(self): self.params[0] = self.params[0] + 1
    def add(self): self.params[0] += 2
"""
    with ask(code) as answer:
        opt = answer.Opt(mutable(params))
        opt.add()
        assert params[0] is w
        opt.put()
        other = params[0]
        opt.add()
        assert params[0] is other
    assert w.tolist() == [2, 2]
    assert other.tolist() == [5, 5]


def test_arrays_that_move_up_a_list_keep_their_values(ask):
    first, second = np.zeros(2), np.ones(2)
    items = [first, second]
    with ask("def f(items): del items[0]") as answer:
        answer.f(mutable(items))
    assert [item.tolist() for item in items] == [[1, 1]]
    assert first.tolist() == [0, 0]


def test_a_change_before_an_exception_is_seen(ask):
    x = np.zeros(2)
    with ask("def f(x):\n    x[0] = 1\n    raise ValueError('late')") as answer, pytest.raises(ValueError):
        answer.f(mutable(x))
    assert x[0] == 1


# What is not declared stays the test's own.

CHANGES = {
    "an array": ("x += 1", np.zeros(3)),
    "a long array": ("x[-1] = 7", np.zeros(2**16)),
    "an array without axes": ("x[...] = 2", np.array(5)),
    "integers": ("x[:] = 0", np.arange(4)),
    "a list's array": ("x[0][:] = 3", [np.zeros(2), 1]),
    "another array": ("x[0] = x[0] + 1", [np.zeros(2), 1]),
    "another number": ("x[1] = 5", [np.zeros(2), 1]),
    "a longer list": ("x.append(1)", [1, 2]),
    "a shorter list": ("del x[0]", [1, 2]),
    "a dict's array": ("x['w'] -= 1", {"w": np.zeros(2)}),
    "a new key": ("x['new'] = 1", {"w": np.zeros(2)}),
    "a key that is gone": ("del x['w']", {"w": np.zeros(2), "b": 1}),
    "a tuple's array": ("x[0][0] = 9", (np.zeros(2), 1)),
    "deep inside": ("x[0]['params'][0] += 1", [{"params": [np.zeros(2)]}, (np.ones(1),)]),
    "a shape": ("x.resize(3, refcheck=False)", np.zeros(2)),
}


@pytest.mark.parametrize(("line", "given"), CHANGES.values(), ids=CHANGES)
def test_an_argument_that_was_not_declared_stays_and_its_copy_is_known(ask, line, given):
    own, before = copy.deepcopy(given), snapshot(given)
    with ask(f"def f(x): {line}\ndef g(x): pass") as answer:
        answer.g(own)
        assert_unchanged(own, before)
        answer.f(own)
        np.testing.assert_equal(own, given)
        with pytest.raises(Mismatch, match="was changed by the call") as found:
            assert_unchanged((1, own), (1, before))
    assert found.value.kind == "changed_input"


def test_a_change_before_an_exception_is_known(ask):
    x, before = np.zeros(2), np.zeros(2)
    with ask("def f(x):\n    x[0] = 1\n    raise ValueError('late')") as answer, pytest.raises(ValueError):
        answer.f(x)
    assert x[0] == 0
    with pytest.raises(Mismatch):
        assert_unchanged(x, before)


def test_a_change_of_a_view_is_a_change_of_the_whole(ask):
    whole = np.arange(16.0).reshape(4, 4)
    before = snapshot(whole)
    with ask("def f(x): x += 1") as answer:
        answer.f(whole[::-2, 1:3])
        assert_unchanged(whole[0], before[0])
        assert_unchanged(whole[:, :1], before[:, :1])
        for part in (whole, whole[1], whole[:, 1], whole.T):
            with pytest.raises(Mismatch):
                assert_unchanged(part, part.copy())
    np.testing.assert_array_equal(whole, before)


def test_the_copy_of_another_array_is_no_change(ask):
    w = np.zeros(2)
    with ask("def f(holder): holder[0] = holder[0] + 1") as answer:
        holder = [w]
        answer.f(holder)
        assert_unchanged(w, np.zeros(2))
        with pytest.raises(Mismatch):
            assert_unchanged(holder, [np.zeros(2)])


def test_a_copy_that_is_as_it_was_has_not_changed(ask):
    x = np.array([1.0, np.nan])
    with ask("kept = []\ndef f(x):\n    kept.append(x)\n    x += 1\ndef g(): kept[0][...] -= 1") as answer:
        answer.f(x)
    with ask("def f(x):\n    x += 1\n    x -= 1") as answer:
        before = snapshot(x)
        assert_unchanged([np.nan, 1], [np.nan, 1])
        y = snapshot(x)
        answer.f(y)
        assert_unchanged(y, before)


def test_each_call_is_sent_the_tests_own_values(ask):
    x = np.zeros(2)
    with ask("def f(x):\n    x += 1\n    return x") as answer:
        assert [answer.f(x).tolist() for _ in range(3)] == [[1, 1]] * 3


def test_a_declaration_is_for_one_argument_of_one_call(ask):
    x, y = np.zeros(2), np.zeros(2)
    with ask("def f(x, y):\n    x += 1\n    y += 1") as answer:
        answer.f(mutable(x), y)
        answer.f(x, y=mutable(y))
    assert x.tolist() == [1, 1]
    assert y.tolist() == [1, 1]


def test_gradients_given_to_a_declared_optimizer_stay(ask):
    w, g = np.ones(2), np.ones(2)
    text = (
        "class SGD:\n    def __init__(self, p): self.p = p\n    def step(self, g):\n        g *= 9\n        self.p -= g"
    )
    with ask(text) as answer:
        answer.SGD(mutable(w)).step(g)
        assert w.tolist() == [-8, -8]
        assert g.tolist() == [1, 1]
        with pytest.raises(Mismatch):
            assert_unchanged(g, np.ones(2))


def test_what_our_functions_are_given_and_give_are_copies(ask):
    kept, ours = [], np.zeros(2)

    def log(x):
        kept.append(x)
        return ours

    with ask("import numpy as np\ndef f(log):\n    x = np.zeros(2)\n    y = log(x)\n    x += 1\n    y += 1") as answer:
        answer.f(log)
    assert kept[0].tolist() == [0, 0]
    assert ours.tolist() == [0, 0]


def test_what_was_returned_is_a_copy(ask):
    with ask("import numpy as np\nx = np.zeros(2)\ndef f():\n    global x\n    x += 1\n    return x") as answer:
        first = answer.f()
        answer.f()
    assert first.tolist() == [1, 1]


def test_a_generator_can_be_advanced_and_not_set(ask):
    rng = np.random.default_rng(3)
    chosen = np.random.default_rng(4).bit_generator.state
    text = f"chosen = {chosen}\ndef f(rng): rng.bit_generator.state = chosen\ndef g(rng): return rng.random(2)"
    with ask(text) as answer:
        answer.f(rng)
        assert rng.bit_generator.state == np.random.default_rng(3).bit_generator.state
        np.testing.assert_array_equal(answer.g(rng), np.random.default_rng(3).random(2))
    with ask("def f(rng): rng.bit_generator.advance(-1)") as answer:
        before = rng.bit_generator.state
        answer.f(rng)
        assert rng.bit_generator.state == before


def test_a_generator_has_the_children_of_its_seed(ask):
    with ask("def f(rng): return [child.random() for child in rng.spawn(2)]") as answer:
        for seed in (5, np.int64(8), [6, 2**70], np.arange(3), np.random.SeedSequence(7, spawn_key=(3,))):
            rng, other = np.random.default_rng(seed), np.random.default_rng(seed)
            if isinstance(seed, np.random.SeedSequence):
                other = np.random.default_rng(np.random.SeedSequence(7, spawn_key=(3,)))
            first = answer.f(rng)
            assert first == [child.random() for child in other.spawn(2)]
            assert answer.f(rng) == [child.random() for child in other.spawn(2)]
            assert rng.spawn(1)[0].random() == other.spawn(1)[0].random()


# What is no plain data keeps its class and all it holds.

HEAD = """
from collections import OrderedDict, defaultdict, namedtuple
from dataclasses import dataclass
import numpy as np
class Cache(dict): pass
class Layers(list):
    def total(self): return sum(self)
@dataclass
class Data:
    x: int
Pair = namedtuple("Pair", "x y")
large = 10 * 2**20
def nested(c, times):
    for _ in range(times): c = [c]
    return c
def inside(c):
    while type(c) is list: c = c[0]
    return c
def with_attribute(x):
    c = Cache(x=x)
    c.n = 3
    return c
def with_default(x):
    c = defaultdict(lambda: 3)
    c["x"] = x
    return c
def in_itself(x):
    c = [x]
    c.append(c)
    return c
"""
KEEPS = {  # what f(x) returns, and what g(c) makes of it, so that g(f(1)) is 4
    "a dict with attributes": ("with_attribute(x)", "c.n + c['x']"),
    "a list with a method": ("Layers([x, 3])", "c.total()"),
    "a defaultdict": ("with_default(x)", "c['x'] + c['more']"),
    "an ordered dict": ("OrderedDict(a=3, x=x)", "c.move_to_end('a') or c['x'] + c['a']"),
    "very many positions": ("({(i, i % 7): i for i in range(5000)}, x)", "len(c[0]) - 4997 + c[1]"),
    "very many values": ("{'x': x, 'all': list(range(300_000))}", "c['x'] + len(c['all']) - 299_997"),
    "very deep": ("nested(x, 100)", "inside(c) + 3"),
    "a list that holds itself": ("in_itself(x)", "c[1][1][0] + 3"),
    "very large": ("(np.ones(large), x)", "int(c[0][:3].sum()) + c[1]"),
    "a long text": ("['a' * 5_000_000, x]", "c[1] + len(c[0]) - 4_999_997"),
    "a named tuple of large arrays": ("Pair(x, np.ones(large))", "c.x + int(c.y[:3].sum())"),
    "a dataclass": ("[Data(x), 3]", "c[0].x + c[1]"),
}


@pytest.mark.parametrize(("made", "used"), KEEPS.values(), ids=KEEPS)
def test_a_cache_comes_back_as_it_went(ask, made, used):
    with ask(f"{HEAD}\ndef f(x): return {made}\ndef g(c): return {used}") as answer:
        cache = answer.f(1)
        assert answer.g(cache) == 4
        assert answer.g(snapshot(cache)) == 4


def test_what_is_in_an_instance_of_a_subclass_is_data(ask):
    text = "from collections import OrderedDict\nclass L(list): pass\ndef f(): return OrderedDict(w=L([1, 2]))"
    with ask(text) as answer:
        found = answer.f()
        assert found == {"w": [1, 2]}
        assert isinstance(found, dict)
        assert isinstance(found["w"], list)


def test_an_instance_of_a_subclass_that_the_test_changed_is_sent_as_it_is_now(ask):
    text = "from collections import OrderedDict\ndef f(): return OrderedDict(w=1)\ndef g(d): return d['w']"
    with ask(text) as answer:
        params = answer.f()
        params["w"] = 5
        assert answer.g(params) == 5


def test_a_named_tuple_whose_array_the_test_changed_is_sent_as_it_is_now(ask):
    text = "from collections import namedtuple\nimport numpy as np\nC = namedtuple('C', 'x')\n"
    text += "def f(): return C(np.zeros(2))\ndef g(c): return float(c[0].sum())"
    with ask(text) as answer:
        cache = answer.f()
        cache[0][0] = 5
        assert answer.g(cache) == 5


def test_what_is_too_large_to_be_sent_says_so(ask):
    with ask("def f(): return list(range(300_000))") as answer, pytest.raises(Mismatch, match="too large or too deep"):
        check(False, describe(answer.f()))


# An object of theirs tells nothing while a function of ours runs.

LOOKS = {
    "an attribute": lambda x: x.shape,
    "a call": lambda x: x(1),
    "a method": lambda x: x.mean(),
    "iteration": list,
    "a number": float,
    "an array": lambda x: np.asarray(x).sum() + 1,
    "arithmetic": lambda x: x + 1,
    "an index": lambda x: x[0],
    "a length": len,
    "a comparison": lambda x: check(x < 1, "no"),
    "a format": lambda x: f"{x:.2f}",
}


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_an_object_in_a_callback_is_a_value_of_the_wrong_type(ask, look):
    with ask("class Odd:\n    pass\ndef f(log): return log(Odd())\ndef g(): return 5") as answer:
        with pytest.raises((TypeError, AttributeError)):
            answer.f(look)
        assert answer.f(lambda x: hasattr(x, "shape")) is False
        assert answer.g() == 5


def test_a_generator_of_random_numbers_is_advanced(ask):
    rng, other = np.random.default_rng(3), np.random.default_rng(3)
    with ask("def f(rng, n): return rng.normal(size=n)") as answer:
        np.testing.assert_array_equal(answer.f(rng, 4), other.normal(size=4))
        np.testing.assert_array_equal(answer.f(rng, 1), other.normal(size=1))
    assert rng.random() == other.random()


BATCHES = """
def batches(x, size, rng):
    order = rng.permutation(len(x))
    for start in range(0, len(x), size):
        yield x[order[start : start + size]], rng.random()
"""


def test_a_generator_function_is_iterated_and_advances_its_rng(ask):
    rng, other = np.random.default_rng(5), np.random.default_rng(5)
    with ask(BATCHES) as answer:
        found = [(batch.tolist(), number) for batch, number in answer.batches(np.arange(5), 2, rng)]
    order = other.permutation(5)
    assert [batch for batch, _ in found] == [order[:2].tolist(), order[2:4].tolist(), order[4:].tolist()]
    assert [number for _, number in found] == [other.random() for _ in range(3)]
    assert rng.random() == other.random()


def test_an_exception_while_iterating_is_raised_there(ask):
    with ask("def f():\n    yield 1\n    raise ValueError('second')") as answer:
        items = iter(answer.f())
        assert next(items) == 1
        with pytest.raises(ValueError, match="second"):
            next(items)


def test_an_iterator_is_used_up(ask):
    with ask("def f(): return iter([1, 2])") as answer:
        items = answer.f()
        assert list(items) == [1, 2]
        assert list(items) == []


def test_an_object_that_can_be_iterated_starts_anew_each_time(ask):
    with ask("class Data:\n    def __iter__(self): return iter([1, 2])\ndata = Data()") as answer:
        assert list(answer.data) == list(answer.data) == [1, 2]


SGD = """
class SGD:
    scale = 2

    def __init__(self, params, lr=0.1):
        self.params, self.lr, self.steps = params, lr, 0

    def step(self, grads):
        self.steps += 1
        for p, g in zip(self.params, grads):
            p -= self.lr * g

    def double(self, x):
        return self.scale * x
"""


def test_an_optimizer_changes_the_arrays_it_was_made_with(ask):
    w = np.ones(3)
    with ask(SGD) as answer:
        optimizer = answer.SGD(mutable([w]), lr=0.5)
        optimizer.step([np.ones(3)])
        assert w.tolist() == [0.5] * 3
        optimizer.step([np.ones(3)])
        assert w.tolist() == [0.0] * 3


def test_an_optimizer_made_with_a_dict_changes_it(ask):
    params = {"w": np.ones(2)}
    w = params["w"]
    with ask("class Decay:\n    def __init__(self, p): self.p = p\n    def step(self): self.p['w'] *= 0.5") as answer:
        answer.Decay(mutable(params)).step()
    assert w.tolist() == [0.5, 0.5]


def test_attributes_of_an_object_are_read_as_they_are_now(ask):
    with ask(SGD) as answer:
        optimizer = answer.SGD([np.ones(1)])
        assert optimizer.lr == 0.1
        assert optimizer.steps == 0
        optimizer.step([np.ones(1)])
        assert optimizer.steps == 1


def test_an_object_behind_an_attribute_is_the_one_that_is_there_now(ask):
    text = """
        class Node:
            def __init__(self, n): self.n = n
            def next(self): self.child = Node(self.n + 1)
        """
    with ask(text) as answer:
        node = answer.Node(0)
        node.next()
        assert node.child.n == 1
        node.child.next()
        first = node.child
        node.next()
        assert first.child.n == 2
        assert not hasattr(node.child, "child")


def test_class_attributes_are_read(ask):
    with ask(SGD) as answer:
        assert answer.SGD.scale == 2


def test_methods_take_arguments_by_name(ask):
    with ask(SGD) as answer:
        assert answer.SGD([]).double(x=4) == 8


def test_callable_objects_are_called(ask):
    with ask("class Layer:\n    def __call__(self, x): return x + 1\nlayer = Layer()") as answer:
        assert answer.layer(1) == 2


def test_a_named_tuple_has_its_items_and_can_be_handed_back(ask):
    text = """
        from collections import namedtuple
        import numpy as np
        Cache = namedtuple("Cache", "x y")
        def forward(x): return x * 2, Cache(x, len(x))
        def backward(g, cache): return g * cache.x + cache.y
        """
    with ask(text) as answer:
        _, cache = answer.forward(np.arange(3.0))
        assert isinstance(cache, tuple)
        assert cache[1] == 3
        assert answer.backward(1.0, cache).tolist() == [3, 4, 5]


def test_an_object_can_be_handed_back_as_a_cache(ask):
    text = """
        class Cache:
            def __init__(self, x): self.x = x
        def forward(x): return x.sum(), {"cache": Cache(x)}
        def backward(g, caches): return g * caches["cache"].x
        """
    with ask(text) as answer:
        total, caches = answer.forward(np.arange(3.0))
        assert total == 3
        assert answer.backward(2.0, caches).tolist() == [0, 2, 4]


def test_a_function_of_theirs_can_be_handed_back(ask):
    with ask("def square(x): return x * x\ndef twice(f, x): return f(f(x))") as answer:
        assert answer.twice(answer.square, 3) == 81


def test_a_function_of_ours_is_called_with_their_arguments(ask):
    seen = []

    def log(epoch, *, loss):
        seen.append((epoch, loss))
        return epoch * 10

    with ask("def train(log): return [log(e, loss=e / 2) for e in range(3)]") as answer:
        assert answer.train(log) == [0, 10, 20]
    assert seen == [(0, 0.0), (1, 0.5), (2, 1.0)]


def test_an_error_of_our_own_function_comes_back_to_us(ask):
    def fail(x):
        raise Mismatch("the loss rose", "wrong_value")

    with ask("def train(f): return f(1)") as answer, pytest.raises(Mismatch, match="the loss rose"):
        answer.train(fail)


def test_after_an_error_of_our_own_function_the_next_call_works(ask):
    def fail(x):
        raise Mismatch("no")

    with ask("def train(f): return f(1)") as answer:
        with pytest.raises(Mismatch):
            answer.train(fail)
        assert answer.train(lambda x: x + 1) == 2


def test_a_module_keeps_its_state_within_one_test(ask):
    with ask("n = 0\ndef count():\n    global n\n    n += 1\n    return n") as answer:
        assert [answer.count(), answer.count()] == [1, 2]


STATE = """
    import os, tempfile
    import numpy as np
    n = 0
    def count():
        global n
        n += 1
        return n
    def draw(): return float(np.random.random())
    """


def test_module_globals_do_not_carry_to_the_next_test(ask):
    for _ in range(2):
        with ask(STATE) as answer:
            assert answer.count() == 1


def test_numpy_as_they_changed_it_does_not_carry_to_the_next_test(ask_remote):
    text = "import numpy as np\ndef spoil(): np.exp = lambda x: x\ndef f(x): return float(np.exp(x))"
    with ask_remote(text) as answer:
        answer.spoil()
        assert answer.f(0.0) == 0.0
    with ask_remote(text) as answer:
        assert answer.f(0.0) == 1.0


def test_the_global_random_state_is_the_same_at_the_start_of_every_test(ask_remote):
    found = []
    for _ in range(2):
        with ask_remote(STATE) as answer:
            found.append([answer.draw(), answer.draw()])
    assert found[0] == found[1]
    assert found[0][0] != found[0][1]


@pytest.mark.parametrize("folder", ["/tmp", "/dev/shm", "/tmp/submission"])
def test_files_do_not_carry_to_the_next_test(ask_remote, folder):
    text = f"""
        import os
        def leave(): open("{folder}/left", "w").write("x")
        def found(): return os.path.exists("{folder}/left")
        """
    with ask_remote(text) as answer:
        answer.leave()
        assert answer.found()
    with ask_remote(text) as answer:
        assert not answer.found()


def test_a_file_of_theirs_may_import_another_one(tmp_path, sandbox):
    files = {"answer.py": b"from layers import f\n", "layers.py": b"import answer\ndef f(): return 5\n"}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    assert Local(tmp_path, "answer").f() == 5
    with sandbox.worker() as worker:
        assert Remote(worker, files, "answer", Limits()).f() == 5


def test_state_in_another_file_of_theirs_does_not_carry_to_the_next_test(tmp_path, sandbox):
    files = {"answer.py": b"import store\ndef count():\n    store.n += 1\n    return store.n", "store.py": b"n = 0\n"}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    for _ in range(2):
        assert Local(tmp_path, "answer").count() == 1
        with sandbox.worker() as worker:
            assert Remote(worker, files, "answer", Limits()).count() == 1
