"""The delta memory: a matrix that takes an optimizer's step on every input."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn.functional import softplus

from ...hyperparameters import choice, exists, integer, real, specification
from ...kernels import LARGEST_RATE, delta, delta_parts, unroll, wide
from ...registry import rules
from ...rules import last_valid
from ..base import Cell, Hidden, Weights, linear_projection, reset_uniform
from .inner import Inner, check_inner, inner_rule

INNER = ("gd", "heavy_ball", "nesterov", "adam", "rmsprop")
WITH_MU, WITH_MEAN_SQUARE = ("heavy_ball", "adam"), ("adam", "rmsprop")


@dataclass(frozen=True, kw_only=True)
class Delta(Cell):
    """Associative memory S that an inner rule optimizes, one step on every key and value.

        R_t = α_t S_{t-1},  G_t = ∇ ½|R_t k_t - v_t|² = (R_t k_t - v_t) k_tᵀ
        S_t = R_t - β_t inner(G_t),  h_t = S_t q_t

    for each of `heads` heads, H / heads wide. Of what the rule made of the input projection, q and
    k pass SiLU and have length 1, v is as it is, and β = σ(·). With ``gate`` α = exp(-exp(a)
    softplus(· + b)) is learned, a number a head and step, else 1. The inner rule has its own μ, s
    and β (here `mu`, `s`, `beta`) and a trace for every entry of S. With ``inner="gd", s=1`` this
    is DeltaNet, with a gate gated DeltaNet. The rule on the input projection is another one,
    outside: it sees no gradient.

    A rule of your own can be the inner one, by its registered name and with its own defaults but
    for `s`, where its traces take each step by itself.

    Sources: Yang, Wang, Zhang, Shen, Kim: Parallelizing Linear Transformers with the Delta Rule
    over Sequence Length, NeurIPS 2024, arXiv 2406.06484; gate: Yang, Kautz, Hatamizadeh: Gated
    Delta Networks, ICLR 2025, arXiv 2412.06464, equation (10); momentum: arXiv 2605.05838, and
    Behrouz, Zhong, Mirrokni: Titans, arXiv 2501.00663.
    Departures: no short convolution, and no normalisation or gate behind S q; q is not divided by
    the root of its width. With momentum, too, G is taken at the decayed memory R, where arXiv
    2605.05838 takes it at S_{t-1}: without a gate there is no difference. ε of the inner Adam is 1,
    since near exact recall, where m is 0, a step is β s / ε times the gradient, and one of more
    than 2 does not settle. Momentum inside that nothing damps grows without end as keys change:
    that of nesterov without restarts, and heavy ball's near μ = 0.9 and s = 1, overflow within some
    thousand steps.
    """

    name: ClassVar[str] = "delta"
    title: ClassVar[str] = "delta memory with an inner rule (DeltaNet, gated DeltaNet)"
    equation: ClassVar[str] = (
        "S_t = α_t S_{t-1} - β_t inner((α_t S_{t-1} k_t - v_t) k_tᵀ);  h_t = S_t q_t"
    )
    citation: ClassVar[str] = (
        "Yang, Wang, Zhang, Shen, Kim: Parallelizing Linear Transformers with the Delta Rule over "
        "Sequence Length. NeurIPS 2024, arXiv 2406.06484; Yang, Kautz, Hatamizadeh: Gated Delta "
        "Networks. ICLR 2025, arXiv 2412.06464."
    )

    heads: int = choice(4, options=(1, 2, 4, 8), doc="memories side by side")
    gate: bool = choice(False, options=(False, True), doc="learned decay α of the memory")
    inner: str = choice("gd", options=INNER, more=rules.names, doc="rule on the memory's gradient")
    s: float = real(1.0, search=(0.05, 2.0), valid=(0.0, 10.0), log=True, doc="inner step size")
    mu: float = real(
        0.6, search=(0.0, 0.99), valid=(0.0, 1.0), open_high=True, needs={"inner": WITH_MU},
        doc="inner momentum",
    )  # fmt: skip
    beta: float = real(
        0.9, search=(0.01, 0.999), valid=(0.0, 1.0), open_high=True,
        needs={"inner": WITH_MEAN_SQUARE}, doc="decay of the inner mean square",
    )  # fmt: skip
    eps: float = real(
        1.0, search=(0.03, 3.0), valid=(1e-12, 10.0), log=True, needs={"inner": WITH_MEAN_SQUARE},
        doc="floor of the inner root mean square",
    )  # fmt: skip
    restart: int = integer(
        0, search=(0, 64), valid=(0, 10**6), needs={"inner": ("nesterov",)},
        doc="steps between inner restarts, 0: never",
    )  # fmt: skip

    def __post_init__(self) -> None:
        """Check the values, that the inner rule takes them, and that it can stand inside."""
        super().__post_init__()
        rule = self._inner.rule
        if self.inner not in INNER:
            check_inner(f"{self.name}.inner", rule)

    @functools.cached_property
    def _inner(self) -> Inner:
        specs = specification(type(self))
        values = {
            key: getattr(self, key)
            for key in ("s", "mu", "beta", "eps", "restart")
            if exists(specs[key], self.values())
        }
        return Inner(inner_rule(self.inner, values))

    @property
    def keeps(self) -> str:
        """Its name and the inner rule, whose traces it holds."""
        return f"{self.name} ({self.inner})"

    @property
    def loop(self) -> str:
        """The memory's loop over time."""
        return "delta"

    @property
    def undecayed(self) -> tuple[str, ...]:
        """The gate's rate and bias, as in gated DeltaNet."""
        return ("gate_rate", "gate_bias") if self.gate else ()

    def shapes(self, input_size: int, hidden_size: int, bias: bool) -> dict[str, tuple[int, ...]]:
        """Return the shapes of the input weights of q, k, v, β and α, and of α's rate and bias.

        Raises:
            ValueError: the heads do not divide the width.
        """
        if hidden_size % self.heads:
            valid = [heads for heads in (1, 2, 4, 8) if hidden_size % heads == 0]
            raise ValueError(
                f"{self.name}.heads = {self.heads} do not divide hidden_size = {hidden_size}; "
                f"valid: {', '.join(map(str, valid))}, or another hidden_size"
            )
        width = 3 * hidden_size + (2 if self.gate else 1) * self.heads
        shapes: dict[str, tuple[int, ...]] = {"weight_ih": (width, input_size)}
        if bias:
            shapes["bias_ih"] = (width,)
        return shapes | dict.fromkeys(self.undecayed, (self.heads,))

    def reset(self, weights: Weights, hidden_size: int) -> None:
        """Draw the weights from U(±1/sqrt(D)); α starts where memories last some steps to many."""
        drawn = {name: weight for name, weight in weights.items() if name.endswith("_ih")}
        reset_uniform(drawn, weights["weight_ih"].shape[1])
        if self.gate:
            # As in gated DeltaNet: rate from U(1, 16), steps from 1/1000 to 1/10 on a log scale.
            weights["gate_rate"].uniform_(1.0, 16.0).log_()
            step = torch.exp(weights["gate_bias"].uniform_(math.log(1e-3), math.log(0.1)))
            weights["gate_bias"].copy_(step + torch.log(-torch.expm1(-step)))

    def input_projection(self, weights: Weights, x: Tensor, one: Tensor | None) -> Tensor:
        """Return W_ih x + b_ih, (T, B, G): q, k and v, then β, then α, of each head."""
        return linear_projection(weights, x, one)

    def initial(self, batch: int, hidden_size: int, like: Tensor) -> Hidden:
        """Return h = 0 (B, H), S = 0 (B, heads, d, d), as many traces of zeros, and 0 steps (1,).

        S and the traces are float32 at least.
        """
        d = hidden_size // self.heads
        S = like.new_zeros(batch, self.heads, d, d, dtype=wide(like.dtype))
        traces = (torch.zeros_like(S) for _ in range(self._inner.traces(like)))
        return (
            like.new_zeros(batch, hidden_size), S, *traces, like.new_zeros(1, dtype=torch.int64),
        )  # fmt: skip

    def step(self, weights: Weights, u: Tensor, hidden: Hidden) -> Hidden:
        """Return the next h, S, traces and count of steps."""
        _, S, *traces, number = hidden
        q, k, v, beta = (part.to(S.dtype) for part in delta_parts(u, self.heads))
        alpha = self._kept(weights, u)
        number = number + 1
        R = S if alpha is None else alpha[..., None, None] * S
        error = (R @ k.unsqueeze(-1)).squeeze(-1) - v
        G = error.unsqueeze(-1) * k.unsqueeze(-2)
        flat = tuple(trace.flatten(1) for trace in traces)
        U, after = self._inner.step(G.flatten(1), flat, number)
        S = R - beta[..., None, None] * U.reshape(S.shape)
        h = (S @ q.unsqueeze(-1)).flatten(1)
        return h.to(u.dtype), S, *(trace.reshape(S.shape) for trace in after), number

    def over_time(
        self, weights: Weights, u: Tensor, hidden: Hidden, lengths: Tensor | None
    ) -> tuple[Tensor, Hidden]:
        """Return every h, and the state after each sequence's last valid step."""
        _, S, *traces, number = hidden
        form = self._inner.form(u, number)
        if form is None:
            return self._step_by_step(weights, u, hidden, lengths)
        inner, values = form
        # RMSProp is Adam without momentum, whose trace its state does not hold.
        absent = inner == "adam" and len(traces) == 1
        states = torch.stack([S, *([torch.zeros_like(S)] if absent else []), *traces], 2)
        h, end = delta(u, self._kept(weights, u), inner, values, states, lengths)
        after = end.unbind(2)
        kept = (after[0], *after[2 if absent else 1 :])
        taken = u.shape[0] if lengths is None else lengths
        return h, (last_valid(h, lengths).clone(), *kept, number + taken)

    def _kept(self, weights: Weights, u: Tensor) -> Tensor | None:
        """Return α (..., heads), or None where it is 1.

        It is float32 at least: in bfloat16 0.9985 is 1, and nothing would be forgotten.
        """
        if not self.gate:
            return None
        rate, bias = (weights[name].to(wide(u.dtype)) for name in ("gate_rate", "gate_bias"))
        rate = torch.exp(rate.clamp(max=LARGEST_RATE))
        return torch.exp(-rate * softplus(u[..., -self.heads :] + bias))

    def _step_by_step(
        self, weights: Weights, u: Tensor, hidden: Hidden, lengths: Tensor | None
    ) -> tuple[Tensor, Hidden]:
        """As `over_time`, for an inner rule that no loop knows; no history of S is kept."""

        def step(u_t: Tensor, before: tuple[Tensor, Hidden]) -> tuple[Tensor, Any]:
            t, state = before
            after = self.step(weights, u_t, state)
            h = after[0]
            if lengths is not None:
                after = tuple(
                    torch.where((t < lengths).reshape(-1, *(1,) * (new.dim() - 1)), new, old)
                    for new, old in zip(after, state, strict=True)
                )
            return h, (t + 1, after)

        start = u.new_zeros((), dtype=torch.int64)
        h, (_, end) = unroll(step, u, (start, hidden))
        return h, end
