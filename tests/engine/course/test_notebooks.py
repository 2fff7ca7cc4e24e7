"""The module in a notebook: what is taken, what is left out, and that nothing of it runs."""

from __future__ import annotations

import ast
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notebook_files import code, notebook, of_module, text

from autograder.core.errors import Refused
from autograder.course import notebooks, submission
from autograder.course.cells import Cell, module_of, unwritten
from autograder.course.manifest import Limits, Manifest, Problem
from autograder.course.submission import zipped

ONE = Manifest("Nets", 1, "nets", ["nets.py"], ["numpy"], [Problem("all", "All", 1)], limits=Limits(upload_kb=64))
TWO = Manifest("Nets", 1, "nets", ["nets.py", "notes.txt"], ["numpy"], [Problem("all", "All", 1)])
STUB = "import numpy as np\ndef f(x):\n    raise NotImplementedError('f')\ndef g(x):\n    raise NotImplementedError\n"
HALF = b"def f(x):\n    return 1\ndef g(x):\n    raise NotImplementedError"
WRITTEN = "import numpy as np\n\n\ndef f(x):\n    return np.exp(x)\n\n\ndef g(x):\n    return x\n"


def taken(*cells) -> str:
    """The statements of the module, without our own lines."""
    return ast.unparse(ast.parse(notebooks.extract(notebook(*cells), "nets.ipynb").source))


def left_out(*cells) -> list[str]:
    return notebooks.extract(notebook(*cells), "nets.ipynb").left_out


def test_imports_functions_classes_and_literals_are_taken():
    cells = [
        "import numpy as np",
        "EPS = -1e-8\nSHAPE: tuple = (2, 2 ** 3)",
        "@np.vectorize\ndef f(x):\n    return x",
        "class A(f):\n    y = np.pi",
    ]
    assert taken(*cells) == ast.unparse(ast.parse("\n".join(cells)))
    assert left_out(*cells) == []


LEFT_OUT = {
    "a call": ("print('x')", "cell 1, line 1: print('x')"),
    "a plot": ("# look\nplt.plot(f(3))", "cell 1, line 2: plt.plot(f(3))"),
    "a value that is computed": ("x = np.arange(3)", "cell 1, line 1: x = np.arange(3)"),
    "an f-string": ("x = f'{1}'", "cell 1, line 1: x = f'{1}'"),
    "a part of an array": ("x[0] = 1", "cell 1, line 1: x[0] = 1"),
    "a loop": ("for i in range(3):\n    f(i)", "cell 1, line 1: for i in range(3):"),
    "a line magic": ("%matplotlib inline", "cell 1, line 1: %matplotlib inline"),
    "a cell magic": ("%%time\ndef f(x):\n    return x", "cell 1, line 1: %%time"),
    "a command": ("!pip install torch", "cell 1, line 1: !pip install torch"),
    "a command with a result": ("files = !ls", "cell 1, line 1: files = !ls"),
    "a question": ("np.exp?", "cell 1, line 1: np.exp?"),
    "what is not Python": ("def f(:\n    pass", "cell 1: Python cannot read it (line 1: invalid syntax)"),
    "an import that nothing uses": (
        "import matplotlib.pyplot as plt",
        "cell 1, line 1: import matplotlib.pyplot as plt",
    ),
    "an await": ("await f()", "cell 1, line 1: await f()"),
}


@pytest.mark.parametrize("case", LEFT_OUT)
def test_what_is_left_out_is_listed_with_its_place(case):
    source, place = LEFT_OUT[case]
    assert left_out(source) == [place]
    assert taken(source) == ""


@pytest.mark.parametrize(
    "cell",
    [code("def f(x): plt.show()", "experiment"), code("def f(x): 1", "x", "scratch"), "\n# Scratch\ndef f(x): 1"],
)
def test_cells_for_experiments_are_left_out(cell):
    assert taken("def g(x): return x", cell) == "def g(x):\n    return x"
    assert left_out("def g(x): return x", cell) == ["experiments: cell 2"]


