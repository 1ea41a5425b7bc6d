"""The kinds of raw data, a preprocessing each: arrays, series, tables, tensors, texts, windows."""

from __future__ import annotations

from .arrays import ArrayPreprocessing
from .series import SeriesPreprocessing
from .tables import TablePreprocessing
from .tensors import TensorPreprocessing
from .texts import TextPreprocessing
from .windows import WindowPreprocessing

__all__ = [
    "ArrayPreprocessing",
    "SeriesPreprocessing",
    "TablePreprocessing",
    "TensorPreprocessing",
    "TextPreprocessing",
    "WindowPreprocessing",
]
