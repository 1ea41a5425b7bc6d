"""The moving average of a model's weights, which is judged and kept in their place."""

from __future__ import annotations

import copy

import torch
from torch import nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from optcell_search.cells import OptCell
from optcell_search.cells.building import AnyModel


class Average:
    """A model whose parameters are a moving average of another's: a_t = d a_{t-1} + (1 - d) w_t.

    The decay d is the smaller of the one given and (1 + t) / (10 + t), so that the average does not
    remember the initial weights (Abadi et al.: TensorFlow, its ExponentialMovingAverage). Buffers
    are those of the other model: statistics of a norm are averages themselves, and the base of an
    orthogonal matrix has no mean. Where a cell writes its weights by another base after a step the
    average is first written by that, too (`Cell.follow`), and computes what it did.

    Attributes:
        model: in evaluation mode, apart from the other model.
    """

    def __init__(self, model: AnyModel, decay: float) -> None:
        self.model = copy.deepcopy(model).eval()
        self._decay = decay

    @torch.no_grad()
    def update(self, live: nn.Module, step: int) -> None:
        """Take in the weights after a step, counted from 1."""
        decay = min(self._decay, (1 + step) / (10 + step))
        for own, other in zip(self.model.modules(), live.modules(), strict=True):
            if isinstance(own, OptCell) and isinstance(other, OptCell):
                own.follow(other)
        mean, weights = list(self.model.parameters()), list(live.parameters())
        get_ema_multi_avg_fn(decay)(mean, weights, step)  # type: ignore[no-untyped-call]
        for old, new in zip(self.model.buffers(), live.buffers(), strict=True):
            old.copy_(new)
