"""A PDF as a plotting library makes it."""

from __future__ import annotations

import io

from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.figure import Figure


def pdf(words: str = "Loss falls") -> bytes:
    figure = Figure(figsize=(3, 2))
    FigureCanvasPdf(figure)
    figure.text(0.1, 0.5, words)
    out = io.BytesIO()
    figure.savefig(out, format="pdf")
    return out.getvalue()
