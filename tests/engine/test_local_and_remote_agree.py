"""`student` on a laptop and `student` in the grader: one battery, run against both, must see the same.

Each test states one behaviour of a student's module as a test file sees it; a difference between the two would show a
student one verdict at home and another one on the server.
"""

from __future__ import annotations

import builtins

import numpy as np
import pytest

from autograder.manifest import Limits
from autograder.student.local import Local
from autograder.student.remote import Remote
from autograder.testing import Mismatch, assert_raises


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
        assert answer.f(x) is None
    assert x[1, 2] == 7
    assert x.sum() == 7


def test_a_long_array_changed_in_place_is_seen(ask):
    x = np.zeros(2**16)
    with ask("def f(x): x[-1] = 7") as answer:
        answer.f(x)
    assert x[-1] == 7


def test_an_array_behind_a_view_changed_in_place_is_seen(ask):
    whole = np.zeros((4, 4))
    with ask("def f(x): x += 1") as answer:
        answer.f(whole[::2, 1:3])
    assert whole.sum() == 4


def test_an_argument_given_by_name_and_changed_is_seen(ask):
    x = np.zeros(2)
    with ask("def f(*, x): x += 1") as answer:
        answer.f(x=x)
    assert x.tolist() == [1, 1]


def test_an_argument_that_is_left_alone_stays(ask):
    x = np.arange(3.0)
    with ask("def f(x): x = x + 1; return x") as answer:
        answer.f(x)
    assert x.tolist() == [0, 1, 2]


def test_a_list_changed_in_place_is_seen(ask):
    items = [1, 2]
    with ask("def f(items): items.append(3); items[0] = 'a'") as answer:
        answer.f(items)
    assert items == ["a", 2, 3]


def test_a_list_made_shorter_is_seen(ask):
    items = [1, 2, 3]
    with ask("def f(items): del items[0]") as answer:
        answer.f(items)
    assert items == [2, 3]


def test_a_dict_changed_in_place_is_seen(ask):
    params = {"w": np.zeros(2), "gone": 1}
    w = params["w"]
    with ask("def f(params): params['w'] -= 1; params['new'] = 5; del params['gone']") as answer:
        answer.f(params)
    assert set(params) == {"w", "new"}
    assert params["w"] is w
    assert w.tolist() == [-1, -1]


def test_arrays_deep_in_containers_are_changed_where_they_are(ask):
    w, b = np.zeros(2), np.zeros(1)
    layers = [{"params": [w]}, (b,)]
    with ask("def f(layers):\n    layers[0]['params'][0] += 1\n    layers[1][0][0] = 9") as answer:
        answer.f(layers)
    assert w.tolist() == [1, 1]
    assert b.tolist() == [9]
    assert layers[0]["params"][0] is w
    assert layers[1][0] is b


def test_arrays_in_a_tuple_are_changed_where_they_are(ask):
    w = np.zeros(2)
    with ask("def f(pair): pair[0][:] = 4") as answer:
        answer.f((w, 1))
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
        answer.f(holder)
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
        opt = answer.Opt(params)
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
        answer.f(items)
    assert [item.tolist() for item in items] == [[1, 1]]
    assert first.tolist() == [0, 0]


def test_a_change_before_an_exception_is_seen(ask):
    x = np.zeros(2)
    with ask("def f(x):\n    x[0] = 1\n    raise ValueError('late')") as answer, pytest.raises(ValueError):
        answer.f(x)
    assert x[0] == 1


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
        optimizer = answer.SGD([w], lr=0.5)
        optimizer.step([np.ones(3)])
        assert w.tolist() == [0.5] * 3
        optimizer.step([np.ones(3)])
        assert w.tolist() == [0.0] * 3


def test_an_optimizer_made_with_a_dict_changes_it(ask):
    params = {"w": np.ones(2)}
    w = params["w"]
    with ask("class Decay:\n    def __init__(self, p): self.p = p\n    def step(self): self.p['w'] *= 0.5") as answer:
        answer.Decay(params).step()
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
