"""Data sets by name, from a folder of files that is already there, else from what every installation carries.

    from autograder.datasets import characters

    train = characters("train")       # Dataset: x (n, 1024), y (n,), images (n, 32, 32), names, source

`DEEPGRADE_DATA` names the folder, which is looked at first. A file found there is used only if its checksum is right; a
file that is not there is no error, since every data set has a smaller stand-in that needs no file. `source` says which
of the two it was, and stands on every figure and in every report, because their results must not be compared.
"""

from autograder.datasets.characters36 import SPLITS, characters
from autograder.datasets.dataset import Dataset, shifted
from autograder.datasets.files import BadData
from autograder.datasets.pages import Page, draw_page, pages
from autograder.datasets.reader36 import character_reader

__all__ = [
    "SPLITS",
    "BadData",
    "Dataset",
    "Page",
    "character_reader",
    "characters",
    "draw_page",
    "pages",
    "shifted",
]
