"""Data sets: found by checksum, replaced by embedded ones, always saying which."""

import hashlib

import numpy as np
import pytest

from autograder.datasets import BadData, characters, characters36, files, glyphs, shifted
from autograder.errors import DeepgradeError


@pytest.fixture(autouse=True)
def _no_data_folder(monkeypatch):
    monkeypatch.delenv(files.VARIABLE, raising=False)


@pytest.fixture
def data_folder(tmp_path, monkeypatch):
    """A data folder with a validation file of two pictures, which counts as the right one."""
    images = np.zeros((2, 32, 32), np.uint8)
    images[0, 3, 5], images[1] = 255, 255
    path = tmp_path / "nist36" / "handchars36_valid.npz"
    path.parent.mkdir()
    np.savez(path, images=images, labels=np.array([1, 35], np.uint8), class_names=np.array(list(glyphs.NAMES)))
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setitem(characters36.SHA256, "valid", sha256)
    monkeypatch.setenv(files.VARIABLE, str(tmp_path))
    return tmp_path


def test_without_a_folder_characters_are_rendered():
    data = characters("valid")
    assert data.source == "rendered glyphs"
    assert data.x.shape == (468, 1024)
    assert data.x.dtype == np.float64
    assert data.y.dtype == np.int64
    assert 0 <= data.x.min() < 0.2
    assert data.x.max() == 1
    assert "".join(data.names) == "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


def test_classes_take_turns():
    assert (characters("valid").y == np.arange(468) % 36).all()


def test_rows_hold_their_pictures_by_columns():
    data = characters("valid")
    assert (data.x[7] == data.images[7].T.ravel()).all()


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


def test_a_file_in_the_folder_is_used_first(data_folder):
    data = characters("valid")
    assert data.source == "handchars36"
    assert data.y.tolist() == [1, 35]
    assert data.images[0, 3, 5] == 1
    assert data.x[0, 5 * 32 + 3] == 1
    assert data.x[0].sum() == 1


def test_a_file_that_is_not_there_is_replaced(data_folder):
    assert characters("test").source == "rendered glyphs"


def test_a_file_with_a_wrong_checksum_is_refused(data_folder):
    path = data_folder / "nist36" / "handchars36_valid.npz"
    characters("valid")
    moved = data_folder / "elsewhere"
    (moved / "nist36").mkdir(parents=True)
    damaged = bytearray(path.read_bytes())
    damaged[100] ^= 1
    (moved / "nist36" / path.name).write_bytes(damaged)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(files.VARIABLE, str(moved))
        with pytest.raises(BadData, match=r"handchars36_valid\.npz: has the sha256 [0-9a-f]{12}\.\.\., expected"):
            characters("valid")


def test_pickled_objects_are_never_loaded(tmp_path):
    path = tmp_path / "objects.npz"
    np.savez(path, images=np.array([{"a": 1}], dtype=object))
    with pytest.raises(BadData, match=r"is no \.npz of plain arrays"):
        files.load_npz(path, hashlib.sha256(path.read_bytes()).hexdigest())


def test_a_folder_that_is_none_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv(files.VARIABLE, str(tmp_path / "mistyped"))
    with pytest.raises(DeepgradeError, match=r"DEEPGRADE_DATA: .*mistyped is no folder"):
        characters("train")


def test_another_split_is_refused():
    with pytest.raises(ValueError, match="'validation' is none of train, valid, test"):
        characters("validation")


def test_nobody_can_change_the_data_of_the_others():
    data = characters("valid")
    assert characters("valid") is data
    for array in (data.x, data.y, data.images, shifted(data, 1).x):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


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
