"""Echo state networks: parallel fixed random reservoirs under a deep, trained read-out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from ...hyperparameters import choice, integer, real
from ..base import Cell, Hidden, Weights, linear_projection
from ..norm import FeatureNorm

# Up to this size the eigenvalues are computed; beyond, it takes too long.
_LARGEST_DECOMPOSED = 1000
# From so many connections a unit on, the circular law (Girko 1984) says what they come to, with how
# far the outermost lies beyond the circle (Rider 2003, J. Phys. A 36); with fewer, W times a vector
# is cheap.
_MANY_CONNECTIONS = 100
_GROWTH_STEPS = 400


@dataclass(frozen=True, kw_only=True)
class Reservoir(Cell):
    """Several fixed random networks side by side, each H units; only the read-out is trained.

        h_t = (1 - leak) h_{t-1} + leak tanh(u_t + W h_{t-1}),  z_t = input_scale (V x_t + c)

    The output is the `count` reservoirs' units beside each other, count x H features. V, c and W
    are buffers: saved with the weights, without gradients, not counted as parameters. Where no
    gradient is asked for by the input or by learned rule values, autograd keeps nothing of the
    trajectory.

    Wirings of each reservoir:
        dense   W random, a share `density` of it not 0: H^2 numbers
        ring    unit i hears unit i-1, all by the same weight: 1 number
        m_ring  unit i hears the units i - d for up to `rings` strides d, 1 to H/2 in geometric
                steps, each ring by a weight of its own: `rings` numbers
    W is scaled to the spectral radius `radius`, exactly for rings and for dense W of up to 1,000
    units; of larger ones within 4 %, by the circular law or, where connections are few, by how
    fast powers of W grow.

    The read-out is batch norm, then `depth` times linear, relu, batch norm; then linear. In a
    language model it is the embedding, as for every cell: `depth` and `width` then do nothing, and
    as the embedding in front is trained, autograd does keep the trajectory.

    Sources: Jaeger 2001, GMD report 148, and Jaeger et al. 2007, Neural Networks 20 (leaky units);
    ring: Rodan, Tiňo: Minimum Complexity Echo State Network, IEEE Trans. Neural Networks 22, 2011;
    parallel reservoirs with a deep read-out, M-ring: Evanusa, Shrestha, Girvan, Fermüller,
    Aloimonos, arXiv 2010.14611. Departure: how that paper wires an M-ring we could not read; this
    is a multiple ring of our own.
    """

    name: ClassVar[str] = "reservoir"
    title: ClassVar[str] = "parallel fixed reservoirs with a deep read-out (echo state network)"
    equation: ClassVar[str] = "h_t = (1-α) h_{t-1} + α tanh(u_t + W h_{t-1}), W fixed"
    citation: ClassVar[str] = (
        "Jaeger: The Echo State Approach to Analysing and Training Recurrent Neural Networks. GMD "
        "report 148, 2001; Evanusa et al.: Hybrid Backpropagation Parallel Reservoir Networks. "
        "arXiv 2010.14611."
    )

    count: int = integer(4, search=(1, 8), valid=(1, 1024), doc="reservoirs side by side")
    radius: float = real(
        0.9, search=(0.3, 1.2), valid=(0.0, 1.5), open_low=True, doc="spectral radius of W"
    )
    leak: float = real(
        0.5, search=(0.05, 1.0), valid=(0.0, 1.0), open_low=True, log=True, doc="share renewed, α"
    )
    input_scale: float = real(
        1.0, search=(0.05, 2.0), valid=(0.0, 100.0), open_low=True, log=True, doc="size of V and c"
    )
    wiring: str = choice("dense", options=("dense", "ring", "m_ring"), doc="who hears whom")
    density: float = real(
        0.1, search=(0.01, 1.0), valid=(0.0, 1.0), open_low=True, log=True, doc="of a dense W"
    )
    rings: int = integer(4, search=(2, 8), valid=(1, 64), doc="strides of an m_ring")
    depth: int = integer(1, search=(0, 3), valid=(0, 16), doc="hidden layers of the read-out")
    width: int = integer(128, search=(32, 512), valid=(1, 16384), log=True, doc="their units")

    def output_size(self, hidden_size: int) -> int:
        """Return the units of all reservoirs together."""
        return self.count * hidden_size

    def shapes(self, input_size: int, hidden_size: int, bias: bool) -> dict[str, tuple[int, ...]]:
        """Return nothing: no weight of a reservoir is trained."""
        return {}

    def fixed(self, input_size: int, hidden_size: int, bias: bool) -> dict[str, tuple[int, ...]]:
        """Return the shapes of V, c, and W or the weights of its rings."""
        width = self.output_size(hidden_size)
        one: tuple[int, ...] = (hidden_size, hidden_size)
        if self.wiring != "dense":
            one = (len(self.strides(hidden_size)),)
        shapes: dict[str, tuple[int, ...]] = {
            "weight_ih": (width, input_size),
            "weight_hh": (self.count, *one),
        }
        return shapes | {"bias_ih": (width,)} if bias else shapes

    def strides(self, hidden_size: int) -> tuple[int, ...]:
        """Return the distances d from which a unit of a ring hears."""
        if self.wiring == "ring":
            return (1,)
        largest = max(hidden_size // 2, 1)
        steps = max(self.rings - 1, 1)
        return tuple(sorted({round(largest ** (k / steps)) for k in range(self.rings)}))

    def reset(self, weights: Weights, hidden_size: int) -> None:
        """Draw V and c from U(±input_scale), W from U(±1) scaled to the radius."""
        weights["weight_ih"].uniform_(-self.input_scale, self.input_scale)
        if "bias_ih" in weights:
            weights["bias_ih"].uniform_(-self.input_scale, self.input_scale)
        for one in weights["weight_hh"]:
            one.uniform_(-1.0, 1.0)
            if self.wiring == "dense":
                _make_sparse(one, self.density)
                one.mul_(self.radius / _spectral_radius(one))
            else:
                strides = torch.tensor(self.strides(hidden_size), device=one.device)
                one.mul_(self.radius / _ring_radius(one, strides, hidden_size))

    def input_projection(self, weights: Weights, x: Tensor, one: Tensor | None) -> Tensor:
        """Return V x + c, scaled by `input_scale`, (T, B, count x H)."""
        return linear_projection(weights, x, one)

    def initial(self, batch: int, hidden_size: int, like: Tensor) -> Hidden:
        """Return h = 0, (B, count x H)."""
        return (like.new_zeros(batch, self.output_size(hidden_size)),)

    def step(self, weights: Weights, u: Tensor, hidden: Hidden) -> Hidden:
        """Return the next h, (B, count x H)."""
        (h,) = hidden
        units = h.reshape(-1, self.count, h.shape[1] // self.count)
        W = weights["weight_hh"]
        if self.wiring == "dense":
            heard = torch.einsum("bri,roi->bro", units, W)
        else:
            parts = [
                units.roll(stride, -1) * W[:, k, None]
                for k, stride in enumerate(self.strides(units.shape[-1]))
            ]
            heard = torch.stack(parts).sum(0) if len(parts) > 1 else parts[0]
        new = torch.tanh(u + heard.flatten(1))
        return (h + self.leak * (new - h),)

    def readout(
        self,
        width: int,
        outputs: int,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> nn.Module:
        """Return the deep read-out with batch norm, (..., width) -> (..., outputs)."""
        layers: list[nn.Module] = [FeatureNorm(width, device=device, dtype=dtype)]
        for _ in range(self.depth):
            layers += [
                nn.Linear(width, self.width, device=device, dtype=dtype),
                nn.ReLU(),
                FeatureNorm(self.width, device=device, dtype=dtype),
            ]
            width = self.width
        return nn.Sequential(*layers, nn.Linear(width, outputs, device=device, dtype=dtype))


def _make_sparse(W: Tensor, density: float) -> None:
    """Set all but a share of W to 0; every unit keeps one connection, so that some cycle lives."""
    kept = torch.rand_like(W) < density
    kept.scatter_(1, torch.randint(len(W), (len(W), 1), device=W.device), True)
    W.mul_(kept)


def _spectral_radius(W: Tensor) -> float:
    if len(W) <= _LARGEST_DECOMPOSED:
        return float(torch.linalg.eigvals(W.double()).abs().max())
    connections = float(W.count_nonzero()) / len(W)
    if connections >= _MANY_CONNECTIONS:
        # Entries from U(±1) have variance 1/3.
        size = len(W)
        beyond = math.log(size / (2 * math.pi)) - 2 * math.log(math.log(size))
        return math.sqrt(connections / 3) * (1 + math.sqrt(beyond / (4 * size)))
    return _growth(W.double().to_sparse())


def _growth(W: Tensor) -> float:
    """Return lim ‖W^n x‖^(1/n), which is the spectral radius (Gelfand): n from half way on."""
    x = torch.randn(len(W), 4, dtype=W.dtype, device=W.device)
    logarithm = 0.0
    for step in range(_GROWTH_STEPS):
        x = torch.sparse.mm(W, x)
        size = float(x.norm())
        x /= size
        if step >= _GROWTH_STEPS // 2:
            logarithm += math.log(size)
    return math.exp(logarithm / (_GROWTH_STEPS - _GROWTH_STEPS // 2))


def _ring_radius(weights: Tensor, strides: Tensor, size: int) -> float:
    """Return the spectral radius of sum_k w_k P^(d_k), P the cyclic shift: a Fourier transform."""
    row = torch.zeros(size, dtype=torch.float64, device=weights.device)
    row.index_add_(0, strides % size, weights.double())
    return float(torch.fft.fft(row).abs().max())
