"""Files of data sets: where they are looked for, and that no bytes in them do more than be refused."""

from __future__ import annotations

import gzip
import hashlib
import io
import struct
import tarfile
import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from autograder.core.errors import DeepgradeError
from autograder.datasets import BadData, cifar, files, idx


def idx_bytes(array: np.ndarray) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


IMAGES = arrays.arrays(np.uint8, arrays.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=5))


# IDX


@given(array=IMAGES)
def test_idx_gives_back_what_was_written(array):
    read = idx.parse(idx_bytes(array), array.ndim, "here")
    assert read.shape == array.shape
    assert read.dtype == np.uint8
    assert (read == array).all()


@given(array=IMAGES, data=st.data())
def test_truncated_idx_is_refused(array, data):
    content = idx_bytes(array)
    kept = data.draw(st.integers(0, len(content) - 1))
    with pytest.raises(BadData, match=r"^here: "):
        idx.parse(content[:kept], array.ndim, "here")


@given(array=IMAGES, more=st.binary(min_size=1, max_size=9))
def test_idx_with_a_tail_is_refused(array, more):
    with pytest.raises(BadData, match=r"^here: announces "):
        idx.parse(idx_bytes(array) + more, array.ndim, "here")


@given(content=st.binary(max_size=64), axes=st.integers(1, 4))
def test_no_bytes_do_more_than_be_refused(content, axes):
    for data in (content, bytes([0, 0, 8, axes]) + content):
        try:
            read = idx.parse(data, axes, "here")
        except BadData:
            continue
        assert read.nbytes == len(data) - 4 - 4 * axes


@given(content=st.binary(max_size=64))
def test_no_bytes_unzip_to_more_than_a_refusal(content):
    for data in (content, gzip.compress(b"x")[:10] + content):
        try:
            idx.unzip(data, "here")
        except BadData:
            continue


@pytest.mark.parametrize(
    "head, words",
    [
        ("00000803", "begins with 00 00 08 03, and an IDX file of 1 axes with 00 00 08 01"),
        ("00000d01", "begins with 00 00 0d 01, "),  # floats
        ("01000801", "begins with 01 00 08 01, "),
    ],
)
def test_another_magic_number_is_refused(head, words):
    with pytest.raises(BadData, match=f"^here: {words}"):
        idx.parse(bytes.fromhex(head) + bytes(4), 1, "here")


