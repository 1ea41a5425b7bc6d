"""A recurrent network with a HiPPO memory: polynomials that summarise the past."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import linear

from ...hyperparameters import choice, integer, real
from ...kernels import HippoWeights, hippo, wide
from ...rules import last_valid
from ..base import Cell, Hidden, Weights, linear_projection
from .measures import (
    DISCRETISATIONS,
    MEASURES,
    continuous,
    discrete,
    scaled_step,
)


def _official_number() -> tuple[int, ...]:
    """The number of the first step in the official code, for who wants to compare with it."""
    return (0,)


@dataclass(frozen=True, kw_only=True)
class HiPPO(Cell):
    """A gated recurrence that reads its past from a linear memory of M signals, order N.

        f_t = act(u^f_t + W_fh h_{t-1})                      into the memory, M signals
        m_t = A_t m_{t-1} + B_t f_t                          see `measures`; M x N coefficients
        k_t = tanh(u^k_t + W_km vec m_t)                     candidate
        g_t = sigma(u^g_t + W_gm vec m_t)                    gate
        h_t = (1 - g_t) h_{t-1} + g_t k_t, or k_t without the gate

    z has up to three parts, z^f, z^k, z^g = W x + b. `rule_on` says which of them the
    update rule filters: that of the memory (f), that of the hidden state (k and g), or both; the
    others enter as they are. Where the memory has no input (``memory_input="hidden"``), or nothing
    reads it (``memory_to_hidden=False``), "memory" means "hidden": a rule on nothing is no choice.

    LegS goes by the number t of a step, `init_t` for the first one. With 1, step k is t = k. With
    0, the official code's default, the first input becomes the memory, m = (f, 0, ..., 0), and
    step k > 1 is t = k - 1. Zero-order hold has one numbering, that of the official default, in
    which step k holds its input from k - 1 to k and is exact.

    Source: Gu, Dao, Ermon, Rudra, Ré 2020, arXiv 2008.07669, section 3 and its official code.
    Departures: weights are drawn from U(±1/sqrt(inputs of the neuron)), as by torch's linear
    layers. In the bilinear rule the default of `init_t` is 1 and that of the official code 0; for
    random input and N = 8 the memories differ by 0.65 at step 1, 0.2 at step 20, 0.01 at step 100.
    The official zero-order hold with ``init_t=1`` is late by one step and not offered. That code
    stops counting t at 1,024 steps; here it counts on.
    """

    name: ClassVar[str] = "hippo"
    title: ClassVar[str] = "recurrence with a HiPPO memory (LegS, LegT/LMU, LagT)"
    equation: ClassVar[str] = (
        "f = act(u_f + V h_{t-1});  m_t = Ā_t m_{t-1} + B̄_t f;  k = tanh(u_k + W m_t);  "
        "g = σ(u_g + W' m_t);  h_t = (1-g) h_{t-1} + g k"
    )
    citation: ClassVar[str] = (
        "Gu, Dao, Ermon, Rudra, Ré: HiPPO: Recurrent Memory with Optimal Polynomial Projections. "
        "NeurIPS 2020, arXiv 2008.07669; LMU: Voelker, Kajić, Eliasmith, NeurIPS 2019."
    )

    measure: str = choice("legs", options=MEASURES, doc="how the past is weighted")
    order: int = integer(
        64, search=(8, 256), valid=(1, 2048), log=True, doc="polynomials a signal, N"
    )
    memory_size: int = integer(
        1, search=(1, 8), valid=(1, 4096), log=True, doc="signals in memory, M"
    )
    discretisation: str = choice(
        "bilinear", options=DISCRETISATIONS, doc="of the memory's equation; zoh is slow for legs"
    )
    timescale: float = real(
        100.0,
        search=(10.0, 1000.0),
        valid=(1.0, 1e6),
        log=True,
        doc="steps that legt or lagt looks back",
    )
    init_t: int = choice(
        1,
        options=(1,),
        more=_official_number,
        since="0.2",
        doc="number of the first step of a bilinear legs",
    )
    gate: bool = choice(True, options=(True, False), doc="whether a gate mixes old and new h")
    memory_input: str = choice(
        "both", options=("both", "input", "hidden"), doc="what is written into the memory"
    )
    memory_to_hidden: bool = choice(
        True, options=(True, False), doc="whether the hidden state reads the memory"
    )
    memory_activation: str = choice(
        "identity", options=("identity", "tanh"), doc="the function act"
    )
    rule_on: str = choice(
        "both", options=("both", "memory", "hidden"), doc="the part of z that the rule filters"
    )

    @property
    def _acts_on(self) -> str:
        """Where the rule acts in fact; see the class."""
        if self.memory_input == "hidden" or not self.memory_to_hidden:
            return "hidden" if self.rule_on == "memory" else self.rule_on
        return self.rule_on

    @property
    def loop(self) -> str | None:
        """The loop, where h reads the memory, and a step of that costs no matrix of its own."""
        own = self.measure == "legs" and (self.discretisation == "zoh" or self.init_t == 0)
        return "hippo" if self.memory_to_hidden and not own else None

    def _sections(self, hidden_size: int) -> dict[str, int]:
        """Return the widths of the parts of z, in the order of the rows of weight_ih."""
        sections = {"k": hidden_size}
        if self.gate:
            sections["g"] = hidden_size
        if self.memory_input != "hidden":
            sections["f"] = self.memory_size
        return sections

    def _filtered(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Split rows of weight_ih or bias_ih into those the rule acts on and those it does not."""
        memory = 0 if self.memory_input == "hidden" else self.memory_size
        hidden_rows, memory_rows = torch.split(rows, [len(rows) - memory, memory])
        if self._acts_on == "both":
            return rows, rows[:0]
        if self._acts_on == "hidden":
            return hidden_rows, memory_rows
        return memory_rows, hidden_rows

    def shapes(self, input_size: int, hidden_size: int, bias: bool) -> dict[str, tuple[int, ...]]:
        """Return the shapes: rows of weight_ih are k, g, f; those of weight_hm are k, g."""
        width = sum(self._sections(hidden_size).values())
        readers = 2 if self.gate else 1
        shapes: dict[str, tuple[int, ...]] = {"weight_ih": (width, input_size)}
        if self.memory_input != "input":
            shapes["weight_fh"] = (self.memory_size, hidden_size)
        if self.memory_to_hidden:
            shapes["weight_hm"] = (readers * hidden_size, self.memory_size * self.order)
        return shapes | {"bias_ih": (width,)} if bias else shapes

    def fixed(self, input_size: int, hidden_size: int, bias: bool) -> dict[str, tuple[int, ...]]:
        """Return the shapes of the memory's matrices A and B."""
        return {"memory_A": (self.order, self.order), "memory_B": (self.order,)}

    def reset(self, weights: Weights, hidden_size: int) -> None:
        """Draw each weight from U(±1/sqrt(n)), n the inputs of its neuron; set A and B."""
        inputs = weights["weight_ih"].shape[1]
        written = inputs + hidden_size if "weight_fh" in weights else inputs
        read = inputs + (self.memory_size * self.order if self.memory_to_hidden else 0)
        width = hidden_size * (2 if self.gate else 1)
        for name, weight in weights.items():
            if name.startswith("memory"):
                continue
            # A neuron of k or g sees x and m, one of f sees x and h.
            if name in ("weight_ih", "bias_ih"):
                weight[:width].uniform_(-(read**-0.5), read**-0.5)
                weight[width:].uniform_(-(written**-0.5), written**-0.5)
            else:
                fan_in = read if name == "weight_hm" else written
                weight.uniform_(-(fan_in**-0.5), fan_in**-0.5)
        A, B = self._matrices()
        weights["memory_A"].copy_(A)
        weights["memory_B"].copy_(B)

    def _matrices(self) -> tuple[Tensor, Tensor]:
        if self.measure == "legs":
            return continuous("legs", self.order)
        return discrete(self.measure, self.order, 1 / self.timescale, self.discretisation)

    def prepare(self, weights: Weights) -> Weights:
        """Add A and B as the memory takes them, in single precision at least.

        Rounded to half of it, A would forget at another pace, or nothing at all.
        """
        A = weights["memory_A"]
        if (exact := wide(A.dtype)) == A.dtype:
            return weights
        A, B = (matrix.to(A.device, exact) for matrix in self._matrices())
        return {**weights, "memory_A": A, "memory_B": B}

    def input_projection(self, weights: Weights, x: Tensor, one: Tensor | None) -> Tensor:
        """Return the parts of W_ih x + b_ih that the rule acts on, (T, B, G)."""
        filtered = {
            name: self._filtered(weights[name])[0]
            for name in ("weight_ih", "bias_ih")
            if name in weights
        }
        return linear_projection(filtered, x, one)

    def bypass(self, weights: Weights, x: Tensor) -> Tensor | None:
        """Return the other parts of W_ih x + b_ih, (T, B, G'), where there are some."""
        weight = self._filtered(weights["weight_ih"])[1]
        if not len(weight):
            return None
        bias = self._filtered(weights["bias_ih"])[1] if "bias_ih" in weights else None
        return linear(x, weight, bias)

    def initial(self, batch: int, hidden_size: int, like: Tensor) -> Hidden:
        """Return h = 0 (B, H), m = 0 (B, M, N), and for LegS the number of steps taken, (1,).

        m and the number are float32 at least: in bfloat16 1 more than 256 is 256, and a late step
        adds little to m.
        """
        h, exact = like.new_zeros(batch, hidden_size), wide(like.dtype)
        m = like.new_zeros(batch, self.memory_size, self.order, dtype=exact)
        return (h, m, like.new_zeros(1, dtype=exact)) if self.measure == "legs" else (h, m)

    def _parts(self, u: Tensor, hidden_size: int) -> dict[str, Tensor]:
        """Return the parts of u, by the names of the sections, in the order they lie in."""
        sections = self._sections(hidden_size)
        order = [*sections]
        if self._acts_on == "memory":
            # What the rule acted on comes first.
            order = ["f", *(part for part in order if part != "f")]
        widths = [sections[part] for part in order]
        return dict(zip(order, torch.split(u, widths, -1), strict=True))

    def over_time(
        self, weights: Weights, u: Tensor, hidden: Hidden, lengths: Tensor | None
    ) -> tuple[Tensor, Hidden]:
        """Return every h, and the state after each sequence's last valid step."""
        h, m, *steps = hidden
        if self._acts_on == "memory":
            parts = self._parts(u, h.shape[1])
            u = torch.cat([parts[part] for part in self._sections(h.shape[1])], -1)
        A, B = weights["memory_A"], weights["memory_B"]
        pace = None
        if steps:
            t = steps[0] + torch.arange(1, len(u) + 1, dtype=m.dtype, device=m.device)[:, None]
            A, pace = -torch.diagonal(A), 0.5 / t
        matrices = HippoWeights(weights.get("weight_fh"), weights["weight_hm"], A, B)
        hs, ms = hippo(u, matrices, (h, m), pace, self.memory_activation == "tanh")
        taken = len(u) if lengths is None else lengths
        return hs, (last_valid(hs, lengths), last_valid(ms, lengths), *(n + taken for n in steps))

    def step(self, weights: Weights, u: Tensor, hidden: Hidden) -> Hidden:
        """Return the next h, m and number of steps."""
        h, m, *steps = hidden
        parts = self._parts(u, h.shape[1])
        f = parts.get("f")
        if "weight_fh" in weights:
            written = linear(h, weights["weight_fh"])
            f = written if f is None else f + written
        assert f is not None
        if self.memory_activation == "tanh":
            f = torch.tanh(f)
        A, B, f = weights["memory_A"], weights["memory_B"], f.to(m.dtype)
        if self.measure == "legs":
            steps = [steps[0] + 1]
            late = self.discretisation == "bilinear" and self.init_t == 0
            m = scaled_step(A, B, m, f, steps[0], self.discretisation, late)
        else:
            m = linear(m, A) + f.unsqueeze(-1) * B

        k = parts["k"]
        g = parts.get("g")
        if self.memory_to_hidden:
            read = linear(m.flatten(1).to(h.dtype), weights["weight_hm"])
            k = k + read[:, : k.shape[1]]
            g = None if g is None else g + read[:, k.shape[1] :]
        k = torch.tanh(k)
        if g is None:
            return k, m, *steps
        g = torch.sigmoid(g)
        return (1 - g) * h + g * k, m, *steps
