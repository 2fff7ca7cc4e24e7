"""Data sets: every one keeps the contract of Dataset, from its files or from its stand-in, and says which."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import struct
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from narrowing import not_none

from autograder import datasets
from autograder.datasets import (
    SPLITS,
    BadData,
    Dataset,
    catalogue,
    characters,
    cifar,
    cifar10,
    digits,
    digits8,
    fashion_mnist,
    files,
    glyphs,
    mnist,
    mnist28,
    shifted,
)
from autograder.datasets.files import File

FOLDER = os.environ.get(files.VARIABLE)  # of whoever runs the tests; without it the real sets are not looked at
SETS = {entry.name: getattr(datasets, entry.name) for entry in catalogue.ENTRIES if entry.name != "pages"}
SIZES = {
    "characters": (2160, 468, 468),
    "digits": (1197, 300, 300),
    "mnist": (55_000, 5_000, 10_000),
    "fashion_mnist": (55_000, 5_000, 10_000),
    "cifar10": (9_000, 1_000, 2_000),
}
SMALL_SIZES = SIZES | {"mnist": (1197, 300, 300), "fashion_mnist": (1197, 300, 300), "cifar10": (1500, 300, 300)}
SHAPES = {"characters": (32, 32), "digits": (8, 8), "cifar10": (32, 32, 3)}  # the others are 28x28
SOURCES = {
    "characters": ("handchars36", "rendered glyphs"),
    "digits": ("8x8 digits", "8x8 digits"),
    "mnist": ("MNIST", "8x8 digits enlarged, for want of MNIST"),
    "fashion_mnist": ("Fashion-MNIST", "8x8 digits enlarged, for want of Fashion-MNIST"),
    "cifar10": ("CIFAR-10, 10,000 + 2,000 of it", "rendered digits in colour, for want of CIFAR-10"),
}


@pytest.fixture(autouse=True)
def _nothing_here(monkeypatch, tmp_path):
    """No folder of data, and an empty cache."""
    monkeypatch.delenv(files.VARIABLE, raising=False)
    monkeypatch.setenv(files.CACHE_VARIABLE, str(tmp_path / "cache"))


@pytest.fixture(params=[False, pytest.param(True, marks=pytest.mark.skipif(not FOLDER, reason="no DEEPGRADE_DATA"))])
def real(request, monkeypatch) -> bool:
    """Whether the real files are there."""
    if request.param:
        monkeypatch.setenv(files.VARIABLE, FOLDER)
    return request.param


def known(path: Path, name: str) -> File:
    """The file as the catalogue would know it."""
    content = path.read_bytes()
    return File(name, len(content), hashlib.sha256(content).hexdigest())


# The contract


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("split", SPLITS)
def test_shapes_types_and_ranges_are_promised(name, split, real):
    whole = SETS[name](split)
    data = whole.first(700)
    shape = SHAPES.get(name, (28, 28))
    assert len(whole) == (SIZES if real else SMALL_SIZES)[name][SPLITS.index(split)]
    assert whole.pixels.shape == (len(whole), *shape)
    assert whole.y.shape == (len(whole),)
    assert len(data) == min(700, len(whole))
    assert (data.x.shape, data.x.dtype) == ((len(data), int(np.prod(shape))), np.float64)
    assert (data.images.shape, data.images.dtype) == ((len(data), *shape), np.float64)
    assert (data.pixels.dtype, data.y.dtype) == (np.uint8, np.int64)
    assert data.x.min() >= 0
    assert data.x.max() == 1
    assert whole.y.min() == 0
    assert whole.y.max() == len(whole.names) - 1
    assert whole.source == SOURCES[name][0 if real else 1]


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("split", SPLITS)
def test_classes_are_balanced(name, split, real):
    counts = np.bincount(SETS[name](split).y)
    assert counts.max() <= (1.3 if "mnist" in name else 1.08) * counts.min()


@pytest.mark.parametrize("name", ["characters", "digits", "cifar10"])
def test_classes_take_turns(name, real):
    data = SETS[name]("valid")
    assert (data.y == np.arange(len(data)) % len(data.names)).all()


@pytest.mark.parametrize("name", SETS)
def test_pixels_are_the_images(name, real):
    data = SETS[name]("valid").first(50)
    assert (data.images == data.pixels / data.white).all()


def test_rows_are_read_as_each_set_promises():
    def rows(data: Dataset, *axes: int) -> np.ndarray:
        return data.images.transpose(0, *axes).reshape(len(data), -1)

    assert (characters("valid").x == rows(characters("valid"), 2, 1)).all()  # by columns
    for by_rows in (digits, mnist, fashion_mnist):
        assert (by_rows("valid").x == rows(by_rows("valid"), 1, 2)).all()
    assert (cifar10("valid").x == rows(cifar10("valid"), 3, 1, 2)).all()  # all red, all green, all blue


@pytest.mark.parametrize("name", SETS)
def test_nobody_can_change_the_data_of_the_others(name, real):
    data = SETS[name]("valid")
    assert SETS[name]("valid") is data
    for array in (data.x, data.y, data.images, data.pixels, data.first(3).x, shifted(data.first(3), 1).x):
        assert not array.flags.writeable
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


@pytest.mark.parametrize("name", SETS)
def test_x_and_images_are_one_array(name):
    """The full MNIST is 345 MB of float64: once is enough."""
    data = SETS[name]("valid")
    assert data.x is data.x
    assert np.shares_memory(data.x, data.images)


@pytest.mark.parametrize("name", SETS)
def test_no_picture_is_in_two_splits(name):
    seen: set[bytes] = set()
    for split in SPLITS:
        pictures = {picture.tobytes() for picture in SETS[name](split).pixels}
        assert len(pictures) == len(SETS[name](split))
        assert seen.isdisjoint(pictures)
        seen |= pictures


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("split", ["validation", "TEST", ""])
def test_another_split_is_refused(name, split):
    with pytest.raises(ValueError, match=f"'{split}' is not one of train, valid, test"):
        SETS[name](split)


def test_the_first_examples_cost_these_alone():
    data = digits("train")
    assert np.shares_memory(data.first(10).pixels, data.pixels)
    assert (data.first(10).x == data.x[:10]).all()
    assert data.first(10).source == data.source
    assert len(data.first(10**6)) == len(data)


# Digits, and what is made of them


def test_digits_are_those_of_the_repository_they_come_from():
    """Counts of the 1,797 test examples, as the UCI repository states them, and what every copy of it begins with."""
    pixels = np.concatenate([digits(split).pixels for split in SPLITS])
    y = np.concatenate([digits(split).y for split in SPLITS])
    assert np.bincount(y).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert pixels.max() == 16
    first = [0, 0, 5, 13, 9, 1, 0, 0, 0, 0, 13, 15, 10, 15, 5, 0]
    (found,) = np.flatnonzero((pixels[:, :2].reshape(-1, 16) == first).all(axis=1))
    assert y[found] == 0


def test_the_first_digits_are_balanced():
    assert (np.bincount(digits("train").y[:1140]) == 114).all()


def test_digits_can_be_read():
    train, test = digits("train"), digits("test")
    nearest = ((test.x[:, None] - train.x) ** 2).sum(axis=2).argmin(axis=1)
    assert (train.y[nearest] == test.y).mean() > 0.96


def test_enlarged_digits_look_like_the_small_ones():
    small, large = digits("test"), mnist("test")
    assert (large.y == small.y).all()
    shrunk = large.images[:, 4:24, 4:24].reshape(-1, 4, 5, 4, 5).mean(axis=(2, 4))
    halved = small.images.reshape(-1, 4, 2, 4, 2).mean(axis=(2, 4))
    assert abs(shrunk - halved).max() < 0.2
    margin = np.ones((28, 28), bool)
    margin[4:24, 4:24] = False
    assert (large.images[:, margin] == 0).all()


def test_digits_that_stand_for_clothes_are_called_digits():
    assert fashion_mnist("test").names == tuple("0123456789")


def test_an_installation_that_lost_its_digits_says_so(monkeypatch, tmp_path):
    damaged = bytearray(digits8.FILE.read_bytes())
    damaged[1000] ^= 1
    (tmp_path / "digits.npz").write_bytes(damaged)
    monkeypatch.setattr(digits8, "FILE", tmp_path / "digits.npz")
    with pytest.raises(BadData, match=r"digits\.npz: has the sha256 .*: install deepgrade again$"):
        digits8._parts.__wrapped__()


# MNIST and Fashion-MNIST


def write_idx(path: Path, array: np.ndarray) -> File:
    path.parent.mkdir(parents=True, exist_ok=True)
    head = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    path.write_bytes(gzip.compress(head + array.tobytes()))
    return known(path, f"{path.parent.name}/{path.name}")


@pytest.fixture(params=["mnist", "fashion_mnist"])
def tiny_mnist(request, tmp_path, monkeypatch):
    """(function, folder, arrays): 24 and 5 pictures that count as the right ones, in a folder that nobody names yet."""
    entry = catalogue.entry(request.param)
    rng = np.random.default_rng(1)
    arrays = [
        rng.integers(0, 256, (24, 28, 28), np.uint8),
        np.arange(24, dtype=np.uint8) % 10,
        rng.integers(0, 256, (5, 28, 28), np.uint8),
        np.arange(5, dtype=np.uint8) + 5,
    ]
    written = [write_idx(tmp_path / "data" / one.name, array) for one, array in zip(entry.files, arrays, strict=True)]
    monkeypatch.setattr(catalogue, request.param.upper(), replace(entry, files=tuple(written)))
    return SETS[request.param], tmp_path / "data", arrays


@pytest.mark.parametrize("variable", [files.VARIABLE, files.CACHE_VARIABLE])
def test_mnist_is_read_from_its_four_files(tiny_mnist, variable, monkeypatch):
    function, folder, (images, labels, test_images, test_labels) = tiny_mnist
    monkeypatch.setenv(variable, str(folder))
    train, valid, test = map(function, SPLITS)
    assert train.source in ("MNIST", "Fashion-MNIST")
    assert (train.pixels == images[:22]).all()  # the last twelfth is for validation
    assert (valid.pixels == images[22:]).all()
    assert (test.pixels == test_images).all()
    assert (train.y == labels[:22]).all()
    assert (valid.y == labels[22:]).all()
    assert (test.y == test_labels).all()
    assert (test.x == test_images.reshape(5, 784) / 255).all()
    assert train.pixels.base is valid.pixels.base  # the file is unpacked once
    assert not test.pixels.flags.writeable


def test_a_set_of_which_a_file_is_missing_is_replaced_as_a_whole(tiny_mnist, monkeypatch):
    """Or one would train on one set and test on the other."""
    function, folder, _ = tiny_mnist
    monkeypatch.setenv(files.VARIABLE, str(folder))
    next(folder.rglob("t10k-labels*")).unlink()
    for split in SPLITS:
        assert function(split).source.startswith("8x8 digits enlarged, for want of ")


def test_files_may_lie_in_both_folders(tiny_mnist, monkeypatch, tmp_path):
    function, folder, _ = tiny_mnist
    path = next(folder.rglob("t10k-labels*"))
    elsewhere = tmp_path / "cache" / path.relative_to(folder)
    elsewhere.parent.mkdir(parents=True)
    path.rename(elsewhere)
    monkeypatch.setenv(files.VARIABLE, str(folder))
    assert function("test").source in ("MNIST", "Fashion-MNIST")


def test_damage_is_an_error_and_no_stand_in(tiny_mnist, monkeypatch):
    function, folder, _ = tiny_mnist
    monkeypatch.setenv(files.VARIABLE, str(folder))
    path = next(folder.rglob("t10k-images*"))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(BadData, match=r"t10k-images-idx3-ubyte\.gz: has the sha256 [0-9a-f]{12}\.\.\., expected"):
        function("test")


@pytest.mark.skipif(not FOLDER, reason="no DEEPGRADE_DATA")
def test_the_real_mnist_is_mnist(monkeypatch):
    monkeypatch.setenv(files.VARIABLE, FOLDER)
    assert mnist("train").y[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert mnist("test").y[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    assert np.bincount(np.concatenate([mnist("train").y, mnist("valid").y]))[0] == 5923
    everything = np.concatenate([mnist("train").pixels, mnist("valid").pixels])
    assert round(everything.mean() / 255, 4) == 0.1307  # the mean that everybody subtracts
    assert round(everything.std() / 255, 4) == 0.3081
    assert fashion_mnist("train").names[fashion_mnist("train").y[0]] == "Ankle boot"


# CIFAR-10


def archive(*tables: np.ndarray) -> bytes:
    """The official layout, of six tables of records."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as written:
        for name, table in zip(("cifar-10-batches-bin/readme.html", *cifar.MEMBERS), (tables[0], *tables), strict=True):
            member = tarfile.TarInfo(name)
            member.size = table.nbytes
            written.addfile(member, io.BytesIO(table.tobytes()))
    return buffer.getvalue()


