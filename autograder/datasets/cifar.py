"""CIFAR-10: 32x32 photographs in colour.

source "CIFAR-10, 10,000 + 2,000 of it"               1,000 + 200 pictures a class, of the subset or the archive
source "CIFAR-10"                                     all 50,000 + 10,000, from the official archive, when asked for
source "rendered digits in colour, for want of ..."   neither is here: ten classes, but easy ones

The archive is the official "binary version", a tar of six files of 10,000 records:

    label (1 byte) | red, green, blue: 1024 bytes each, by rows
"""

from __future__ import annotations

import tarfile
from functools import cache
from io import BytesIO
from pathlib import Path

import numpy as np

from autograder.datasets import catalogue, files
from autograder.datasets.dataset import CHANNELS_FIRST, SPLITS, Dataset, Split, check_split
from autograder.datasets.files import BadData, File

Examples = tuple[np.ndarray, np.ndarray]  # pixels (n, 32, 32, 3) and labels (n,)

NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
WHOLE = "CIFAR-10"
SUBSET = "CIFAR-10, 10,000 + 2,000 of it"
RENDERED = "rendered digits in colour, for want of CIFAR-10"

RECORD = 1 + 3 * 32 * 32  # bytes
RECORDS = 10_000  # in each file of the archive
MEMBERS = tuple(
    f"cifar-10-batches-bin/{name}.bin" for name in (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch")
)


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split()))


# The subset has of every class the first 1,000 (and 200) in the official order, but for these places in their class.
SKIPPED_TRAIN = {
    4: (533,),
    5: (653, 789),
    6: (581, 588),
    7: (987,),
    8: _numbers(
        "436 441 446 449 451 459 465 466 476 489 500 522 543 558 563 568 569 571 574 578 582 584 595 598 606 607 "
        "609 610 611 613 614 617 620 630 634 636 654 658 660 672 673 679 690 708 717 719 720 722 730 738 739 744 "
        "747 752 754 773 775 777 779 780 785 797 810 813 817 819 822 825 833 835 837 839 846 866 876 879 882 885 "
        "887 894 900 904 911 920 925 932 934 937 938 949 954 955 964 972 979 984 987 993 998 1001 1005 1014 1022 "
        "1027 1036 1042 1043 1063 1074 1076 1077 1079 1081 1082 1087 1088 1089 1090 1092 1095 1104"
    ),
}
SKIPPED_TEST = {
    4: (153,),
    8: _numbers(
        "0 1 7 9 10 12 23 24 26 28 34 35 42 45 54 70 80 86 89 91 95 111 115 126 128 130 135 141 146 151 152 155 "
        "170 174 185 190 191 193 198 202 203 212 215 219 238 239 241"
    ),
}


def cifar10(split: Split, *, whole: bool = False) -> Dataset:
    """One of "train" (9,000 examples), "valid" (1,000) and "test" (2,000); classes take turns: 0, 1, .., 9, 0, ..

    x : (n, 3072), of every picture all red, then all green, then all blue, by rows.   images : (n, 32, 32, 3).
    whole : the 45,000 + 5,000 + 10,000 of the official archive in its order, if it is here; if not, as without.
    Without any file: 1,500 + 300 + 300 digits, rendered in colour.
    Raises BadData if a file is damaged, ValueError for another split.
    """
    check_split(split)
    part = files.find_all(catalogue.CIFAR10.or_else)
    archive = files.find_all(catalogue.CIFAR10.files)
    if archive and (whole or not part):
        return _of_the_archive(archive[0], catalogue.CIFAR10.files[0], whole)[split]
    return _of_the_subset(part, catalogue.CIFAR10.or_else)[split] if part else _rendered(split)


def _split(train: Examples, test: Examples, source: str) -> dict[str, Dataset]:
    """The last tenth of the training examples is for validation."""
    pixels, y = train
    cut = len(y) - len(y) // 10
    parts = (pixels[:cut], y[:cut]), (pixels[cut:], y[cut:]), test
    return {
        split: Dataset(x, y.astype(np.int64), NAMES, source, order=CHANNELS_FIRST)
        for split, (x, y) in zip(SPLITS, parts, strict=True)
    }


@cache
def _of_the_subset(paths: tuple[Path, ...], entries: tuple[File, ...]) -> dict[str, Dataset]:
    train, test = (files.load_npz(path, file.sha256) for path, file in zip(paths, entries, strict=True))
    return _split((train["images"], train["labels"]), (test["images"], test["labels"]), SUBSET)


@cache
def _of_the_archive(path: Path, entry: File, whole: bool) -> dict[str, Dataset]:
    batches = read_archive(files.read(path, entry.sha256), path)
    train = np.concatenate([pixels for pixels, _ in batches[:-1]]), np.concatenate([y for _, y in batches[:-1]])
    if whole:
        return _split(train, batches[-1], WHOLE)
    return _split(_taking_turns(train, 1000, SKIPPED_TRAIN), _taking_turns(batches[-1], 200, SKIPPED_TEST), SUBSET)


def read_archive(content: bytes, location: Path | str) -> list[Examples]:
    """(pixels (n, 32, 32, 3), labels (n,)) of each of the six files, uint8. Raises BadData for anything else."""
    contents: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=BytesIO(content), mode="r:gz") as archive:
            for member in archive:
                if member.name in MEMBERS and member.isreg() and member.size == RECORD * RECORDS:
                    contents[member.name] = archive.extractfile(member).read()  # type: ignore[union-attr]
    except (tarfile.TarError, OSError, EOFError) as error:
        raise BadData(f"{location}: is not an archive of CIFAR-10 ({error}); fetch it again") from error
    return [records(contents.get(name, b""), f"{location}: {name}") for name in MEMBERS]


def records(content: bytes, location: str) -> Examples:
    """(pixels (n, 32, 32, 3), labels (n,)) of one file, uint8. Raises BadData where the bytes are no such records."""
    if not content or len(content) % RECORD:
        raise BadData(f"{location}: has {len(content)} bytes, which are not records of {RECORD} bytes; fetch it again")
    table = np.frombuffer(content, np.uint8).reshape(-1, RECORD)
    labels = table[:, 0]
    if labels.max() >= len(NAMES):
        raise BadData(f"{location}: has the label {labels.max()}, and there are {len(NAMES)} classes; fetch it again")
    return table[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), labels


def _taking_turns(examples: Examples, per_class: int, skipped: dict[int, tuple[int, ...]]) -> Examples:
    """The first `per_class` examples of every class but for the skipped ones, one of each class in turn."""
    pixels, y = examples
    rows = [np.delete(np.flatnonzero(y == label), skipped.get(label, ()))[:per_class] for label in range(len(NAMES))]
    order = np.stack(rows, axis=1).ravel()
    return pixels[order], y[order]


@cache
def _rendered(split: Split) -> Dataset:
    from autograder.datasets import glyphs  # with it comes matplotlib, a quarter of a second

    per_class = {"train": 150, "valid": 30, "test": 30}[split]
    images, y = glyphs.render_in_colour(per_class, seed=SPLITS.index(split))
    return Dataset(images, y, tuple(glyphs.DIGITS), RENDERED, order=CHANNELS_FIRST)
