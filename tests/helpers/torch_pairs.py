"""Torch's recurrent modules and ours, in pairs with equal weights."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from optcell_search import OptCell, cells, rules
from optcell_search.cells import State

MODES = {
    "rnn_tanh": (nn.RNN, {}, {"cell": "rnn"}),
    "rnn_relu": (nn.RNN, {"nonlinearity": "relu"}, {"cell": cells.RNN(nonlinearity="relu")}),
    "gru": (nn.GRU, {}, {"cell": "gru"}),
    "lstm": (nn.LSTM, {}, {"cell": "lstm"}),
}


in_every_mode = pytest.mark.parametrize("mode", MODES)


RULES = ("gd", "heavy_ball", "nesterov", "adam", "rmsprop")


under_every_rule = pytest.mark.parametrize("rule", RULES)


def pair(mode: str, *args: Any, **arguments: Any) -> tuple[nn.Module, OptCell]:
    """Return torch's module and ours with its weights, computing what it computes."""
    theirs_of, their_own, our_own = MODES[mode]
    arguments = {"dtype": torch.float64, **arguments}
    torch.manual_seed(0)
    theirs = theirs_of(*args, **arguments, **their_own)
    ours = OptCell(*args, rule=rules.GradientDescent(s=1.0), **arguments, **our_own)
    ours.load_state_dict(theirs.state_dict())
    return theirs, ours


def start(mode: str, *shape: int, **kwargs: Any) -> Any:
    h, c = torch.randn(2, *shape, dtype=torch.float64).unbind()
    h, c = (part.clone().requires_grad_(bool(kwargs)) for part in (h, c))
    return (h, c) if mode == "lstm" else h


def parts(hidden: Any) -> list[Tensor]:
    if isinstance(hidden, State):
        hidden = hidden.without_traces()
    return [hidden] if isinstance(hidden, Tensor) else list(hidden)


def same(got: Any, expected: Any) -> None:
    torch.testing.assert_close(got, expected, rtol=1e-11, atol=1e-12)
