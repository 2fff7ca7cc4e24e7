"""Pages of a PDF as pictures."""

import numpy as np
import pypdfium2

_opened: list[pypdfium2.PdfDocument] = []


def load(data: np.ndarray) -> int:
    """Open the document for `page`; the number of its pages. Its bytes come as an array: text has a limit of 4 MB."""
    _opened[:] = [pypdfium2.PdfDocument(data.tobytes())]
    return len(_opened[0])


def page(number: int, width: int, height: int) -> np.ndarray:
    """(h, w, 3) bytes of the page of that number, from 0, as large as fits into width x height pixels."""
    sheet = _opened[0][number]
    size = sheet.get_size()  # points
    scale = min(width / max(1.0, size[0]), height / max(1.0, size[1]), 4.0)
    found = sheet.render(scale=scale, rev_byteorder=True, prefer_bgrx=False, draw_annots=False).to_numpy()
    if found.ndim == 2:
        found = np.stack([found] * 3, axis=2)
    return np.ascontiguousarray(found[:, :, :3])