@pytest.fixture
def tiny_cifar(tmp_path, monkeypatch):
    """(folder, tables): an archive of six files of 20 records that counts as the right one."""
    monkeypatch.setattr(cifar, "RECORDS", 20)
    monkeypatch.setattr(cifar, "SKIPPED_TRAIN", dict.fromkeys(range(10), (3,)))
    monkeypatch.setattr(cifar, "SKIPPED_TEST", dict.fromkeys(range(10), (0,)))
    rng = np.random.default_rng(3)
    tables = rng.integers(0, 256, (6, 20, 3073), np.uint8)
    tables[:, :, 0] = rng.permuted(np.tile(np.repeat(np.arange(10), 2), (6, 1)), axis=1)
    path = tmp_path / "data" / "cifar10" / "cifar-10-binary.tar.gz"
    path.parent.mkdir(parents=True)
    path.write_bytes(archive(*tables))
    entry = replace(catalogue.CIFAR10, files=(known(path, "cifar10/cifar-10-binary.tar.gz"),))
    monkeypatch.setattr(catalogue, "CIFAR10", entry)
    monkeypatch.setenv(files.VARIABLE, str(tmp_path / "data"))
    return tmp_path / "data", tables


def test_the_archive_holds_records_of_label_red_green_blue(tiny_cifar):
    _, tables = tiny_cifar
    train, valid, test = (cifar10(split, whole=True) for split in SPLITS)
    assert train.source == "CIFAR-10"
    assert (len(train), len(valid), len(test)) == (90, 10, 20)
    flat = tables[:5].reshape(100, 3073)
    assert (train.y == flat[:90, 0]).all()
    assert (train.pixels[7, 3, 5] == flat[7, 1:].reshape(3, 32, 32)[:, 3, 5]).all()
    assert (np.concatenate([train.x, valid.x]) == flat[:, 1:] / 255).all()
    assert (test.x == tables[5, :, 1:] / 255).all()


