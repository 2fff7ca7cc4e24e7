"""The values that have a form of their own: tensors, bytes of arrays, large integers, generators."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from autograder.wire.bounds import Buffer, WireError

MAX_SEED_WORDS = 64  # integers in the entropy, or in the spawn key, of a SeedSequence
MAX_POOL = 64  # words in the pool of a SeedSequence


def is_tensor(value: Any) -> bool:
    """A plain torch.Tensor with numbers in it; parameters, other subclasses and sparse ones are objects."""
    torch = sys.modules.get("torch")
    if torch is None or type(value) is not getattr(torch, "Tensor", None):
        return False
    return value.layout is torch.strided and value.device.type in ("cpu", "cuda") and not value.is_quantized


def numbers_of(tensor: Any) -> np.ndarray:
    torch = sys.modules["torch"]
    tensor = tensor.detach().cpu().contiguous()
    numbers: np.ndarray = (tensor.view(torch.int16) if tensor.dtype is torch.bfloat16 else tensor).numpy()
    return numbers


def tensor_of(array: np.ndarray, name: str) -> Any:
    torch = sys.modules.get("torch")
    if torch is None:
        raise WireError("a tensor, where there is no torch")
    tensor = torch.from_numpy(array)
    return tensor.view(torch.bfloat16) if name == "bfloat16" else tensor


def bytes_of(array: np.ndarray) -> Buffer:
    if array.nbytes < 2**14 or not array.flags.c_contiguous:
        return array.tobytes()
    return array.reshape(-1).view(np.uint8).data


def list_of(tree: Any) -> list[Any]:
    if type(tree) is not list:
        raise WireError("not a list of values")
    return tree


def hex_of(value: int) -> str:
    if value.bit_length() > 2**16:
        raise WireError("an integer of more than 65,536 bits")
    return hex(value)


def from_hex(text: Any) -> int:
    if type(text) is not str or len(text) > 2**14 + 4:
        raise WireError("not an integer")
    return int(text, 16)


def generator_tree(rng: np.random.Generator) -> list[Any]:
    state: Any = rng.bit_generator.state
    inner = state["state"]
    return ["g", hex_of(inner["state"]), hex_of(inner["inc"]), state["has_uint32"], state["uinteger"], _seed_tree(rng)]


def _seed_tree(rng: np.random.Generator) -> list[Any] | None:
    seeds = getattr(rng.bit_generator, "seed_seq", None)
    if type(seeds) is not np.random.SeedSequence:
        return None
    entropy: Any = seeds.entropy
    one = isinstance(entropy, (int, np.integer))
    words = hex_of(int(entropy)) if one else [hex_of(int(word)) for word in np.ravel(np.array(entropy, dtype=object))]
    return [words, [hex_of(int(word)) for word in seeds.spawn_key], seeds.pool_size, seeds.n_children_spawned]


def generator_of(state: Any, inc: Any, has_uint32: Any, uinteger: Any, seeds: Any) -> np.random.Generator:
    bits = np.random.PCG64(_seed_sequence(seeds))
    inner: Any = {"state": from_hex(state) % 2**128, "inc": from_hex(inc) % 2**128}
    bits.state = {
        "bit_generator": "PCG64",
        "state": inner,
        "has_uint32": int(bool(has_uint32)),
        "uinteger": int(uinteger) % 2**32,
    }
    return np.random.Generator(bits)


def _seed_sequence(seeds: Any) -> Any:
    """What children are spawned from; the seed 0 where nothing is known of it."""
    if seeds is None:
        return 0
    words, spawn_key, pool_size, children = seeds
    if (type(words) is not str and len(list_of(words)) > MAX_SEED_WORDS) or len(list_of(spawn_key)) > MAX_SEED_WORDS:
        raise WireError("a seed of too many words")
    if type(pool_size) is not int or not 4 <= pool_size <= MAX_POOL or type(children) is not int:
        raise WireError("not a seed")
    entropy = from_hex(words) if type(words) is str else [from_hex(word) for word in words]
    key = tuple(from_hex(word) for word in spawn_key)
    return np.random.SeedSequence(entropy, spawn_key=key, pool_size=pool_size, n_children_spawned=children % 2**32)
