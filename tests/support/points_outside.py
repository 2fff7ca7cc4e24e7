"""Wrong answers that lose more than 15 points outside of their own problem: `python tests/support/points_outside.py`.

It reads the kill matrices and writes docs/kill_matrices/README.md. Such a wrong answer is fair only where a docstring
of the assignment defines one function by the other: `DEFINED_BY` names that docstring, and quotes it.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
PAGES = REPOSITORY / "docs" / "kill_matrices"
PAGE = PAGES / "README.md"
LIMIT = 15.0  # points
ROW = re.compile(r"\| (?P<mutant>.+?) \| (?P<lost>[\d.]+) \| (?P<outside>[\d.]+) \| `test_")

# (assignment, function) -> the function whose docstring defines itself by it, and the sentence
DEFINED_BY = {
    ("softmax", "softmax"): ("cross_entropy", "L(z, y) = -(1/n) sum_i log softmax(z)[i, y[i]]"),
    ("softmax", "log_softmax"): ("cross_entropy", "L(z, y) = -(1/n) sum_i log softmax(z)[i, y[i]]"),
    ("softmax", "cross_entropy_grad"): ("softmax_regression", "G = cross_entropy_grad(x_B w + b, y_B)"),
    ("backprop", "forward"): ("backward", "as given to, and returned by, the `forward` that made z"),
    ("backprop", "backward"): ("train", "w <- w - learning_rate dL/dw, b <- b - learning_rate dL/db"),
    ("backprop", "minibatches"): ("train", "for every batch of `minibatches`"),
    ("conv", "output_size"): ("conv2d_forward", "out is (n, k, h', v') with h' = output_size(h, p, stride, padding)"),
    ("conv", "conv2d_forward"): ("conv2d_backward", "cache : from the `conv2d_forward` that made out"),
    ("autoencoder", "loss_and_grads"): ("train", "m <- momentum m - learning_rate dL/dp, p <- p + m"),
    ("ocr", "find_letters"): ("read_text", "of the letters that find_letters finds, in the lines of group_lines"),
    ("gan", "discriminator_loss"): ("discriminator_step", "optimizer on discriminator_loss(D(real), D(G(z)))"),
    ("gan", "generator_loss"): ("unrolled_generator_loss", "L = generator_loss(D_{theta_steps}(G(z)))"),
    ("gan", "unrolled_generator_loss"): ("generator_step", "One step of the optimizer on unrolled_generator_loss"),
    ("gan", "build_optimizer"): ("discriminator_step", "optimizer : of `build_optimizer`"),
    ("cnn", "build_cnn"): ("train", "the checks of trained networks build it by `build_mlp` or `build_cnn`"),
    ("cnn", "train"): ("train", "build it by `build_mlp` or `build_cnn`, and train it by this function"),
    ("cnn", "minibatches"): ("train", "in `minibatches` of another order in every epoch"),
    ("ocr", "group_lines"): ("read_text", "of the letters that find_letters finds, in the lines of group_lines"),
}


@dataclass(frozen=True)
class Outside:
    """A wrong answer, and what it loses in tests of other problems than that of the test which it names."""

    assignment: str
    function: str
    mutant: str
    points: float


def outside(page: Path) -> list[Outside]:
    """All wrong answers of a kill matrix."""
    found, function = [], ""
    for line in page.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            function = line.removeprefix("## ")
        elif row := ROW.match(line):
            found.append(Outside(page.stem, function, row["mutant"], float(row["outside"])))
    return found


def above_the_limit() -> list[Outside]:
    pages = sorted(path for path in PAGES.glob("*.md") if path != PAGE)
    return [one for page in pages for one in outside(page) if one.points > LIMIT]


def docstring(assignment: str, function: str) -> str:
    """Of a function of the stub, in one line."""
    stub = REPOSITORY / "assignments" / assignment / f"{assignment}.py"
    for node in ast.walk(ast.parse(stub.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == function:
            return " ".join((ast.get_docstring(node) or "").split())
    raise LookupError(f"{assignment} has no {function}")


def page() -> str:
    lines = [
        "# Points lost outside",
        "",
        "Written by `python tests/support/points_outside.py` from the kill matrices beside it; do not edit.",
        "",
        f"A wrong answer loses points in its own problem. These lose more than {LIMIT:g} points in other problems,",
        "because a docstring defines another function by the wrong one.",
        "",
        "| assignment | wrong function | wrong answer | points outside | docstring of | sentence |",
        "|---|---|---|---:|---|---|",
    ]
    for one in above_the_limit():
        other, sentence = DEFINED_BY[one.assignment, one.function]
        cells = (one.assignment, f"`{one.function}`", one.mutant, f"{one.points:g}", f"`{other}`", sentence)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