@pytest.mark.parametrize("shape", [(2**32 - 1,) * 3, (2**31, 2**33 // 2**2, 2), (2**16, 2**16, 2**32 - 1)])
def test_sizes_that_would_overflow_are_not_believed(shape):
    """2^31 x 2^31 x 2 is 0 in 64 bits, and would pass for an empty array."""
    content = bytes([0, 0, 8, 3]) + struct.pack(">3I", *shape)
    with pytest.raises(BadData, match=r"^here: announces \d+ x \d+ x \d+ = \d{18,} entries, and 0 follow"):
        idx.parse(content, 3, "here")


def test_gzip_gives_back_what_was_written():
    assert idx.unzip(gzip.compress(b"abc" * 1000), "here") == b"abc" * 1000


def test_a_gzip_bomb_is_refused_before_it_is_unpacked():
    bomb = gzip.compress(bytes(10**7))
    tracemalloc.start()
    try:
        with pytest.raises(BadData, match=r"^here: unpacks to more than 1000000 bytes"):
            idx.unzip(bomb, "here", limit=10**6)
        assert tracemalloc.get_traced_memory()[1] < 5 * 10**6
    finally:
        tracemalloc.stop()
    assert len(idx.unzip(bomb, "here", limit=10**7)) == 10**7


@pytest.mark.parametrize(
    "content, words",
    [
        (b"", "its gzip data ends early"),
        # No time stamps: tests that run side by side must have the same names.
        (gzip.compress(b"abc", mtime=0)[:-1], "its gzip data ends early"),
        (gzip.compress(b"abc", mtime=0) + b"more", "its gzip data is followed by other bytes"),
        (gzip.compress(b"abc", mtime=0)[:-8] + bytes(8), "is not a gzip file"),  # its own checksum
        (zlib.compress(b"abc"), "is not a gzip file"),
        (b"PK\3\4", "is not a gzip file"),
    ],
)
def test_what_is_no_whole_gzip_file_is_refused(content, words):
    with pytest.raises(BadData, match=f"^here: {words}"):
        idx.unzip(content, "here")


# CIFAR-10


@given(content=st.binary(max_size=100))
def test_no_bytes_are_records_by_chance(content):
    with pytest.raises(BadData, match=r"^here: has \d+ bytes, which are not records of 3073 bytes"):
        cifar.records(content, "here")


def test_a_label_beyond_the_classes_is_refused():
    with pytest.raises(BadData, match=r"^here: has the label 10, and there are 10 classes"):
        cifar.records(bytes([9, *bytes(3072), 10, *bytes(3072)]), "here")


@given(content=st.binary(max_size=200), zipped=st.booleans())
def test_no_bytes_are_an_archive_by_chance(content, zipped):
    with pytest.raises(BadData, match=r"^here: "):
        cifar.read_archive(gzip.compress(content) if zipped else content, "here")


def test_an_archive_without_all_its_files_is_refused():
    """A link, a folder or a file of another size under the right name is no such file."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        member = tarfile.TarInfo(cifar.MEMBERS[0])
        member.type, member.linkname, member.size = tarfile.SYMTYPE, "/etc/passwd", cifar.RECORD * cifar.RECORDS
        archive.addfile(member)
    with pytest.raises(BadData, match=r"^here: cifar-10-batches-bin/data_batch_1\.bin: has 0 bytes"):
        cifar.read_archive(buffer.getvalue(), "here")


# Folders, checksums, .npz


def test_a_folder_that_is_none_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv(files.VARIABLE, str(tmp_path / "mistyped"))
    with pytest.raises(DeepgradeError, match=r"DEEPGRADE_DATA: .*mistyped is not a folder"):
        files.find("mnist/train-images-idx3-ubyte.gz")


def test_the_folder_comes_before_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv(files.VARIABLE, str(tmp_path / "data"))
    monkeypatch.setenv(files.CACHE_VARIABLE, str(tmp_path / "cache"))
    (tmp_path / "data").mkdir()
    (tmp_path / "cache").mkdir()
    assert files.find("a") is None
    (tmp_path / "cache" / "a").touch()
    assert files.find("a") == tmp_path / "cache" / "a"
    (tmp_path / "data" / "a").touch()
    assert files.find("a") == tmp_path / "data" / "a"


def test_the_cache_is_where_the_platform_has_it(tmp_path, monkeypatch):
    monkeypatch.delenv(files.CACHE_VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert files.cache_folder().name == "deepgrade"
    assert files.cache_folder().is_relative_to(tmp_path)


def test_a_wrong_checksum_names_place_and_both_values(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    right = hashlib.sha256(b"abc").hexdigest()
    assert files.read(path, right) == b"abc"
    with pytest.raises(
        BadData, match=rf"file: has the sha256 {right[:12]}\.\.\., expected {'0' * 12}\.\.\.; .* remove"
    ):
        files.read(path, "0" * 64)


def test_pickled_objects_are_never_loaded(tmp_path):
    path = tmp_path / "objects.npz"
    np.savez(path, images=np.array([{"a": 1}], dtype=object))
    with pytest.raises(BadData, match=r"is not an \.npz file of plain arrays"):
        files.load_npz(path, hashlib.sha256(path.read_bytes()).hexdigest())


def test_what_is_no_npz_is_refused(tmp_path):
    path = tmp_path / "text.npz"
    np.savez(path, images=np.arange(100))
    whole, plain = path.read_bytes(), io.BytesIO()
    np.save(plain, np.arange(3))
    torn = whole.replace(np.arange(100).tobytes()[:80], bytes(80))
    assert torn != whole
    for content in (b"", b"text", b"PK\3\4 and no more", whole[:-1], plain.getvalue(), torn):
        path.write_bytes(content)
        with pytest.raises(BadData, match=r"is not an \.npz file of plain arrays"):
            files.load_npz(path, hashlib.sha256(content).hexdigest())
