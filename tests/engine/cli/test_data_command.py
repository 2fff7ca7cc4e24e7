"""`deepgrade data`: the table, and fetching from mirrors of which one breaks, lies, stalls or is not there."""

from __future__ import annotations

import hashlib
import http.server
import json
import os
import re
import threading
import time
from pathlib import Path

import pytest
from narrowing import not_none

from autograder.cli import console
from autograder.datasets import BadData, catalogue, fetch, files
from autograder.datasets.catalogue import Entry
from autograder.datasets.files import File

FOLDER = os.environ.get(files.VARIABLE)  # of whoever runs the tests
CONTENTS = {"tiny/a.bin": bytes(range(256)) * 1000, "tiny/b.bin": b"b" * 10}
NOWHERE = "http://127.0.0.1:9/"  # the discard port: nobody listens there


class Mirrors(http.server.BaseHTTPRequestHandler):
    """Folders of one server, each named for what it does with a file."""

    asked: list[str]  # every path, in order

    def do_GET(self) -> None:
        self.asked.append(self.path)
        manner, name = self.path.strip("/").split("/", 1)
        content = next((data for known, data in CONTENTS.items() if name in (known, known.split("/")[1])), None)
        if manner == "broken":
            self.send_error(503)
        elif manner == "empty" or content is None:
            self.send_error(404)
        elif manner == "stalls":
            time.sleep(1.5)
        else:
            self.send_response(200)
            if manner == "endless":
                self.end_headers()
                self.stream()
                return
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(
                {"wrong": bytes(len(content)), "breaks": content[: len(content) // 2]}.get(manner, content)
            )

    def stream(self) -> None:
        try:
            for _ in range(1000):
                self.wfile.write(bytes(2**16))
        except OSError:  # they hung up, as they should
            self.asked.append("hung up")

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def server():
    """(address, the list of what was asked of it)"""
    asked: list[str] = []
    handler = type("Handler", (Mirrors,), {"asked": asked})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}", asked
        running.shutdown()
        thread.join()


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    """The folder of the cache, which is not there yet; and neither a folder of data nor a mirror of one's own."""
    for name in (files.VARIABLE, fetch.MIRROR_VARIABLE, "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(files.CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


def tiny(*mirrors: str) -> Entry:
    known = tuple(File(name, len(data), hashlib.sha256(data).hexdigest()) for name, data in CONTENTS.items())
    return Entry("tiny", "two small files", known, mirrors=mirrors, stand_in="smaller ones")


def there(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# Fetching


def test_files_come_into_the_cache(server, cache):
    address, asked = server
    entry = tiny(f"{address}/good/")
    assert fetch.inspect(entry).where == ()
    assert fetch.fetch(entry) == list(entry.files)
    assert there(cache) == CONTENTS
    assert asked == ["/good/a.bin", "/good/b.bin"]
    assert fetch.inspect(entry).where == ("cache",)


def test_what_is_here_is_not_fetched_again(server, cache):
    address, asked = server
    entry = tiny(f"{address}/good/")
    fetch.fetch(entry)
    (cache / "tiny" / "b.bin").unlink()
    assert [file.name for file in fetch.fetch(entry)] == ["tiny/b.bin"]
    assert fetch.fetch(entry) == []
    assert asked == ["/good/a.bin", "/good/b.bin", "/good/b.bin"]


def test_what_is_damaged_in_the_cache_is_fetched_again(server, cache):
    entry = tiny(f"{server[0]}/good/")
    fetch.fetch(entry)
    (cache / "tiny" / "a.bin").write_bytes(b"damaged")
    assert fetch.inspect(entry).damaged == (cache / "tiny" / "a.bin",)
    assert [file.name for file in fetch.fetch(entry)] == ["tiny/a.bin"]
    assert there(cache) == CONTENTS


@pytest.mark.parametrize("manner", ["broken", "empty", "wrong", "breaks", "endless", "stalls"])
def test_the_next_mirror_is_asked_where_one_fails(server, cache, manner, monkeypatch):
    monkeypatch.setattr(fetch, "TIMEOUT", (5, 0.4))
    address, asked = server
    entry = tiny(f"{address}/{manner}/", f"{address}/good/")
    assert len(fetch.fetch(entry)) == 2
    assert there(cache) == CONTENTS
    assert f"/{manner}/a.bin" in asked
    assert "/good/a.bin" in asked


@pytest.mark.parametrize(
    "manner, words",
    [
        ("broken", "503 Service Unavailable"),
        ("empty", "404 Not Found"),
        ("wrong", r"has another file \(the checksum is wrong\)"),
        ("breaks", "broke off"),
        ("endless", "sends more than the 256,000 bytes of that file"),
        ("stalls", "no answer in time"),
    ],
)
def test_every_mirror_is_named_with_its_fault_and_nothing_is_half_written(server, cache, manner, words, monkeypatch):
    monkeypatch.setattr(fetch, "TIMEOUT", (5, 0.4))
    address, _ = server
    with pytest.raises(fetch.NotFetched) as caught:
        fetch.fetch(tiny(f"{address}/{manner}/", NOWHERE))
    assert re.fullmatch(
        rf"tiny/a\.bin: no mirror gave it \({address}/{manner}/a\.bin: {words}; {NOWHERE}a\.bin: no connection\); "
        rf"look at the connection and try again, or bring the file to {cache}/tiny/a\.bin yourself; "
        r"until then its stand-in serves: smaller ones",
        str(caught.value),
    )
    assert there(cache) == {}


def test_a_mirror_that_never_ends_is_left(server, cache):
    address, asked = server
    with pytest.raises(fetch.NotFetched):
        fetch.fetch(tiny(f"{address}/endless/"))
    for _ in range(200):
        if "hung up" in asked:
            return
        time.sleep(0.05)
    raise AssertionError("64 MB were taken of a file of 256 kB")


def test_ones_own_mirror_comes_first_and_has_all_folders(server, cache, monkeypatch):
    address, asked = server
    monkeypatch.setenv(fetch.MIRROR_VARIABLE, f"{address}/good")
    assert len(fetch.fetch(tiny(NOWHERE))) == 2
    assert asked == ["/good/tiny/a.bin", "/good/tiny/b.bin"]
    assert there(cache) == CONTENTS


def test_ones_own_mirror_may_have_what_has_no_public_address(server, cache, monkeypatch):
    with pytest.raises(
        fetch.NotFetched, match=r"tiny: its files have no public address; put tiny/a\.bin, tiny/b\.bin "
    ):
        fetch.fetch(tiny())
    monkeypatch.setenv(fetch.MIRROR_VARIABLE, f"{server[0]}/good/")
    assert len(fetch.fetch(tiny())) == 2


def test_an_address_that_is_none_is_a_mirror_that_fails(cache):
    with pytest.raises(fetch.NotFetched, match="no connection"):
        fetch.fetch(tiny("no address/"))


def test_a_cache_that_cannot_be_written_is_said(server, cache):
    cache.write_text("a file where the folder should be")
    with pytest.raises(BadData, match=r"a\.bin: cannot be written \(.*\); name another folder in DEEPGRADE_CACHE"):
        fetch.fetch(tiny(f"{server[0]}/good/", f"{server[0]}/good/"))
    assert len(server[1]) <= 1  # no other mirror helps


def test_damage_in_the_folder_that_is_looked_at_first_is_not_hidden_by_fetching(server, cache, tmp_path, monkeypatch):
    folder = tmp_path / "data"
    (folder / "tiny").mkdir(parents=True)
    (folder / "tiny" / "a.bin").write_bytes(b"damaged")
    monkeypatch.setenv(files.VARIABLE, str(folder))
    with pytest.raises(BadData, match=r"a\.bin: is damaged, and a file in DEEPGRADE_DATA is used first; remove it"):
        fetch.fetch(tiny(f"{server[0]}/good/"))
    assert server[1] == []
    (folder / "tiny" / "a.bin").write_bytes(CONTENTS["tiny/a.bin"])
    assert [file.name for file in fetch.fetch(tiny(f"{server[0]}/good/"))] == ["tiny/b.bin"]
    assert fetch.inspect(tiny()).where == ("DEEPGRADE_DATA", "cache")


def test_files_that_serve_as_well_are_enough(server, cache):
    entry = tiny(f"{server[0]}/good/")
    other = Entry("other", "one of two", (File("other/c", 1, "0" * 64),), or_else=entry.files, stand_in="none")
    assert fetch.inspect(other).where == ()
    assert fetch.inspect(other).files == other.files
    fetch.fetch(entry)
    assert fetch.inspect(other).where == ("cache",)
    assert fetch.fetch(other) == []


def test_progress_counts_the_bytes_of_each_file(server, cache):
    heard: list[tuple[str, int, int]] = []
    fetch.fetch(tiny(f"{server[0]}/good/"), lambda *words: heard.append(words))
    of_a = [done for name, done, size in heard if (name, size) == ("tiny/a.bin", 256_000)]
    assert len(of_a) >= 4  # pieces of 64 kB
    assert of_a == sorted(of_a)
    assert of_a[-1] == 256_000
    assert heard[-1] == ("tiny/b.bin", 10, 10)


def test_the_bar_is_for_terminals_only(monkeypatch, capsys):
    def download() -> str:
        with console.downloads("tiny") as follow:
            follow("tiny/a.bin", 0, 1000)
            follow("tiny/a.bin", 1000, 1000)
            follow("tiny/b.bin", 5, 10)
        return capsys.readouterr().err

    monkeypatch.delenv("FORCE_COLOR", raising=False)
    assert download() == ""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    shown = download()
    assert "tiny  b.bin" in shown
    assert "5/10 bytes" in shown


def test_nothing_fetches_by_itself(cache, monkeypatch):
    """Neither the sets nor the table, however much is missing."""
    from autograder import datasets

    def refuse(*args: object) -> None:
        raise AssertionError("fetched")

    monkeypatch.setattr(fetch, "_retrieve", refuse)
    for entry in catalogue.ENTRIES:
        getattr(datasets, entry.name)(*() if entry.name == "pages" else ("test",))
        fetch.inspect(entry)
    assert not cache.exists()


# The catalogue


def test_every_entry_is_a_function_and_its_files_are_told_apart():
    from autograder import datasets

    names = [file.name for entry in catalogue.ENTRIES for file in (*entry.files, *entry.or_else)]
    assert len(set(names)) == len(names)
    for entry in catalogue.ENTRIES:
        assert callable(getattr(datasets, entry.name))
        assert all(mirror.startswith(("http://", "https://")) and mirror.endswith("/") for mirror in entry.mirrors)
        assert bool(entry.stand_in) == bool(entry.files)
        for file in (*entry.files, *entry.or_else):
            assert re.fullmatch("[0-9a-f]{64}", file.sha256)


@pytest.mark.skipif(not FOLDER, reason="no DEEPGRADE_DATA")
def test_sizes_in_the_catalogue_are_true():
    for entry in catalogue.ENTRIES:
        for file in (*entry.files, *entry.or_else):
            path = Path(not_none(FOLDER)) / file.name
            if path.is_file():
                assert path.stat().st_size == file.size, file.name


# The command


def sentence(result) -> str:
    """What a command that exits with 2 says: one sentence."""
    assert result.returncode == 2, result.stdout + result.stderr
    assert result.stdout == ""
    assert result.stderr.startswith("deepgrade: ")
    assert result.stderr.count("\n") == 1
    return result.stderr


@pytest.fixture
def data(deepgrade, tmp_path):
    """`deepgrade data ARGS...` with an empty cache of its own, and every address but this machine's unreachable."""
    offline = {"https_proxy": NOWHERE, "http_proxy": NOWHERE, "no_proxy": "127.0.0.1"}

    def run(*arguments: str, **variables: str):
        return deepgrade("data", *arguments, **{"DEEPGRADE_CACHE": str(tmp_path / "cache"), **offline, **variables})

    return run


def test_the_table_says_what_is_here_and_where_it_would_be(data, tmp_path):
    result = data()
    assert result.returncode == 0, result.stderr
    assert re.search(r"digits .* comes with deepgrade", result.stdout)
    assert re.search(r"mnist .* 11\.6 MB +not here; instead: digits, enlarged", result.stdout)
    assert re.search(r"characters .* not here, no public address; ", result.stdout)
    assert "DEEPGRADE_DATA: not set" in result.stdout
    assert f"the cache: {tmp_path / 'cache'}" in result.stdout


def test_the_table_says_what_is_incomplete_or_damaged(data, tmp_path):
    for name in ("mnist/train-labels-idx1-ubyte.gz", *(file.name for file in catalogue.CHARACTERS.files)):
        (tmp_path / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / name).write_bytes(b"damaged")
    result = data(DEEPGRADE_DATA=str(tmp_path / "data"), COLUMNS="300")
    assert re.search(r"mnist .* damaged: .*train-labels-idx1-ubyte\.gz", result.stdout)
    listed = json.loads(data("--json", DEEPGRADE_DATA=str(tmp_path / "data")).stdout)
    characters, _, mnist = listed[:3]
    assert (characters["here"], mnist["here"]) == (False, False)
    assert (characters["where"], mnist["where"]) == (["DEEPGRADE_DATA"], [])  # complete, but wrong
    assert [file["damaged"] for file in mnist["files"]] == [False, True, False, False]
    assert mnist["files"][1]["path"] == str(tmp_path / "data" / "mnist" / "train-labels-idx1-ubyte.gz")


def test_scripts_get_json(data):
    listed = json.loads(data("--json").stdout)
    assert [one["name"] for one in listed] == ["characters", "digits", "mnist", "fashion_mnist", "cifar10", "pages"]
    assert [one["here"] for one in listed] == [False, True, False, False, False, False]
    assert listed[2]["bytes"] == 11_594_722
    assert listed[2]["mirrors"] == list(catalogue.MNIST.mirrors)
    assert listed[1]["where"] == ["embedded"]
    (alone,) = json.loads(data("digits", "--json").stdout)
    assert alone == listed[1]


def test_offline_one_sentence_names_all_mirrors_and_the_way_out(data, tmp_path):
    said = sentence(data("mnist"))
    for mirror in catalogue.MNIST.mirrors:
        assert f"{mirror}train-images-idx3-ubyte.gz: no connection" in said
    assert f"or bring the file to {tmp_path / 'cache' / 'mnist' / 'train-images-idx3-ubyte.gz'} yourself" in said
    assert there(tmp_path / "cache") == {}


def test_what_has_no_address_says_that_it_comes_from_a_folder(data):
    said = sentence(data("characters"))
    assert "no public address" in said
    assert "DEEPGRADE_DATA" in said


def test_what_comes_with_deepgrade_needs_no_fetching(data):
    result = data("digits")
    assert (result.returncode, result.stdout) == (0, "digits: comes with deepgrade, nothing to fetch\n")


def test_ones_own_mirror_that_lacks_a_file_is_named_first(data, server):
    said = sentence(data("mnist", DEEPGRADE_MIRROR=f"{server[0]}/good"))
    assert f"({server[0]}/good/mnist/train-images-idx3-ubyte.gz: 404 Not Found; https://" in said


@pytest.mark.parametrize(
    "arguments, words",
    [
        (("imagenet",), "imagenet: is not a data set; choose one of characters, digits, mnist, fashion_mnist, cifar10"),
        (("--all", "mnist"), "--all already has mnist: give names or --all, not both"),
    ],
)
def test_what_cannot_be_meant_is_said(data, arguments, words):
    assert words in sentence(data(*arguments))


def test_all_is_all_that_has_a_public_address(data):
    assert sentence(data("--all")).startswith("deepgrade: mnist/train-images-idx3-ubyte.gz: no mirror gave it (")


@pytest.mark.skipif(not FOLDER, reason="no DEEPGRADE_DATA")
def test_what_is_in_the_folder_is_not_fetched(data, tmp_path):
    result = data("--all", DEEPGRADE_DATA=FOLDER)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines() == [
        f"{name}: in DEEPGRADE_DATA, nothing to fetch" for name in ("mnist", "fashion_mnist", "cifar10")
    ]
    assert not (tmp_path / "cache").exists()


def test_a_folder_that_is_none_is_said(data):
    assert "mistyped is not a folder" in sentence(data(DEEPGRADE_DATA="mistyped"))


@pytest.fixture
def folder_server():
    """The real files over HTTP."""
    handler = type(
        "Handler",
        (http.server.SimpleHTTPRequestHandler,),
        {
            "__init__": lambda self, *a: http.server.SimpleHTTPRequestHandler.__init__(self, *a, directory=FOLDER),
            "log_message": lambda *a: None,
        },
    )
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


@pytest.mark.skipif(not FOLDER, reason="no DEEPGRADE_DATA")
def test_the_real_files_come_from_a_mirror(data, folder_server, tmp_path):
    result = data("fashion-mnist", "mnist", "characters", DEEPGRADE_MIRROR=folder_server)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines() == [
        f"fashion_mnist: fetched 4 files (30.9 MB) into {tmp_path / 'cache' / 'fashion-mnist'}",
        f"mnist: fetched 4 files (11.6 MB) into {tmp_path / 'cache' / 'mnist'}",
        f"characters: fetched 3 files (0.9 MB) into {tmp_path / 'cache' / 'nist36'}",
    ]
    assert data("mnist").stdout == "mnist: in the cache, nothing to fetch\n"
    assert re.search(r"mnist .* in the cache", data().stdout)