def test_of_the_archive_a_part_is_taken_that_takes_turns(tiny_cifar):
    """The same as the subset's files hold: of every class the first ones, but for places that these lack."""
    _, tables = tiny_cifar
    flat = tables[:5].reshape(100, 3073)
    data = np.concatenate([cifar10(split).x for split in ("train", "valid")])
    y = np.concatenate([cifar10(split).y for split in ("train", "valid")])
    assert cifar10("train").source == "CIFAR-10, 10,000 + 2,000 of it"
    assert (y == np.arange(90) % 10).all()
    assert (cifar10("test").y == np.arange(10)).all()
    for label in range(10):
        of_class = flat[flat[:, 0] == label, 1:] / 255
        assert (data[y == label] == np.delete(of_class, 3, axis=0)).all()
        (last,) = np.flatnonzero(tables[5, :, 0] == label)[1:]
        assert (cifar10("test").x[label] == tables[5, last, 1:] / 255).all()


def test_where_both_are_here_the_whole_comes_from_the_archive(tiny_cifar, monkeypatch):
    folder, _ = tiny_cifar
    written = []
    for file, n in zip(catalogue.CIFAR10.or_else, (20, 10), strict=True):
        np.savez(
            folder / file.name, images=np.zeros((n, 32, 32, 3), np.uint8), labels=np.arange(n, dtype=np.uint8) % 10
        )
        written.append(known(folder / file.name, file.name))
    monkeypatch.setattr(catalogue, "CIFAR10", replace(catalogue.CIFAR10, or_else=tuple(written)))
    assert [len(cifar10(split)) for split in SPLITS] == [18, 2, 10]
    assert [len(cifar10(split, whole=True)) for split in SPLITS] == [90, 10, 20]


