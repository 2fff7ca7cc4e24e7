"""What comes out of an upload: exactly the files the manifest names, or one sentence that tells what to do."""

from __future__ import annotations

import io
import os
import stat
import struct
import sys
import tracemalloc
import warnings
import zipfile
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.batch import find
from autograder.core.errors import DeepgradeError, Refused
from autograder.course import submission
from autograder.course.manifest import Limits, Manifest, Problem
from autograder.otter import submission as otter_submission

GOOD = {"nets.py": b"def f():\n    return 1\n", "notes.txt": b"two words\n"}
KB = 1024


def manifest(**limits: int) -> Manifest:
    return Manifest(
        title="Nets",
        order=1,
        module="nets",
        files=list(GOOD),
        packages=["numpy"],
        problems=[Problem("all", "All", 1)],
        limits=Limits(**({"upload_kb": 256} | limits)),
    )


MANIFEST = manifest()


def zip_of(members, compression=zipfile.ZIP_DEFLATED) -> bytes:
    """A zip of (name or ZipInfo, content) pairs, in their order, duplicates and all."""
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w", compression) as archive:
        warnings.simplefilter("ignore")  # duplicate names are what some of these are about
        for name, content in members.items() if isinstance(members, dict) else members:
            archive.writestr(name, content)
    return buffer.getvalue()


def with_raw_name(name: bytes, raw: bytes, content: bytes = b"x") -> bytes:
    """A zip whose extra member has a name that zipfile would not write: same length, replaced in the bytes."""
    assert len(name) == len(raw)
    return zip_of([*GOOD.items(), (name.decode(), content)]).replace(name, raw)


def with_mode(name: str, mode: int, content: bytes = b"x") -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name)
    member.external_attr = mode << 16
    return member


def beside(name, content: bytes = b"x", compress_type: int = zipfile.ZIP_DEFLATED) -> bytes:
    """The good files, and one more that nobody reads."""
    buffer = io.BytesIO(zip_of(GOOD))
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr(name, content, compress_type=compress_type)
    return buffer.getvalue()


def refusal(data: bytes, of: Manifest = MANIFEST) -> str:
    with pytest.raises(Refused) as refused:
        submission.read_zip(data, of)
    return str(refused.value)


# --- what is accepted ---------------------------------------------------------------------------------------------


def test_a_plain_zip_gives_its_files():
    got = submission.read_zip(zip_of(GOOD), MANIFEST)
    assert got.files == GOOD
    assert got.notes == []


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_stored_and_deflated_zips_are_alike(compression):
    assert submission.read_zip(zip_of(GOOD, compression), MANIFEST).sha256 == submission.sha256_of(GOOD)


def test_one_wrapping_folder_and_the_litter_of_operating_systems_are_tolerated():
    wrapped = [("hw1/", b""), *((f"hw1/{name}", content) for name, content in GOOD.items())]
    litter = [("__MACOSX/._hw1", b"m"), ("hw1/.DS_Store", b"d"), ("hw1/._nets.py", b"a"), ("hw1/Thumbs.db", b"t")]
    got = submission.read_zip(zip_of(wrapped + litter), MANIFEST)
    assert got.files == GOOD
    assert got.notes == []


def test_extra_files_are_not_handed_on_but_noted():
    extras = [
        "conftest.py", "pytest.ini", "sitecustomize.py", "evil.pth", "a-1.dist-info/METADATA", "numpy.py", "random.py",
        "__pycache__/nets.pyc", "nets.so", ".hypothesis/x", ".git/config", "=cmd|' /C calc'!A0.csv", "<script>.svg",
        "$(touch pwned)",
    ]  # fmt: skip
    got = submission.read_zip(zip_of([*GOOD.items(), *((name, b"x") for name in extras)]), MANIFEST)
    assert got.files == GOOD
    assert got.notes == [
        "not handed on to the grader: conftest.py, pytest.ini, sitecustomize.py, evil.pth, a-1.dist-info/METADATA, "
        f"numpy.py, random.py, __pycache__/nets.pyc and {len(extras) - submission.NOTED_FILES} more"
    ]


