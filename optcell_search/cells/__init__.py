"""Recurrent cells: what makes the hidden state h out of the filtered pre-activations u."""

from __future__ import annotations

from .base import Cell, Hidden, Weights
from .gru import GRU
from .hippo import HiPPO
from .lstm import LSTM
from .model import SequenceModel
from .optcell import OptCell
from .orthogonal import Orthogonal
from .reservoir import Reservoir
from .rnn import RNN
from .state import LayerState, State

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "Cell",
    "HiPPO",
    "Hidden",
    "LayerState",
    "OptCell",
    "Orthogonal",
    "Reservoir",
    "SequenceModel",
    "State",
    "Weights",
]
