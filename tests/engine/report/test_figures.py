"""Figures become pictures, whatever a student's answers hold."""

import base64
import threading
import warnings
import zlib
from io import BytesIO

import matplotlib
import numpy as np
import pytest
from matplotlib import image
from matplotlib.figure import Figure as MatplotlibFigure

from autograder.judge.recorder import Recorder
from autograder.report import figures
from autograder.report.figures import draw
from autograder.report.schema import Figure

FORMULAS = ("$x^2$", r"$\frac{", "$", "$$", r"\$", "_hidden", "${undefined}$ & %", "<script>")
HOSTILE_NUMBERS: tuple = (float("nan"), float("inf"), -float("inf"), 1e308, -1e308, 10**400, None, "9", [], True)


def recorded():
    record = Recorder()
    record.curve("Learning curve", "epoch", [1, 2, 3], loss=[3.0, 2.0, 1.5], accuracy=[0.1, 0.5, 0.7])
    record.confusion("Confusion", [0, 1, 1, 2], [0, 1, 2, 2], ["A", "B", "C"])
    record.images("Pictures", {"originals": np.linspace(0, 1, 2 * 8 * 6).reshape(2, 8, 6), "again": np.ones((1, 8, 6))})
    record.page("Page", np.linspace(0, 1, 60 * 90).reshape(60, 90), [[5, 6, 20, 30], [5, 40, 20, 60]], ["AB", "C"])
    record.number("Number", "accuracy", 81.5, bar=76.25, unit="%")
    return record.figures


def page(boxes, lines, *, title="t", shape=(40, 60)):
    """A page of grey 200."""
    grey = base64.b64encode(zlib.compress(bytes([200]) * (shape[0] * shape[1]))).decode()
    return Figure("page", title, {"shape": list(shape), "grey": grey, "boxes": boxes, "lines": lines})


def pixels(png):
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    return image.imread(BytesIO(png))[:, :, :3]


def colours(png):
    return {tuple(int(v) for v in row) for row in np.unique((pixels(png) * 255).round().reshape(-1, 3), axis=0)}


@pytest.mark.parametrize("figure", recorded(), ids=lambda figure: figure.kind)
def test_every_kind_is_a_picture_with_something_in_it(figure):
    picture = pixels(draw(figure))
    assert picture.shape[0] >= 150
    assert picture.shape[1] >= 300
    assert (picture[60:] < 0.5).any()  # below the title
    assert (picture == 1).all(axis=2).mean() > 0.2


@pytest.mark.parametrize("figure", recorded(), ids=lambda figure: figure.kind)
def test_the_same_figure_gives_the_same_bytes(figure):
    assert draw(figure) == draw(figure)


def test_a_picture_carries_no_metadata():
    for figure in recorded():
        png = draw(figure)
        assert b"tEXt" not in png
        assert b"iTXt" not in png
        assert b"atplotlib" not in png


@pytest.mark.parametrize("text", FORMULAS)
def test_texts_are_never_parsed_as_formulas(text):
    drawn = [
        Figure("curve", text, {"x_label": text, "x": [1, 2], "series": {text: [3, 4], f"{text}2": [4, 3]}}),
        Figure("curve", text, {"x_label": text, "x": [1, 2], "series": {text: [3, 4]}}),
        Figure("confusion", text, {"names": [text, "B"], "matrix": [[1, 2], [3, 4]]}),
        Figure("images", text, {"rows": [{"label": text, "images": [[[0, 255]]]}]}),
        page([[0, 0, 1, 1]], [text, text], title=text),
        Figure("numbers", text, {"rows": [{"name": text, "value": 1.0, "bar": 2.0, "unit": text}]}),
    ]
    for figure in drawn:
        draw(figure)


def test_a_dollar_is_drawn_as_a_dollar():
    plain = Figure("numbers", "x^2", {"rows": []})
    dollars = Figure("numbers", "$x^2$", {"rows": []})
    # Parsed as a formula, the title would be narrower than without its dollars, not wider.
    assert title_width(dollars) > title_width(plain)


