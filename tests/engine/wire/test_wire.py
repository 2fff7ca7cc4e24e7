"""Values as bytes: what goes in comes out, and what is no frame is a WireError, soon and in little memory."""

from __future__ import annotations

import contextlib
import tracemalloc
from typing import Any

import msgspec
import numpy as np
import pytest
from frames import arrays, crossed, decoded, frame, read
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder import wire

quick = settings(max_examples=60, deadline=None, database=None)


def same(a: Any, b: Any) -> bool:
    """Equal in type and bits: NaN equals the same NaN, and 0.0 is not -0.0."""
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, np.generic):
        return a.dtype == b.dtype and a.tobytes() == b.tobytes()
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return len(a) == len(b) and all(map(same, a.items(), b.items()))
    if isinstance(a, float):
        return np.float64(a).tobytes() == np.float64(b).tobytes()
    if isinstance(a, complex):
        return same(a.real, b.real) and same(a.imag, b.imag)
    return bool(a == b)


keys = st.text(max_size=3) | st.integers() | st.booleans() | st.tuples(st.integers(), st.text(max_size=2))
leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(2**200), 2**200)
    | st.floats()
    | st.complex_numbers()
    | st.text(max_size=5)
    | st.binary(max_size=5)
    | arrays()
    | arrays().filter(lambda array: array.size).map(lambda array: array.reshape(-1)[0])
)
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.tuples(inner, inner) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)


@quick
@given(value=values)
def test_what_goes_in_comes_out_bit_for_bit(value):
    assert same(crossed(value), value)


@pytest.mark.parametrize("code", sorted(wire.DTYPES))
@pytest.mark.parametrize("size", [0, 1, 2**15])
def test_arrays_of_every_dtype_cross_short_and_long(code, size):
    value = np.arange(size).astype(code)
    assert same(crossed([value, value]), [value, value])


def test_a_long_array_that_is_not_contiguous_crosses():
    value = np.arange(2**16, dtype=np.float64).reshape(256, 256)[::2, ::3]
    assert same(crossed(value), value)


def test_a_received_array_can_be_written_and_owns_its_memory():
    value = crossed(np.zeros(3))
    value[0] = 1
    assert value.base is None


@given(seed=st.integers(0, 2**64), draws=st.integers(0, 3))
@settings(max_examples=20, deadline=None, database=None)
def test_a_generator_continues_over_there_as_here(seed, draws):
    rng = np.random.default_rng(seed)
    rng.integers(0, 10, size=draws, dtype=np.uint32)  # an odd number leaves half a draw in store
    other = crossed(rng)
    for _ in range(3):
        assert rng.integers(0, 2**31, dtype=np.uint32) == other.integers(0, 2**31, dtype=np.uint32)
    assert same(rng.normal(size=5), other.normal(size=5))


