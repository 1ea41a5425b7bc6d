"""Convolutional recurrent cells over feature maps, and networks of them with feedback."""

from __future__ import annotations

from .base import ConvolutionalCell
from .gru import ConvGRU
from .hierarchy import ConvHierarchy
from .layer import OptConvCell
from .lstm import ConvLSTM
from .net import ConvNet
from .reciprocal import ReciprocalGated
from .rnn import ConvRNN

__all__ = [
    "ConvGRU",
    "ConvHierarchy",
    "ConvLSTM",
    "ConvNet",
    "ConvRNN",
    "ConvolutionalCell",
    "OptConvCell",
    "ReciprocalGated",
]
