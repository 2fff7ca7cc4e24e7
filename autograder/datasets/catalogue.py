"""All data sets of the course: names, files with checksums, and mirrors.

A data set has the name of its function in `autograder.datasets`. This module reads and fetches nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from autograder.core.errors import DeepgradeError
from autograder.datasets.files import File


@dataclass(frozen=True)
class Entry:
    """A data set.

    files : all its files; empty if it is part of deepgrade.
    or_else : alternative files (a part of the data set, without a public address).
    mirrors : addresses of folders that contain `files`, by the last part of their names; tried in turn.
    stand_in : replaces the data set if files are missing; empty if it is part of deepgrade.
    """

    name: str
    what: str
    files: tuple[File, ...] = ()
    or_else: tuple[File, ...] = ()
    mirrors: tuple[str, ...] = ()
    stand_in: str = ""


CHARACTERS = Entry(
    name="characters",
    what="handwritten capital letters and digits, 32x32, 36 classes",
    files=(
        File(
            "nist36/handchars36_train.npz",
            608_497,
            "ca376ee1046e9afa96545ad010599b922c63b56aee83fd1f5a9c8e35c5fa513c",
        ),
        File(
            "nist36/handchars36_valid.npz",
            133_355,
            "2a1e093efc4e1c15da49f6606725ff862502d12cb6d62740dc56245bd1f84bfa",
        ),
        File(
            "nist36/handchars36_test.npz",
            133_867,
            "032a9490fa4c5cc2894a68e74bf081d8c0e0874d1f5be7479b4e1c2e3ebf933a",
        ),
    ),
    stand_in="glyphs rendered from fonts",
)

DIGITS = Entry(
    name="digits",
    what="handwritten digits, 8x8, 10 classes",
)

MNIST = Entry(
    name="mnist",
    what="handwritten digits, 28x28, 10 classes",
    files=(
        File(
            "mnist/train-images-idx3-ubyte.gz",
            9_912_422,
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        ),
        File(
            "mnist/train-labels-idx1-ubyte.gz",
            28_881,
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        ),
        File(
            "mnist/t10k-images-idx3-ubyte.gz",
            1_648_877,
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        ),
        File(
            "mnist/t10k-labels-idx1-ubyte.gz",
            4_542,
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        ),
    ),
    mirrors=(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
    stand_in="digits, enlarged",
)

FASHION_MNIST = Entry(
    name="fashion_mnist",
    what="clothing, 28x28, 10 classes",
    files=(
        File(
            "fashion-mnist/train-images-idx3-ubyte.gz",
            26_421_880,
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        ),
        File(
            "fashion-mnist/train-labels-idx1-ubyte.gz",
            29_515,
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        ),
        File(
            "fashion-mnist/t10k-images-idx3-ubyte.gz",
            4_422_102,
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        ),
        File(
            "fashion-mnist/t10k-labels-idx1-ubyte.gz",
            5_148,
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        ),
    ),
    mirrors=(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
    ),
    stand_in="digits, enlarged",
)

CIFAR10 = Entry(
    name="cifar10",
    what="colour photographs, 32x32, 10 classes",
    files=(
        # The "binary version": plain records. The other archives hold pickles, which are never opened here.
        File(
            "cifar10/cifar-10-binary.tar.gz",
            170_052_171,
            "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
        ),
    ),
    or_else=(
        File(
            "cifar10/cifar10_train_10k.npz",
            28_276_191,
            "4c1ac09773376a4420f07de052facd79d39c5c69f66fe61ca1ff408ea0d1c2c6",
        ),
        File(
            "cifar10/cifar10_test_2k.npz",
            5_657_830,
            "58902fe2febc73369103ab5ed210515a59598755660c3317c27f5f89714f5507",
        ),
    ),
    mirrors=(
        "https://www.cs.toronto.edu/~kriz/",
        "https://cave.cs.toronto.edu/kriz/",
        "https://storage.googleapis.com/s4tf-hosted-binaries/datasets/CIFAR10/",
    ),
    stand_in="digits rendered from fonts, in colour",
)

PAGES = Entry(
    name="pages",
    what="four photographs of handwritten pages, and their text",
    files=(
        File(
            "ocr-images/01_list.jpg",
            637_160,
            "4480d6fce1ae6f9318be3d752cfd844f6e74ac6f319581652e5262c5ea6f84d0",
        ),
        File(
            "ocr-images/02_letters.jpg",
            831_759,
            "332cfff8a4c27a4b05ad80ed2ae49eaa2c48005fb5f690ecd5dc486238dbc800",
        ),
        File(
            "ocr-images/03_haiku.jpg",
            435_960,
            "fc5b5a6b4714806248d8fc1796a34a0482cdcf80aae6784d045f29204d9a5818",
        ),
        File(
            "ocr-images/04_deep.jpg",
            1_350_428,
            "e5771c5a96a07420db431f507a16a08aa3cc9bb2dbefbc8eb3e2e1829683b3d9",
        ),
        File(
            "ocr-images/ground_truth.json",
            1_809,
            "0371a2fcf026d4b1d3171cdc46568be85dae0f31f0f5946539655e0566473d82",
        ),
    ),
    stand_in="pages drawn from fonts",
)

ENTRIES = (CHARACTERS, DIGITS, MNIST, FASHION_MNIST, CIFAR10, PAGES)


def entry(name: str) -> Entry:
    """The data set of that name; `fashion-mnist` means `fashion_mnist`. Raises DeepgradeError for an unknown name."""
    for known_entry in ENTRIES:
        if known_entry.name == name.lower().replace("-", "_"):
            return known_entry
    raise DeepgradeError(
        f"{name}: is not a data set; choose one of {', '.join(known_entry.name for known_entry in ENTRIES)}"
    )