def test_places_that_the_subset_lacks_are_left_out():
    y = np.repeat(np.arange(10), 5)
    pixels = np.arange(50)
    chosen, labels = cifar._taking_turns((pixels, y), 3, {1: (0, 2), 9: (4,)})
    assert chosen.reshape(3, 10)[:, 1].tolist() == [6, 8, 9]
    assert chosen.reshape(3, 10)[:, 9].tolist() == [45, 46, 47]
    assert labels.tolist() == 3 * list(range(10))


@pytest.mark.skipif(not FOLDER, reason="no DEEPGRADE_DATA")
@pytest.mark.parametrize(
    "file, per_class, skipped",
    [("train_10k", 1000, cifar.SKIPPED_TRAIN), ("test_2k", 200, cifar.SKIPPED_TEST)],
)
def test_the_places_left_out_are_those_of_the_subset(file, per_class, skipped):
    with np.load(Path(not_none(FOLDER)) / "cifar10" / f"cifar10_{file}.npz", allow_pickle=False) as arrays:
        places, labels = arrays["index_in_class"], arrays["labels"]
    for label in range(10):
        expected = np.delete(np.arange(2000), skipped.get(label, ()))[:per_class]
        assert (places[labels == label] == expected).all()


def test_the_whole_of_what_is_not_here_is_the_stand_in():
    assert cifar10("test", whole=True) is cifar10("test")


