"""Tensors and modules between judge and student: numbers cross, graphs and code do not. In the real sandbox."""

from __future__ import annotations

import copy
import re
import textwrap
from contextlib import contextmanager

import numpy as np
import pytest
from frames import arrays, crossed, decoded
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder import wire
from autograder.course.manifest import Limits
from autograder.sandbox import Sandbox
from autograder.student import StudentRaised
from autograder.student.local import Local
from autograder.student.remote import Remote
from autograder.testing import (
    Mismatch,
    assert_close,
    assert_equal,
    assert_unchanged,
    lend,
    module_of,
    mutable,
    snapshot,
    value_and_gradients,
)

torch = pytest.importorskip("torch")
nn = torch.nn

STUDENT = """
import torch
from torch import nn

def same(x): return x
def shape(x): return [str(x.dtype), list(x.shape)]
def doubled(x): x.mul_(2)
def replaced(xs): xs[0] = xs[0] + 1
def with_graph(x): return (x.requires_grad_() * 2).sum()
def parameter(): return nn.Parameter(torch.ones(2))
def sparse(): return torch.eye(2).to_sparse()
def detached(x): return x.detach().sum()
def not_a_tensor(x): return 3.0
def state(model): return model.state_dict()
def run(model, x): return model(x)
def square(x, w): return (x * w) ** 2
def total(model, x): return model(x).sum()
def linear_part(model, x):
    with torch.no_grad():
        found = model[0](x)
        model[1](found)
    return found
def double_first(model):
    with torch.no_grad():
        model[0].weight.mul_(2)
def drawn(): return torch.rand(3)
class Net(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.layer = nn.Linear(2, width)
    def forward(self, x): return self.layer(x)
"""


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(["numpy", "torch"], Limits(memory_mb=768)) as sandbox:
        yield sandbox


@pytest.fixture(params=["local", "remote"])
def student(request, tmp_path):
    @contextmanager
    def opened():
        if request.param == "local":
            (tmp_path / "answer.py").write_text(textwrap.dedent(STUDENT))
            yield Local(tmp_path, "answer")
            return
        with request.getfixturevalue("sandbox").worker() as worker:
            limits = Limits(seconds=20, test_seconds=60)
            yield Remote(worker, {"answer.py": textwrap.dedent(STUDENT).encode()}, "answer", limits)

    with opened() as student:
        yield student


@settings(max_examples=60, deadline=None, database=None)
@given(array=arrays())
def test_a_tensor_comes_back_with_its_bits(array):
    if array.dtype.name in wire.TENSOR_DTYPES and all(stride >= 0 for stride in array.strides):
        tensor = torch.from_numpy(array.astype(array.dtype.newbyteorder("=")).copy())
        back = crossed(tensor)
        assert type(back) is torch.Tensor
        assert (back.dtype, back.shape) == (tensor.dtype, tensor.shape)
        assert back.numpy().tobytes() == tensor.numpy().tobytes()


@pytest.mark.parametrize("name", wire.TENSOR_DTYPES)
def test_every_dtype_crosses(student, name):
    tensor = torch.tensor([[0.0, 1.0, 2.0]]).to(getattr(torch, name))
    assert student.shape(tensor) == [f"torch.{name}", [1, 3]]
    back = student.same(tensor)
    assert (type(back), back.dtype) == (torch.Tensor, tensor.dtype)
    assert torch.equal(back, tensor)


def test_views_scalars_and_empty_ones_cross(student):
    grid = torch.arange(12.0).reshape(3, 4)
    for tensor in (grid.T, grid[:, ::2], torch.ones(1).expand(5), torch.tensor(2.5), torch.ones(0, 3)):
        assert torch.equal(student.same(tensor), tensor)


def test_a_tensor_with_a_graph_is_its_numbers(student):
    value = student.with_graph(torch.ones(3))
    assert_close(value, torch.tensor(6.0))
    assert_close(value, 6.0)


def test_what_is_no_plain_tensor_is_no_tensor(student):
    """A subclass, or another layout: a test that compares it says so."""
    for value in (student.parameter(), student.sparse()):
        with pytest.raises(Mismatch, match="expected a torch tensor"):
            assert_close(value, torch.ones(2))


def test_changes_of_tensors_that_are_not_declared_are_kept_apart(student):
    whole = torch.arange(6.0).reshape(2, 3)
    before = whole.clone()
    student.doubled(whole[1])
    assert whole.tolist() == before.tolist()
    assert_unchanged(whole[0], before[0])
    for part in (whole, whole[1], whole[:, 1], [whole]):
        with pytest.raises(Mismatch):
            assert_unchanged(part, snapshot(part))


def test_changes_of_tensors_are_seen(student):
    x = torch.arange(3.0)
    student.doubled(mutable(x))
    assert x.tolist() == [0.0, 2.0, 4.0]
    first = torch.zeros(2)
    xs = [first]
    student.replaced(mutable(xs))
    assert (xs[0].tolist(), first.tolist()) == ([1.0, 1.0], [0.0, 0.0])


