"""Data sets by name, from a folder of files that is already there, else from what every installation carries.

    from autograder.datasets import characters

    train = characters("train")       # Dataset: x (n, 1024), y (n,), images (n, 32, 32), names, source

`DEEPGRADE_DATA` names the folder, which is looked at first; then comes the cache, which `deepgrade data NAME` fills.
Nothing here fetches by itself. A file that is found is used only if its checksum is right; a file that is not there is
no error, since every data set has a smaller stand-in that needs no file. `source` says which of the two it was, and
stands on every figure and in every report, because their results must not be compared.
"""

from autograder.datasets.alphabets import LOOSE, STEADY, Alphabet, Hand, alphabet
from autograder.datasets.characters36 import characters
from autograder.datasets.cifar import cifar10
from autograder.datasets.dataset import SPLITS, Dataset, shifted
from autograder.datasets.digits8 import digits
from autograder.datasets.files import BadData
from autograder.datasets.mnist28 import fashion_mnist, mnist
from autograder.datasets.pages import Page, draw_page, pages
from autograder.datasets.reader36 import character_reader
from autograder.datasets.resnet import pretrained_resnet20

__all__ = [
    "LOOSE",
    "SPLITS",
    "STEADY",
    "Alphabet",
    "BadData",
    "Dataset",
    "Hand",
    "Page",
    "alphabet",
    "character_reader",
    "characters",
    "cifar10",
    "digits",
    "draw_page",
    "fashion_mnist",
    "mnist",
    "pages",
    "pretrained_resnet20",
    "shifted",
]
