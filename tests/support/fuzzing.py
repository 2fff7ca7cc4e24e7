"""What is fuzzed: all that reads a stranger's bytes. `tests/test_fuzz.py` tries each briefly, `make fuzz` for long.

    wire       a frame, as it comes from a worker
    reply      a worker that speaks the protocol: any values, changes of arguments, callbacks, exceptions
    zip        an upload
    notebook   an upload that is a notebook
    manifest   an assignment.toml
    results    scores that other graders wrote
    written    what students write beside their code: its kind, and Markdown as HTML
    api        any call of /api/v1 (`service/api_cases.py`)

A target's `run` gives a value or one of the errors that are for such bytes; any other exception is a crash.
"""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import io
import json
import math
import os
import re
import socket
import tempfile
import warnings
import zipfile
from collections.abc import Callable
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import numpy as np
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from loading import load
from notebook_files import code, notebook, of_module, text

from autograder import wire
from autograder.batch import import_results, lms
from autograder.core.errors import BadManifest, DeepgradeError, Died, Refused, StudentGone
from autograder.course import manifest as manifests
from autograder.course import notebooks, submission
from autograder.course.cells import Cell, module_of
from autograder.course.manifest import Limits, Manifest, Problem
from autograder.student.exceptions import StudentRaised
from autograder.student.link import RemoteObject
from autograder.student.remote import Remote

HERE = Path(__file__).resolve().parent.parent
KB = 1024

Run = Callable[[bytes], object]
briefly = settings(
    max_examples=200,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)


@dataclasses.dataclass(frozen=True)
class Target:
    """Something that reads bytes.

    run : bytes -> anything, or an exception that is a crash
    test : the same for hypothesis, which draws what is like the seeds, or values of the target's own kind
    modules : of ours, whose branches lead a fuzzer that looks at coverage
    """

    name: str
    run: Run
    test: Callable[[], None]
    seeds: tuple[bytes, ...] = ()
    modules: tuple[str, ...] = ()


