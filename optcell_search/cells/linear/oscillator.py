"""Forced harmonic oscillators, discretised in one of three ways."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import linear

from ...hyperparameters import choice, integer, real
from ...kernels import linear_readout
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
class Oscillator(Cell):
    """Uncoupled oscillators that the input drives, with trained stiffness, damping and step.

        y'' = -A y - G y' + u,  h_t = Re(C y_t) + D u_t

    With z = y' a step of length Δ is, by `discretisation`,

        implicit            z_t = z_{t-1} + Δ (-A y_t + u_t),              y_t = y_{t-1} + Δ z_t
        implicit_explicit   z_t = z_{t-1} + Δ (-A y_{t-1} + u_t),          y_t = y_{t-1} + Δ z_t
        damped              z_t = z_{t-1} + Δ (-A y_{t-1} - G z_t + u_t),  y_t = y_{t-1} + Δ z_t

    The first loses energy by itself, the second keeps a nearby energy for ever, the third loses as
    much as is learned. u, C and y are complex; the input projection holds Re B x, Im B x and D x,
    and the rule acts on all of it. A linear rule only adds its own pole to each channel.

    Sources: Rusch, Rus: Oscillatory State-Space Models, ICLR 2025, arXiv 2410.03943 (LinOSS-IM and
    LinOSS-IMEX); Boyer, Rusch, Rus: Learning to Dissipate Energy in Oscillatory State-Space
    Models, 2025, arXiv 2505.12171 (D-LinOSS, started with eigenvalues in a ring).
    Departures: A is held where the eigenvalues are on or in the unit circle for implicit_explicit,
    too, A <= 4 / Δ²; N follows from the width, `expansion` oscillators for every two outputs; D is
    a matrix; biases of the input projection, which start at 0.
    """

    name: ClassVar[str] = "oscillator"
    title: ClassVar[str] = "linear oscillators (LinOSS, D-LinOSS)"
    equation: ClassVar[str] = "y'' = -A y - G y' + u;  h_t = Re(C y_t) + D u_t"
    citation: ClassVar[str] = (
        "Rusch, Rus: Oscillatory State-Space Models. ICLR 2025, arXiv 2410.03943; Boyer, Rusch, "
        "Rus: Learning to Dissipate Energy in Oscillatory State-Space Models. arXiv 2505.12171."
    )

    discretisation: str = choice(
        "damped", options=("damped", "implicit", "implicit_explicit"), doc="how time is stepped"
    )
    r_min: float = real(
        0.9, search=(0.5, 0.99), valid=(0.0, 1.0), open_low=True, open_high=True,
        doc="least |eigenvalue| at the start, where damped",
    )  # fmt: skip
    max_phase: float = real(
        math.pi, search=(0.1, math.pi), valid=(0.0, math.pi), open_low=True, log=True,
        doc="largest phase of an eigenvalue at the start, where damped",
    )  # fmt: skip

    expansion: int = integer(
        1, search=(1, 2), valid=(1, 64), doc="complex states for every two outputs"
    )

    @property
    def keeps(self) -> str:
        """Its name and how time is stepped."""
        return f"{self.name} ({self.discretisation})"

    @property
    def loop(self) -> str:
        """The scan over time."""
        return "linear_scan"

    @property
    def undecayed(self) -> tuple[str, ...]:
        """A, Δ and, where there is damping, G, by their names: what the poles are made of."""
        damping = ("damping",) if self.discretisation == "damped" else ()
        return ("stiffness", "step_logit", *damping)

    def shapes(self, input_size: int, hidden_size: int, bias: bool) -> dict[str, tuple[int, ...]]:
        """Return the shapes of B with D, of C, of A and Δ, and of G where there is damping."""
        states = states_of(hidden_size, self.expansion)
        of_each = dict.fromkeys(self.undecayed, (states,))
        return complex_shapes(input_size, hidden_size, states, bias) | of_each

    def reset(self, weights: Weights, hidden_size: int) -> None:
        """Draw B, C and D, the steps from logistic(N(0, 1)), and A from U(0, 1) or in a ring."""
        inputs, states = weights["weight_ih"].shape[1], states_of(hidden_size, self.expansion)
        into, past = inputs_and_skip(weights["weight_ih"].T, states)
        into.uniform_(-(inputs**-0.5), inputs**-0.5)
        past.normal_(0.0, inputs**-0.5)
        weights["weight_hx"].uniform_(-(states**-0.5), states**-0.5)
        if "bias_ih" in weights:
            weights["bias_ih"].zero_()
        weights["step_logit"].normal_()
        if "damping" not in weights:
            weights["stiffness"].uniform_(0.0, 1.0)
            return
        step = torch.sigmoid(weights["step_logit"].to("cpu", torch.float64))
        square = torch.rand(states, dtype=torch.float64) * (1 - self.r_min**2) + self.r_min**2
        phase = torch.rand(states, dtype=torch.float64) * self.max_phase
        # M has determinant 1 / (1 + Δ G) = r² and trace 2 r cos(phase).
        damping = (1 / square - 1) / step
        stiffness = (1 + 1 / square - 2 * torch.cos(phase) / square.sqrt()) / step**2
        weights["damping"].copy_(damping)
        weights["stiffness"].copy_(stiffness)

    def prepare(self, weights: Weights) -> Weights:
        """Add the 2 × 2 matrix of each channel and what its input is multiplied by, (6, 2 N)."""
        step = torch.sigmoid(in_single(weights["step_logit"]))
        stiffness = in_single(weights["stiffness"])
        if self.discretisation == "implicit":
            stiffness = torch.relu(stiffness)
            shrink = 1 / (1 + step.square() * stiffness)
            # The first is 1 - Δ² A / S.
            planes = [shrink, -step * stiffness * shrink, step * shrink, shrink]
        else:
            damping = torch.zeros_like(step)
            if self.discretisation == "damped":
                damping = torch.relu(in_single(weights["damping"]))
            stiffness = _held(stiffness, damping, step)
            shrink = 1 / (1 + step * damping)
            planes = [
                shrink, -step * stiffness * shrink, step * shrink,
                1 - step.square() * stiffness * shrink,
            ]  # fmt: skip
        # The input enters as a push to the velocity before the step.
        matrix = torch.stack([*planes, step * planes[0], step * planes[2]])
        return {**weights, "matrix": torch.cat([matrix, matrix], -1)}

    def input_projection(self, weights: Weights, x: Tensor, one: Tensor | None) -> Tensor:
        """Return [Re B x, Im B x, D x] + b_ih, (T, B, 2 N + H)."""
        return linear_projection(weights, x, one)

    def initial(self, batch: int, hidden_size: int, like: Tensor) -> Hidden:
        """Return h = 0 (B, H), and z = 0 over y = 0, real before imaginary parts, (B, 2, 2 N).

        z and y are float32 at least.
        """
        state = in_single(like.new_zeros(batch, 2, 2 * states_of(hidden_size, self.expansion)))
        return like.new_zeros(batch, hidden_size), state

    def step(self, weights: Weights, u: Tensor, hidden: Hidden) -> Hidden:
        """Return the next h, z and y."""
        m11, m12, m21, m22, f1, f2 = weights["matrix"].unbind()
        b, skip = inputs_and_skip(u, weights["matrix"].shape[1] // 2)
        z, y = hidden[1].unbind(1)
        z, y = m11 * z + m12 * y + f1 * b, m21 * z + m22 * y + f2 * b
        state = torch.stack([z, y], 1)
        return skip + linear(y.to(u.dtype), reading(weights)), state

    def over_time(
        self, weights: Weights, u: Tensor, hidden: Hidden, lengths: Tensor | None
    ) -> tuple[Tensor, Hidden]:
        """Return every h, and the state after each sequence's last valid step."""
        matrix = weights["matrix"].expand(1, 1, -1, -1)
        h, state = linear_readout(matrix, u, hidden[1], reading(weights))
        return h, (end(h, lengths), end(state, lengths))


def _held(stiffness: Tensor, damping: Tensor, step: Tensor) -> Tensor:
    """Return A where the eigenvalues of a step are complex, and so in the unit circle.

    A little off the upper end, where both are -1: rounding would take one of them out.
    """
    square, root = step.square().clamp(min=1e-6), torch.sqrt(1 + step * damping)
    low = (root - 1).square() / square
    high = ((root + 1).square() - 2e-4 * root) / square
    return torch.clamp(stiffness, low, high)
