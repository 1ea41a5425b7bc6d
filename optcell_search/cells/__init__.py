"""Recurrent cells: what makes the hidden state h out of the filtered pre-activations u."""

from __future__ import annotations

from .base import Cell, Hidden, Weights
from .classic.gru import GRU
from .classic.lstm import LSTM
from .classic.orthogonal import Orthogonal
from .classic.reservoir import Reservoir
from .classic.rnn import RNN
from .linear.lru import LRU
from .linear.min_gru import MinGRU
from .linear.min_lstm import MinLSTM
from .linear.oscillator import Oscillator
from .memory.delta import Delta
from .memory.hippo import HiPPO
from .model import SequenceModel
from .optcell import OptCell
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