@pytest.mark.parametrize(
    "value",
    [
        object(),
        {1, 2},
        range(3),
        len,
        np.array(["a"]),
        np.array([None]),
        np.zeros(2, ">f8"),
        np.zeros(2, np.longdouble),
        np.ma.zeros(2),
        np.datetime64("2000-01-01"),
        np.random.Generator(np.random.MT19937(0)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_plain_data_does_not_cross(value):
    with pytest.raises(wire.WireError, match="no plain data"):
        wire.Encoder().value(value)


def nested(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


def test_depth_is_bounded_on_both_ends():
    assert crossed(nested(wire.MAX_DEPTH)) == nested(wire.MAX_DEPTH)
    with pytest.raises(wire.WireError, match="deep"):
        wire.Encoder().value(nested(wire.MAX_DEPTH + 1))
    tree: Any = None
    for _ in range(wire.MAX_DEPTH + 2):
        tree = ["l", [tree]]
    with pytest.raises(wire.WireError, match="deep"):
        decoded(tree)


def test_a_list_that_holds_itself_ends_in_an_error():
    value: list[Any] = []
    value.append(value)
    with pytest.raises(wire.WireError, match="deep"):
        wire.Encoder().value(value)


def test_the_number_of_values_is_bounded_on_both_ends():
    many = [None] * wire.MAX_VALUES
    with pytest.raises(wire.WireError, match="values"):
        wire.Encoder().value(many)
    with pytest.raises(wire.WireError, match="values"):
        decoded(["l", many])


def test_an_integer_has_a_bound_in_bits():
    assert crossed(2**65_000) == 2**65_000
    with pytest.raises(wire.WireError):
        wire.Encoder().value(2**70_000)
    with pytest.raises(wire.WireError):
        decoded(["i", "0x" + "f" * 20_000])


def test_an_array_must_have_come_with_its_bytes():
    assert decoded(["a", "<f8", [2]], bytes(16)).shape == (2,)
    with pytest.raises(wire.WireError, match="larger than the bytes"):
        decoded(["a", "<f8", [2]], bytes(15))


def test_two_arrays_cannot_share_their_bytes():
    with pytest.raises(wire.WireError, match="larger than the bytes"):
        decoded(["t", [["a", "<f8", [2]], ["a", "<f8", [2]]]], bytes(16))


@pytest.mark.parametrize(
    "shape",
    [
        [2**62],
        [2**40, 2**40],
        [-1],
        [-1, -1],
        [1.0],
        [True],
        ["1"],
        None,
        3,
        {},
        [[1]],
        [1] * 33,
        [2**63 - 1] * 200_000,
    ],
    ids=str,
)
def test_a_shape_that_cannot_be_is_refused_without_an_allocation(shape):
    """The last one's product has twelve million bits: multiplied out, it took hours."""
    tree = ["a", "|u1", shape]
    tracemalloc.start()
    try:
        with pytest.raises(wire.WireError):
            decoded(tree, bytes(8))
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def test_an_empty_axis_does_not_excuse_a_huge_one():
    with pytest.raises(wire.WireError):
        decoded(["a", "<f8", [0, 2**62, 2**62]])


@pytest.mark.parametrize("code", ["|O", "O", "|V8", "<U4", "|S4", "<M8[s]", ">f8", "<f16", "", None, ["<f8"], "f8,f8"])
def test_only_plain_dtypes_are_rebuilt(code):
    for tree in (["a", code, [1]], ["s", code, bytes(16)]):
        with pytest.raises(wire.WireError):
            decoded(tree, bytes(64))


@pytest.mark.parametrize(
    "tree",
    [
        [],
        ["?"],
        [None],
        [["l"]],
        ["l"],
        ["l", None],
        ["l", "text"],
        ["t", {}],
        ["d", [["key"]]],
        ["d", [[["l", []], 1]]],
        ["d", [[["a", "<f8", [0]], 1]]],
        ["d", {"a": 1}],
        ["a", "<f8"],
        ["s", "<f8", b"short"],
        ["s", "<f8", "12345678"],
        ["i", 5],
        ["i", "zz"],
        ["z", "x", 1],
        ["z", 1],
        ["g"],
        ["g", "0x1", "0x1", 0, None],
        ["g", 1, 2, 3, 4],
        ["h", 1, "object"],
        ["r", 1],
        ["T", 1, []],
        ["c", 0],
        {},
    ],
    ids=str,
)
def test_a_tree_of_no_known_form_is_refused(tree):
    with pytest.raises(wire.WireError):
        decoded(tree)


def test_hashes_that_collide_cost_no_time():
    """100,000 complex keys of one hash took minutes of the judge's own time."""
    pairs = [[["z", float(-1_000_003 * i), float(i)], None] for i in range(1, 50_000)]
    with pytest.raises(wire.WireError, match="keys"):
        decoded(["d", pairs])


def test_a_large_dict_of_words_crosses():
    value = {f"word {i}": i for i in range(50_000)}
    assert crossed(value) == value


def test_lengths_are_refused_before_a_byte_is_read():
    with pytest.raises(wire.WireError, match="larger than the limit"):
        wire.lengths(wire.PREFIX.pack(wire.MAX_HEADER + 1, 0), 100)
    with pytest.raises(wire.WireError, match="larger than the limit"):
        wire.lengths(wire.PREFIX.pack(0, 101), 100)
    assert wire.lengths(wire.PREFIX.pack(wire.MAX_HEADER, 100), 100) == (wire.MAX_HEADER, 100)


@pytest.mark.threat(15, 27)
def test_a_header_of_empty_lists_takes_bounded_memory():
    """One byte there is 64 in memory: the limit of a header is what bounds it."""
    assert wire.MAX_HEADER * 72 < 400 * 2**20


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x01",
        b"\x90",
        b"\x91\x01",
        b"\x81\xa1a\x01",
        b"\xc1",
        b"\xdd\xff\xff\xff\xff",
        b"\x92\xa1",
        b"\x91\xa1\xff",
        b"\x91" * 100000,
    ],
    ids=lambda data: data[:8].hex(),
)
def test_a_header_that_is_no_header_is_refused(data):
    with pytest.raises(wire.WireError, match="not a header"):
        wire.unpack_header(data)


@quick
@given(data=st.binary(max_size=200))
@pytest.mark.threat(11)
def test_random_bytes_give_a_value_or_a_wire_error(data):
    prefix = wire.PREFIX.pack(len(data) * 2 // 3, len(data) - len(data) * 2 // 3)
    for attempt in (data.ljust(wire.PREFIX.size, b"\0"), prefix + data):
        try:
            read(attempt)
        except wire.WireError:
            continue


trees = st.recursive(
    st.none() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(max_size=4) | st.binary(max_size=9)
    | st.sampled_from([*"ltdaszighTrc", *wire.DTYPES]),
    lambda inner: st.lists(inner, max_size=5)
    | st.tuples(st.sampled_from("ltdaszighTrc"), inner).map(list)
    | st.tuples(st.sampled_from("as"), st.sampled_from(sorted(wire.DTYPES)), inner).map(list)
    | st.dictionaries(st.text(max_size=2), inner, max_size=2),
    max_leaves=10,
)  # fmt: skip


@settings(max_examples=150, deadline=None, database=None)
@given(tree=trees, body=st.binary(max_size=40))
def test_random_trees_give_a_value_or_a_wire_error(tree, body):
    tree = msgspec.msgpack.decode(msgspec.msgpack.encode(tree))
    with contextlib.suppress(wire.WireError):
        decoded(tree, body)


@quick
@given(value=values, data=st.data())
@pytest.mark.threat(11)
def test_damaged_frames_give_a_value_or_a_wire_error(value, data):
    good = bytearray(frame(value))
    for _ in range(data.draw(st.integers(1, 4))):
        good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(wire.WireError):
        read(bytes(good))


def test_frames_are_read_one_after_the_other_until_the_source_ends():
    data = frame(1) + frame(np.arange(3)) + frame("cut")[:-1]
    at = 0

    def receive(view: memoryview) -> int:
        nonlocal at
        size = min(len(view), 5, len(data) - at)  # a socket gives what it has
        view[:size] = data[at : at + size]
        at += size
        return size

    found = [wire.Decoder(body).value(header[1]) for header, body in wire.read(receive, 2**20)]
    assert found[0] == 1
    assert found[1].tolist() == [0, 1, 2]
    assert len(found) == 2


def test_the_judge_may_send_files_larger_than_a_header_of_a_reply():
    files = {"weights.npz": bytes(wire.MAX_HEADER + 1)}
    data = b"".join(bytes(piece) for piece in wire.pack(["load", 1, files], []))
    view = memoryview(data)

    def receive(into: memoryview) -> int:
        nonlocal view
        size = min(len(into), len(view))
        into[:size], view = view[:size], view[size:]
        return size

    ((header, _),) = wire.read(receive, 2**30)
    assert header[2] == files
