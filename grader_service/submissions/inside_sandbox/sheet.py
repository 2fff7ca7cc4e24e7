"""Pages of a PDF as pictures."""

import numpy as np
import pypdfium2

_opened: list[pypdfium2.PdfDocument] = []


def load(data: np.ndarray) -> int:
    """Open the document for `page`. Returns the number of its pages. Its bytes are an array, since text is limited to
    4 MB."""
    _opened[:] = [pypdfium2.PdfDocument(data.tobytes())]
    return len(_opened[0])


def page(number: int, width: int, height: int) -> np.ndarray:
    """(h, w, 3) bytes of a page, scaled to fit into width x height pixels.   number : from 0."""
    sheet = _opened[0][number]
    size = sheet.get_size()  # points
    scale = min(width / max(1.0, size[0]), height / max(1.0, size[1]), 4.0)
    pixels = sheet.render(scale=scale, rev_byteorder=True, prefer_bgrx=False, draw_annots=False).to_numpy()
    if pixels.ndim == 2:
        pixels = np.stack([pixels] * 3, axis=2)
    return np.ascontiguousarray(pixels[:, :, :3])
