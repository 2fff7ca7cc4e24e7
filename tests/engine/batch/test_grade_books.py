"""Grade books as learning management systems write them: each file of `grade_books` is a shape, with invented names."""

from __future__ import annotations

import csv
import io
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.batch import filling, import_results, lms, people, sheet
from autograder.batch.find import Source
from autograder.batch.import_results import BadResults, Score
from autograder.batch.lms import GradeBook
from autograder.core.errors import DeepgradeError

FOLDER = Path(__file__).with_name("grade_books")
TITLE = "Twice as much"

# system, encoding, separator, decimal sign; of each person login, address and university id, points and possible points
SHAPES = {
    "canvas.csv": ("Canvas", "utf-8-sig", ",", ".", {
        "Ada Lovelace": ("ada", "", "S-0001", 4.5, 5), "Bożena Nowak": ("bozena", "", "S-0002", None, 5),
        "Conor, Jr. O'Neill": ("conor", "", "S-0003", None, 5),
    }),
    "canvas_manual_posting.csv": ("Canvas", "utf-8", ",", ".", {
        "Ada Lovelace": ("ada@example.edu", "", "S-0001", None, 100),
    }),
    "canvas_semicolons.csv": ("Canvas", "utf-8-sig", ";", ",", {
        "Jürgen Müller": ("juergen", "", "S-0004", 2.5, 5), "Ada Lovelace": ("ada", "", "S-0001", None, 5),
    }),
    "moodle.csv": ("Moodle", "utf-8", ",", ".", {
        "Ada Lovelace": ("", "ada@example.edu", "1815", 4.5, None),
        "Bożena Nowak": ("", "bozena@example.edu", "1816", None, None),
    }),
    "moodle_german.csv": ("Moodle", "utf-16", ";", ",", {
        "Jürgen Müller": ("", "juergen@example.edu", "41", 3.5, None),
        "Ada Lovelace": ("", "ada@example.edu", "31", None, None),
    }),
    "moodle_french_tabs.csv": ("Moodle", "cp1252", "\t", ",", {
        "Zoé Dupont": ("", "zoe@example.edu", "51", 1.25, None),
        "Ada Lovelace": ("", "ada@example.edu", "31", None, None),
    }),
    "moodle_worksheet.csv": ("Moodle worksheet", "utf-8-sig", ",", ".", {
        "Ada Lovelace": ("", "ada@example.edu", "", None, 100),
        "Bożena Nowak": ("", "bozena@example.edu", "", None, 100),
    }),
    "moodle_worksheet_german.csv": ("Moodle worksheet", "utf-8-sig", ";", ",", {
        "Ada Lovelace": ("", "ada@example.edu", "", None, 5), "Jürgen Müller": ("", "juergen@example.edu", "", 2.5, 5),
    }),
    "blackboard.xls": ("Blackboard", "utf-16", "\t", ".", {
        "Ada Lovelace": ("ada", "", "1815", 4.5, 5), "Bożena Nowak": ("bozena", "", "1816", None, 5),
    }),
    "blackboard_german.csv": ("Blackboard", "utf-8-sig", ",", ",", {
        "Jürgen Müller": ("juergen", "", "41", 2.5, 5), "Ada Lovelace": ("ada", "", "31", None, 5),
    }),
    "brightspace.csv": ("Brightspace", "utf-8-sig", ",", ".", {
        "Ada Lovelace": ("ada", "ada@example.edu", "1815", 4.5, 5),
        "Bożena Nowak, dr": ("bozena", "bozena@example.edu", "1816", None, 5),
    }),
    "brightspace_ids.csv": ("Brightspace", "utf-8", ",", ".", {
        "": ("", "", "1816", None, None),  # ids alone: the last one is seen
    }),
}  # fmt: skip


def read(name: str) -> GradeBook:
    return lms.read((FOLDER / name).read_bytes(), name)


def test_each_file_is_a_shape():
    assert {path.name for path in FOLDER.iterdir()} == set(SHAPES)


@pytest.mark.parametrize("name", SHAPES)
def test_a_grade_book_is_read_as_its_system_wrote_it(name):
    system, encoding, delimiter, decimal, wanted = SHAPES[name]
    book = read(name)
    assert (book.system, book.shape.encoding, book.shape.delimiter, book.decimal) == (
        system,
        encoding,
        delimiter,
        decimal,
    )
    column = lms.column(book, [TITLE])
    assert column.title in (TITLE, "Grade", "Bewertung")
    seen = {
        one.name: (one.login, one.email, one.sid, book.points(one, column), book.possible(one, column))
        for one in book.people
    }
    assert seen == wanted


@pytest.mark.parametrize("name", SHAPES)
def test_a_grade_book_that_is_read_and_written_again_has_the_same_rows(name):
    """With the grades that it has, and in the same shape."""
    book = read(name)
    column = lms.column(book, [TITLE])
    grades = {
        one.row: points / (book.possible(one, column) or 5)
        for one in book.people
        if (points := book.points(one, column)) is not None
    }
    data, count = lms.fill(book, column, grades, 5)
    again = lms.read(data, name)
    assert count == len(grades)
    assert again.shape == book.shape
    rows = [list(row) for row in book.rows]
    for person in book.people:  # 4.50 is written 4.5
        if person.row in grades:
            assert lms.number_of(again.rows[person.row][column.index]) == lms.number_of(rows[person.row][column.index])
            rows[person.row][column.index] = again.rows[person.row][column.index]
    assert again.rows == rows
    untouched, none = lms.fill(book, column, {}, 5)
    assert none == 0
    assert sheet.read(untouched, name)[0] == book.rows


