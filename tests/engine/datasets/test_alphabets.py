"""Alphabets that nobody has seen: what training checks are judged by, so that no stored picture or label helps.

The attacks here know all public digits, try every turn, mirror image and inversion of them, and learn from the given
training pictures which class of theirs goes with which letter. They stay far below what a network reaches.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from autograder.datasets import LOOSE, STEADY, Dataset, alphabet, digits

SEEDS = (1, 2, 3)
WAYS: dict[str, dict[str, Any]] = {
    "dense": {"hand": STEADY, "sizes": (1000, 400)},
    "scattered": {"hand": STEADY, "sizes": (1000, 400), "scattered": True},
    "inks": {"hand": LOOSE, "sizes": (1000, 400), "side": 12, "inks": True},
    "mirrored": {"hand": STEADY, "sizes": (1000, 400), "side": 16, "inks": True, "classes": 36},
}


@pytest.fixture(params=WAYS.values(), ids=list(WAYS))
def way(request) -> dict:
    return request.param


# What an alphabet is


def test_the_same_seed_draws_the_same_and_another_one_another(way):
    first, again, other = (alphabet(seed, **way) for seed in (7, 7, 8))
    for part in ("train", "held_out"):
        assert np.array_equal(getattr(first, part).pixels, getattr(again, part).pixels)
        assert np.array_equal(getattr(first, part).y, getattr(again, part).y)
        assert (getattr(first, part).pixels != getattr(other, part).pixels).any(axis=(1, 2)).mean() > 0.99
    assert np.array_equal(first.train.y, other.train.y) is False


def test_a_seed_may_be_as_long_as_a_secret_makes_it():
    assert len(alphabet(2**63 - 1).train) == 1000


def test_classes_are_balanced_and_in_no_order(way):
    for part in (alphabet(5, **way).train, alphabet(5, **way).held_out):
        counts = np.bincount(part.y, minlength=way.get("classes", 10))
        assert len(counts) == len(part.names) == way.get("classes", 10)
        assert np.ptp(counts) <= 1
        assert (np.diff(part.y) == 1).mean() < 3 / len(counts) + 0.1


def test_no_picture_is_there_twice(way):
    made = alphabet(6, **way)
    rows = np.concatenate([made.train.x, made.held_out.x])
    assert len(np.unique(rows, axis=0)) == len(rows)


def test_parts_keep_the_contract_of_a_dataset():
    made = alphabet(4, sizes=(60, 30), side=9)
    assert made.train.x.shape == (60, 81)
    assert made.held_out.images.shape == (30, 9, 9)
    assert made.train.source == made.held_out.source == "an alphabet of the grader's own"
    coloured = alphabet(4, sizes=(60, 30), side=9, inks=True).train
    assert coloured.x.shape == (60, 3 * 81)
    assert np.array_equal(coloured.x.reshape(60, 3, 9, 9).transpose(0, 2, 3, 1), coloured.images)


def test_scattered_pixels_are_the_same_pixels_elsewhere():
    plain, moved = (alphabet(3, sizes=(50, 50), scattered=scattered) for scattered in (False, True))
    assert moved.places is not None
    assert not np.array_equal(moved.places, np.arange(64))
    assert sorted(moved.places) == list(range(64))
    upright = moved.upright(moved.train.x)
    assert np.array_equal(upright.reshape(50, 64)[:, moved.places], moved.train.x)
    assert abs(neighbours(upright) - neighbours(plain.train.images)) < 0.1 < neighbours(plain.train.images)
    assert neighbours(moved.train.images) < neighbours(upright) / 2


def neighbours(images: np.ndarray) -> float:
    """How much a pixel tells of the one on its right."""
    return float(np.corrcoef(images[:, :, 1:].ravel(), images[:, :, :-1].ravel())[0, 1])


@pytest.mark.parametrize("arguments", [{"classes": 1}, {"side": 5}])
def test_what_cannot_be_drawn_is_refused(arguments):
    with pytest.raises(ValueError, match="an alphabet needs two classes and a side of six pixels"):
        alphabet(1, **arguments)


# What an attacker reaches, in percent of held-out pictures


def by_nearest_digit(train: Dataset, held_out: Dataset) -> float:
    """The label of the nearest public digit, all turned as it fits best, read as the letter that goes with it."""
    known = digits("train").first(600)
    reached = []
    for images in ways_to_turn(resized(known.images, train.pixels.shape[1])):
        near, others = (known.y[nearest(normal(flat(images)), grey_rows(part))] for part in (train, held_out))
        reached.append(matched(near, train, others, held_out))
    return max(reached)[1]


def by_features_of_digits(train: Dataset, held_out: Dataset) -> float:
    """The scores of a classifier of digits, of one channel or a grey picture, and a fit of the letters to them."""
    known, side = digits("train"), train.pixels.shape[1]
    classifier = fitted(normal(flat(resized(known.images, side))), np.eye(10)[known.y])
    reached = []
    for look in (*np.eye(3), np.ones(3) / 3, *-np.eye(3), -np.ones(3) / 3):
        scores = [with_one(normal(flat(colour(part) @ look))) @ classifier for part in (train, held_out)]
        head = fitted(scores[0], np.eye(len(train.names))[train.y])
        guesses = [(with_one(score) @ head).argmax(axis=1) for score in scores]
        reached.append([100 * (guess == part.y).mean() for guess, part in zip(guesses, (train, held_out), strict=True)])
    return max(reached)[1]


@pytest.mark.threat(49, tried="the nearest stored public picture, turned as it fits, its class matched with a letter")
def test_the_nearest_public_picture_says_little(way):
    assert by_nearest_digit(digits("valid"), digits("test")) > 95  # so it works on data that are public
    made = alphabet(1, **way)
    assert by_nearest_digit(made.train, made.held_out) < 60


@pytest.mark.threat(49, tried="a classifier trained on public pictures, fitted to the letters by the training set")
def test_what_knows_public_digits_does_not_know_letters():
    assert by_features_of_digits(digits("valid"), digits("test")) > 85
    for seed in SEEDS:
        made = alphabet(seed, **WAYS["inks"])
        assert by_features_of_digits(made.train, made.held_out) < 50


@pytest.mark.threat(49, tried="the nearest of the training pictures, in colours or in grey")
def test_the_nearest_training_picture_is_often_another_letter():
    """Where a student's own code predicts: two inks, and letters that move about. A network reads 97 % of these."""
    for seed in SEEDS:
        made = alphabet(seed, **WAYS["inks"])
        for rows in (lambda part: normal(part.x), grey_rows):
            near = nearest(rows(made.train), rows(made.held_out))
            assert 100 * (made.train.y[near] == made.held_out.y).mean() < 90