@pytest.mark.parametrize(
    "model, x",
    [
        (nn.Sequential(nn.Conv2d(1, 2, (3, 2), stride=2, padding=1, bias=False), nn.BatchNorm2d(2)), (2, 1, 6, 5)),
        (nn.Sequential(nn.Flatten(), nn.Linear(6, 4), nn.LeakyReLU(0.3), nn.Dropout(0.4), nn.Tanh()), (2, 2, 3)),
        (nn.Sequential(nn.Sequential(nn.ConvTranspose2d(2, 3, 4, 2, 1)), nn.MaxPool2d(2), nn.Sigmoid()), (1, 2, 4, 4)),
        (nn.Sequential(nn.Unflatten(1, (1, 2, 3)), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Softmax(1)), (2, 6)),
    ],
)
def test_a_lent_module_computes_what_it_does_here(student, model, x):
    torch.manual_seed(0)
    model.eval()
    x = torch.randn(x)
    lent = lend(student, model)
    assert_close(student.run(lent, x), model(x).detach(), rtol=1e-5, atol=1e-6)
    assert_close(lent(x), model(x).detach(), rtol=1e-5, atol=1e-6)
    assert_equal(dict(student.state(lent)), dict(model.state_dict()))
    assert lent.training is False


def test_a_lent_module_keeps_its_mode_and_what_is_frozen(student):
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    model[1].eval()
    model[0].weight.requires_grad_(False)
    lent = lend(student, model)
    named = {name: parameter.requires_grad for name, parameter in lent.named_parameters()}
    assert named == {"0.weight": False, "0.bias": True, "1.weight": True, "1.bias": True}
    assert lent.training is True
    _, (gradients, _) = value_and_gradients(student.total, lent, torch.randn(4, 2))
    assert sorted(gradients) == ["0.bias", "1.bias", "1.weight"]


@pytest.mark.parametrize("layer", [nn.ReLU, nn.LeakyReLU])
@pytest.mark.parametrize("inplace", [True, False])
def test_a_lent_layer_works_in_place_if_it_does_here(student, layer, inplace):
    x = torch.tensor([[-1.0, 2.0]])
    model = nn.Sequential(nn.Identity(), layer(inplace=inplace))
    found = student.linear_part(lend(student, model), x)
    assert_close(found, layer()(x) if inplace else x)


def test_a_lent_module_keeps_its_dtype(student):
    lent = lend(student, nn.Sequential(nn.Linear(2, 1), nn.BatchNorm1d(1)).double())
    assert {tensor.dtype for tensor in lent.state_dict().values()} == {torch.float64, torch.int64}


def test_what_is_done_to_a_lent_module_is_seen_by_its_handle(student):
    model = nn.Sequential(nn.Linear(2, 1))
    before = copy.deepcopy(model.state_dict())
    lent = lend(student, model)
    student.double_first(lent)
    assert_close(lent.state_dict()["0.weight"], 2 * before["0.weight"])
    assert_equal(dict(model.state_dict()), dict(before))


def test_a_module_there_or_here_is_a_module(student):
    lent, here = lend(student, nn.Sequential(nn.Linear(2, 1))), nn.Linear(2, 1)
    assert module_of(lent) is lent
    assert module_of(here) is here


@pytest.mark.parametrize(
    "answer, described",
    [(None, "None"), (1.0, "a float"), ([1, 2], "a list of length 2"), (torch.zeros(2), "a tensor of shape (2,)")],
)
def test_data_in_place_of_a_module_are_described(answer, described):
    with pytest.raises(Mismatch, match=re.escape(f"what build returned is {described}")) as caught:
        module_of(answer, what="what build returned")
    assert caught.value.kind == "wrong_type"


def test_a_layer_without_a_recipe_cannot_be_lent(student):
    model = nn.Sequential(nn.Bilinear(1, 1, 1))
    with pytest.raises(TypeError, match="a Bilinear cannot cross"):
        lend(student, model)
    with pytest.raises(TypeError, match="lend"):
        student.run(nn.Linear(1, 1), torch.ones(1, 1))


def test_a_students_own_module_is_a_handle_that_can_be_called(student):
    net = student.Net(3)
    x = torch.randn(4, 2)
    state = dict(net.state_dict())
    assert sorted(state) == ["layer.bias", "layer.weight"]
    assert_close(net(x), x @ state["layer.weight"].T + state["layer.bias"], rtol=1e-5, atol=1e-6)
    assert [tuple(parameter.shape) for parameter in net.parameters()] == [(3, 2), (3,)]
    state["layer.bias"] = torch.ones(3)
    net.load_state_dict(state)
    assert_close(net.state_dict()["layer.bias"], torch.ones(3))


