"""For assignments in PyTorch: modules of the test's own in a student's hands, and gradients of a student's functions.

On a laptop both are plain torch. In the grader neither a module nor a graph crosses: the module is made anew over there
from a recipe and its named tensors, and what is differentiated is differentiated there. (Nothing here imports torch.)
"""

from __future__ import annotations

import copy
import sys
from typing import Any

from autograder.testing.comparable import describe
from autograder.testing.mismatch import check


def lend(student: Any, module: Any) -> Any:
    """The module, so that a student's functions can be called with it.

    module : of torch.nn's own layers (Sequential, Linear, Conv2d, BatchNorm2d, Dropout, ReLU, ...), at any depth.
    Returns a copy on a laptop, in the grader a handle to a copy over there: parameters, buffers, train or eval mode
    and `requires_grad` are those of `module`, which never changes. What a call did to it is seen by
    `handle.state_dict()` (a dict of tensors), `handle.training`, and by calling it.
    Raises TypeError in the grader for a layer that has no recipe.
    """
    there = getattr(type(student), "__lend__", None)
    return copy.deepcopy(module) if there is None else there(student, module)


def module_of(answer: Any, *, what: str = "the answer") -> Any:
    """`answer`, where a function promises an nn.Module. Raises Mismatch for None, numbers, tensors and containers."""
    torch = sys.modules.get("torch")
    here, there = torch is not None and isinstance(answer, torch.nn.Module), hasattr(answer, "_remote_type")
    check(here or there, f"{what} is {describe(answer)}, expected a module", "wrong_type")
    return answer


def value_and_gradients(function: Any, *arguments: Any, weights: Any = None) -> tuple[Any, list[Any]]:
    """(f(*arguments), the gradients of  sum(weights * f(*arguments))  in each argument).

    function : of the student's, whose value is a tensor.   weights : a tensor that broadcasts; ones by default.
    The gradient in a float tensor is a tensor of its shape; in a module (lent, or of the student's) a dict from
    parameters' names to tensors, without the frozen ones; in anything else None.
    Raises TypeError where the value is no tensor, ValueError where it is detached from its inputs.
    """
    remote = getattr(type(function), "__gradients__", None)
    if remote is not None:
        answer: tuple[Any, list[Any]] = remote(function, arguments, weights)
        return answer
    from autograder.student_process import tensors

    return tensors.value_and_gradients(function, list(arguments), weights)
