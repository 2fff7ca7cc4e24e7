"""Pages: drawn as promised, photographs only if they are the right ones, and a reader that reads."""

import hashlib
import io
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from narrowing import not_none
from PIL import Image

from autograder.datasets import (
    BadData,
    catalogue,
    character_reader,
    characters,
    draw_page,
    files,
    glyphs,
    pages,
    reader36,
)
from autograder.datasets import drawing as drawing_module
from autograder.datasets.drawing import _broken, _linked, _solid

FONTS = ("DejaVuSans", "DejaVuSans-Bold", "STIXGeneralItalic", "cmr10")


@pytest.fixture(autouse=True)
def _no_data_folder(monkeypatch):
    monkeypatch.delenv(files.VARIABLE, raising=False)


@pytest.fixture
def photographs(tmp_path, monkeypatch):
    """A data folder with four photographs of a grey slope, which count as the right ones."""
    folder = tmp_path / "ocr-images"
    folder.mkdir()
    truth: dict[str, dict[str, object]] = {"images": {}}
    known = catalogue.PAGES.files
    for i, name in enumerate(Path(file.name).name for file in known if file.name.endswith(".jpg")):
        out = io.BytesIO()
        slope = np.tile(np.linspace(0, 255, 4000).astype(np.uint8), (10 + i, 1))
        Image.fromarray(slope).convert("RGB").save(out, "JPEG", quality=95)
        (folder / name).write_bytes(out.getvalue())
        truth["images"][name] = {"chars": ["AB", str(i)]}
    (folder / "ground_truth.json").write_text(json.dumps(truth))
    right = tuple(
        replace(file, sha256=hashlib.sha256((tmp_path / file.name).read_bytes()).hexdigest()) for file in known
    )
    monkeypatch.setattr(catalogue, "PAGES", replace(catalogue.PAGES, files=right))
    monkeypatch.setenv(files.VARIABLE, str(tmp_path))
    return folder


# --- drawn ---


@pytest.mark.parametrize("font", FONTS)
def test_boxes_are_tight_around_the_ink_of_their_letters(font):
    page = draw_page(["HIJ Q", "8X"], seed=3, font=font, height=30, slant=0.2)
    assert page.lines == ("HIJQ", "8X")
    assert page.text == "HIJQ\n8X"
    assert page.boxes is not None
    assert page.ink is not None
    assert page.count == len(page.boxes) == 6
    left = page.ink >= drawing_module.COVERED
    for y0, x0, y1, x1 in page.boxes:
        for edge in (page.ink[y0, x0:x1], page.ink[y1 - 1, x0:x1], page.ink[y0:y1, x0], page.ink[y0:y1, x1 - 1]):
            assert edge.max() >= drawing_module.COVERED
        left[y0:y1, x0:x1] = False
    assert not left.any()


def test_letters_stand_in_reading_order():
    page = draw_page(["ABC", "DE"], seed=1, height=24, wobble=1.0)
    assert page.boxes is not None
    assert (np.diff(page.boxes[:3, 1]) > 0).all()
    assert page.boxes[:3, 2].max() + 0.3 * 24 < page.boxes[3:, 0].min()


@pytest.mark.parametrize("slant", [0.0, 0.4])
def test_ink_of_letters_is_apart_even_where_their_boxes_overlap(slant):
    page = draw_page(["VAVATLTL"], seed=2, height=40, slant=slant, spacing=0.25)
    assert page.boxes is not None
    assert page.ink is not None
    ink = page.ink >= drawing_module.COVERED
    # Grown by less than half of the promised distance, no two letters join.
    grown = np.lib.stride_tricks.sliding_window_view(np.pad(ink, 4), (9, 9)).any(axis=(2, 3))
    assert pieces(grown) == 8
    assert (page.boxes[1:, 1] < page.boxes[:-1, 3]).any()


def pieces(mask):
    """How many connected pieces (by corners too) a mask has."""
    left, count = mask.copy(), 0
    while left.any():
        reached = np.zeros_like(left)
        reached.flat[left.argmax()] = True
        while True:
            grown = np.lib.stride_tricks.sliding_window_view(np.pad(reached, 1), (3, 3)).any(axis=(2, 3)) & left
            if (grown == reached).all():
                break
            reached = grown
        left &= ~reached
        count += 1
    return count


def test_light_and_ink_are_what_they_are_said_to_be():
    page = draw_page(["LIGHT AND INK"] * 4, seed=5, height=30, light=2.0, ink=0.5)
    paper, ink = page.image[page.ink == 0], page.image[page.ink == 1]
    assert paper.max() == pytest.approx(0.95)
    assert paper.max() / paper.min() == pytest.approx(2.0, rel=0.01)
    assert ink.max() <= 0.5 * 0.95 + 1e-9
    steps = [np.abs(np.diff(np.log(np.where(page.ink == 0, page.image, np.nan)), axis=axis)) for axis in (0, 1)]
    assert max(np.nanmax(step) for step in steps) <= drawing_module.STEEPEST + 1e-9


def test_dots_and_specks_and_threads_are_on_the_page_but_not_in_its_ink():
    options: dict[str, Any] = {"seed": 4, "font": "DejaVuSans-Bold", "height": 48, "margin": 1.0}
    plain = draw_page(["HEH"], **options)
    for name, value in (("dots", True), ("specks", 9), ("threads", 1.0)):
        page = draw_page(["HEH"], **(options | {name: value}))
        marks = (page.image < 0.5) & (page.ink == 0)
        assert marks.any(), name
        assert not ((plain.image < 0.5) & (plain.ink == 0)).any()
        assert page.count == 3


