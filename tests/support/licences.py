"""docs/licences.md, which `make licences` writes: what both wheels hold of others, and what they require."""

from __future__ import annotations

import re
import tomllib
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

REPOSITORY = Path(__file__).resolve().parent.parent.parent
PAGE = REPOSITORY / "docs" / "licences.md"
PROJECTS = {"deepgrade": REPOSITORY / "pyproject.toml", "deepgrade-staff": REPOSITORY / "staff" / "pyproject.toml"}
NOT_SHIPPED_FOR = {"dev", "fuzz"}  # extras for those who work on deepgrade
# Files of a wheel that are not text which somebody wrote for deepgrade, each with where it comes from, and its licence.
FILES = {
    "autograder/datasets/digits.npz": (
        "Optical Recognition of Handwritten Digits, E. Alpaydin and C. Kaynak (1998), UCI Machine Learning Repository, "
        "in scikit-learn's form; divided by `tools/make_digits.py`",
        "CC BY 4.0",
    ),
    "autograder/datasets/reader36.npz": ("weights, trained by `tools/train_ocr_classifier.py`", "MIT, as deepgrade"),
    "autograder/datasets/resnet20.safetensors": (
        "weights, trained on CIFAR-10 by `tools/train_resnet20.py`; no picture of it is shipped",
        "MIT, as deepgrade",
    ),
    "solutions/gan/judge.safetensors": (
        "weights, trained on `digits.npz` by `tools/train_gan_judge.py`",
        "MIT, as deepgrade",
    ),
    "grader_service/web/static/vendor/htmx-2.0.11.min.js": (
        "htmx 2.0.11, unchanged",
        "0BSD, `htmx-LICENSE.txt` beside it",
    ),
}
# Where the metadata of a package names no licence, or is a whole text.
SAID_ELSEWHERE = {"matplotlib": "Matplotlib's, based on the PSF's"}
CLASSIFIER = re.compile(r"License :: (?:OSI Approved :: )?(.*)")


def page() -> str:
    lines = [
        "# Licences",
        "",
        "deepgrade is under the MIT licence. This page lists what its wheels hold of others, and what they require.",
        "`make licences` writes it from `tests/support/licences.py` and from what the packages say of themselves.",
        "",
        "## Files in the wheels",
        "",
        "| file | from | licence |",
        "|---|---|---|",
        *(f"| `{name}` | {origin} | {licence} |" for name, (origin, licence) in FILES.items()),
        "",
        "Data sets that `deepgrade data` fetches are not in a wheel; their licences are those of their publishers.",
        "",
        "## Packages that are installed beside them",
        "",
        "They are not part of the wheels: pip installs them. These are the direct requirements.",
        "",
        "| package | for | licence |",
        "|---|---|---|",
        *(f"| {name} | {', '.join(sorted(wanted))} | {licence_of(name)} |" for name, wanted in required().items()),
        "",
    ]
    return "\n".join(lines)


def required() -> dict[str, set[str]]:
    """Direct requirements by name, each with the distributions or extras that want it."""
    found: dict[str, set[str]] = {}
    for distribution, path in PROJECTS.items():
        project = tomllib.loads(path.read_text(encoding="utf-8"))["project"]
        groups = {distribution: project["dependencies"]}
        for extra, entries in project["optional-dependencies"].items():
            if extra not in NOT_SHIPPED_FOR:
                groups[f"{distribution}[{extra}]"] = entries
        for group, entries in groups.items():
            for entry in entries:
                name = Requirement(entry).name
                if name not in PROJECTS:
                    found.setdefault(name, set()).add(group)
    return dict(sorted(found.items()))


def licence_of(name: str) -> str:
    """As its metadata says it: an expression, else a classifier, else the first line of the text."""
    if name in SAID_ELSEWHERE:
        return SAID_ELSEWHERE[name]
    said = metadata.metadata(name)
    values = {key: said.get_all(key) or [""] for key in ("License-Expression", "License", "Classifier")}
    if expression := values["License-Expression"][0]:
        return expression
    classifiers = [found[1] for text in values["Classifier"] if (found := CLASSIFIER.fullmatch(text))]
    text = values["License"][0].strip()
    return " and ".join(classifiers) or (text.splitlines()[0][:60] if text else "not said")


def main() -> None:
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
