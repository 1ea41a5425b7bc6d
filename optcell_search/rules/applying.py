"""A rule over a whole sequence, or over the next piece of one."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from .. import kernels
from ..shapes import Float, Int
from .base import Rule, RuleState, Values


def apply_rule(
    rule: Rule,
    p: Values,
    z: Float[Tensor, "time batch channels"],
    state: RuleState | None = None,
    lengths: Int[Tensor, " batch"] | None = None,
) -> tuple[Float[Tensor, "time batch channels"], RuleState]:
    """Filter pre-activations through a rule.

    Args:
        rule: the rule; `p` holds its hyperparameters as 0-d tensors.
        z: (T, B, channels) pre-activations, padded at its end where `lengths` says so.
        state: where an earlier piece of the same sequences ended; None starts afresh.
        lengths: (B,) valid steps of each sequence; None means all T.

    Returns:
        u (T, B, channels), and the state after each sequence's last valid step.

    Raises:
        ValueError: the state is of another batch size, number of channels, dtype or device.
    """
    filtering = as_filter(rule, p, z[0], state)
    taken = len(z) if lengths is None else lengths
    if filtering is not None:
        u, traces = kernels.normalize(z, filtering.values, filtering.traces, lengths)
        return u, filtering.after(traces, taken)
    steps = steps_before(state, z[0])
    recurrences = rule.traces(z, count(steps, len(z)), p)
    check_traces(state, z[0], len(recurrences))
    zeros = z.new_zeros(z.shape[1:])
    initial = (zeros,) * len(recurrences) if state is None else state.traces
    kernel = kernels.pick(kernels.Loop.like("scan", z))
    q = tuple(
        kernels.scan(recurrence.decay, recurrence.input, trace, kernel)
        for recurrence, trace in zip(recurrences, initial, strict=True)
    )
    final = RuleState(tuple(last_valid(trace, lengths) for trace in q), steps + taken)
    return rule.emit(z, q, p), final


class Filter(NamedTuple):
    """Adam's filter as its kernels take it, for a rule that is one.

    Attributes:
        values: mu, s, beta and eps, 0-d.
        traces: v and m before the first step, (B, channels) each.
        steps: taken so far.
        kept: how many of the traces the rule's state holds: both, or m alone.
    """

    values: tuple[Tensor, Tensor, Tensor, Tensor]
    traces: tuple[Tensor, Tensor]
    steps: Tensor
    kept: int

    def after(self, traces: tuple[Tensor, ...], taken: int | Tensor) -> RuleState:
        """Return the rule's state once the filter has taken so many steps and left these traces."""
        return RuleState(traces[-self.kept :], self.steps + taken)


def as_filter(
    rule: Rule, p: Values, like: Float[Tensor, "batch channels"], state: RuleState | None
) -> Filter | None:
    """Return a rule as Adam's filter, or None where it is none.

    Args:
        rule: the rule; `p` holds its hyperparameters.
        like: a tensor of the shape, dtype and device of one step of z.
        state: to go on from; None starts afresh.

    Raises:
        ValueError: the state is of another batch size, number of channels, dtype or device.
    """
    values = rule.normalizer(p)
    if values is None:
        return None
    mu, *others = values
    zeros = torch.zeros_like(like)
    traces = 1 if mu is None else 2
    check_traces(state, like, traces)
    kept = (zeros,) * traces if state is None else state.traces
    v = zeros if mu is None else kept[0]
    s, beta, eps = others
    return Filter(
        (torch.zeros_like(s) if mu is None else mu, s, beta, eps),
        (v, kept[-1]),
        steps_before(state, like),
        len(kept),
    )


class LinearFilter(NamedTuple):
    """A linear rule of one trace at most, as its kernel takes it.

        v_t = d_t v_{t-1} + a_t z_t,  u_t = c_t v_t + e_t z_t

    Attributes:
        values: d, a, c and e, (T, B or 1, 4).
        traces: v before the first step, (B, channels), or nothing.
        steps: taken so far.
    """

    values: Tensor
    traces: tuple[Tensor, ...]
    steps: Tensor

    def after(self, traces: tuple[Tensor, ...], taken: int | Tensor) -> RuleState:
        """Return the rule's state once it has taken so many steps and left these traces."""
        return RuleState(traces, self.steps + taken)


