"""The reciprocal gated cell, found by a search over thousands of convolutional cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from ...hyperparameters import choice
from ..base import Hidden, Weights
from .base import ConvolutionalCell

_FUNCTIONS = {"elu": functional.elu, "relu": torch.relu, "tanh": torch.tanh}


@dataclass(frozen=True, kw_only=True)
class ReciprocalGated(ConvolutionalCell):
    """Output h and memory c, each of which gates the input and the decay of the other.

        h_t = phi((1 - sigma(W_ch * c)) u_t + (1 - sigma(W_hh * h)) h)
        c_t = phi((1 - sigma(W_hc * h)) u_t + (1 - sigma(W_cc * c)) c)

    with h, c of step t-1 on the right. Without `gating` the same four filters add instead:
    h_t = phi(u_t + W_ch * c + W_hh * h), c_t = phi(u_t + W_hc * h + W_cc * c).

    Source: Nayebi et al. 2018, arXiv 1807.00053, the simple form: one input projection for
    both. The filters of h are one weight in the order hh, hc, those of c in the order ch, cc.
    """

    name: ClassVar[str] = "reciprocal_gated"
    title: ClassVar[str] = "reciprocal gated cell"
    equation: ClassVar[str] = (
        "h_t = φ((1-σ(W_ch∗c)) u + (1-σ(W_hh∗h)) h);  c_t = φ((1-σ(W_hc∗h)) u + (1-σ(W_cc∗c)) c)"
    )
    citation: ClassVar[str] = (
        "Nayebi et al.: Task-Driven Convolutional Recurrent Models of the Visual System. "
        "NeurIPS 2018, arXiv 1807.00053."
    )

    nonlinearity: str = choice("elu", options=("elu", "relu", "tanh"), doc="the function φ")
    gating: bool = choice(True, options=(True, False), doc="the filters gate; else they add")

    @property
    def projection_gates(self) -> int:
        """One: h and c take the same input."""
        return 1

    @property
    def recurrent_gates(self) -> dict[str, int]:
        """Two from h (to h, to c) and two from c (to h, to c)."""
        return {"h": 2, "c": 2}

    def initial(self, like: Tensor) -> Hidden:
        """Return h = 0 and c = 0."""
        return torch.zeros_like(like), torch.zeros_like(like)

    def step(self, weights: Weights, u: Tensor, hidden: Hidden) -> Hidden:
        """Return the next h and c."""
        h, c = hidden
        from_h, from_c = self.recurrent(weights, h, "h"), self.recurrent(weights, c, "c")
        phi = _FUNCTIONS[self.nonlinearity]
        if not self.gating:
            to_h, to_c = from_h.chunk(2, 1), from_c.chunk(2, 1)
            return phi(u + to_c[0] + to_h[0]), phi(u + to_h[1] + to_c[1])
        # 1 - sigma(a) = sigma(-a)
        keep_h, admit_c = from_h.neg_().sigmoid_().chunk(2, 1)
        admit_h, keep_c = from_c.neg_().sigmoid_().chunk(2, 1)
        h_next = phi(torch.addcmul(admit_h * u, keep_h, h))
        return h_next, phi(torch.addcmul(admit_c * u, keep_c, c))

    def bypassed(self, u: Tensor) -> Tensor:
        """Return phi(u)."""
        return _FUNCTIONS[self.nonlinearity](u)
