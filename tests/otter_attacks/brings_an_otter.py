"""Has a folder `otter/` beside it in the zip, which runs instead of the real one where otter grades."""