def test_a_broken_letter_is_in_pieces_that_are_near():
    page = draw_page(["OSBDQ8"], seed=8, height=60, broken=1.0, thicken=2.0)
    assert page.boxes is not None
    assert page.ink is not None
    counts = [pieces(page.ink[y0:y1, x0:x1] >= 0.5) for y0, x0, y1, x1 in page.boxes]
    assert counts[0] == 1
    assert sum(count > 1 for count in counts) in (2, 3)
    for y0, x0, y1, x1 in page.boxes:
        assert _linked(page.ink[y0:y1, x0:x1] >= 0.5, 6)


def test_a_letter_that_cannot_be_broken_stays_whole():
    hair = np.zeros((40, 3), np.float32)
    hair[:, 1] = 1
    assert _broken(hair, 40, np.random.default_rng(0)) is hair


def test_links_are_jumps_of_a_given_length():
    mask = np.zeros((9, 12), bool)
    mask[1, 1] = mask[4, 4] = mask[8, 4] = True
    assert not _linked(mask, 3)
    assert _linked(mask, 4)
    assert not _linked(mask, 1)


def test_slivers_are_not_solid():
    mask = np.zeros((8, 9), bool)
    mask[1:4, 1:4] = mask[2, 4:] = True
    assert (_solid(mask) == np.pad(np.ones((3, 3), bool), ((1, 4), (1, 5)))).all()


def test_the_same_seed_draws_the_same_page_and_says_how():
    page = draw_page(["AB"], seed=7, noise=0.01)
    assert (page.image == draw_page(["AB"], seed=7, noise=0.01).image).all()
    assert (page.image.shape != draw_page(["AB"], seed=8, noise=0.01).image.shape) or (
        page.image != draw_page(["AB"], seed=8, noise=0.01).image
    ).any()
    assert repr(page) == "draw_page(['AB'], seed=7, noise=0.01)"
    with pytest.raises(ValueError, match="read-only"):
        page.image[0, 0] = 1


def test_no_lines_are_blank_paper():
    page = draw_page([], seed=1)
    assert page.boxes is not None
    assert page.ink is not None
    assert page.count == len(page.boxes) == 0
    assert page.boxes.shape == (0, 4)
    assert not page.ink.any()


# --- photographs ---


def test_without_photographs_four_pages_are_drawn():
    found = pages()
    assert [page.source for page in found] == ["drawn pages"] * 4
    assert all(page.count == len(not_none(page.boxes)) and page.image.ndim == 2 for page in found)


def test_photographs_come_first_reduced_and_with_their_text(photographs):
    found = pages()
    assert [page.name for page in found] == ["01_list", "02_letters", "03_haiku", "04_deep"]
    assert {page.source for page in found} == {"photographs"}
    assert found[2].lines == ("AB", "2")
    assert found[0].boxes is None
    assert found[0].image.shape == (3, 1333)
    assert np.abs(found[0].image - np.linspace(0, 1, 1333)).max() < 0.02


def test_a_photograph_that_is_missing_means_that_all_four_are_drawn(photographs):
    os.remove(photographs / "03_haiku.jpg")
    assert {page.source for page in pages()} == {"drawn pages"}


def test_a_photograph_with_another_checksum_is_refused(photographs, tmp_path, monkeypatch):
    (photographs / "03_haiku.jpg").write_bytes(b"no picture")
    moved = tmp_path / "moved"
    moved.mkdir()
    photographs.rename(moved / "ocr-images")  # what was read before is remembered by its path
    monkeypatch.setenv(files.VARIABLE, str(moved))
    with pytest.raises(BadData, match=r"03_haiku\.jpg: has the sha256"):
        pages()


# --- the reader ---


def test_the_reader_reads_glyphs():
    data = characters("test")
    read = character_reader()((data.images > 0.5).astype(float))
    assert len(read) == len(data)
    assert np.mean([glyphs.NAMES[label] == name for label, name in zip(data.y, read, strict=True)]) > 0.9


def test_the_reader_takes_any_number_of_pictures_and_no_other_shape():
    classify, images = character_reader(), characters("test").images[:70]
    assert classify(images[:0]) == ""
    assert classify(images) == "".join(classify(images[i : i + 1]) for i in range(70))
    with pytest.raises(ValueError, match=r"shape \(32, 32\), expected \(n, 32, 32\)"):
        classify(images[0])


def test_the_readers_weights_are_small_plain_arrays():
    assert reader36.WEIGHTS.stat().st_size < 300_000
    with np.load(reader36.WEIGHTS, allow_pickle=False) as arrays:
        assert {arrays[name].dtype for name in arrays.files} == {np.dtype(np.float16)}
        assert sum(arrays[name].size for name in arrays.files) == pytest.approx(70_000, rel=0.05)


def test_the_reader_computes_what_torch_computes():
    torch = pytest.importorskip("torch")
    from torch import nn

    weights = reader36._weights()
    layers: list = [nn.Conv2d(1, 16, 3, padding=1), nn.Conv2d(16, 32, 3, padding=1), nn.Conv2d(32, 48, 3, padding=1)]
    layers += [nn.Linear(768, 64), nn.Linear(64, 36)]
    for i, layer in enumerate(layers):
        layer.load_state_dict({name: torch.from_numpy(weights[f"{name[0]}{i}"]) for name in ("weight", "bias")})
    x = np.random.default_rng(0).random((3, 32, 32), dtype=np.float32)
    a = torch.from_numpy(1 - x)[:, None]
    with torch.no_grad():
        for layer in layers[:3]:
            a = torch.max_pool2d(torch.relu(layer(a)), 2)
        expected = layers[4](torch.relu(layers[3](a.flatten(1)))).numpy()
    assert np.abs(reader36._logits(x, weights) - expected).max() < 1e-3