def title_width(figure):
    dark = (pixels(draw(figure))[:40] < 0.6).all(axis=2).any(axis=0)
    return np.ptp(np.flatnonzero(dark))


@pytest.mark.parametrize("value", HOSTILE_NUMBERS, ids=repr)
def test_numbers_that_are_none_leave_gaps(value):
    drawn = [
        Figure(
            "curve", "t", {"x_label": "x", "x": [1, value, 3], "series": {"a": [value, 2, value], "b": [value] * 3}}
        ),
        Figure("confusion", "t", {"names": ["A", "B"], "matrix": [[value, 1], [2, value]]}),
        Figure("images", "t", {"rows": [{"label": "r", "images": [[[value, 3], [4, 5]], value]}]}),
        page([[value, 1, 2, 3], value, [0, 0, value, value]], [value]),
        Figure("page", "t", {"shape": [value, 2], "grey": value, "boxes": [], "lines": []}),
        Figure("numbers", "t", {"rows": [{"name": "a", "value": value, "bar": value, "unit": "%"}]}),
    ]
    for figure in drawn:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            draw(figure)


def test_empty_figures_are_drawn():
    for kind, data in {
        "curve": {"x_label": "x", "x": [], "series": {}},
        "confusion": {"names": [], "matrix": []},
        "images": {"rows": []},
        "page": {"shape": [0, 0], "grey": "", "boxes": [], "lines": []},
        "numbers": {"rows": []},
    }.items():
        draw(Figure(kind, "", data))  # type: ignore[arg-type]


def test_a_million_points_are_thinned_out():
    assert figures._thinned(10**6) == slice(0, 10**6, 500)
    x = np.arange(10**6)
    draw(Figure("curve", "t", {"x_label": "x", "x": x, "series": {"a": np.sin(x / 1e5) + 2}}))