def as_linear_filter(
    rule: Rule,
    p: Values,
    like: Float[Tensor, "time batch channels"],
    state: RuleState | None,
) -> LinearFilter | None:
    """Return a linear rule by its coefficients, or None where it has several traces.

    The formulas of a linear rule are sums of multiples of z and of its trace, step by step,
    so what they make of ones and zeros are the factors.

    Args:
        rule: the rule; `p` holds its hyperparameters.
        like: a tensor of the shape, dtype and device of z.
        state: to go on from; None starts afresh.

    Raises:
        ValueError: the state is of another batch size, number of channels, dtype or device.
    """
    steps = steps_before(state, like[0])
    one = like.new_ones(like.shape[0], steps.shape[0], 1)
    zero = torch.zeros_like(one)
    recurrences = rule.traces(one, count(steps, like.shape[0]), p)
    check_traces(state, like[0], len(recurrences))
    if len(recurrences) > 1:
        return None
    if not recurrences:
        parts = zero, zero, zero, rule.emit(one, (), p)
        traces: tuple[Tensor, ...] = ()
    else:
        decay, taken = recurrences[0]
        parts = decay, taken, rule.emit(zero, (one,), p), rule.emit(one, (zero,), p)
        traces = (torch.zeros_like(like[0]),) if state is None else state.traces
    return LinearFilter(torch.cat([part.expand_as(one) for part in parts], -1), traces, steps)


def count(steps: Int[Tensor, " sequences"], more: int) -> Int[Tensor, "time sequences 1"]:
    """Return the numbers of so many steps, from the one after `steps`."""
    return steps[:, None] + torch.arange(1, more + 1, device=steps.device)[:, None, None]


def check_traces(
    state: RuleState | None, like: Float[Tensor, "batch channels"], count: int
) -> None:
    """Raise a ValueError where a state's traces are not as many, or not of the form of z_t."""
    if state is None:
        return
    if len(state.traces) != count:
        raise ValueError(f"state of a rule with {len(state.traces)} traces; valid here: {count}")
    for trace in state.traces:
        if (trace.shape, trace.dtype, trace.device, trace.layout) != (
            like.shape, like.dtype, like.device, torch.strided
        ):  # fmt: skip
            raise ValueError(
                f"state with a trace of {tuple(trace.shape)} {trace.dtype} on {trace.device}; "
                f"valid here: {tuple(like.shape)} {like.dtype} on {like.device}"
            )


def steps_before(state: RuleState | None, like: Float[Tensor, "batch channels"]) -> Tensor:
    """Return the number of steps taken before this piece of the sequences; `like` is a step of z.

    Raises:
        ValueError: the state counts them for another number of sequences.
    """
    if state is None:
        return like.new_zeros(1, dtype=torch.int64)
    steps, batch = state.steps, like.shape[0]
    if (
        steps.dtype != torch.int64
        or steps.device != like.device
        or steps.dim() != 1
        or steps.shape[0] not in (1, batch)
    ):
        raise ValueError(
            f"state with steps of {tuple(steps.shape)} {steps.dtype} on {steps.device}; "
            f"valid here: (1,) or ({batch},) {torch.int64} on {like.device}"
        )
    return steps


def last_valid(
    history: Float[Tensor, "time batch *channels"] | Int[Tensor, "time batch *channels"],
    lengths: Int[Tensor, " batch"] | None,
) -> Float[Tensor, "batch *channels"] | Int[Tensor, "batch *channels"]:
    """Return each sequence's entry at its last valid step from a (T, B, ...) history."""
    if lengths is None:
        return history[-1]
    return history[lengths - 1, torch.arange(history.shape[1], device=history.device)]