NEVER_READ = {
    "traversal": beside("../x"),
    "traversal inside": beside("a/../../x"),
    "a dot and an empty part": beside(".//a//./x"),
    "absolute": beside("/etc/passwd"),
    "a drive": beside("C:/x"),
    "a backslash": with_raw_name(b"a/../x", rb"a\..\x"),
    "NUL": with_raw_name(b"nets.pyZ.txt", b"nets.py\0.txt"),
    "newline": beside("a\nb"),
    "right-to-left override": beside("a\u202eyp.exe"),
    "a 4 kB name": beside("a" * 4000),
    "twice": zip_of([*GOOD.items(), ("x", b"1"), ("x", b"2")]),
    "equal but for Unicode form": zip_of([*GOOD.items(), ("é.txt", b"1"), ("e\u0301.txt", b"2")]),
    "a symbolic link": beside(with_mode("link", stat.S_IFLNK | 0o777)),
    "a device": beside(with_mode("null", stat.S_IFCHR | 0o666)),
    "setuid": beside(with_mode("sh", stat.S_IFREG | 0o4755)),
    "an unusual compression": beside("x.txt", compress_type=zipfile.ZIP_LZMA),
    "much larger than the limit": beside("zeros", bytes(5 * KB * KB)),
    "another of that name, deeper": beside("old/nets.py"),
    "another of that name, in a hidden folder": beside(".ipynb_checkpoints/nets.py"),
}


@pytest.mark.parametrize("case", NEVER_READ)
def test_what_nobody_reads_is_never_a_reason_to_refuse(case):
    got = submission.read_zip(NEVER_READ[case], MANIFEST)
    assert got.files == GOOD
    assert got.notes[0].startswith("not handed on to the grader: ")
    assert "\n" not in got.notes[0]


@pytest.mark.parametrize("root", ["hw1/src/", "./", "hw1\\", "hw1\\src\\", "a/b/c/d/"])
def test_the_files_are_found_in_whatever_folder_they_are(root, tmp_path):
    """PowerShell 5 writes backslashes between folders."""
    members = [(root, b""), *((root + name, content) for name, content in GOOD.items()), ("README.md", b"x")]
    got = submission.read_zip(zip_of(members), MANIFEST)
    assert got.files == GOOD
    assert got.notes == ["not handed on to the grader: README.md"]
    folder = tmp_path / root.replace("\\", "/")
    folder.mkdir(parents=True, exist_ok=True)
    folder_with(folder, GOOD)
    (tmp_path / "README.md").write_bytes(b"x")
    assert submission.read(tmp_path, MANIFEST) == got


@pytest.mark.parametrize("root", ["", "hw1/src/", "a/b/c/d/e/"])
@pytest.mark.parametrize("beside", ["README.md", "data/large.bin", "hw2/other.py", "fig.zip"])
def test_the_web_batch_otter_and_regrades_find_the_same_files(root, beside, tmp_path):
    """A zip by the web page and its regrades (read_zip), by `grade` and `batch`; unpacked by other systems."""
    members = {**{root + name: content for name, content in GOOD.items()}, beside: b"x"}
    members |= {"data/large.bin": os.urandom(300 * KB)} if beside == "data/large.bin" else {}
    handed = tmp_path / "in" / "ada"
    for name, content in members.items():
        (handed / name).parent.mkdir(parents=True, exist_ok=True)
        (handed / name).write_bytes(content)
    found = [otter_submission.read(handed, MANIFEST), submission.read(handed, MANIFEST)]
    (one,) = find.find(tmp_path / "in", MANIFEST).submissions
    found.append(find.read(one, MANIFEST))
    if beside != "data/large.bin":  # as an upload it is larger than the limit, and a sentence says so
        (tmp_path / "ada.zip").write_bytes(zip_of(members))
        found.append(submission.read_zip(zip_of(members), MANIFEST))
        found.append(find.read(find.Source("ada.zip", tmp_path / "ada.zip", "ada", "ada"), MANIFEST))
    assert {one.sha256 for one in found} == {submission.sha256_of(GOOD)}