def test_what_is_left_out_is_said():
    said = []

    class Canvas(MatplotlibFigure):
        def suptitle(self, t, **options):
            said.append(t)
            return super().suptitle(t, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(figures, "Canvas", Canvas)
        draw(Figure("confusion", "t", {"names": ["A"] * 500, "matrix": [[1] * 500] * 500}))
        draw(Figure("images", "t", {"rows": [{"label": "r", "images": [[[0]]] * 1000}]}))
        draw(page([[0, 0, 1, 1]] * 5000, []))
        draw(page([], ["A"] * 500))
        draw(Figure("numbers", "t", {"rows": [{"name": "a", "value": 1, "bar": None, "unit": ""}] * 1000}))
    assert said == [
        "t\n(120 of 500 classes are shown)",
        "t\n(16 of 1000 pictures of a row are shown)",
        "t\n(1000 of 5000 boxes are shown)",
        "t\n(40 of 500 lines are shown)",
        "t\n(12 of 1000 rows are shown)",
    ]


def test_long_texts_are_cut():
    width = pixels(draw(Figure("numbers", "y" * 10**6, {"rows": []}))).shape[1]
    assert width < 1200
    assert figures._short("y" * 10**6) == "y" * 77 + "..."
    assert figures._short("a\nb\x00c\x1b[31m") == "a b c [31m"


def test_losses_and_accuracies_do_not_share_a_scale():
    series = {"loss": np.array([3.0, 0.5]), "accuracy": np.array([0.1, 0.9]), "unknown": np.array([np.nan])}
    assert figures._by_scale(series) == (["loss", "unknown"], ["accuracy"])


def test_a_value_is_said_with_the_digits_that_tell_it_from_its_bar():
    said = [(94.66666, 85.0), ("84.996", 85.0), (10**400, 1.0), (None, 1.0)]
    assert [figures._value_text(value, bar) for value, bar in said] == ["94.67", "84.996", "no number", "no number"]


def test_there_is_no_epoch_and_a_half():
    def ticks(x):
        canvas = MatplotlibFigure()
        figures._curve(canvas, {"x": x, "x_label": "epoch", "series": {"loss": [3.0, 2.0]}})
        return list(canvas.axes[0].get_xticks())

    assert all(tick == round(tick) for tick in ticks([1, 2]))
    assert any(tick != round(tick) for tick in ticks([1.0, 1.5]))


def test_mistakes_have_another_colour_than_right_answers():
    def drawn(matrix):
        return draw(Figure("confusion", "t", {"names": ["A", "B"], "matrix": matrix}))

    assert reddish(drawn([[5, 4], [0, 5]]))
    assert not reddish(drawn([[5, 0], [0, 5]]))


def reddish(png):
    return any(r > g + 60 and r > b + 60 for r, g, b in colours(png))


def test_boxes_are_drawn_on_their_page():
    assert reddish(draw(page([[5, 5, 30, 40]], [])))
    assert not reddish(draw(page([], [])))
    assert not reddish(draw(page([[500, 500, 600, 600], [-90, -90, -20, -20]], [])))


def test_a_box_that_is_none_is_no_box():
    assert draw(page([[1, 2, 3], "box", None, [0, 0, float("nan"), 1], {}], [])) == draw(page([], []))


def test_what_was_read_stands_beside_a_page_or_below_a_wide_one():
    tall, wide = (pixels(draw(page([], ["HELLO"] * 3, shape=shape))) for shape in ((60, 60), (20, 90)))
    ink = [(picture[90:] < 0.4).all(axis=2) for picture in (tall, wide)]
    assert ink[0][:, ink[0].shape[1] // 2 :].any()
    assert not ink[0][:, : ink[0].shape[1] // 3].any()
    assert ink[1][ink[1].shape[0] // 2 :].any()


@pytest.mark.parametrize("shape", [[10**9, 10**9], [0, 5], [3], [-2, -2], ["a", 1], [2, 2]])
def test_a_page_whose_pixels_are_not_those_it_promises_is_a_grey_dot(shape):
    bomb = base64.b64encode(zlib.compress(b"\0" * 10**7)).decode()
    for grey in (bomb, "not base64!", "", base64.b64encode(b"no zlib").decode()):
        assert figures._unpacked(shape, grey).tolist() == [[127.0]]


def test_a_recorded_page_is_bounded_whatever_a_student_returned():
    record = Recorder()
    image = np.full((3000, 2001), 0.5)
    record.page("t", image, np.tile([3, 6, 9, 12], (10**5, 1)), ["x" * 10**6] * 10**4)
    (figure,) = record.figures
    assert figure.data["shape"] == [600, 400]
    assert (figures._unpacked(figure.data["shape"], figure.data["grey"]) == 128).all()
    assert figure.data["boxes"] == [[0.0, 0.0, 0.0, 4.0]] * 500
    assert [len(line) for line in figure.data["lines"]] == [120] * 40
    for nonsense in (None, "boxes", [[1, 2], [3]], np.array([[np.nan, 1, 2, 3]]), np.zeros((2, 3)), {"a": 1}):
        record.page("t", image, nonsense, "no list")  # type: ignore[arg-type]
        assert record.figures[-1].data["boxes"] == []
        assert record.figures[-1].data["lines"] == []


def test_nothing_global_is_touched():
    before = dict(matplotlib.rcParams)
    for figure in recorded():
        draw(figure)
    assert dict(matplotlib.rcParams) == before


def test_threads_may_draw_at_the_same_time():
    expected = [draw(figure) for figure in recorded()]
    found: dict[int, bytes] = {}
    threads = [
        threading.Thread(target=lambda i=i, figure=figure: found.setdefault(i, draw(figure)))
        for i, figure in enumerate(recorded())
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[i] for i in range(len(expected))] == expected


def test_another_kind_is_refused():
    with pytest.raises(ValueError, match="'pie' is not one of curve, confusion, images, page, numbers"):
        draw(Figure("pie", "t", {}))  # type: ignore[arg-type]
