"""Recurrence with an orthogonal matrix: expRNN and dynamic trivialisations (DTRIV)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import linear

from ...hyperparameters import choice, integer, real
from ..base import Cell, Hidden, Weights, linear_projection


@dataclass(frozen=True, kw_only=True)
class Orthogonal(Cell):
    """Simple recurrence whose matrix stays orthogonal, so that h neither fades nor explodes.

        h_t = modrelu(u_t + B h_{t-1}),  modrelu(x) = sign(x) relu(|x| + b)
        B = base expm(S),  S skew-symmetric

    Trained are the H (H - 1) / 2 entries of S above its diagonal, the input weights, the biases.
    Every `rebase` optimizer steps (`OptCell.after_step`) B becomes the base and S starts again at
    0, where the map is best behaved. With ``rebase=0`` the base stays the identity.

    Sources: Lezcano-Casado, Martínez-Rubio: Cheap Orthogonal Constraints in Neural Networks, ICML
    2019, arXiv 1901.08428 (expRNN: ``rebase=0``); Lezcano-Casado: Trivializations for
    Gradient-Based Optimization on Manifolds, NeurIPS 2019, arXiv 1909.09501 (DTRIV K:
    ``rebase=K``); modrelu: Arjovsky et al. 2016, arXiv 1511.06464, equation (6).
    Departures: only the entries of S that count are parameters; a bias b_ih in z, which
    starts at 0; B is projected on the orthogonal matrices whenever it is made, by a step of
    Newton and Schulz, instead of by an SVD after every 100 new bases.
    """

    name: ClassVar[str] = "orthogonal"
    title: ClassVar[str] = "orthogonal recurrence (expRNN, DTRIV)"
    equation: ClassVar[str] = "h_t = modrelu(u_t + B h_{t-1});  B = B₀ exp(A - Aᵀ)"
    citation: ClassVar[str] = (
        "Lezcano-Casado: Trivializations for Gradient-Based Optimization on Manifolds. NeurIPS "
        "2019, arXiv 1909.09501; Lezcano-Casado, Martínez-Rubio: Cheap Orthogonal Constraints in "
        "Neural Networks. ICML 2019, arXiv 1901.08428."
    )

    rebase: int = integer(
        100, search=(1, 200), valid=(0, 10**9), log=True, doc="steps between new bases, 0: never"
    )
    init: str = choice(
        "cayley", options=("cayley", "henaff"), doc="angles of B at the start: small, or any"
    )
    rate: float = real(
        0.1, search=(0.03, 1.0), valid=(0.0, 10.0), log=True, doc="learning rate of S / all others"
    )

    def shapes(self, input_size: int, hidden_size: int, bias: bool) -> dict[str, tuple[int, ...]]:
        """Return the shapes of W, of the entries of S above the diagonal, and of the biases."""
        shapes: dict[str, tuple[int, ...]] = {
            "weight_ih": (hidden_size, input_size),
            "skew": (hidden_size * (hidden_size - 1) // 2,),
            "bias_modrelu": (hidden_size,),
        }
        return shapes | {"bias_ih": (hidden_size,)} if bias else shapes

    def fixed(self, input_size: int, hidden_size: int, bias: bool) -> dict[str, tuple[int, ...]]:
        """Return the shapes of the base and of the count of optimizer steps."""
        return {"base": (hidden_size, hidden_size), "optimizer_steps": ()}

    def learning_rates(self) -> dict[str, float]:
        """Return the factor for S."""
        return {"skew": self.rate}

    def reset(self, weights: Weights, hidden_size: int) -> None:
        """Draw W from He's normal distribution, b from U(±0.01), and B as rotations in planes."""
        torch.nn.init.kaiming_normal_(weights["weight_ih"], nonlinearity="relu")
        weights["bias_modrelu"].uniform_(-0.01, 0.01)
        if "bias_ih" in weights:
            weights["bias_ih"].zero_()
        angles = self._angles(weights["base"].new_empty(hidden_size // 2))
        plane = torch.zeros_like(weights["base"])
        first = torch.arange(0, hidden_size - 1, 2, device=plane.device)
        plane[first, first + 1] = angles
        rows, columns = _above_diagonal(weights["base"])
        weights["optimizer_steps"].zero_()
        if self.rebase:
            weights["base"].copy_(torch.matrix_exp(plane - plane.T))
            weights["skew"].zero_()
        else:
            weights["base"].copy_(torch.eye(hidden_size))
            weights["skew"].copy_(plane[rows, columns])

    def _angles(self, angles: Tensor) -> Tensor:
        if self.init == "henaff":
            return angles.uniform_(-math.pi, math.pi)
        return -torch.tan(angles.uniform_(0.0, math.pi / 2) / 2)

    @property
    def kernel(self) -> str:
        """The name of the kernel."""
        return "rnn_modrelu"

    def prepare(self, weights: Weights) -> Weights:
        """Add B as weight_hh, (H, H), and modrelu's b as bias_hh, which the kernel takes it for."""
        B = recurrent_matrix(weights["base"], weights["skew"])
        return {**weights, "weight_hh": B, "bias_hh": weights["bias_modrelu"]}

    def after_step(self, weights: Weights) -> None:
        """Count a step, and take a new base when it is time."""
        if not self.rebase:
            return
        # Counted from the last base, for in bfloat16 1 more than 256 is 256.
        steps = weights["optimizer_steps"].add_(1).remainder_(self.rebase)
        if steps == 0:
            base, skew = weights["base"], weights["skew"]
            base.copy_(recurrent_matrix(base, skew))
            skew.zero_()

    def follow(self, average: Weights, live: Weights) -> None:
        """Write the average's B by the base of the live weights: S = log(base^T B)."""
        if not torch.equal(average["base"], live["base"]):
            B = recurrent_matrix(average["base"].double(), average["skew"].double())
            S = _logarithm(live["base"].double().mT @ B)
            average["skew"].copy_(S[_above_diagonal(S)])

    def input_projection(self, weights: Weights, x: Tensor, one: Tensor | None) -> Tensor:
        """Return W_ih x + b_ih, (T, B, H)."""
        return linear_projection(weights, x, one)

    def initial(self, batch: int, hidden_size: int, like: Tensor) -> Hidden:
        """Return h = 0, (B, H)."""
        return (like.new_zeros(batch, hidden_size),)

    def step(self, weights: Weights, u: Tensor, hidden: Hidden) -> Hidden:
        """Return the next h, (B, H)."""
        x = u + linear(hidden[0], weights["weight_hh"])
        return (torch.sign(x) * torch.relu(x.abs() + weights["bias_hh"]),)


def recurrent_matrix(base: Tensor, skew: Tensor) -> Tensor:
    """Return B = base expm(A - A^T), (H, H), where `skew` lists A's entries above its diagonal."""
    rows, columns = _above_diagonal(base)
    A = torch.zeros_like(base).index_put((rows, columns), skew)
    B = base @ torch.matrix_exp(A - A.mT)
    # In single precision the product is orthogonal to some 1e-5, and worse after each new base.
    # B (3 I - B^T B) / 2 squares that error away; it is too small to matter in the gradient.
    with torch.no_grad():
        error = B @ (torch.eye(len(base), dtype=B.dtype, device=B.device) - B.mT @ B) / 2
    return B + error


def _logarithm(R: Tensor) -> Tensor:
    """Return the skew-symmetric S with expm(S) = R, a rotation by angles below pi, (H, H).

        S <- S + (E - E^T) / 2,   E = expm(-S) R

    S commutes with R, so that a turn leaves e - sin(e) of the error e of an angle: from the third
    turn, or up to 3.1 from the tenth, nothing that could be seen.
    """
    S = torch.zeros_like(R)
    for _ in range(10):
        E = torch.matrix_exp(-S) @ R
        change = (E - E.mT) / 2
        S = S + change
        # What is left is its third power. A training that has diverged has a NaN here.
        if not change.abs().max() > 1e-5:
            break
    return S


def _above_diagonal(matrix: Tensor) -> tuple[Tensor, Tensor]:
    size = len(matrix)
    rows, columns = torch.triu_indices(size, size, 1, device=matrix.device)
    return rows, columns