@pytest.mark.skipif(not FOLDER, reason="no DEEPGRADE_DATA")
def test_the_real_subset_has_the_colours_of_cifar(monkeypatch):
    """Channel means of CIFAR-10 are 0.491, 0.482, 0.447 (published for all of it, so near for a fifth)."""
    monkeypatch.setenv(files.VARIABLE, FOLDER)
    means = cifar10("train").pixels.mean(axis=(0, 1, 2)) / 255
    assert means == pytest.approx([0.491, 0.482, 0.447], abs=0.01)
    assert cifar10("train").names[cifar10("train").y[8]] == "ship"


# Characters and glyphs


@pytest.fixture
def data_folder(tmp_path, monkeypatch):
    """A data folder with three files of two pictures each, which count as the right ones."""
    images = np.zeros((2, 32, 32), np.uint8)
    images[0, 3, 5], images[1] = 255, 255
    written = []
    for file in catalogue.CHARACTERS.files:
        path = tmp_path / "data" / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, images=images, labels=np.array([1, 35], np.uint8), class_names=np.array(list(glyphs.NAMES)))
        written.append(known(path, file.name))
    monkeypatch.setattr(catalogue, "CHARACTERS", replace(catalogue.CHARACTERS, files=tuple(written)))
    monkeypatch.setenv(files.VARIABLE, str(tmp_path / "data"))
    return tmp_path / "data"


def test_without_a_folder_characters_are_rendered():
    data = characters("valid")
    assert data.source == "rendered glyphs"
    assert 0 <= data.x.min() < 0.2
    assert "".join(data.names) == "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


