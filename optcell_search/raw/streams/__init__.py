"""Predictions on rows as they come, the state kept between them."""

from __future__ import annotations

from torch import nn

from ..arrays import ArrayPreprocessing
from ..base import Preprocessing
from ..series import SeriesPreprocessing
from ..tables import TablePreprocessing
from ..tensors import TensorPreprocessing
from ..texts import TextPreprocessing
from ..windows import WindowPreprocessing
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
