"""The catalogue of an assignment: known mistakes, and what came of the tests that each of them fails.

It holds for one secret and one state of the tests, the reference and the known mistakes; `key` is a hash of all these
and of the format. It is smaller than LIMIT_BYTES; mistakes that do not fit are left out, and counted.

    Catalogue
    ├── tests: their ids
    └── mistakes: sentence, heading, function, problem; by index of a test, the records of all its examples
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from autograder.mistakes.records import Record

FORMAT = 1
LIMIT_BYTES = 8 * 2**20  # of one catalogue, packed
MISTAKE_BYTES = 2**19  # of one mistake in it
AGAIN = "*"  # behind the id of a public test, on examples under the course's secret

Answers = Mapping[str, Sequence[Record]]  # by id of a test: the records of its examples; only tests that fail


class Mistake(msgspec.Struct, frozen=True, array_like=True):
    """One that is known."""

    sentence: str  # to the student who has made it
    heading: str  # of the handout's section that explains it, or none
    function: str  # in which it was made; a number in a kit
    problem: str  # of the test that it names
    answers: dict[int, list[Record]]  # by index of a test
    name: str = ""  # of the mutant; none in a kit


class Catalogue(msgspec.Struct, frozen=True, array_like=True):
    key: str
    tests: list[str]
    mistakes: list[Mistake]
    left_out: int = 0  # mistakes that did not fit
    format: int = FORMAT

    def answers(self, mistake: Mistake) -> dict[str, list[Record]]:
        return {self.tests[index]: records for index, records in mistake.answers.items()}


_DECODER: msgspec.msgpack.Decoder[Catalogue] = msgspec.msgpack.Decoder(Catalogue)


def made_of(key: str, entries: Iterable[tuple[Mistake, Answers]]) -> Catalogue:
    """entries : each mistake, without answers, and its answers; in the order in which they are known."""
    indices: dict[str, int] = {}
    mistakes: list[Mistake] = []
    left_out = size = 0
    for mistake, answers in entries:
        numbered = {indices.setdefault(test, len(indices)): list(records) for test, records in answers.items()}
        known = msgspec.structs.replace(mistake, answers=numbered)
        own = len(zlib.compress(msgspec.msgpack.encode(known)))
        if own > MISTAKE_BYTES or size + own > LIMIT_BYTES:
            left_out += 1
            continue
        size += own
        mistakes.append(known)
    return Catalogue(key, list(indices), mistakes, left_out)


def packed(catalogue: Catalogue) -> bytes:
    return zlib.compress(msgspec.msgpack.encode(catalogue), 9)


def unpacked(data: bytes) -> Catalogue:
    """Raises ValueError for what is no catalogue of this format. Only for data of ours: a kit, a file of the cache."""
    try:
        decompressor = zlib.decompressobj()
        content = decompressor.decompress(data, 16 * LIMIT_BYTES)
        catalogue = _DECODER.decode(content)
    except (zlib.error, msgspec.MsgspecError) as error:
        raise ValueError(f"not a catalogue of mistakes ({error})") from error
    if catalogue.format != FORMAT:
        raise ValueError(f"a catalogue of format {catalogue.format}, not {FORMAT}")
    return catalogue


def key_of(parts: Iterable[bytes]) -> str:
    """A hash of all that a catalogue depends on."""
    digest = hashlib.sha256(f"format {FORMAT}".encode())
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()