def test_a_note_escapes_what_is_not_plain():
    got = submission.read_zip(zip_of([*GOOD.items(), ("<script>.svg", b"x")]), MANIFEST)
    assert got.notes == ["not handed on to the grader: '<script>.svg'"]


def test_an_extra_member_is_never_decompressed():
    damaged = zip_of([*GOOD.items(), ("extra.bin", b"\x00" * 500)]).replace(
        zlib.compress(b"\x00" * 500, wbits=-15), b"\xff" * len(zlib.compress(b"\x00" * 500, wbits=-15))
    )
    assert zipfile.ZipFile(io.BytesIO(damaged)).namelist()[-1] == "extra.bin"
    with pytest.raises((zipfile.BadZipFile, zlib.error)):
        zipfile.ZipFile(io.BytesIO(damaged)).read("extra.bin")
    assert submission.read_zip(damaged, MANIFEST).files == GOOD


def test_zip_and_folder_of_the_same_files_have_one_hash(tmp_path):
    for name, content in GOOD.items():
        (tmp_path / name).write_bytes(content)
    folder = submission.read_folder(tmp_path, MANIFEST)
    reordered = dict(reversed(GOOD.items()))
    assert folder.sha256 == submission.read_zip(zip_of(reordered), MANIFEST).sha256
    assert list(folder.files) == list(submission.read_zip(zip_of(reordered), MANIFEST).files) == MANIFEST.files


def test_the_hash_tells_a_name_from_a_content():
    assert submission.sha256_of({"a": b"bc"}) != submission.sha256_of({"ab": b"c"})
    assert submission.sha256_of({"a": b"", "b": b"x"}) != submission.sha256_of({"a": b"x", "b": b""})


# --- what is refused: one row, one sentence -----------------------------------------------------------------------


def encrypted() -> bytes:
    data = bytearray(zip_of(GOOD))
    data[6] |= 1  # local header's flags
    data[data.index(b"PK\x01\x02") + 8] |= 1  # central directory's flags
    return bytes(data)


def bad_crc() -> bytes:
    data = bytearray(zip_of(GOOD, zipfile.ZIP_STORED))
    data[data.index(b"def f")] ^= 1
    return bytes(data)


def lying_size(claimed: int) -> bytes:
    """nets.py claims another size than it unpacks to, in both of its headers."""
    content = b"#" * 200_000
    data = zip_of({**GOOD, "nets.py": content})
    return data.replace(struct.pack("<L", len(content)), struct.pack("<L", claimed))


def overlapping() -> bytes:
    """Two members of one stretch of bytes, as in a quoted-overlap bomb: both central headers point at the first."""
    data = bytearray(zip_of([("nets.py", b"x"), ("nets.pz", b"x"), ("notes.txt", b"y")], zipfile.ZIP_STORED))
    second = data.index(b"PK\x01\x02", data.index(b"PK\x01\x02") + 1)
    data[second + 42 : second + 46] = struct.pack("<L", 0)
    return bytes(data)


def crowded(members: int) -> bytes:
    """A zip whose end record says one member and whose central directory has many."""
    header = struct.pack("<4s6H3L5H2L", b"PK\x01\x02", 20, 20, 0, 0, 0, 33, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) + b"a"
    directory = header * members
    return directory + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, len(directory), 0, 0)


def plus(name, content: bytes = b"x") -> bytes:
    return zip_of([*GOOD.items(), (name, content)])


def instead(name, content: bytes = b"x") -> bytes:
    """A zip with such a member in the place of nets.py."""
    return zip_of([(name, content), ("notes.txt", GOOD["notes.txt"])])


def without(name: str) -> bytes:
    return zip_of({other: content for other, content in GOOD.items() if other != name})


