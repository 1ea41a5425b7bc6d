"""A sum of rules over a whole sequence, each part the fastest way there is for it.

A linear part commutes with the input weights and filters the narrow input; Adam's filter has a
kernel of its own over the wide pre-activations.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from .. import kernels
from ..shapes import Float, Int
from .applying import apply_rule, as_filter, steps_before
from .base import Part, RuleState


class Sum(NamedTuple):
    """What a sum of rules made: of the input and of the pre-activations, None where no part did.

    Attributes:
        narrow: (T, B, features), still to be projected.
        wide: (T, B, channels).
        state: of all parts.
    """

    narrow: Tensor | None
    wide: Tensor | None
    state: RuleState


def apply_parts(
    parts: Sequence[Part],
    x: Float[Tensor, "time batch features"],
    z: Float[Tensor, "time batch channels"],
    state: RuleState | None = None,
    lengths: Int[Tensor, " batch"] | None = None,
) -> Sum:
    """Filter an input through the linear parts, and its pre-activations through the others.

    Args:
        parts: of the rule.
        x: (T, B, features) input.
        z: (T, B, channels) what the input projection makes of it.
        state: where an earlier piece of the same sequences ended; None starts afresh.
        lengths: (B,) valid steps of each sequence; None means all T.

    Raises:
        ValueError: the state is of another batch size, number of channels, dtype or device.
    """
    kept = sum(part.traces for part in parts)
    if state is not None and len(state.traces) != kept:
        raise ValueError(f"state of a rule with {len(state.traces)} traces; valid here: {kept}")
    sums: dict[bool, list[Tensor]] = {True: [], False: []}
    traces: list[Tensor] = []
    for part in parts:
        start = len(traces)
        before = state and RuleState(state.traces[start : start + part.traces], state.steps)
        over = x if part.rule.linear else z
        u, after = _weighted(part, over, before, lengths)
        sums[part.rule.linear].append(u)
        traces += after
    narrow, wide = (
        functools.reduce(torch.add, sums[k]) if sums[k] else None for k in (True, False)
    )
    steps = steps_before(state, z[0])
    return Sum(
        narrow, wide, RuleState(tuple(traces), steps + (len(z) if lengths is None else lengths))
    )


def _weighted(
    part: Part, z: Tensor, state: RuleState | None, lengths: Tensor | None
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Return weight u, and the traces of the part after the last valid step."""
    weight, rule, p, _ = part
    filtering = as_filter(rule, p, z[0], state)
    if filtering is None:
        u, after = apply_rule(rule, p, z, state, lengths)
        return weight * u, after.traces
    # u is a multiple of v, and v of s: weighted inside the kernel, no pass over u is needed.
    (mu, s, beta, eps), (v, m) = filtering.values, filtering.traces
    u, (v, m) = kernels.normalize(z, (mu, weight * s, beta, eps), (weight * v, m), lengths)
    return u, filtering.after((v / weight, m), 0).traces
