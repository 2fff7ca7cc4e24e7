"""Words that are planted where somebody may not look, and a search that knows them again in other clothes.

    word  =  stem + two letters + z    the stem is of this run: where it is found, something has got out

A word is found as it is, in other case, reversed, as hex, base64, rot13, numbers, escapes of JSON, Python, HTML and
addresses, cut by markup, spaces or NULs, and inside zips, the chunks of a PNG, gzip and zlib, and signed cookies.
"""

from __future__ import annotations

import base64
import codecs
import contextlib
import functools
import io
import re
import secrets
import string
import zipfile
import zlib
from collections.abc import Iterator

DEEPEST = 4  # a zip in a zip in ...
LARGEST = 2**24  # bytes that one layer unpacks to
CUT = "(cut)"  # the kind of a stem whose word is not whole

_odd = bytes(set(range(256)) - set(string.ascii_letters.encode()) - set(string.digits.encode()))
_tag = re.compile(rb"<[^<>]{0,2000}>")
_cookie = re.compile(rb"\.(eJ[\w-]{8,})")


class Canaries:
    """The words of one run, by kind; many words may be of one kind."""

    def __init__(self) -> None:
        self.stem = "q" + secrets.token_hex(5) + "z"
        self._stems = forms(self.stem)
        self.places: dict[str, tuple[str, str]] = {}  # word -> (kind, where it is planted)
        self._made: dict[str, tuple[str, str]] = {}  # secrets that somebody else has made up
        self._found = functools.lru_cache(2**14)(self._search)

    def word(self, kind: str, where: str) -> str:
        """A new one."""
        number = len(self.places)
        word = (
            self.stem + "".join(string.ascii_lowercase[place] for place in divmod(number, 26)) + "z"
        )  # base64 cuts the last
        self.places[word] = (kind, where)
        return word

    def made(self, kind: str, where: str, value: str) -> None:
        """Search for this one as well, as it is: a hash, say."""
        assert len(value) >= 12, "a shorter one is found by accident"
        self._made[value] = (kind, where)
        self._found.cache_clear()

    def found(self, data: bytes) -> frozenset[tuple[str, str]]:
        """(kind, where) of all that can be read out of these bytes."""
        return self._found(data)

    def _search(self, data: bytes) -> frozenset[tuple[str, str]]:
        found: set[tuple[str, str]] = set()
        for layer in layers(data):
            for value, place in self._made.items():
                if value.encode() in layer:
                    found.add(place)
            for view in views(layer):
                for name, form in self._stems.items():
                    if form in view:
                        whole = {place for word, place in self.places.items() if forms(word)[name] in view}
                        found |= whole or {(CUT, name)}
        return frozenset(found)


@functools.cache
def forms(word: str) -> dict[str, bytes]:
    """What a word of small letters and digits may look like in what `views` makes; every name is one disguise."""
    data = word.encode()
    found = {
        "plain": data,
        "reversed": data[::-1],
        "hex": data.hex().encode(),
        "rot13": codecs.encode(word, "rot13").encode(),
        "numbers": "".join(map(str, data)).encode(),  # [97, 98], or &#97;&#98;
        "escaped by x": "".join(f"x{byte:02x}" for byte in data).encode(),
        "escaped by u": "".join(f"u{byte:04x}" for byte in data).encode(),
    }
    for shift in range(3):
        # Of base64 what does not depend on the neighbours: the digits whose six bits are all the word's.
        coded = base64.b64encode(bytes(shift) + data + b"\0\0")
        found[f"base64 from byte {shift}"] = coded[-(-shift * 4 // 3) : (shift + len(data)) * 4 // 3]
    return found


def views(data: bytes) -> Iterator[bytes]:
    """The bytes as somebody may read them: also without what stands between letters, and without markup.

    What is written %71 or &#x71; or &#113; in addresses and HTML is hex, an escape or numbers here.
    """
    yield data
    bare = data.translate(None, _odd)
    yield bare
    # What the words are made of has no capital letter, so that small ones are all that is compared.
    yield bare.lower()
    if b"<" in data:
        yield _tag.sub(b"", data).translate(None, _odd).lower()


def layers(data: bytes, deep: int = 0) -> Iterator[bytes]:
    """The bytes, and whatever is packed in them."""
    yield data
    if deep < DEEPEST:
        for inner in _unpacked(data):
            yield from layers(inner, deep + 1)


def _unpacked(data: bytes) -> Iterator[bytes]:
    if b"PK\x03\x04" in data:
        with contextlib.suppress(Exception), zipfile.ZipFile(io.BytesIO(data)) as archive:
            yield archive.comment
            for member in archive.infolist():
                yield member.orig_filename.encode("utf-8", "replace") + b"\n" + member.comment + b"\n" + member.extra
                yield archive.read(member)
    at = data.find(b"\x89PNG\r\n\x1a\n")
    if at >= 0:
        yield from _chunks(data[at + 8 :])
    at = data.find(b"\x1f\x8b\x08")
    if at >= 0:
        with contextlib.suppress(zlib.error):
            yield zlib.decompressobj(31).decompress(data[at:], LARGEST)
    for match in _cookie.finditer(data):
        with contextlib.suppress(Exception):
            yield zlib.decompress(base64.urlsafe_b64decode(match[1] + b"=="))


def _chunks(data: bytes) -> Iterator[bytes]:
    """Of a PNG: its texts unpacked, and its pixels."""
    pixels = b""
    while len(data) >= 12:
        size, kind = int.from_bytes(data[:4], "big"), data[4:8]
        content, data = data[8 : 8 + size], data[12 + size :]
        if kind == b"IDAT":
            pixels += content
        elif kind in (b"zTXt", b"iTXt", b"iCCP"):
            for match in re.finditer(rb"\0", content):
                with contextlib.suppress(zlib.error):
                    yield zlib.decompressobj().decompress(content[match.end() :], LARGEST)
    if pixels:
        with contextlib.suppress(zlib.error):
            yield zlib.decompressobj().decompress(pixels, LARGEST)
