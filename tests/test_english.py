"""The texts that people read are in plain English: subject, verb, object; one fact a sentence; the field's noun.

It looks at every text of the service, of the command line and of the engine's rooms below: string constants, templates,
the script of the pages, and the docstrings that become help and the OpenAPI page. To ban one more construction, add a
`Rule` with an example. In the rooms of `NAMED`, variables, parameters and fields are named for what they hold.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("batch", "cli", "course", "datasets", "doctor", "local_check", "otter", "report", "reuse", "verify")
CODE = ("grader_service", *(f"autograder/{room}" for room in ROOMS))
NOT_READ = ("migrations", "vendor")  # frozen, or not ours
SHOWN = ("grader_service/web/api/", "grader_service/cli.py", "autograder/cli/")  # whose docstrings people read
HELPERS = ("cli/console.py", "cli/show.py")  # their docstrings are not the help of a command
NAMED = ("grader_service",)  # the rooms whose names are checked
BANNED_NAMES = frozenset({"chosen", "found", "told", "there", "place"})  # they say nothing about the thing
PLACE_IN_THE_QUEUE = (  # whose field `place` is the place of a submission in the queue
    "grader_service/grading/submission_view.py",
    "grader_service/web/api/forms.py",
    "grader_service/web/api/serializers.py",
    "grader_service/web/pages/submissions.py",
    "grader_service/web/templates/parts/progress.html",
)


class Rule(NamedTuple):
    pattern: str  # a regular expression; upper and lower case are the same
    why: str
    today: tuple[str, ...]  # examples that it finds, and that were texts once
    instead: tuple[str, ...]  # what was written in their place; no rule finds anything in it


RULES = (
    Rule(
        r"(?<!there )\b(is|was) no (?!longer\b)",
        "Write 'is not a valid X' or 'is not an X'. 'Is no X' sounds like a riddle.",
        ("'a b' is no login; use up to 64 letters", "x names 'y', which is no file of a backup"),
        (
            "'a b' is not a valid login; use up to 64 letters",
            "the course has no assignment 'x'",
            "There is no rubric yet",
        ),
    ),
    Rule(
        r"\b(is|are) (none|nobody)( of| that|'s)",
        "Write 'is not an X of Y', or 'matches no X'.",
        (
            "submission 99 is none of code to 'double' in this course",
            "'ada' is nobody of the staff of 'course'",
            "3 of 4 scores are nobody's, such as 'x'",
            "the report is none that this deepgrade can read",
        ),
        (
            "Submission 99 is not a code submission for 'double' in this course.",
            "'ada' is not a staff member of 'course'",
            "3 of 4 scores match no student, such as 'x'",
        ),
    ),
    Rule(
        r"\b(has|have|says?|knows?|shows?|holds?) not (the|a|an|all|what|which|where)\b",
        "Negate with 'does not' or 'no': 'has no X', 'does not say'.",
        (
            "this host has not the course's secret",
            "'x' says not which submissions",
            "for which it has not all packages",
        ),
        ("This host has no course secret. Set DEEPGRADE_SECRET to the value used by `deepgrade serve`.",),
    ),
    Rule(
        r"\b(holds?|part|is|are) no more\b|\bnobody hands in any more\b",
        "Write 'has expired', 'no longer' or 'has left'.",
        ("this link was used already, or holds no more; ask for another", "You take part no more."),
        ("This link has been used or has expired. Request a new one.", "You no longer take part in the leaderboards."),
    ),
    Rule(
        r"\b(is|are) there already\b|\bthere is: |\{\} is there$|^not there$|\baccounts that there are\b",
        "Write 'exists', 'is missing' or 'choose one of'.",
        (
            "{}: is there already, and a backup overwrites nothing",
            "'x' is no queue and no host; there is: cpu",
            "not there",
        ),
        ("{}: exists already, and a backup overwrites nothing", "'x' is not a queue or a host; choose one of cpu"),
    ),
    Rule(
        r"\bnone is set\b|\ba folder that is none\b|\bto be compared\b",
        "Name the thing: 'not set', 'to compare'.",
        ("none is set", "It is too large to be compared line by line."),
        ("not set", "The file is too large to compare line by line."),
    ),
    Rule(
        r"\bdid not end well\b|\bdid not work\b|\bends? well\b",
        "Write 'failed'.",
        ("the comparison did not end well ({})", "Signing in there did not work"),
        ("the comparison failed ({})", "The sign-in failed."),
    ),
    Rule(
        r"\b(is|are) gone\b|\bgone meanwhile\b|\bgone with\b",
        "Write 'is missing', 'was removed' or 'does not exist'.",
        ("the data folder is gone", "a line of the rubric is gone meanwhile"),
        ("the data folder does not exist", "a line of the rubric was removed meanwhile"),
    ),
    Rule(
        r"\bgoes on\b|\band go on\b|\blet [a-z ]{1,30} go on\b|\bto its end\b|\bCtrl-C ends\b",
        "Write 'Resumed', 'continue', 'will finish' or 'press Ctrl-C to stop'.",
        ("cpu is paused; what is being graded is graded to its end.", "cpu goes on.", "Wait a minute and go on."),
        ("Paused cpu. Running jobs will finish.", "Resumed cpu.", "Wait one minute, then try again."),
    ),
    Rule(
        r"\bout of reach\b|\bspoken\b|\bheard\b|\bspeaks as\b|\brung\b|\bmend\b|\btorn\b|\bturned away\b"
        r"|\bstart(ing|ed) anew\b"
        r"|\b(cannot|can) stand\b|\btaken or put down\b",
        "A program does not speak, hear, ring or stand: write 'reports', 'cannot reach', 'repair', 'restart'.",
        (
            "No host has spoken in the last week.",
            "the broker is out of reach",
            "1 while it is heard",
            "or mend the driver",
            "'X' cannot stand in an address",
        ),
        ("No host has reported in the last 7 days.", "cannot reach the broker", "or repair the driver"),
    ),
    Rule(
        r"\b(lies?|lay) (at|in|before|between|below)\b|\bstands? in (line|the)\b",
        "A thing 'is' somewhere: 'is before', 'must be between', 'is already in'.",
        ("the hard end lies before the due date", "'ada' stands in line 2 already"),
        ("the hard end is before the due date", "'ada' is already in line 2"),
    ),
    Rule(
        r"\bby our fault\b|\b(fault|faults) of ours\b|\bon our side\b|\bThat is our fault\b",
        "Write 'a fault of the service' or 'the grader failed'.",
        ("Something went wrong on our side", "It failed, by our fault; the log says how."),
        ("An error occurred in the service.", "This is a fault of the service. It costs no points and no attempt."),
    ),
    Rule(
        r"(^|[.;:,] |\bso |\band )what (is|was|were) (being graded|handed in|graded|sent|stored|never due)\b",
        "The subject is a noun: 'submissions', 'running jobs', 'the request'. It is not 'what is handed in'.",
        ("No host takes jobs at this moment, so what is handed in waits.", "what is never due is never late"),
        ("No host takes jobs at the moment, so submissions wait.",),
    ),
    Rule(
        r"\bwhoever\b|\bwho(m)? of the staff\b|\bfor who has\b|^who (has|was)\b"
        r"|^whose (grading|written)\b|^whose it is$",
        "Write 'anyone who', or the noun.",
        (
            "Whoever has one sets the password of that account.",
            "who has missed something",
            "A token for who has a password",
        ),
        ("Anyone who has a link can set the password of its account.", "students who missed an assignment"),
    ),
    Rule(
        r"\bsay (why|who|whom|for whom|until when|which|where)\b|\bto say that you mean it\b",
        "Write 'Enter' or 'Choose', with the noun.",
        ("Say who you are.", "Say until when.", "say why: the reason is what the audit shows later"),
        ("Enter your login.", "Enter a date and a time.", "enter a reason; the audit shows it"),
    ),
    Rule(
        r"(^|[(;] ?)empty: |\bnever too late\b|\bas one likes\b|\bthere is none\b",
        "Write 'leave empty to' or 'leave empty for', or what the value means.",
        ("empty: late is never too late", "empty: as many as one likes", "0: there is none"),
        ("Leave empty to accept late work at any time.", "leave empty for no limit", "0 means no written part"),
    ),
    Rule(
        r"\bjust now\b|\bat this moment\b|\bfrom now on\b",
        "Write 'at the moment' or 'now'.",
        ("Nothing, just now.", "from now on it opens nothing"),
        ("No job is running.", "Programs can no longer use it."),
    ),
    Rule(
        r"\b(he|she|him|his|her|himself|herself)\b",
        "A student is 'they'.",
        ("its student and his points",),
        ("the students and their points",),
    ),
    Rule(
        r"\bof (several|those who|these the|each student the|somebody who)\b",
        "No inversion: the subject comes first.",
        (
            "Of several the last one counts",
            "of each student the one that counts",
            "not marked yet: of these the code alone is in it",
        ),
        ("The last written part counts.", "the counting submission of each student"),
    ),
    Rule(
        r"\bThat was (more|too)\b|\bThat is another\b|\bnot yours to see\b|\bon its way\b",
        "Say what happened, and to whom.",
        ("That was too often.", "There is no such page, or it is not yours to see."),
        ("You sent too many requests.", "This page does not exist, or you are not allowed to see it."),
    ),
    Rule(
        r"\bshown (here|this) once\b|\bholds until\b|\bwas made up\b|\ba way back in\b",
        "Write 'shown only once', 'expires', 'temporary password', 'Reset your password'.",
        ("The token x, shown here once: ", "a password that was made up for you"),
        ("The token x is shown only once: ", "a temporary password"),
    ),
    Rule(
        r"\bnothing is left of it\b|\bnothing brings\b|\bof no use\b|\blast week\b|\bdo not agree\b"
        r"|\bother points than\b",
        "Use the field's words: 'were removed', 'would be useless', 'do not match', 'changed'.",
        ("The two do not agree.", "It counts: 3 of the students have other points than before."),
        ("The passwords do not match.", "Regrade applied. The scores of 3 students changed."),
    ),
    Rule(
        r"\bits student\b|\bwanted</li>|\bof the students have\b",
        "Write 'the student' and 'required'.",
        ("and its student sees the points",),
        ("Then the student sees the points.",),
    ),
    Rule(
        r"\b(how|which way) (the )?hidden tests went\b|\bhow it went\b|\bwent another way\b",
        "Write 'the results of hidden tests', 'statistics', 'a different result'.",
        ("Students see how hidden tests went", "Tests that went another way"),
        ("Students see the results of hidden tests", "Tests with a different result"),
    ),
    Rule(
        r"\b(is|are) (changed|withdrawn|deleted|made|revoked|added)[.;:](?= |$)|\bpoints are set\b",
        "A message about an action says what has been done: 'has been saved'.",
        ("The rubric is changed.", "Nothing is added: {}."),
        ("The rubric has been saved.", "The comment was not added: {}."),
    ),
)


class Text(NamedTuple):
    file: str
    line: int
    words: str


def texts(root: Path = ROOT) -> Iterator[Text]:
    for folder in CODE:
        for path in sorted((root / folder).rglob("*")):
            name = path.relative_to(root).as_posix()
            if any(part in NOT_READ for part in path.parts):
                continue
            read = {".py": of_python, ".html": of_template, ".js": of_script}.get(path.suffix)
            if read is not None:
                source = path.read_text(encoding="utf-8")
                yield from (Text(name, line, " ".join(words.split())) for line, words in read(source, name))


def of_python(source: str, name: str) -> Iterator[tuple[int, str]]:
    """Constants, f-strings with {} for what is filled in, and the docstrings that somebody reads on a page."""
    tree = ast.parse(source)
    shown = name.startswith(SHOWN) and not name.endswith(HELPERS)
    passed_over: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            is_shown = shown and isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
            if ast.get_docstring(node) is not None and not is_shown:
                passed_over.add(id(node.body[0].value))  # type: ignore[attr-defined]
        elif isinstance(node, ast.JoinedStr):
            passed_over.update(id(part) for part in node.values)
            yield (
                node.lineno,
                "".join(str(getattr(part, "value", "")) if is_text(part) else "{}" for part in node.values),
            )
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in passed_over:
            yield node.lineno, node.value


def is_text(part: ast.expr) -> bool:
    return isinstance(part, ast.Constant)


def of_template(source: str, name: str) -> Iterator[tuple[int, str]]:
    """Each line as a reader sees it, and the texts inside of expressions and attributes."""
    source = re.sub(r"\{#.*?#\}", lambda comment: "\n" * comment[0].count("\n"), source, flags=re.DOTALL)
    for number, line in enumerate(source.splitlines(), 1):
        for expression in re.findall(r"\{\{.*?\}\}|\{%.*?%\}", line):
            yield from ((number, text) for _, text in re.findall(r"(['\"])(.*?)\1", expression))
        plain = re.sub(r"\{%.*?%\}", " ", re.sub(r"\{\{.*?\}\}", "{}", line))
        yield from ((number, text) for text in re.findall(r'(?:aria-label|alt|title|placeholder)="([^"]*)"', plain))
        yield number, re.sub(r"<[^>]*>", " ", plain)


def of_script(source: str, name: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(source.splitlines(), 1):
        if not line.lstrip().startswith("//"):
            yield from ((number, text) for _, text in re.findall(r"(['\"`])(.*?)\1", line))


def found(words: str) -> list[Rule]:
    return [rule for rule in RULES if re.search(rule.pattern, words, re.IGNORECASE)]


def test_what_people_read_is_plain_english():
    wrong = [
        f"{text.file}:{text.line}: {text.words[:160]!r}\n    {rule.why}"
        for text in texts()
        for rule in found(text.words)
    ]
    assert not wrong, "\n" + "\n".join(wrong)


def named(source: str) -> Iterator[tuple[int, str]]:
    """The names of variables, parameters, fields and keyword arguments, with their lines."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.Attribute):
            yield node.lineno, node.attr
        elif isinstance(node, (ast.arg, ast.keyword)) and node.arg:
            yield node.lineno, node.arg


