"""What a worker does with torch for the judge: modules from a recipe, and gradients. Loaded when first asked for.

    recipe = [name of a layer in torch.nn, {argument: value}, [(name, recipe) of what is in it]]

Modules never cross as objects. What the judge wants a student's function to work on, it describes by layers of torch's
own with their arguments and their state, as arrays by name; it is built here, and stays.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

# Layers by the arguments that make them, each of which is an attribute of the layer, too.
CONVOLUTION = ("in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation", "groups", "bias")
NORM = ("num_features", "eps", "momentum", "affine", "track_running_stats")
LAYERS: dict[str, tuple[str, ...]] = {
    "Sequential": (),
    "Identity": (),
    "Linear": ("in_features", "out_features", "bias"),
    "Conv2d": CONVOLUTION,
    "ConvTranspose2d": (*CONVOLUTION, "output_padding"),
    "BatchNorm1d": NORM,
    "BatchNorm2d": NORM,
    "Dropout": ("p",),
    "Dropout2d": ("p",),
    "MaxPool2d": ("kernel_size", "stride", "padding"),
    "AvgPool2d": ("kernel_size", "stride", "padding"),
    "AdaptiveAvgPool2d": ("output_size",),
    "Flatten": ("start_dim", "end_dim"),
    "Unflatten": ("dim", "unflattened_size"),
    "ReLU": ("inplace",),
    "LeakyReLU": ("negative_slope", "inplace"),
    "Tanh": (),
    "Sigmoid": (),
    "Softmax": ("dim",),
}


def recipe_of(module: nn.Module) -> list[Any]:
    """The recipe of a module of torch's own layers. Raises TypeError for any other, at whatever depth."""
    kind = type(module).__name__
    if type(module) is not getattr(nn, kind, None) or kind not in LAYERS:
        raise TypeError(f"a {kind} cannot cross to the student's process; build it of {', '.join(LAYERS)}")
    words = {name: getattr(module, name) for name in LAYERS[kind]}
    if "bias" in words:
        words["bias"] = words["bias"] is not None
    inside = [(name, recipe_of(child)) for name, child in module.named_children()]
    return [kind, {name: _plain(value) for name, value in words.items()}, inside]


def build(recipe: list[Any], state: dict[str, Any]) -> nn.Module:
    """The module of a recipe, with these tensors in it by their names in its state dict."""
    module = _made(recipe)
    if kinds := {tensor.dtype for tensor in state["tensors"].values() if tensor.is_floating_point()}:
        module.to(max(kinds, key=lambda dtype: dtype.itemsize))
    module.load_state_dict(state["tensors"])
    # Whether it trains, and whether its parameters do, layer by layer: neither is in a state dict.
    for layer, training in zip(module.modules(), state["training"], strict=True):
        layer.training = training
    for parameter, wanted in zip(module.parameters(), state["requires_grad"], strict=True):
        parameter.requires_grad_(wanted)
    return module


def state_of(module: nn.Module) -> dict[str, Any]:
    """What `build` wants beside a recipe."""
    return {
        "tensors": {name: tensor.detach() for name, tensor in module.state_dict().items()},
        "training": [layer.training for layer in module.modules()],
        "requires_grad": [parameter.requires_grad for parameter in module.parameters()],
    }


def value_and_gradients(function: Any, arguments: list[Any], weights: Any) -> tuple[Any, list[Any]]:
    """(f(*arguments), for each argument the gradient of sum(weights * f)), by torch's own differentiation.

    The gradient of a float tensor is a tensor; of a module, a dict from the names of its parameters to tensors (zeros
    where the value does not depend on one); of anything else, None. weights : None means ones.
    """
    given = [a.detach().clone().requires_grad_() if _is_float_tensor(a) else a for a in arguments]
    sources: dict[tuple[int, str], torch.Tensor] = {}
    for place, argument in enumerate(given):
        if _is_float_tensor(argument):
            sources[place, ""] = argument
        elif isinstance(argument, nn.Module):
            named = argument.named_parameters()
            sources |= {(place, name): parameter for name, parameter in named if parameter.requires_grad}
    value = function(*given)
    if not isinstance(value, torch.Tensor):
        raise TypeError(f"returned a {type(value).__name__}, expected a tensor that can be differentiated")
    total = value.sum() if weights is None else (weights * value).sum()
    if total.requires_grad:
        found = torch.autograd.grad(total, list(sources.values()), allow_unused=True)
    else:
        raise ValueError("returned a tensor that depends on no input as torch sees it; do not detach it")
    gradients: list[Any] = [{} if isinstance(argument, nn.Module) else None for argument in given]
    for ((place, name), source), gradient in zip(sources.items(), found, strict=True):
        gradient = torch.zeros_like(source) if gradient is None else gradient
        if name:
            gradients[place][name] = gradient.detach()
        else:
            gradients[place] = gradient.detach()
    return value.detach(), gradients


def _made(recipe: list[Any]) -> nn.Module:
    kind, words, inside = recipe
    module: nn.Module = getattr(nn, kind)(**words)
    for name, child in inside:
        module.add_module(name, _made(child))
    return module


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, tuple) else value


def _is_float_tensor(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.is_floating_point() and not isinstance(value, nn.Parameter)
