"""The right answers, among cells that stop the reader's process if anybody runs them."""

import io
import json
import zipfile

END = "import os, signal; os.kill(os.getppid(), signal.SIGKILL); os._exit(1)"


def make(good):
    sources = [
        END,
        f"%%python\n{END}",
        f"!kill -9 $PPID; python -c '{END}'",
        f"%run -e {END}",
        f"if True:\n    {END}",
        f"x = [exec({END!r})]",
        "# coding: utf-7\n+AG8-s = 1",
        good["target.py"].decode(),
        f"try:\n    {END}\nfinally:\n    pass",
    ]
    cells = [
        {"cell_type": "code", "metadata": {"scratch": END}, "source": text, "outputs": [{"data": {"text/html": END}}]}
        for text in sources
    ]
    about = {"kernelspec": {"language": "python", "argv": ["sh", "-c", END]}, "widgets": {"x": END}}
    text = json.dumps({"cells": cells, "metadata": about, "nbformat": 4, "nbformat_minor": 5})
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("target.ipynb", text)
        archive.writestr("honest.py", good["honest.py"])
    yield buffer.getvalue()