def named_in_template(source: str) -> Iterator[tuple[int, str]]:
    """The words of expressions and statements, without texts."""
    for number, line in enumerate(source.splitlines(), 1):
        for expression in re.findall(r"\{\{.*?\}\}|\{%.*?%\}", line):
            yield from ((number, name) for name in re.findall(r"\w+", re.sub(r"(['\"]).*?\1", "", expression)))


def test_names_are_nouns_for_the_thing():
    wrong: list[str] = []
    for path in (path for room in NAMED for path in sorted((ROOT / room).rglob("*"))):
        file = path.relative_to(ROOT).as_posix()
        read = {".py": named, ".html": named_in_template}.get(path.suffix)
        if read is not None and not any(part in NOT_READ for part in path.parts):
            banned = BANNED_NAMES - ({"place"} if file in PLACE_IN_THE_QUEUE else set())
            names = read(path.read_text(encoding="utf-8"))
            wrong += [f"{file}:{line}: {name}" for line, name in names if name in banned]
    assert not wrong, "\n" + "\n".join(wrong)


@pytest.mark.parametrize(
    "source, names",
    [
        ("chosen = 1", ["chosen"]),
        ("def f(told, *, place): return [one for one in told]", ["told", "place", "one"]),
        ("render(found=row.there)", ["there", "found"]),
        ("'chosen'  # found", []),
    ],
)
def test_it_sees_the_names_of_variables_parameters_fields_and_keywords(source, names):
    assert sorted(name for _, name in named(source)) == sorted(names)


def test_it_sees_the_names_of_templates_without_texts():
    source = "chosen {% for found in rows %}{{ found.name or 'there' }}{% endfor %}"
    assert "found" in {name for _, name in named_in_template(source)}
    assert not {"chosen", "there"} & {name for _, name in named_in_template(source)}


def test_it_reads_constants_templates_scripts_and_the_docstrings_that_are_shown():
    read = {(text.file, text.words) for text in texts()}
    for file, words in (
        ("grader_service/web/forms.py", "Enter your login."),
        ("grader_service/web/pages/queue.py", "Paused {}. Running jobs will finish."),
        ("grader_service/web/templates/parts/queue.html", "No host has reported in the last 7 days."),
        ("grader_service/web/static/deepgrade.js", "Handing in …"),
        ("grader_service/web/api/staff.py", "The people of a course"),
        ("grader_service/cli.py", "Resume a paused queue or host."),
    ):
        assert any(file == one and words in text for one, text in read), (file, words)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.today[0][:40])
def test_each_rule_finds_what_it_was_made_for_and_not_what_replaced_it(rule):
    for words in rule.today:
        assert rule in found(words), words
    for words in rule.instead:
        assert not found(words), words
