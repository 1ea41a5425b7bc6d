"""Recurrent cells: what makes the hidden state h out of the filtered pre-activations u."""

from __future__ import annotations

from .base import Cell, Hidden, Weights
from .delta import Delta
from .gru import GRU
from .hippo import HiPPO
from .lru import LRU
from .lstm import LSTM
from .min_gru import MinGRU
from .min_lstm import MinLSTM
from .model import SequenceModel
from .optcell import OptCell
from .orthogonal import Orthogonal
from .oscillator import Oscillator
from .reservoir import Reservoir
from .rnn import RNN
from .state import LayerState, State

__all__ = [
    "GRU",
    "LRU",
    "LSTM",
    "RNN",
    "Cell",
    "Delta",
    "HiPPO",
    "Hidden",
    "LayerState",
    "MinGRU",
    "MinLSTM",
    "OptCell",
    "Orthogonal",
    "Oscillator",
    "Reservoir",
    "SequenceModel",
    "State",
    "Weights",
]