@st.composite
def damaged(draw: Any, seeds: tuple[bytes, ...]) -> bytes:
    """One of the seeds with a few bytes changed, put in, taken out, repeated or cut off; or any bytes."""
    data = bytearray(draw(st.sampled_from(seeds)) if seeds else b"")
    for _ in range(draw(st.integers(0, 6))):
        at, piece = draw(st.integers(0, len(data))), draw(st.binary(max_size=8))
        size = draw(st.integers(0, 16))
        match draw(st.sampled_from("change insert remove repeat cut anew".split())):
            case "change":
                data[at : at + len(piece)] = piece
            case "insert":
                data[at:at] = piece
            case "remove":
                del data[at : at + size]
            case "repeat":
                data[at:at] = data[at : at + size] * 3
            case "cut":
                del data[max(at, len(data) // 2) :]
            case "anew":
                data = bytearray(piece * (size + 1))
    return bytes(data)


def of_bytes(name: str, run: Run, seeds: tuple[bytes, ...], *modules: str) -> Target:
    @briefly
    @given(data=damaged(seeds))
    def test(data: bytes) -> None:
        run(data)

    for seed in seeds:
        test = example(data=seed)(test)
    return Target(name, run, test, seeds, modules)


def of_values(name: str, test: Callable[[], None], *modules: str) -> Target:
    """Bytes steer what hypothesis draws."""
    return Target(name, test.hypothesis.fuzz_one_input, test, (), modules)  # type: ignore[attr-defined]


# --- the wire ---------------------------------------------------------------------------------------------------------


def frame(value: Any) -> bytes:
    encoder = wire.Encoder()
    return b"".join(bytes(piece) for piece in wire.pack(["value", encoder.value(value)], encoder.buffers))


def decoded(data: bytes) -> Any:
    """What a whole frame holds. Raises WireError."""
    header, body = wire.lengths(data[: wire.PREFIX.size].ljust(wire.PREFIX.size, b"\0"), 2**20)
    start = wire.PREFIX.size
    tree = wire.unpack_header(data[start : start + header])
    return wire.Decoder(data[start + header : start + header + body]).value(tree[-1])


def read_frame(data: bytes) -> None:
    """A value that crosses again as it is, or a WireError."""
    try:
        value = decoded(data)
    except wire.WireError:
        return
    again = frame(value)
    assert frame(decoded(again)) == again


FRAMES = tuple(
    frame(value)
    for value in (
        None,
        [1, 2.5, True, "text", b"bytes", 2**70, 1j],
        {"a": (1, 2), 3: [np.float32(2)], (4, "b"): {}},
        [np.arange(3.0), np.zeros((2, 0, 3), np.int8), np.ones((2, 2), bool)],
        np.random.default_rng(1),
    )
)


# --- a worker that speaks the protocol --------------------------------------------------------------------------------

TAGS = "ltdaxszighTrc"
trees = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(max_size=4)
    | st.binary(max_size=9) | st.sampled_from([*TAGS, *wire.DTYPES, *wire.TENSOR_DTYPES]),
    lambda inner: st.lists(inner, max_size=4)
    | st.tuples(st.sampled_from(TAGS), inner).map(list)
    | st.tuples(st.sampled_from("hTrc"), st.integers(-1, 3),
                st.lists(inner, max_size=2) | st.text(max_size=3)).map(list)
    | st.tuples(st.sampled_from("ax"), st.sampled_from([*wire.DTYPES, *wire.TENSOR_DTYPES]),
                st.lists(st.integers(-1, 4), max_size=3)).map(list)
    | st.tuples(st.just("s"), st.sampled_from(sorted(wire.DTYPES)), st.binary(max_size=16)).map(list)
    | st.tuples(st.just("d"), st.lists(st.tuples(inner, inner).map(list), max_size=3)).map(list)
    | st.tuples(st.sampled_from("lt"), st.lists(inner, max_size=3)).map(list)
    | st.dictionaries(st.text(max_size=2), inner, max_size=2),
    max_leaves=10,
)  # fmt: skip
paths = st.tuples(st.just("l"), st.lists(st.tuples(st.just("t"), st.lists(trees, max_size=2)).map(list), max_size=2))
changes = st.lists(
    st.tuples(st.integers(0, 4) | trees, st.integers(-1, 4) | trees, trees, paths.map(list) | trees).map(list),
    max_size=3,
)
seqs = st.integers(0, 5) | trees
fields = (
    st.tuples(st.just("value"), seqs, trees, changes | trees)
    | st.tuples(st.just("raised"), seqs, st.lists(st.text(max_size=9) | trees, max_size=3) | trees,
                st.text(max_size=5) | trees, st.text(max_size=5) | trees, changes | trees)
    | st.tuples(st.just("callback"), seqs, st.integers(-1, 2) | trees, st.lists(trees, max_size=3) | trees,
                st.dictionaries(st.text(max_size=3), trees, max_size=2) | trees)
    | st.lists(trees, max_size=6)
)  # fmt: skip


class Puppet:
    """What `Channel` knows of a worker; its replies are written before it is asked, as `Channel` allows none."""

    def __init__(self, socket: socket.socket, output: int) -> None:
        self.socket, self.output = socket, output

    def ran_out_of_memory(self) -> bool:
        return False

    def peak_memory(self) -> int | None:
        return None

    def cause_of_death(self) -> StudentGone:
        return Died("its process ended")


class Answering:
    """A socket on which each question is answered by the next of the frames; after the last one it is closed."""

    def __init__(self, frames: list[bytes]) -> None:
        self._ours, self._theirs = socket.socketpair()
        self._ours.setblocking(False)
        self._frames = list(frames)

    def fileno(self) -> int:
        return self._ours.fileno()

    def send(self, piece: Any) -> int:
        if self._frames:
            self._theirs.send(self._frames.pop(0))
        else:
            self._theirs.shutdown(socket.SHUT_WR)
        return len(piece)

    def recv(self, size: int, flags: int = 0) -> bytes:
        return self._ours.recv(size, flags)

    def close(self) -> None:
        self._ours.close()
        self._theirs.close()


LIMITS = Limits(seconds=5.0, test_seconds=5.0)  # reached by nothing here: what is not answered is closed


@briefly
@given(replies=st.lists(st.tuples(fields.map(list), st.binary(max_size=40)), min_size=1, max_size=4))
def test_reply(replies: list[tuple[list[Any], bytes]]) -> None:
    """Whatever is answered, a test gets a value, the student's exception, or hears that he is gone."""
    with contextlib.suppress(msgspec.ValidationError, OverflowError):
        first = msgspec.msgpack.encode(["value", 1, None, []])
        frames = [wire.PREFIX.pack(len(first), 0) + first]
        for header, body in replies:
            data = msgspec.msgpack.encode(header)
            frames.append(wire.PREFIX.pack(len(data), len(body)) + data + body)
        _ask(frames)


def _ask(frames: list[bytes]) -> None:
    link, (reading, writing) = Answering(frames), os.pipe()
    os.close(writing)
    array, named = np.arange(3.0), {"a": np.zeros(2), "b": [1, (np.ones(1), 2)]}
    try:
        student = Remote(Puppet(link, reading), {}, "puppet", LIMITS)  # type: ignore[arg-type]
        found = student.function
        if isinstance(found, RemoteObject):
            found = found(array, [array, 1], log=lambda *args, **kwargs: None, **named)
        if isinstance(found, RemoteObject):
            repr(found), list(found), found.attribute
        assert array.dtype == np.float64, "an argument's type cannot be changed from over there"
    except (StudentGone, StudentRaised):
        pass
    finally:
        link.close()
        os.close(reading)


# --- uploads ----------------------------------------------------------------------------------------------------------

FILES = {"nets.py": b"def f():\n    return 1\n", "notes.txt": b"two words\n"}
UPLOADS = Manifest("Nets", 1, "nets", list(FILES), ["numpy"], [Problem("all", "All", 1)], limits=Limits(upload_kb=64))


def zip_of(members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED, comment: bytes = b"") -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w", compression) as archive:
        warnings.simplefilter("ignore")
        for name, content in members.items():
            archive.writestr(name, content)
        archive.comment = comment
    return buffer.getvalue()


def read_upload(data: bytes) -> None:
    """Refused in a sentence, or the named files within the limit, which come out of a zip of their own the same."""
    try:
        got = submission.read_zip(data, UPLOADS)
    except Refused as error:
        _one_sentence(str(error))
        return
    assert list(got.files) == UPLOADS.files
    assert sum(map(len, got.files.values())) <= UPLOADS.limits.upload_kb * KB
    assert all(note.isprintable() and len(note) < 2000 for note in got.notes)
    assert submission.read_zip(submission.zipped(got.files), UPLOADS).sha256 == got.sha256


def read_notebook(data: bytes) -> None:
    """Refused in a sentence, or a module that is Python, has a place for each line, and is its own module."""
    try:
        found = notebooks.extract(data, "nets.ipynb")
    except Refused as error:
        _one_sentence(str(error))
        return
    tree = ast.parse(found.source)
    assert len(found.places) == found.source.count("\n")
    assert all(line.isprintable() and len(line) < 200 for line in found.left_out)
    assert all(isinstance(node, TAKEN) for node in tree.body)
    again = module_of([Cell(1, found.source)])
    assert ast.dump(ast.parse(again.source)) == ast.dump(tree)


TAKEN = (
    ast.Import,
    ast.ImportFrom,
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.Assign,
    ast.AnnAssign,
)
NOTEBOOKS = (
    notebook("import numpy as np, os", "def f(x):\n    return np.exp(x) % 3", "X = 1; print(X)", "%time f(3)"),
    notebook('class A:\n  """\n%x\n"""', code("def g(): pass", "scratch"), text("# é"), "!ls\nf?\nY: int = -1"),
    of_module("from __future__ import annotations\n@wrap\nasync def f(a=g()):\n    return (a\n  % 3)\ndef g(): pass\n"),
    b'{"cells":[{"cell_type":"code","source":["def f():\\n"," return 1"]}],"nbformat":4}',
)


def _one_sentence(words: str) -> None:
    assert words.strip()
    assert "\n" not in words
    assert len(words) < 2000


def _zips() -> tuple[bytes, ...]:
    wrapped = {f"a/{name}": content for name, content in FILES.items()}
    return (
        zip_of(FILES),
        zip_of(FILES, zipfile.ZIP_STORED, b"a comment"),
        zip_of({"a/": b"", **wrapped, "__MACOSX/a": b"x"}),
        zip_of(FILES | {"é.txt": b"1", "more/x.py": b"2"}),
    )


# --- manifests, reports, written parts --------------------------------------------------------------------------------


@cache
def _place() -> Path:
    return Path(tempfile.mkdtemp(prefix="fuzz-")) / "assignment.toml"


def read_manifest(data: bytes) -> None:
    """A manifest whose names are names and whose numbers are finite, or BadManifest in one line."""
    _place().write_bytes(data)
    try:
        manifest = manifests.load(_place())
    except BadManifest as error:
        _one_sentence(str(error))
        return
    assert f"{manifest.module}.py" in manifest.files
    assert 0 <= manifest.points < float("inf")
    assert all(re.fullmatch(r"\w+\.\w+", name, re.ASCII) for name in manifest.files)


def _manifests() -> tuple[bytes, ...]:
    return tuple(path.read_bytes() for path in sorted(HERE.parent.glob("assignments/*/assignment.toml")))


def read_results(data: bytes) -> None:
    """Scores that otter or Gradescope wrote, or one sentence; where there is a score, it is a finite number."""
    for name in ("results.csv", "results.json"):
        path = _place().with_name(name)
        path.write_bytes(data)
        with contextlib.suppress(DeepgradeError):
            for score in import_results.read(path):
                assert score.points is None or math.isfinite(score.points)


RESULTS = (
    b"file,q1,q2,total_points_earned,percent_correct,grading_status\n"
    b"points-per-question,1,3,4.0,NA,\nada.zip,1.0,2.0,3.0,0.75,Completed\n",
    b"Name,SID,Email,Total Score,Max Points,Status,1: q1 (4.0 pts)\nAda,1,ada@example.org,3,4,Graded,3\n",
    b'{"tests": [{"name": "q1", "score": 1.0, "max_score": 2.0}], "score": 1.0}',
)


def read_written(data: bytes) -> None:
    """Of what kind it is, or Refused; Markdown becomes HTML in which nothing runs."""
    from grader_service.submissions import markup, written

    try:
        kind = written.kind_of(data)
    except Refused:
        return
    if kind == "markdown":  # what runs in the sandbox runs here this once, since to start one takes its time
        pieces = json.loads(_prose().pieces(data.decode("utf-8", "backslashreplace")))
        _Inert().feed(str(markup.assemble(pieces)))


@cache
def _prose() -> ModuleType:
    from grader_service.submissions import sandboxed

    return load(sandboxed.INSIDE / "prose.py")


class _Inert(HTMLParser):
    """Knows the elements and attributes that Markdown may become, and no others."""

    ELEMENTS = frozenset(
        "h1 h2 h3 h4 h5 h6 p em strong code pre blockquote ul ol li hr br a table thead tbody tr th td".split()
    )

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        assert tag in self.ELEMENTS, tag
        for name, value in attributes:
            match name:
                case "href":
                    # As a browser reads it: without the blanks and control characters in a scheme.
                    scheme = re.match(r"([a-z][a-z0-9+.-]*):", re.sub(r"[\0-\x20]", "", value or "").lower())
                    assert scheme is None or scheme[1] not in ("javascript", "vbscript", "data", "file"), value
                case "style":
                    assert re.fullmatch(r"text-align:(left|right|center)", value or ""), value
                case _:
                    assert name in ("title", "start", "class"), name


MARKDOWN = (
    b"# Title\n\nText *with* **marks**, `code`, a [link](https://example.org 'title').\n",
    b"| a | b |\n|---|--:|\n| 1 | 2 |\n\n3. three\n4. four\n",
    b"<script>alert(1)</script>\n\n![x](javascript:x) <img src=x onerror=y>\n\n[a](javascript:x) <http://a.b>\n",
    b"> quote\n> - item\n>   1. more\n\n```python\nx = '<b>'\n```\n\n[ref]: data:text/html,x\n[ref] &lt;b&gt;\n",
    b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n",
)


def read_grade_book(data: bytes) -> None:
    """A grade book of an LMS whose filled copy has the same people, or one sentence."""
    try:
        book = lms.read(data, "the file")
        for column in book.columns:
            filled, _ = lms.fill(book, column, {person.row: 0.5 for person in book.people}, 5.0)
            assert len(filled) > 0
    except DeepgradeError as error:
        _one_sentence(str(error))


GRADE_BOOKS = tuple(path.read_bytes() for path in sorted((HERE / "engine/batch/grade_books").iterdir()))


def read_launch(data: bytes) -> None:
    """A message of a platform, as bytes and as claims that it has signed: a Launch, or BadMessage in one line."""
    from joserfc import jwt
    from joserfc.jwk import KeySet

    from grader_service.lti import messages

    platform = {"id": 1, "issuer": "https://lms.example", "client_id": "c", "deployments": {"d"}}
    tokens = [data.decode("latin-1")]
    with contextlib.suppress(ValueError, RecursionError):
        claims = json.loads(data)
        if isinstance(claims, dict):
            tokens.append(jwt.encode({"alg": "RS256", "kid": "k"}, claims, _platform_key()))
    for token in tokens:
        try:
            launch = messages.read(token, KeySet([_platform_key()]), platform, "n", 1000.0)
        except messages.BadMessage as error:
            _one_sentence(str(error))
        else:
            assert launch.role in ("", "student", "staff")
            assert max(len(launch.subject), len(launch.context), len(launch.link)) < 256


@cache
def _platform_key() -> Any:
    from joserfc.jwk import RSAKey

    return RSAKey.generate_key(2048, {"kid": "k"}, private=True)


def _claims() -> tuple[bytes, ...]:
    core = "https://purl.imsglobal.org/spec/lti/claim/"
    claims: dict[str, Any] = {"iss": "https://lms.example", "aud": ["c"], "sub": "s", "exp": 1100, "iat": 990}
    claims |= {"nonce": "n", f"{core}version": "1.3.0", f"{core}message_type": "LtiResourceLinkRequest"}
    claims |= {f"{core}deployment_id": "d", f"{core}context": {"id": "x"}, f"{core}resource_link": {"id": "y"}}
    claims |= {f"{core}roles": ["http://purl.imsglobal.org/vocab/lis/v2/membership#Learner"], "name": "Ada"}
    return (json.dumps(claims).encode(), json.dumps(claims | {"aud": "c", "azp": "c", "nbf": 1}).encode())


# --- all of them ------------------------------------------------------------------------------------------------------

BYTES = (
    of_bytes("wire", read_frame, FRAMES, "autograder.wire"),
    of_values("reply", test_reply, "autograder.wire", "autograder.student"),
    of_bytes("zip", read_upload, _zips(), "autograder.course.submission", "zipfile"),
    of_bytes("notebook", read_notebook, NOTEBOOKS, "autograder.course.notebooks", "autograder.course.cells"),
    of_bytes("manifest", read_manifest, _manifests(), "autograder.course.manifest", "tomllib"),
    of_bytes("results", read_results, RESULTS, "autograder.batch.import_results", "csv"),
    of_bytes("grade_book", read_grade_book, GRADE_BOOKS, "autograder.batch.lms", "autograder.batch.sheet", "csv"),
    of_bytes("launch", read_launch, _claims(), "grader_service.lti.messages", "joserfc"),
    of_bytes("written", read_written, MARKDOWN, "grader_service.submissions.written", "markdown_it"),
)
TARGETS = {target.name: target for target in BYTES}
KNOWN = sorted((HERE / "fuzz").glob("*/*"))  # what crashed once, one file for each: fuzz/<target>/<what it did>
