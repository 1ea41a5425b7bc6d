"""Predictions on rows as they come, the state kept between them."""

from __future__ import annotations

from torch import nn

from ..base import Preprocessing
from ..kinds.arrays import ArrayPreprocessing
from ..kinds.series import SeriesPreprocessing
from ..kinds.tables import TablePreprocessing
from ..kinds.tensors import TensorPreprocessing
from ..kinds.texts import TextPreprocessing
from ..kinds.windows import WindowPreprocessing
from .base import Stream
from .single import SequenceStream, TextStream
from .tables import TableStream
from .windows import WindowStream

__all__ = ["Stream", "stream_of"]


def stream_of(model: nn.Module, preprocessing: Preprocessing) -> Stream:
    """Return a stream that has seen nothing yet.

    Raises:
        ValueError: the model, or what becomes of its raw data, looks ahead.
    """
    if isinstance(preprocessing, TablePreprocessing):
        return TableStream(model, preprocessing)
    if isinstance(preprocessing, WindowPreprocessing):
        return WindowStream(model, preprocessing)
    if isinstance(preprocessing, TextPreprocessing):
        return TextStream(model, preprocessing)
    assert isinstance(preprocessing, ArrayPreprocessing | SeriesPreprocessing | TensorPreprocessing)
    return SequenceStream(model, preprocessing)