def test_the_last_definition_wins():
    found = taken("def f(x=broken()):\n    return 1", "def g(x): return f(x)", "def f(x):\n    return 2")
    assert found == "def g(x):\n    return f(x)\n\ndef f(x):\n    return 2"
    assert taken("X = 1", "X = 2").endswith("X = 2")


def test_an_earlier_definition_that_the_import_needs_stays():
    found = taken("def wrap(f): return f", "@wrap\ndef h(x): return x", "def wrap(f): return 3")
    assert found.count("def wrap") == 2


def test_an_import_counts_by_the_names_that_kept_code_uses():
    cells = (
        "import numpy as np, pandas as pd\nfrom os import path, sep",
        "plt.plot(pd.x)",
        "def f(x): return np.exp(sep)",
    )
    assert taken(*cells).startswith("import numpy as np\nfrom os import sep\n")
    assert "cell 1, line 1: import of pd" in left_out(*cells)


def test_a_percent_sign_or_an_exclamation_mark_inside_a_statement_is_python():
    source = (
        'def f(x):\n    """\n%not a magic\n!nor this\n    """\n    return (x\n        % 3\n    !=  2)\n\nS = "\\\n%x"'
    )
    assert left_out(source) == []
    assert ast.dump(ast.parse(taken(source))) == ast.dump(ast.parse(source))


def test_a_magic_beside_functions_loses_its_own_line_alone():
    cells = "%load_ext deepgrade\ndef f(x):\n    %time y = 3\n    return '''%s\n%d''' % x\n%check f\nf?\n"
    assert left_out(cells) == ["cell 1, line 3: %time y = 3", "cell 1, line 7: f?"]
    assert "return '%s\\n%d' % x" in taken(cells)


def test_imports_of_the_future_come_first():
    found = notebooks.extract(notebook("X = 1", "from __future__ import annotations\ndef f(x: Y): return X"), "n.ipynb")
    compile(found.source, "nets.py", "exec")


def test_statements_on_one_line_and_letters_of_several_bytes_are_cut_rightly():
    assert taken("é = 'ü'; print(é); X = 2; f(X)") == "é = 'ü'\nX = 2"


def test_places_are_cells_and_their_lines():
    found = notebooks.extract(
        notebook(text("# one"), "import os\n\n\n@wrap\ndef f():\n    return os", "X = 1"), "n.ipynb"
    )
    lines = found.source.split("\n")
    named = {lines[number]: place for number, place in enumerate(found.places) if place[0]}
    assert named == {"import os": (2, 1), "@wrap": (2, 4), "def f():": (2, 5), "    return os": (2, 6), "X = 1": (3, 1)}


def test_nothing_runs(tmp_path):
    mark = tmp_path / "ran"
    run = f"open({str(mark)!r}, 'w').close()"
    notebooks.extract(notebook(run, f"class A:\n    {run}", f"X = {run}", f"!touch {mark}", f"%run {mark}"), "n.ipynb")
    assert not mark.exists()


def test_a_line_that_names_an_encoding_has_no_effect():
    source = "# coding: utf-7\nX = 1\n\n# -*- coding: latin-1 -*-\nY = 'é'"
    found = notebooks.extract(notebook(source), "coding: utf-7.ipynb").source
    names: dict = {}
    exec(compile(found.encode(), "nets.py", "exec"), names)
    assert (names["X"], names["Y"]) == (1, "é")


def test_a_module_as_a_notebook_is_that_module():
    found = notebooks.extract(of_module(WRITTEN), "nets.ipynb")
    assert ast.dump(ast.parse(found.source)) == ast.dump(ast.parse(WRITTEN))


pieces = st.sampled_from(
    [
        "def f(x):\n    return g(x)",
        "def g(x):\n    return np.exp(x)",
        "import numpy as np",
        "X = [1, (2,)]",
        "f(3)",
        "%time f(3)",
        "def f(:",
        "class f:\n    y = X",
        "import os, numpy as np",
        "!ls 'a",
        "# experiment\nX = 3",
        "Y = Z = 'a\\\n%b'",
        "from __future__ import annotations",
    ]
)