@pytest.mark.parametrize("name", SHAPES)
def test_grades_are_filled_in_by_ids_and_addresses_and_scaled_to_the_columns_maximum(name):
    book = read(name)
    column = lms.column(book, [TITLE])
    ada = next(one for one in book.people if "Ada" in one.name or one.sid == "1815")
    key = ada.login or ada.email or ada.sid
    scores = [Score("x", 4.0, 5.0, email=key.upper()), Score("nobody", 5.0, 5.0, student=ada.name)]
    shares, unmatched = filling.of_scores(book, scores, 5.0)
    assert shares == {ada.row: 0.8}
    assert unmatched == ["nobody"], "a name alone is not a sure match"
    data, _ = lms.fill(book, column, shares, 5.0)
    after = lms.read(data, name)
    assert after.points(ada, column) == pytest.approx(0.8 * (book.possible(ada, column) or 5))
    others = [row for index, row in enumerate(after.rows) if index != ada.row]
    assert others == [row for index, row in enumerate(book.rows) if index != ada.row]


def test_an_import_reads_the_column_of_the_assignment_in_points_of_the_assignment():
    scores = import_results.read(FOLDER / "canvas.csv", [TITLE], 10.0)
    assert [(one.submission, one.points, one.possible, one.login, one.sid) for one in scores] == [
        ("ada", 9.0, 10.0, "ada", "S-0001"),
        ("bozena", None, 10.0, "bozena", "S-0002"),
        ("conor", None, 10.0, "conor", "S-0003"),
    ]
    (blackboard, _) = import_results.read(FOLDER / "blackboard.xls", [TITLE], 5.0)
    assert (blackboard.submission, blackboard.points) == ("ada", 4.5)
    with pytest.raises(BadResults, match="name one of its columns of grades: 'Twice as much', 'Essay'"):
        import_results.read(FOLDER / "canvas.csv", ["Softmax"])


@pytest.mark.parametrize("name, student, login, email", [
    ("moodle_worksheet.csv", "Ada Lovelace_31_assignsubmission_file_", "", "ada@example.edu"),
    ("moodle_worksheet_german.csv", "Ada Lovelace_31_assignsubmission_file_", "", "ada@example.edu"),
    ("canvas.csv", "lovelaceada_LATE_31_77_softmax-1.zip", "ada", ""),
])  # fmt: skip
def test_ids_and_addresses_travel_from_a_download_to_the_scores(tmp_path, name, student, login, email):
    """The number in the name of a download is that of a row of the grade book."""
    sources = [Source(student, tmp_path, "x", "k", number="31"), Source("eve.zip", tmp_path, "eve", "e")]
    data = people.to_csv(people.identify(sources, read(name)))
    assert data is not None
    (tmp_path / people.NAME).write_bytes(data)
    rows = [["file", "double", *import_results.OTTER[1:]], ["points-per-question", "5.0", "5.0", "1.0", "--"]]
    rows += [[student, "4.0", "4.0", "0.8", "Completed"], ["eve.zip", "5.0", "5.0", "1.0", "Completed"]]
    buffer = io.StringIO()
    csv.writer(buffer).writerows(rows)
    (tmp_path / "final_grades.csv").write_text(buffer.getvalue())
    first, second = import_results.read(tmp_path / "final_grades.csv")
    assert (first.student, first.login, first.email) == ("Ada Lovelace", login, email)
    assert (second.student, second.login) == ("", "")
    shares, _ = filling.of_scores(read(name), [first], 5.0)
    assert list(shares.values()) == [0.8]


def test_a_download_of_which_nothing_is_known_makes_no_file(tmp_path):
    assert people.to_csv([Source("ada.zip", tmp_path, "ada", "ada")]) is None
    assert people.read(tmp_path / people.NAME) == {}
    (tmp_path / people.NAME).write_text("a,b\n1,2\n")
    with pytest.raises(DeepgradeError, match="does not have the columns"):
        people.read(tmp_path / people.NAME)


def test_two_rows_with_one_address_match_nothing():
    book = lms.read((FOLDER / "moodle.csv").read_bytes().replace(b"bozena@", b"ada@"), "x")
    shares, unmatched = filling.of_scores(book, [Score("x", 1.0, 5.0, email="ada@example.edu")], 5.0)
    assert (shares, unmatched) == ({}, ["x"])


def test_another_table_is_refused_with_its_headings():
    with pytest.raises(DeepgradeError, match="its headings are 'a', 'b'"):
        lms.read(b"a,b\n1,2\n", "the file")
    with pytest.raises(DeepgradeError, match="Windows-1252 has no character 'ż'"):
        sheet.write([["ż"]], sheet.Shape("cp1252"))


@given(
    rows=st.lists(
        st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8), min_size=2, max_size=3),
        min_size=1,
    ),
    delimiter=st.sampled_from(",;\t"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    end=st.sampled_from(["\n", "\r\n"]),
    quote_all=st.booleans(),
)
def test_what_is_written_is_read_again(rows, delimiter, encoding, end, quote_all):
    """Any cells in any shape, if the file says its separator."""
    shape = sheet.Shape(encoding, delimiter, end, quote_all, separator_line=True)
    assert sheet.read(sheet.write(rows, shape), "x")[0] == rows


@given(seed=st.integers(0, 2**32), name=st.sampled_from(sorted(SHAPES)))
def test_damaged_bytes_are_read_or_refused_in_a_sentence(seed, name):
    chance, data = random.Random(seed), bytearray((FOLDER / name).read_bytes())
    for _ in range(chance.randrange(1, 9)):
        data[chance.randrange(len(data))] = chance.randrange(256)
    try:
        book = lms.read(bytes(data[: chance.randrange(len(data) + 1)]), "the file")
    except DeepgradeError:
        return
    for column in book.columns:
        shares = {person.row: 0.5 for person in book.people}
        assert lms.fill(book, column, shares, 5.0)[1] == len(shares)
