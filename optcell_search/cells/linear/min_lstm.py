"""The minimal LSTM: its gates see the input alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from ...hyperparameters import choice
from ...kernels import gated_scan, gates
from ..base import Cell, Hidden, Weights, linear_projection, reset_uniform
from .base import end, in_single


@dataclass(frozen=True, kw_only=True)
class MinLSTM(Cell):
    """LSTM without recurrent weights and output gate, so that all steps are one scan.

        h_t = f h_{t-1} + i g(ĥ),  f = σ(u_f) / (σ(u_f) + σ(u_i)),  i = 1 - f,  ĥ = u_h

    where u = [u_f, u_i, u_h] is what the rule made of the input projection, and g(x) = x + 1/2 for
    x >= 0 and σ(x) below with ``candidate="positive"``, or g(x) = x.

    Source: Feng, Tung, Ahmed, Bengio, Hajimirsadeghi: Were RNNs All We Needed?, 2024,
    arXiv 2410.01201, section 3.2 and appendix B (g). Departure: h starts at 0 and the scan
    runs over h itself instead of its logarithm, which also takes g(x) = x.
    """

    name: ClassVar[str] = "min_lstm"
    title: ClassVar[str] = "minimal LSTM (minLSTM)"
    equation: ClassVar[str] = "h_t = f h_{t-1} + (1 - f) g(u_h);  f = σ(u_f) / (σ(u_f) + σ(u_i))"
    citation: ClassVar[str] = (
        "Feng, Tung, Ahmed, Bengio, Hajimirsadeghi: Were RNNs All We Needed? arXiv 2410.01201."
    )

    candidate: str = choice("positive", options=("positive", "identity"), doc="the function g")

    @property
    def loop(self) -> str:
        """The scan over time."""
        return "linear_scan"

    def shapes(self, input_size: int, hidden_size: int, bias: bool) -> dict[str, tuple[int, ...]]:
        """Return the shapes of the input weights of both gates and the candidate."""
        width = 3 * hidden_size
        shapes: dict[str, tuple[int, ...]] = {"weight_ih": (width, input_size)}
        return shapes | {"bias_ih": (width,)} if bias else shapes

    def reset(self, weights: Weights, hidden_size: int) -> None:
        """Draw all weights from U(±1/sqrt(D)), as torch's linear layers do."""
        reset_uniform(weights, weights["weight_ih"].shape[1])

    def input_projection(self, weights: Weights, x: Tensor, one: Tensor | None) -> Tensor:
        """Return W_ih x + b_ih, (T, B, 3 H)."""
        return linear_projection(weights, x, one)

    def initial(self, batch: int, hidden_size: int, like: Tensor) -> Hidden:
        """Return h = 0, (B, H), float32 at least: by a gate nearly shut a step adds little."""
        return (in_single(like.new_zeros(batch, hidden_size)),)

    def step(self, weights: Weights, u: Tensor, hidden: Hidden) -> Hidden:
        """Return the next h, (B, H)."""
        kept, taken, new = gates(self.name, self.candidate, u)
        return (kept * hidden[0] + taken * new,)

    def over_time(
        self, weights: Weights, u: Tensor, hidden: Hidden, lengths: Tensor | None
    ) -> tuple[Tensor, Hidden]:
        """Return every h, and the last."""
        h = gated_scan(self.name, self.candidate, u, hidden[0])
        return h.to(u.dtype), (end(h, lengths),)