@settings(max_examples=10, deadline=None, database=None)
@given(numbers=st.lists(st.floats(-3, 3), min_size=1, max_size=4), w=st.floats(-2, 2))
def test_gradients_are_those_of_the_formula(numbers, w):
    """(x w)^2 weighted by u has the gradient 2 u x w^2 in x and 2 u x^2 w in w."""
    x, u = torch.tensor(numbers, dtype=torch.float64), torch.arange(1.0, len(numbers) + 1, dtype=torch.float64)
    for function in (lambda x, w: (x * w) ** 2,):
        value, (dx, dw) = value_and_gradients(function, x, torch.tensor(w, dtype=torch.float64), weights=u)
        assert_close(value, (x * w) ** 2)
        assert_close(dx, 2 * u * x * w**2, atol=1e-12)
        assert_close(dw, (2 * u * x**2 * w).sum(), atol=1e-12)


def test_gradients_come_from_the_students_side(student):
    x, w = torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0])
    before = snapshot(x, w)
    value, (dx, dw) = value_and_gradients(student.square, x, w, weights=torch.tensor([1.0, 10.0]))
    assert_close(value, torch.tensor([9.0, 64.0]))
    assert_close(dx, torch.tensor([18.0, 640.0]))
    assert_close(dw, torch.tensor([6.0, 320.0]))
    assert_unchanged((x, w), before)
    net = student.Net(1)
    _, (gradients, dx) = value_and_gradients(student.run, net, torch.ones(2, 2))
    assert_close(gradients, {"layer.weight": torch.tensor([[2.0, 2.0]]), "layer.bias": torch.tensor([2.0])})
    assert dx.shape == (2, 2)


def test_a_value_without_a_graph_has_no_gradients(student):
    with pytest.raises(ValueError, match="do not detach"):
        value_and_gradients(student.detached, torch.ones(2))
    with pytest.raises(TypeError, match="expected a tensor"):
        value_and_gradients(student.not_a_tensor, torch.ones(2))


def test_draws_without_a_seed_are_the_same_in_every_process(sandbox):
    drawn = []
    for _ in range(2):
        with sandbox.worker() as worker:
            drawn.append(Remote(worker, {"answer.py": STUDENT.encode()}, "answer", Limits()).drawn().tolist())
    assert drawn[0] == drawn[1]


def test_nothing_is_watched_where_nobody_asks_for_it(sandbox):
    with sandbox.worker() as worker:
        student = Remote(worker, {"answer.py": STUDENT.encode()}, "answer", Limits(), watch=False)
        x = torch.ones(2)
        student.doubled(x)
        assert x.tolist() == [1.0, 1.0]
        net = student.Net(1)
        assert net(torch.ones(1, 2)).shape == (1, 1)


def test_an_exception_over_there_is_one_here(student):
    if isinstance(student, Remote):
        with pytest.raises(StudentRaised):
            student.square(torch.ones(2), torch.ones(3))


@pytest.mark.parametrize(
    "tree",
    [["x", "float32", [2**40]], ["x", "complex64", [1]], ["x", "float32", [-1]], ["x", "float32"], ["x", 3, [1]]],
)
def test_what_is_no_tensor_is_a_wire_error(tree):
    with pytest.raises(wire.WireError):
        decoded(tree, bytes(8))


def test_a_tensor_where_there_is_no_torch_is_a_wire_error(monkeypatch):
    monkeypatch.delitem(__import__("sys").modules, "torch")
    with pytest.raises(wire.WireError, match="no torch"):
        decoded(["x", "float32", [2]], bytes(8))


def test_odd_bytes_of_a_bool_are_true():
    """Both in arrays and in tensors: 2 counts as two in some sums."""
    assert decoded(["x", "bool", [3]], b"\0\1\2").tolist() == [False, True, True]
    assert decoded(["a", "|b1", [3]], b"\0\1\2").sum() == 2


def test_tensors_are_compared_by_type_shape_dtype_and_value():
    one = torch.ones(2)
    assert_close(torch.ones(2), one)
    assert_equal(torch.tensor([1, 2]), torch.tensor([1, 2], dtype=torch.int32))
    for wrong, words in (
        (np.ones(2, np.float32), "expected a torch tensor"),
        (torch.ones(3), "has shape"),
        (torch.ones(2, dtype=torch.float64), "has dtype"),
        (torch.tensor([1.0, float("nan")]), "nan"),
        (nn.Parameter(one), "expected a torch tensor"),
        (None, "expected a torch tensor"),
    ):
        with pytest.raises(Mismatch, match=words):
            assert_close(wrong, one)
    assert_close(torch.ones(2, dtype=torch.float64), one, any_float=True)
    assert_close(torch.ones(2, dtype=torch.bfloat16), torch.ones(2, dtype=torch.bfloat16))
    with pytest.raises(Mismatch, match="changed"):
        assert_unchanged(torch.ones(2), torch.zeros(2))