def colour(part: Dataset) -> np.ndarray:
    return part.images if part.images.ndim == 4 else np.repeat(part.images[..., None], 3, axis=3)


def flat(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1)


def normal(rows: np.ndarray) -> np.ndarray:
    """Rows of mean 0 and length 1, so that neither brightness nor contrast counts."""
    rows = rows - rows.mean(axis=1, keepdims=True)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True).clip(1e-9)


def grey_rows(part: Dataset) -> np.ndarray:
    return normal(flat(colour(part).mean(axis=3)))


def nearest(known: np.ndarray, asked: np.ndarray) -> np.ndarray:
    return (asked @ known.T).argmax(axis=1)


def resized(images: np.ndarray, side: int) -> np.ndarray:
    """By linear interpolation."""
    old = images.shape[1]
    grid = (np.arange(side) + 0.5) * old / side - 0.5
    weights = np.array([np.interp(grid, np.arange(old), unit) for unit in np.eye(old)])
    return np.einsum("nhw,hi,wj->nij", images, weights, weights, optimize=True)


def ways_to_turn(images: np.ndarray):
    """The eight symmetries of the square, bright on dark and dark on bright."""
    for mirrored in (images, images[:, :, ::-1]):
        for turns in range(4):
            turned = np.rot90(mirrored, turns, axes=(1, 2))
            yield from (turned, -turned)


def matched(guesses: np.ndarray, train: Dataset, others: np.ndarray, held_out: Dataset) -> tuple[float, float]:
    """(percent of train, percent of held_out), each of the attacker's classes read as its most frequent letter."""
    table = np.zeros((guesses.max() + 1, len(train.names)))
    np.add.at(table, (guesses, train.y), 1)
    letter = table.argmax(axis=1)
    return 100 * (letter[guesses] == train.y).mean(), 100 * (letter[others] == held_out.y).mean()


def with_one(rows: np.ndarray) -> np.ndarray:
    return np.c_[rows, np.ones(len(rows))]


def fitted(rows: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Least squares with an intercept, a little regularised."""
    rows = with_one(rows)
    return np.linalg.solve(rows.T @ rows + 0.1 * np.eye(rows.shape[1]), rows.T @ targets)