def test_rendering_is_the_same_every_time_and_differs_between_splits():
    first, _ = glyphs.render(2, seed=1)
    again, _ = glyphs.render(2, seed=1)
    other, _ = glyphs.render(2, seed=2)
    assert (first == again).all()
    assert (first != other).any(axis=(1, 2)).all()


def test_glyphs_are_dark_on_white_with_an_empty_margin():
    images, _ = glyphs.render(3, seed=0)
    ink = 1 - images / 255
    assert (ink.max(axis=(1, 2)) > 0.6).all()
    margin = np.ones((32, 32), bool)
    margin[2:-2, 2:-2] = False
    assert ink[:, margin].max() < 0.5  # grain, but no stroke


def test_glyphs_of_one_class_are_alike_and_of_others_are_not():
    images, y = glyphs.render(13, seed=0)
    flat = images.reshape(len(y), -1) / 255
    means = np.array([flat[y == label].mean(axis=0) for label in range(36)])
    nearest = ((flat[:, None] - means) ** 2).sum(axis=2).argmin(axis=1)
    assert (nearest == y).mean() > 0.7


def test_coloured_digits_stand_out_from_their_paper():
    """Distance of the two colours, the mean of the pixels at the rim and the pixel that is farthest from it."""
    images, _ = glyphs.render_in_colour(20, seed=0)
    again, _ = glyphs.render_in_colour(20, seed=0)
    assert (images == again).all()
    paper = images[:, [0, -1]].mean(axis=(1, 2)) / 255  # (n, 3)
    smooth = images[:, 8:24, 8:24] / 255
    assert (abs(smooth - paper[:, None, None]).max(axis=(1, 2, 3)) > 0.4).all()
    assert abs(paper[:, 0] - paper[:, 2]).max() > 0.5  # colours, and not greys


def test_files_in_the_folder_are_used_first(data_folder):
    data = characters("valid")
    assert data.source == "handchars36"
    assert data.y.tolist() == [1, 35]
    assert data.images[0, 3, 5] == 1
    assert data.x[0, 5 * 32 + 3] == 1
    assert data.x[0].sum() == 1


def test_where_one_of_three_is_missing_all_are_rendered(data_folder):
    (data_folder / "nist36" / "handchars36_test.npz").unlink()
    assert {characters(split).source for split in SPLITS} == {"rendered glyphs"}


def test_a_file_with_a_wrong_checksum_is_refused(data_folder):
    path = data_folder / "nist36" / "handchars36_valid.npz"
    damaged = bytearray(path.read_bytes())
    damaged[100] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(BadData, match=r"handchars36_valid\.npz: has the sha256 [0-9a-f]{12}\.\.\., expected"):
        characters("valid")


def test_shifted_moves_every_picture_to_four_sides():
    data = characters("valid")
    more = shifted(data, 2)
    assert len(more) == 5 * len(data)
    assert (more.y.reshape(5, -1) == data.y).all()
    there = more.images.reshape(5, len(data), 32, 32)
    assert (there[0] == data.images).all()
    assert (there[1][:, :, 2:] == data.images[:, :, :-2]).all()  # right
    assert (there[2][:, :, :-2] == data.images[:, :, 2:]).all()  # left
    assert (there[3][:, 2:] == data.images[:, :-2]).all()  # down
    assert (there[4][:, :-2] == data.images[:, 2:]).all()  # up
    assert (more.x[-1] == more.images[-1].T.ravel()).all()
    assert more.source == "rendered glyphs, shifted"


@pytest.mark.parametrize("name", ["digits", "cifar10"])
def test_shifted_keeps_layout_and_scale(name):
    data = SETS[name]("valid").first(4)
    more = shifted(data, 1)
    assert (more.x[:4] == data.x).all()
    assert (more.images[4:8, :, 1:] == data.images[:, :, :-1]).all()


def test_the_last_twelfth_is_five_thousand_of_sixty():
    assert 60_000 // mnist28.VALIDATION == 5_000
