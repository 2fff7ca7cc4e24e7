"""The grade books that learning management systems export and import: Canvas, Moodle, Blackboard, Brightspace.

    read(data)  ─>  GradeBook: who is in it, and its columns of grades  ─┬─ scores   grades from there
                                                                       └─ fill     the same file with our grades

| system      | people by                            | columns of grades                         | maximum            |
|-------------|--------------------------------------|-------------------------------------------|--------------------|
| Canvas      | ID, SIS User ID, SIS Login ID        | `Softmax (1234)`                          | row without an ID  |
| Moodle      | ID number, e-mail address            | `Assignment: Softmax (Real)`              | not in the file    |
| worksheet   | `Participant 31`, e-mail address     | `Grade`                                   | `Maximum Grade`    |
| Blackboard  | Username, Student ID                 | `Softmax [Total Pts: 5 Score] |1234`      | in the heading     |
| Brightspace | OrgDefinedId, Username, with a `#` | `Softmax Points Grade <... MaxPoints:5 ..>`  | in the heading     |

Moodle and Blackboard write headings in the language of the person who exports. What is not a grade stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from autograder.batch import sheet
from autograder.batch.sheet import Shape
from autograder.core.errors import DeepgradeError

HEADINGS: dict[str, tuple[str, ...]] = {
    "first": ("first name", "vorname", "prénom", "nombre", "nome", "imię", "voornaam", "förnamn", "fornavn"),
    "last": (
        "last name", "surname", "nachname", "nom", "nom de famille", "apellido(s)", "apellidos", "cognome", "sobrenome",
        "nazwisko", "achternaam", "efternamn", "etternavn", "efternavn",
    ),
    "name": (
        "student", "full name", "vollständiger name", "nom complet", "nombre completo", "nome completo",
        "pełna nazwa", "imię i nazwisko", "volledige naam", "fullständigt namn", "fullt navn",
    ),
    "email": (
        "email", "e-mail", "email address", "e-mail address", "e-mail-adresse", "adresse de courriel", "adresse e-mail",
        "dirección de correo", "correo electrónico", "indirizzo email", "endereço de e-mail", "adres e-mail",
        "e-mailadres", "e-postadress", "e-postadresse",
    ),
    "login": (
        "sis login id", "username", "anmeldename", "benutzername", "nom d'utilisateur", "nombre de usuario", "username",
        "nazwa użytkownika", "gebruikersnaam", "användarnamn",
    ),
    "sid": (
        "sis user id", "id number", "student id", "orgdefinedid", "id-nummer", "matrikelnummer", "student-id",
        "teilnehmer-id", "numéro d'identification", "número de id", "codice identificativo", "número de identificação",
        "numer id", "id-nummer", "idnummer", "id étudiant", "id de estudiante",
    ),
    "number": (
        "id", "identifier", "identifikator", "id", "identifiant", "identificador", "identificatore", "identyfikator",
        "id-nr.", "identifikation",
    ),
    "grade": (
        "grade", "bewertung", "note", "calificación", "valutazione", "nota", "ocena", "cijfer", "betyg", "karakter",
    ),
    "maximum": (
        "maximum grade", "bestwertung", "note maximale", "calificación máxima", "valutazione massima", "nota máxima",
        "maksymalna ocena", "maximumcijfer", "högsta betyg",
    ),
}  # fmt: skip
CANVAS = re.compile(r"(?P<title>.+) \((?P<id>\d+)\)")
MOODLE = re.compile(
    r"(?:(?P<kind>[^:()]+): ?)?(?P<title>.+) \((?P<form>Real|Punkte|Réel|Puntos|Reale|Rzeczywista|Reëel|Brut)\)"
)
BLACKBOARD = re.compile(r"(?P<title>.+?) \[[^\]:]+: ?(?P<maximum>[0-9.,]+)[^\]]*\] ?\|(?P<id>\d+)")
BRIGHTSPACE = re.compile(r"(?P<title>.+) Points Grade(?: <Numeric MaxPoints:(?P<maximum>[0-9.,]+)[^>]*>)?")
END_OF_LINE = "end-of-line indicator"
TEST_STUDENT = ("student, test", "test student")  # Canvas adds this one to every course
NUMBER = re.compile(r"-?\d+(?:[.,]\d+)?")
MOST = 100_000  # rows


@dataclass(frozen=True)
class Person:
    """A row of a student. Texts are "" where the file does not have them."""

    row: int
    name: str
    email: str = ""
    login: str = ""
    sid: str = ""
    number: str = ""  # the system's own, which stands in the names of downloads

    @property
    def key(self) -> str:
        return self.login or self.email or self.sid or self.number or self.name


@dataclass(frozen=True)
class Column:
    index: int
    title: str
    possible: float | None = None  # None: each row has its own, or the file does not say it


@dataclass(frozen=True)
class GradeBook:
    system: str  # "Canvas", "Moodle", "Moodle worksheet", "Blackboard" or "Brightspace"
    rows: list[list[str]]  # the headings first
    shape: Shape
    people: list[Person]
    columns: list[Column]
    decimal: str = "."
    maxima: dict[int, float] = field(default_factory=dict)  # of a worksheet, by row

    def points(self, person: Person, column: Column) -> float | None:
        """None without a grade."""
        cells = self.rows[person.row]
        return number_of(cells[column.index]) if column.index < len(cells) else None

    def possible(self, person: Person, column: Column) -> float | None:
        return self.maxima.get(person.row, column.possible)


def read(data: bytes, what: str) -> GradeBook:
    """Raises DeepgradeError if the file is not a grade book of one of the systems."""
    rows, shape = sheet.read(data, what)
    book = recognise(rows, shape)
    if book is None:
        heading = ", ".join(repr(cell[:40]) for cell in rows[0][:6]) if rows else "nothing"
        raise DeepgradeError(
            f"{what} is not a grade book of Canvas, Moodle, Blackboard or Brightspace; its headings are {heading}"
        )
    return book


def recognise(rows: list[list[str]], shape: Shape) -> GradeBook | None:
    """None for another table. Raises DeepgradeError if it is too long."""
    if not rows:
        return None
    if len(rows) > MOST:
        raise DeepgradeError(f"the file has {len(rows):,} rows, but the limit is {MOST:,}")
    headings = [cell.strip() for cell in rows[0]]
    places = _places(headings)
    system, columns = _system(headings, places)
    if not system or not ({"login", "email", "sid", "number"} & places.keys()):
        return None
    people = [person for index in range(1, len(rows)) if (person := _person(rows[index], index, places, system))]
    if system == "Canvas":
        columns = _with_maxima(columns, rows, {person.row for person in people})
    maxima = {}
    if system == "Moodle worksheet":
        for person in people:
            if (most := number_of(_cell(rows[person.row], places.get("maximum")))) is not None:
                maxima[person.row] = most
    decimal = "," if _has_commas(rows, columns, places) else "."
    return GradeBook(system, rows, shape, people, columns, decimal, maxima)


def column(book: GradeBook, names: Sequence[str]) -> Column:
    """The column with one of these titles, or the only one. Raises DeepgradeError without one, or with several."""
    wanted = {_folded(name) for name in names if name}
    matching = [one for one in book.columns if _folded(one.title) in wanted]
    if not matching and len(book.columns) == 1:
        matching = book.columns
    if len(matching) == 1:
        return matching[0]
    titles = ", ".join(repr(one.title[:60]) for one in book.columns[:8]) or "none"
    raise DeepgradeError(f"the file has no single column for {names[0]!r}; name one of its columns of grades: {titles}")


def fill(book: GradeBook, to: Column, shares: Mapping[int, float], possible: float) -> tuple[bytes, int]:
    """The same file with grades in one column, and the number of grades. Other cells stay as they are.

    shares : points / possible points, by the row of the person
    possible : points of the assignment, where the file does not say its own maximum
    """
    rows = [list(row) for row in book.rows]
    for person in book.people:
        share = shares.get(person.row)
        if share is None:
            continue
        most = book.possible(person, to)
        cells = rows[person.row]
        cells += [""] * (to.index + 1 - len(cells))
        cells[to.index] = _written(share * (possible if most is None else most), book.decimal)
    return sheet.write(rows, book.shape), sum(person.row in shares for person in book.people)


def number_of(text: str) -> float | None:
    """A grade with a point or a comma; None for an empty cell, `-`, `N/A` and what is not a number."""
    plain = text.strip().replace("\u00a0", "")
    return float(plain.replace(",", ".")) if NUMBER.fullmatch(plain) else None


def _places(headings: Sequence[str]) -> dict[str, int]:
    folded = [_folded(heading) for heading in headings]
    return {role: folded.index(name) for role, names in HEADINGS.items() for name in reversed(names) if name in folded}


def _system(headings: Sequence[str], places: Mapping[str, int]) -> tuple[str, list[Column]]:
    folded = [_folded(heading) for heading in headings]
    if {"sis user id", "sis login id"} & set(folded) and {"student", "id"} <= set(folded):
        return "Canvas", [
            Column(i, match["title"]) for i, one in enumerate(headings) if (match := CANVAS.fullmatch(one))
        ]
    if END_OF_LINE in folded:
        return "Brightspace", _by(BRIGHTSPACE, headings)
    if blackboard := _by(BLACKBOARD, headings):
        return "Blackboard", blackboard
    if {"number", "grade", "maximum"} <= places.keys():
        return "Moodle worksheet", [Column(places["grade"], headings[places["grade"]])]
    moodle = _by(MOODLE, headings)
    return ("Moodle", moodle) if moodle else ("", [])


def _by(pattern: re.Pattern[str], headings: Sequence[str]) -> list[Column]:
    columns = []
    for index, heading in enumerate(headings):
        if (match := pattern.fullmatch(heading)) is not None:
            columns.append(Column(index, match["title"], number_of(match.groupdict().get("maximum") or "")))
    return columns


def _person(cells: Sequence[str], row: int, places: Mapping[str, int], system: str) -> Person | None:
    """None for a row of something else: points possible, a posting policy, the test student."""
    given = {
        role: _cell(cells, places.get(role)) for role in ("name", "first", "last", "email", "login", "sid", "number")
    }
    if system == "Brightspace":
        given |= {role: given[role].removeprefix("#") for role in ("login", "sid")}
    if system == "Moodle worksheet":
        digits = re.search(r"\d+$", given["number"])
        given["number"] = digits[0] if digits else ""
    elif system != "Canvas":
        given["number"] = ""
    if system == "Canvas" and (not given["number"] or _folded(given["name"]) in TEST_STUDENT):
        return None
    last, comma, first = given["name"].partition(",")
    name = f"{first.strip()} {last.strip()}" if comma else given["name"]
    person = Person(
        row,
        name or f"{given['first']} {given['last']}".strip(),
        given["email"],
        given["login"],
        given["sid"],
        given["number"],
    )
    return person if person.key else None


def _with_maxima(columns: list[Column], rows: Sequence[Sequence[str]], people: set[int]) -> list[Column]:
    """Canvas has a row "Points Possible", in any language, without an ID."""
    others = [rows[index] for index in range(1, min(len(rows), 4)) if index not in people]
    maxima = [
        next((most for row in others if (most := number_of(_cell(row, one.index))) is not None), None)
        for one in columns
    ]
    return [Column(one.index, one.title, most) for one, most in zip(columns, maxima, strict=True)]


def _has_commas(rows: Sequence[Sequence[str]], columns: Sequence[Column], places: Mapping[str, int]) -> bool:
    indices = [one.index for one in columns] + ([places["maximum"]] if "maximum" in places else [])
    cells = (_cell(row, index) for row in rows[1:] for index in indices)
    return any("," in cell and number_of(cell) is not None for cell in cells)


def _cell(cells: Sequence[str], index: int | None) -> str:
    return cells[index].strip() if index is not None and index < len(cells) else ""


def _folded(text: str) -> str:
    return " ".join(text.replace("\u2019", "'").split()).casefold()


def _written(points: float, decimal: str) -> str:
    return f"{points:.6f}".rstrip("0").rstrip(".").replace(".", decimal)
