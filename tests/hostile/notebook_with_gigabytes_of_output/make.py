"""A notebook whose outputs unpack to a thousand times its size, as text and as a picture."""

import io
import json
import zipfile


def make(good):
    for output in ({"output_type": "stream", "text": "@"}, {"output_type": "display_data", "data": {"image/png": "@"}}):
        cell = {"cell_type": "code", "metadata": {}, "source": good["target.py"].decode(), "outputs": [output]}
        text = json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("target.ipynb", text.replace("@", "A" * 2**25))
            archive.writestr("honest.py", good["honest.py"])
        yield buffer.getvalue()