REFUSED = {
    "0 bytes": (b"", "the upload is empty (0 bytes); hand in a zip with nets.py and notes.txt"),
    "not a zip": (b"def f(): return 1", "the upload is not a zip; "),
    "a RAR archive": (b"Rar!\x1a\x07\x00", "the upload is a RAR archive, not a zip; "),
    "a gzip file": (b"\x1f\x8b\x08\x00", "the upload is a gzip file, not a zip; "),
    "truncated": (zip_of(GOOD)[:-40], "the zip is damaged or was cut short; "),
    "larger than the limit": (os.urandom(300 * KB), "the upload has 300 kB, the limit is 256 kB; "),
    "traversal": (instead("../nets.py"), "the zip holds a name that points out of its folder: ../nets.py; "),
    "traversal inside": (instead("a/../../nets.py"), "points out of its folder: a/../../nets.py; "),
    "traversal by backslashes": (instead(r"a\..\..\nets.py"), "points out of its folder: 'a"),
    "a sibling with the folder's prefix": (instead("../work-evil/nets.py"), "points out of its folder"),
    "absolute": (instead("/tmp/nets.py"), "the zip holds a name that is an absolute path: /tmp/nets.py; "),
    "a drive": (instead("C:/nets.py"), "is an absolute path: 'C:/nets.py'; "),
    "a share": (instead(r"\\host\nets.py"), "is an absolute path: "),
    "newline": (instead("a\nb/nets.py"), r"holds a control character: 'a\nb/nets.py'; "),
    "a 4 kB name": (instead("a" * 4000 + "/nets.py"), "is longer than 512 characters: " + "a" * 60 + "...; "),
    "a name twice": (zip_of([*GOOD.items(), ("nets.py", b"other")]), "the zip holds nets.py twice; "),
    "equal but for case": (plus("Nets.py"), "holds Nets.py and nets.py, which count as one name; "),
    "equal but for width": (plus("ｎets.py"), "which count as one name; "),
    "a file and a folder of one name": (plus("nets.py/", b""), "which count as one name; "),
    "a link in a file's place": (
        zip_of([(with_mode("nets.py", stat.S_IFLNK | 0o777), b"/etc/passwd"), ("notes.txt", b"")]),
        "nets.py is a link; put the file itself into the zip; ",
    ),
    "a device": (instead(with_mode("nets.py", stat.S_IFCHR | 0o666)), "nets.py is not a plain file; "),
    "a block device": (instead(with_mode("nets.py", stat.S_IFBLK | 0o666)), "nets.py is not a plain file; "),
    "a FIFO": (instead(with_mode("nets.py", stat.S_IFIFO | 0o666)), "nets.py is not a plain file; "),
    "a socket": (instead(with_mode("nets.py", stat.S_IFSOCK | 0o666)), "nets.py is not a plain file; "),
    "a folder in a file's place": (
        zip_of([(with_mode("nets.py", stat.S_IFDIR | 0o755), b""), ("notes.txt", b"")]),
        "nets.py is not a plain file; ",
    ),
    "setuid": (instead(with_mode("nets.py", stat.S_IFREG | 0o4755)), "nets.py has a setuid, setgid or sticky bit; "),
    "setgid": (instead(with_mode("nets.py", stat.S_IFREG | 0o2755)), "nets.py has a setuid, setgid or sticky bit; "),
    "encrypted": (encrypted(), "nets.py is encrypted; make the zip without a password; "),
    "an unusual compression": (zip_of(GOOD, zipfile.ZIP_LZMA), "nets.py is compressed in an unusual way; "),
    "bad CRC": (bad_crc(), "nets.py is damaged in the zip; make the zip again; "),
    "high ratio": (
        zip_of({**GOOD, "nets.py": b"#" * (50 * KB * KB)}),
        "the zip unpacks to more than 256 kB; hand in a zip with nets.py and notes.txt alone; ",
    ),
    "a size header that says less": (lying_size(1000), "nets.py is damaged in the zip; "),
    "a size header that says more": (lying_size(220_000), "nets.py is damaged in the zip; "),
    "overlapping members": (overlapping(), "the zip is malformed: nets.p"),
    "too many members": (
        zip_of([*GOOD.items(), *((f"d{i}/", b"") for i in range(1000))]),
        "the zip has more than 1,000 members; ",
    ),
    "more members than it says": (crowded(5000), "the zip has more than 1,000 members; "),
    "one file inside, one outside a folder": (
        zip_of({"nets.py": b"", "src/notes.txt": b""}),
        "nets.py and notes.txt are in different folders; put them into one; ",
    ),
    "two of equal depth": (
        zip_of({f"{folder}/{name}": b"" for folder in ("old", "new") for name in GOOD}),
        "nets.py and notes.txt can be found twice, in new and in old; keep one of them; ",
    ),
    "only in a hidden folder": (
        zip_of({f".git/{name}": b"" for name in GOOD}),
        "nets.py and notes.txt are in a hidden folder; put them at the top; ",
    ),
    "a missing file": (without("notes.txt"), "the zip holds no notes.txt; put it in; "),
    "two missing files": (zip_of({"x": b""}), "the zip holds no nets.py and notes.txt; put them in; "),
    "only litter": (zip_of({"__MACOSX/._nets.py": b""}), "the zip holds no nets.py and notes.txt; "),
    "another case": (
        zip_of({"Nets.py": b"", "notes.txt": b""}),
        "the zip holds Nets.py, which must be named nets.py exactly; rename it; ",
    ),
    "not UTF-8": (zip_of({**GOOD, "nets.py": "# é".encode("latin-1")}), "nets.py is not UTF-8 text (byte 2); save it"),
    "UTF-16": (zip_of({**GOOD, "nets.py": "x = 1".encode("utf-16-le")}), "nets.py holds a NUL byte (byte 1); save it"),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.threat(1, 2, 3, 4, 5)
def test_is_refused_with_a_sentence(case):
    data, expected = REFUSED[case]
    message = refusal(data)
    assert expected in message
    assert "\n" not in message
    assert len(message) < 300


@pytest.mark.threat(3)
def test_a_million_members_are_refused_before_anything_is_built_for_them():
    data = crowded(1_000_000)
    tracemalloc.start()
    try:
        assert "more than 1,000 members" in refusal(data, manifest(upload_kb=len(data) // KB + 1))
        assert tracemalloc.get_traced_memory()[1] < 4 * KB * KB
    finally:
        tracemalloc.stop()


@pytest.mark.threat(3)
def test_a_bomb_takes_no_more_memory_than_the_limit_allows():
    """Even where the header lies, so that the declared sizes look harmless."""
    content = bytes(200 * KB * KB)
    honest = zip_of({"nets.py": content, "notes.txt": b""})
    bomb = honest.replace(struct.pack("<L", len(content)), struct.pack("<L", 255 * KB))
    del content
    tracemalloc.start()
    try:
        assert "nets.py is damaged" in refusal(bomb)
        assert tracemalloc.get_traced_memory()[1] < 4 * KB * KB
    finally:
        tracemalloc.stop()


# --- folders ------------------------------------------------------------------------------------------------------


def folder_with(path, files):
    for name, content in files.items():
        (path / name).write_bytes(content)
    return path


def test_a_folder_without_a_file_is_refused(tmp_path):
    folder_with(tmp_path, {"nets.py": b""})
    with pytest.raises(Refused, match=r"holds no notes\.txt; name the folder with nets\.py and notes\.txt"):
        submission.read_folder(tmp_path, MANIFEST)


def test_a_folder_that_is_too_large_is_refused(tmp_path):
    folder_with(tmp_path, {"nets.py": b"#" * (200 * KB), "notes.txt": b"#" * (200 * KB)})
    with pytest.raises(Refused, match="together larger than 256 kB"):
        submission.read_folder(tmp_path, MANIFEST)


@pytest.mark.skipif(sys.platform == "win32", reason="needs links and FIFOs")
@pytest.mark.parametrize("make", [lambda path: path.symlink_to("/etc/passwd"), os.mkfifo, os.mkdir])
def test_a_folder_with_something_else_in_a_files_place_is_refused(tmp_path, make):
    make(folder_with(tmp_path, {"notes.txt": b""}) / "nets.py")
    with pytest.raises(Refused, match="is not a plain file"):
        submission.read_folder(tmp_path, MANIFEST)


def test_read_takes_zips_and_folders(tmp_path):
    folder = folder_with(tmp_path, GOOD)
    (tmp_path / "in.zip").write_bytes(zip_of(GOOD))
    assert submission.read(folder, MANIFEST).sha256 == submission.read(tmp_path / "in.zip", MANIFEST).sha256


def test_read_refuses_a_huge_file_without_reading_it(tmp_path):
    with (tmp_path / "in.zip").open("wb") as file:
        file.truncate(10 * KB * KB * KB)
    with pytest.raises(Refused, match=r"the upload has 10,485,760 kB, the limit is 256 kB"):
        submission.read(tmp_path / "in.zip", MANIFEST)


def test_what_is_not_there_is_an_error_with_a_way_out(tmp_path):
    with pytest.raises(
        DeepgradeError, match=r"nothing\.zip: cannot be read \(No such file.*\); name a zip or a folder"
    ):
        submission.read(tmp_path / "nothing.zip", MANIFEST)


# --- pack ---------------------------------------------------------------------------------------------------------


def test_pack_hands_in_the_named_files_and_no_others(tmp_path):
    folder_with(tmp_path, {**GOOD, "secret.txt": b"diary"})
    packed = submission.pack(tmp_path, MANIFEST)
    assert zipfile.ZipFile(io.BytesIO(packed)).namelist() == MANIFEST.files
    assert submission.read_zip(packed, MANIFEST).files == GOOD


def test_pack_gives_the_same_bytes_whenever_it_runs(tmp_path):
    folder_with(tmp_path, GOOD)
    first = submission.pack(tmp_path, MANIFEST)
    for name in GOOD:
        os.utime(tmp_path / name, (1, 1))
        (tmp_path / name).chmod(0o600)
    assert submission.pack(tmp_path, MANIFEST) == first
    dates = {member.date_time for member in zipfile.ZipFile(io.BytesIO(first)).infolist()}
    assert dates == {(1980, 1, 1, 0, 0, 0)}, "no clock was asked"


def test_pack_refuses_what_would_be_refused_later(tmp_path):
    folder_with(tmp_path, {"nets.py": b"", "notes.txt": os.urandom(256 * KB)})
    with pytest.raises(Refused, match="the upload has 257 kB"):
        submission.pack(tmp_path, MANIFEST)


@given(st.dictionaries(st.sampled_from(sorted(GOOD)), st.text().map(str.encode), min_size=2))
@settings(max_examples=30, deadline=None)
def test_what_is_packed_comes_out_again(files):
    files = {name: content.replace(b"\0", b"") for name, content in files.items()}
    assert submission.read_zip(submission.zipped(files), MANIFEST).files == files


# --- anything at all ----------------------------------------------------------------------------------------------


def accepts_or_refuses(data: bytes) -> None:
    """Nothing comes out but Refused, or the named files within the limit."""
    try:
        got = submission.read_zip(data, MANIFEST)
    except Refused:
        return
    assert list(got.files) == MANIFEST.files
    assert sum(map(len, got.files.values())) <= MANIFEST.limits.upload_kb * KB


@given(st.binary(max_size=2000))
@settings(max_examples=100, deadline=None)
def test_random_bytes_are_refused(data):
    accepts_or_refuses(data)
    accepts_or_refuses(b"PK\x03\x04" + data)


SEEDS = [
    zip_of(GOOD),
    zip_of(GOOD, zipfile.ZIP_STORED),
    zip_of({f"a/{name}": content for name, content in GOOD.items()}),
    overlapping(),
    lying_size(1000),
]


@given(
    st.sampled_from(SEEDS),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=12),
    st.floats(0, 1),
)
@settings(max_examples=300, deadline=None)
@pytest.mark.threat(5)
def test_mutated_zips_are_accepted_or_refused(seed, changes, cut):
    data = bytearray(seed[: max(1, round(len(seed) * max(cut, 0.5)))] if cut < 0.9 else seed)
    for place, byte in changes:
        data[int(place * len(data))] = byte
    accepts_or_refuses(bytes(data))


@given(st.lists(st.tuples(st.text(min_size=1, max_size=30), st.binary(max_size=20)), max_size=8))
@settings(max_examples=100, deadline=None)
@pytest.mark.threat(1, 4)
def test_members_of_any_name_are_accepted_or_refused(members):
    try:
        data = zip_of([*GOOD.items(), *members])
    except (ValueError, IndexError):  # a name that zipfile cannot write
        return
    accepts_or_refuses(data)
