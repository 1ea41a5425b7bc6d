"""How the outputs of all steps become one vector a sequence, at the end or step by step."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

# exp of a score within these bounds, added up over any number of steps, is a finite float32.
_LARGEST_SCORE = 30.0

READOUTS = ("last", "mean", "max", "mean_max", "attention", "every")

Gathered = tuple[Tensor, ...]


class Pool(nn.Module, ABC):
    """Makes one vector of a sequence's outputs h_1, ..., h_T.

    Attributes:
        factor: features of that vector, in units of the features of a step.
    """

    factor: int = 1

    @abstractmethod
    def forward(self, hidden: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Return (B, factor * F) from (B, T, F); steps beyond `lengths` (B,) count for nothing."""

    @abstractmethod
    def running(self, hidden: Tensor, gathered: Gathered | None) -> tuple[Tensor, Gathered]:
        """Return what `forward` gives for all steps so far, at each step of the next piece.

        Args:
            hidden: (B, T, F), the piece.
            gathered: what the call on the previous piece returned; None before the first.

        Returns:
            (B, T, factor * F), and what to go on from. Zeros throughout mean: nothing yet.
        """


class Last(Pool):
    """The output after the last step, h_T."""

    def forward(self, hidden: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Return the last step's features."""
        if lengths is None:
            return hidden[:, -1]
        rows = torch.arange(len(hidden), device=hidden.device)
        return hidden[rows, lengths.to(hidden.device) - 1]

    def running(self, hidden: Tensor, gathered: Gathered | None) -> tuple[Tensor, Gathered]:
        """Return the piece: each step is the last one so far."""
        return hidden, ()


class Mean(Pool):
    """The mean over time, (1/T) sum_t h_t."""

    def forward(self, hidden: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Return the mean of the steps that are there."""
        if lengths is None:
            return hidden.mean(1)
        there = _there(hidden, lengths)
        return torch.where(there, hidden, 0.0).sum(1) / there.sum(1)

    def running(self, hidden: Tensor, gathered: Gathered | None) -> tuple[Tensor, Gathered]:
        """Return the means so far; gathered are the sum (B, F) and the count of steps (B, 1)."""
        total, count = gathered or (hidden.new_zeros(hidden[:, 0].shape), _none_yet(hidden))
        totals = total.unsqueeze(1) + hidden.cumsum(1)
        counts = count.unsqueeze(1) + torch.ones_like(hidden[..., :1]).cumsum(1)
        return totals / counts, (totals[:, -1], counts[:, -1])


class Max(Pool):
    """The largest value of each feature over time, max_t h_t."""

    def forward(self, hidden: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Return the maxima over the steps that are there."""
        if lengths is not None:
            hidden = hidden.masked_fill(~_there(hidden, lengths), -torch.inf)
        return hidden.amax(1)

    def running(self, hidden: Tensor, gathered: Gathered | None) -> tuple[Tensor, Gathered]:
        """Return the maxima so far; gathered are those (B, F) and the count of steps (B, 1)."""
        largest, count = gathered or (hidden[:, 0], _none_yet(hidden))
        largest = torch.where(count > 0, largest, -torch.inf)
        # A single step without cummax, which ONNX does not know.
        steps = hidden if hidden.shape[1] == 1 else hidden.cummax(1).values
        steps = torch.maximum(steps, largest.unsqueeze(1))
        return steps, (steps[:, -1], count + hidden.shape[1])


class MeanMax(Pool):
    """Mean and maximum over time, one behind the other."""

    factor = 2

    def __init__(self) -> None:
        super().__init__()
        self.mean, self.max = Mean(), Max()

    def forward(self, hidden: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Return (B, 2 F)."""
        return torch.cat([self.mean(hidden, lengths), self.max(hidden, lengths)], -1)

    def running(self, hidden: Tensor, gathered: Gathered | None) -> tuple[Tensor, Gathered]:
        """Return both so far; gathered is what each of them gathers."""
        means, after_mean = self.mean.running(hidden, gathered and gathered[:2])
        maxima, after_max = self.max.running(hidden, gathered and gathered[2:])
        return torch.cat([means, maxima], -1), (*after_mean, *after_max)


class Attention(Pool):
    """A mean over time with learned weights: sum_t softmax_t(s_t) h_t.

        s_t = c tanh(vᵀ tanh(V h_t + b) / c),   c = 30

    V and b start as torch's linear layers do, v at 0: the plain mean. The outer tanh keeps exp(s)
    finite however long the sequence.

    Source: Bahdanau, Cho, Bengio: Neural Machine Translation by Jointly Learning to Align and
    Translate, ICLR 2015, arXiv 1409.0473, appendix A.1.2, without the decoder's state and with the
    bound on s.
    """

    def __init__(
        self,
        features: int,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.key = nn.Linear(features, features, device=device, dtype=dtype)
        self.query = nn.Parameter(torch.zeros(features, device=device, dtype=dtype))

    def forward(self, hidden: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Return the weighted mean of the steps that are there."""
        scores = self._scores(hidden)
        if lengths is not None:
            scores = scores.masked_fill(~_there(hidden, lengths), -torch.inf)
        return (scores.softmax(1) * hidden).sum(1)

    def running(self, hidden: Tensor, gathered: Gathered | None) -> tuple[Tensor, Gathered]:
        """Return the means so far; gathered are sum exp(s) h (B, F) and sum exp(s) (B, 1)."""
        weights = self._scores(hidden).exp()
        total, weight = gathered or (hidden.new_zeros(hidden[:, 0].shape), _none_yet(hidden))
        totals = total.unsqueeze(1) + (weights * hidden).cumsum(1)
        weights = weight.unsqueeze(1) + weights.cumsum(1)
        return totals / weights, (totals[:, -1], weights[:, -1])

    def _scores(self, hidden: Tensor) -> Tensor:
        scores = torch.tanh(self.key(hidden)) @ self.query.unsqueeze(-1)
        return _LARGEST_SCORE * torch.tanh(scores / _LARGEST_SCORE)


_WITHOUT_WEIGHTS: dict[str, type[Pool]] = {
    "last": Last,
    "every": Last,
    "mean": Mean,
    "max": Max,
    "mean_max": MeanMax,
}


def _there(hidden: Tensor, lengths: Tensor) -> Tensor:
    """Return (B, T, 1): which steps are before the end of their sequence."""
    steps = torch.arange(hidden.shape[1], device=hidden.device)
    return (steps < lengths.to(hidden.device).unsqueeze(1)).unsqueeze(-1)


def _none_yet(hidden: Tensor) -> Tensor:
    return hidden.new_zeros(hidden[:, 0, :1].shape)


def pool_of(
    readout: str,
    features: int,
    device: torch.device | str | None = None,
    dtype: torch.dtype | None = None,
) -> Pool:
    """Return the pool that a read-out stands for; "every" reads each step as its last.

    Raises:
        ValueError: there is no read-out of that name.
    """
    if readout not in READOUTS:
        raise ValueError(f"readout = {readout!r} is not an option; valid: {', '.join(READOUTS)}")
    if readout == "attention":
        return Attention(features, device, dtype)
    return _WITHOUT_WEIGHTS[readout]()
