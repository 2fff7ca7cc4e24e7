"""The reference of target."""

from honest import Counter, batches, double, fill, softmax, total, train

__all__ = ["Counter", "batches", "double", "fill", "softmax", "total", "train"]
