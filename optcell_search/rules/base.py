"""What an update rule is, and how one runs over a whole sequence.

A rule keeps *traces*, each a linear recurrence of first order over time, and reads its output off
them point by point:

    q_t = decay_t q_{t-1} + drive_t        (all traces start at 0)
    u_t = emit(z_t, q_t)

So a rule is two short formulas, and the loop over time is written once, in `kernels`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from .. import kernels
from ..hyperparameters import Hyperparameters
from ..shapes import Float, Int

Values = Mapping[str, Tensor]


class Recurrence(NamedTuple):
    """One trace: q_t = decay_t q_{t-1} + drive_t.

    `decay` is (T or 1, B or 1, 1) and `drive` is (T, B, channels).
    """

    decay: Tensor
    drive: Tensor


class RuleState(NamedTuple):
    """What a rule remembers between two pieces of a sequence.

    `traces` holds one (B, channels) tensor a trace, `steps` the number of steps taken so far:
    (1,) while all sequences are equally long, else (B,).
    """

    traces: tuple[Tensor, ...]
    steps: Tensor


class Rule(Hyperparameters, ABC):
    """An update rule: its hyperparameters, its traces and what it makes of them.

    A subclass is a frozen, keyword-only dataclass in a file of this room. Its fields are what a
    search varies; in the formulas they arrive as 0-d tensors, so that they can be learned and
    mapped over. The formulas must not branch on the values of tensors.
    """

    title: ClassVar[str]
    equation: ClassVar[str]
    citation: ClassVar[str]
    # A linear rule commutes with the input weights, filter(W x) = W filter(x), which is what
    # lets its cells run on torch's own kernels. The contract tests check the claim.
    linear: ClassVar[bool]

    @abstractmethod
    def traces(
        self, z: Float[Tensor, "time batch channels"], t: Int[Tensor, "time steps 1"], p: Values
    ) -> tuple[Recurrence, ...]:
        """Return the recurrences behind the rule.

        Args:
            z: (T, B, channels) drive.
            t: (T, B or 1, 1) number of each step, from 1, counted on over pieces.
            p: the hyperparameters by name, 0-d tensors.
        """

    @abstractmethod
    def emit(
        self,
        z: Float[Tensor, "time batch channels"],
        q: tuple[Float[Tensor, "time batch channels"], ...],
        p: Values,
    ) -> Float[Tensor, "time batch channels"]:
        """Return u from the drive `z` and the traces `q`, in the order of `traces`."""

    def normalizer(self, p: Values) -> tuple[Tensor | None, Tensor, Tensor, Tensor] | None:
        """Return mu, s, beta and eps where this rule is Adam's filter, which has its own kernel.

        None for mu stands for no momentum and no trace of it. Every other rule returns None.
        """
        return None


def apply_rule(
    rule: Rule,
    p: Values,
    z: Float[Tensor, "time batch channels"],
    state: RuleState | None = None,
    lengths: Int[Tensor, " batch"] | None = None,
) -> tuple[Float[Tensor, "time batch channels"], RuleState]:
    """Filter a drive through a rule.

    Args:
        rule: the rule; `p` holds its hyperparameters as 0-d tensors.
        z: (T, B, channels) drive, padded at its end where `lengths` says so.
        state: where an earlier piece of the same sequences ended; None starts afresh.
        lengths: (B,) valid steps of each sequence; None means all T.

    Returns:
        u (T, B, channels), and the state after each sequence's last valid step.

    Raises:
        ValueError: the state is of another batch size, number of channels, dtype or device.
    """
    if state is not None:
        for trace in state.traces:
            if (trace.shape, trace.dtype, trace.device) != (z.shape[1:], z.dtype, z.device):
                raise ValueError(
                    f"state with a trace of {tuple(trace.shape)} {trace.dtype} on {trace.device}; "
                    f"valid here: {tuple(z.shape[1:])} {z.dtype} on {z.device}"
                )
    steps = z.new_zeros(1, dtype=torch.int64) if state is None else state.steps
    taken = len(z) if lengths is None else lengths
    values = rule.normalizer(p)
    if values is not None:
        u, traces = _normalize(values, z, state, lengths)
        return u, RuleState(traces, steps + taken)
    t = steps[:, None] + torch.arange(1, len(z) + 1, device=z.device)[:, None, None]
    recurrences = rule.traces(z, t, p)
    zeros = z.new_zeros(z.shape[1:])
    initial = (zeros,) * len(recurrences) if state is None else state.traces
    q = tuple(
        kernels.scan(recurrence.decay, recurrence.drive, trace)
        for recurrence, trace in zip(recurrences, initial, strict=True)
    )
    final = RuleState(tuple(last_valid(trace, lengths) for trace in q), steps + taken)
    return rule.emit(z, q, p), final


def _normalize(
    values: tuple[Tensor | None, Tensor, Tensor, Tensor],
    z: Tensor,
    state: RuleState | None,
    lengths: Tensor | None,
) -> tuple[Tensor, tuple[Tensor, ...]]:
    mu, s, beta, eps = values
    zeros = z.new_zeros(z.shape[1:])
    traces = (zeros, zeros) if state is None else state.traces
    if mu is not None:
        return kernels.normalize(z, (mu, s, beta, eps), (traces[0], traces[1]), lengths)
    u, (_, m) = kernels.normalize(
        z, (torch.zeros_like(s), s, beta, eps), (zeros, traces[-1]), lengths
    )
    return u, (m,)


def last_valid(
    history: Float[Tensor, "time batch *channels"], lengths: Int[Tensor, " batch"] | None
) -> Float[Tensor, "batch *channels"]:
    """Return each sequence's entry at its last valid step from a (T, B, ...) history."""
    if lengths is None:
        return history[-1]
    return history[lengths - 1, torch.arange(history.shape[1], device=history.device)]
