"""The linear recurrent unit: complex poles inside the unit circle."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import linear

from ...hyperparameters import integer, real
from ...kernels import LARGEST_RATE, linear_readout
from ..base import Cell, Hidden, Weights, linear_projection
from .base import (
    complex_shapes,
    end,
    in_single,
    inputs_and_skip,
    reading,
    states_of,
)


@dataclass(frozen=True, kw_only=True)
class LRU(Cell):
    """Diagonal linear recurrence with complex poles that cannot leave the unit circle.

        x_t = Λ x_{t-1} + γ u_t,  Λ = exp(-exp ν + i exp θ),  h_t = Re(C x_t) + D u_t

    The input projection holds Re B x, Im B x and D x; the rule acts on all of it. At the start |Λ|²
    is drawn evenly from [r_min², r_max²] and the phase from [0, max_phase], and γ = sqrt(1 - |Λ|²),
    so that white noise gives every x unit size. ν, θ and log γ are trained. An r_min above r_max
    takes its place: a space that searches both holds such pairs.

    The recurrence is linear, and so are such layers on top of each other under a linear rule: a
    norm and a gated linear unit make them nonlinear (`SequenceModel`, glu). A linear rule only adds
    its own pole to each channel.

    Source: Orvieto, Smith, Gu, Fernando, Gulcehre, Pascanu, De: Resurrecting Recurrent Neural
    Networks for Long Sequences, ICML 2023, arXiv 2303.06349, equations (5) to (8) and algorithm 1.
    Departures: N follows from the width, `expansion` complex states for every two outputs; D is a
    matrix, since input and output differ in width; biases of the input projection, which start at
    0.
    """

    name: ClassVar[str] = "lru"
    title: ClassVar[str] = "linear recurrent unit"
    equation: ClassVar[str] = "x_t = Λ x_{t-1} + γ u_t;  h_t = Re(C x_t) + D u_t"
    citation: ClassVar[str] = (
        "Orvieto, Smith, Gu, Fernando, Gulcehre, Pascanu, De: Resurrecting Recurrent Neural "
        "Networks for Long Sequences. ICML 2023, arXiv 2303.06349."
    )

    r_min: float = real(
        0.9, search=(0.0, 0.99), valid=(0.0, 1.0), open_high=True, doc="least |Λ| at the start"
    )
    r_max: float = real(
        0.999, search=(0.9, 0.9999), valid=(0.0, 1.0), open_low=True, open_high=True,
        doc="largest |Λ| at the start",
    )  # fmt: skip
    max_phase: float = real(
        2 * math.pi, search=(0.03, 2 * math.pi), valid=(0.0, 2 * math.pi), open_low=True, log=True,
        doc="largest phase at the start",
    )  # fmt: skip

    expansion: int = integer(
        1, search=(1, 2), valid=(1, 64), doc="complex states for every two outputs"
    )

    @property
    def loop(self) -> str:
        """The scan over time."""
        return "linear_scan"

    @property
    def undecayed(self) -> tuple[str, ...]:
        """The poles and γ, as in the paper."""
        return ("nu_log", "theta_log", "gamma_log")

    def shapes(self, input_size: int, hidden_size: int, bias: bool) -> dict[str, tuple[int, ...]]:
        """Return the shapes of B with D, of C, and of ν, θ and log γ."""
        states = states_of(hidden_size, self.expansion)
        of_each = dict.fromkeys(self.undecayed, (states,))
        return complex_shapes(input_size, hidden_size, states, bias) | of_each

    def reset(self, weights: Weights, hidden_size: int) -> None:
        """Draw the poles in a ring, and B, C and D from normal distributions."""
        inputs, states = weights["weight_ih"].shape[1], states_of(hidden_size, self.expansion)
        into, past = inputs_and_skip(weights["weight_ih"].T, states)
        into.normal_(0.0, (2 * inputs) ** -0.5)
        past.normal_(0.0, inputs**-0.5)
        weights["weight_hx"].normal_(0.0, states**-0.5)
        if "bias_ih" in weights:
            weights["bias_ih"].zero_()
        low, high = sorted((self.r_min, self.r_max))
        # Drawn in double: |Λ| near 1 is all in the last digits.
        square = torch.rand(states, dtype=torch.float64) * (high**2 - low**2) + low**2
        square = square.clamp(min=1e-12)
        weights["nu_log"].copy_(torch.log(-0.5 * torch.log(square)))
        weights["gamma_log"].copy_(0.5 * torch.log1p(-square))
        phase = torch.rand(states, dtype=torch.float64) * self.max_phase
        weights["theta_log"].copy_(torch.log(phase.clamp(min=1e-12)))

    def prepare(self, weights: Weights) -> Weights:
        """Add Re Λ, Im Λ and γ, (3, N)."""
        rate, phase = (
            torch.exp(in_single(weights[name]).clamp(max=LARGEST_RATE))
            for name in ("nu_log", "theta_log")
        )
        size = torch.exp(-rate)
        gain = torch.exp(in_single(weights["gamma_log"]))
        poles = torch.stack([size * torch.cos(phase), size * torch.sin(phase), gain])
        return {**weights, "poles": poles}

    def input_projection(self, weights: Weights, x: Tensor, one: Tensor | None) -> Tensor:
        """Return [Re B x, Im B x, D x] + b_ih, (T, B, 2 N + H)."""
        return linear_projection(weights, x, one)

    def initial(self, batch: int, hidden_size: int, like: Tensor) -> Hidden:
        """Return h = 0 (B, H) and x = 0, real and imaginary part, (B, 2, N), float32 at least."""
        x = in_single(like.new_zeros(batch, 2, states_of(hidden_size, self.expansion)))
        return like.new_zeros(batch, hidden_size), x

    def step(self, weights: Weights, u: Tensor, hidden: Hidden) -> Hidden:
        """Return the next h and x."""
        re, im, gain = weights["poles"].unbind()
        b, skip = inputs_and_skip(u, weights["poles"].shape[1])
        x_re, x_im = hidden[1].unbind(1)
        b_re, b_im = b.chunk(2, -1)
        x = torch.stack(
            [re * x_re - im * x_im + gain * b_re, re * x_im + im * x_re + gain * b_im], 1
        )
        return skip + linear(x.flatten(1).to(u.dtype), reading(weights)), x

    def over_time(
        self, weights: Weights, u: Tensor, hidden: Hidden, lengths: Tensor | None
    ) -> tuple[Tensor, Hidden]:
        """Return every h, and the state after each sequence's last valid step."""
        poles = weights["poles"].expand(1, 1, -1, -1)
        h, x = linear_readout(poles, u, hidden[1], reading(weights))
        return h, (end(h, lengths), end(x, lengths))