@given(sources=st.lists(pieces, max_size=8))
def test_the_module_of_any_cells_is_python_and_is_its_own_module(sources):
    found = module_of(Cell(number, source) for number, source in enumerate(sources, 1))
    tree = ast.parse(found.source)
    assert len(found.places) == found.source.count("\n")
    again = module_of([Cell(1, found.source)])
    assert ast.dump(ast.parse(again.source)) == ast.dump(tree)


UNREADABLE = {
    "no JSON": (b"{", "cannot be read as a notebook (Input data was truncated)"),
    "something else": (b'{"a": 1}', "cannot be read as a notebook (Object missing required field `cells`"),
    "a cell that is a number": (b'{"cells": [7], "nbformat": 4}', r"Expected `object`, got `int` - at `$.cells[0]`"),
    "a source that is an object": (
        b'{"cells": [{"cell_type": "code", "source": {}}], "nbformat": 4}',
        "at `$.cells[0].source`",
    ),
    "tags that are numbers": (
        b'{"cells": [{"cell_type": "code", "metadata": {"tags": [1]}}], "nbformat": 4}',
        "at `$.cells[0].metadata.tags[0]`",
    ),
    "an older format": (b'{"cells": [], "worksheets": [], "nbformat": 3}', "has the notebook format 3"),
    "another language": (notebook("x <- 1", language="R"), "is a notebook for R; write it in Python"),
    "a half of a character": (
        b'{"cells": [{"cell_type": "code", "source": "\\ud800"}], "nbformat": 4}',
        "cannot be read as a notebook",
    ),
    "deep JSON": (b'{"cells": ' + b"[" * 100_000, "cannot be read as a notebook"),
    "deep JSON in what is skipped": (b'{"cells": [], "nbformat": 4, "x": ' + b"[" * 100_000, "it is nested too deeply"),
    "too much code": (notebook("#" * 300 * 1024), "has 300 kB of code, the limit is 256 kB"),
    "too many cells": (notebook(*["1"] * 2001), "has 2,001 cells, the limit is 2,000"),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_a_notebook_that_cannot_be_read_gets_one_sentence(case):
    data, words = UNREADABLE[case]
    with pytest.raises(Refused) as refused:
        notebooks.extract(data, "na\nme.ipynb")
    assert words in str(refused.value)
    assert str(refused.value).isprintable()


@pytest.mark.parametrize(
    "source",
    [
        "(" * 5000,
        "-" * 50_000 + "1",
        "a" + ".b" * 50_000,
        "x = " + "[" * 3000 + "]" * 3000,
        "9" * 9000,
        "\0",
        "\ufeffx = 1",
    ],
)
def test_code_that_python_refuses_to_parse_is_left_out(source):
    found = notebooks.extract(notebook(source, "X = 1"), "nets.ipynb")
    assert found.source.endswith("X = 1\n")
    assert len(found.left_out) == 1


# Where a notebook counts


def given_as(**files: bytes) -> dict[str, bytes]:
    return {name.replace("__", "/").replace("_", "."): content for name, content in files.items()}


STUBS = of_module(STUB)
COUNTS = {
    "a notebook alone": (given_as(nets_ipynb=of_module(WRITTEN)), {"f", "g"}),
    "a notebook of another name": ({"Copy of nets (1).ipynb": of_module(WRITTEN)}, {"f", "g"}),
    "beside the untouched stub": (given_as(nets_ipynb=of_module(WRITTEN), nets_py=STUB.encode()), {"f", "g"}),
    "untouched beside the module": (given_as(nets_ipynb=STUBS, nets_py=WRITTEN.encode()), {"f", "g"}),
    "both untouched": (given_as(nets_ipynb=STUBS, nets_py=STUB.encode()), set()),
    "in a folder": (given_as(hw__nets_ipynb=of_module(WRITTEN), hw__nets_py=STUB.encode()), {"f", "g"}),
    "one function in each": (
        given_as(nets_ipynb=of_module("def g(x):\n    return 1"), nets_py=HALF),
        {"f"},
    ),
    "more in the notebook": (
        given_as(nets_ipynb=of_module(WRITTEN), nets_py=HALF),
        {"f", "g"},
    ),
    "a broken one beside the module": (given_as(nets_ipynb=b"{", nets_py=WRITTEN.encode()), {"f", "g"}),
    "a broken one beside half a module": (
        given_as(nets_ipynb=b"{", nets_py=HALF),
        {"f"},
    ),
    "a large one beside the module": (
        given_as(nets_ipynb=b"{" * 60_000, nets_py=WRITTEN.encode() + b"#" * 6000),
        {"f", "g"},
    ),
    "a copy that Jupyter keeps": (
        {".ipynb_checkpoints/nets-checkpoint.ipynb": STUBS, "nets.ipynb": of_module(WRITTEN)},
        {"f", "g"},
    ),
}


@pytest.mark.parametrize("case", COUNTS)
def test_what_is_graded_where_there_is_a_notebook(case, tmp_path):
    """A zip, and the same files in a folder."""
    files, names = COUNTS[case]
    for path, content in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
    of_zip = submission.read_upload(zipped(files), ONE)
    assert unwritten(of_zip.files["nets.py"].decode())[0] == names
    assert submission.read(tmp_path, ONE).files == of_zip.files


def test_a_lone_notebook_is_an_upload_under_any_name():
    data = of_module(WRITTEN, "plt.plot(1)")
    found = submission.read_upload(data, ONE)
    taken = "the imports, functions, classes and literals of nets.ipynb are graded"
    assert found.notes == [f"{taken}; left out: cell 4, line 1: plt.plot(1)"]
    assert found.files == submission.read_upload(zipped({"nets.ipynb": data}), ONE).files


REFUSED = {
    "two of them": (
        {"a/x.ipynb": STUBS, "b/y.ipynb": STUBS},
        "more than one notebook could be meant: a/x.ipynb and b/y.ipynb",
    ),
    "named as a module": ({"nets.py": STUBS}, "nets.py holds a notebook; name it nets.ipynb"),
    "a module named as a notebook": ({"nets.ipynb": WRITTEN.encode()}, "nets.ipynb cannot be read as a notebook"),
    "a zip named as a notebook": ({"nets.ipynb": zipped({"nets.py": b""})}, "nets.ipynb cannot be read as a notebook"),
    "a broken one beside the stub": ({"nets.ipynb": b"{", "nets.py": STUB.encode()}, "nets.ipynb cannot be read"),
    "in a hidden folder": ({".x/nets.ipynb": STUBS}, "the zip holds no nets.py"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_could_be_meant_in_two_ways_is_refused(case):
    files, words = REFUSED[case]
    with pytest.raises(Refused, match=words.replace("(", r"\(")):
        submission.read_upload(zipped(files), ONE)


def test_other_files_of_the_assignment_come_with_the_notebook(tmp_path):
    files = {"hw/nets.ipynb": of_module(WRITTEN), "hw/notes.txt": b"words"}
    assert submission.read_upload(zipped(files), TWO).files["notes.txt"] == b"words"
    with pytest.raises(Refused, match=r"this assignment takes nets\.py and notes\.txt; hand in a zip with them"):
        submission.read_upload(files["hw/nets.ipynb"], TWO)
    with pytest.raises(Refused, match=r"the zip holds no notes\.txt"):
        submission.read_upload(zipped({"nets.ipynb": files["hw/nets.ipynb"]}), TWO)


def test_a_notebook_larger_than_an_upload_says_what_to_do():
    outputs = json.loads(of_module(WRITTEN))
    outputs["cells"][0]["outputs"] = ["x" * 70_000]
    with pytest.raises(Refused, match="the upload has 69 kB, the limit is 64 kB; clear the notebook's outputs"):
        submission.read_upload(json.dumps(outputs).encode(), ONE)
