"""The ground floor: names, widths and shapes that the loops and all back-ends share.

Legend: K candidates, T steps, B sequences, F features, G gates, H hidden width, W channels.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

# Vectors of H a recurrence takes from its pre-activations, and keeps for the backward pass.
GATES = {"lstm": 4, "gru": 3, "rnn_tanh": 1, "rnn_relu": 1, "rnn_modrelu": 1}
SAVED = {"lstm": 4, "gru": 4, "rnn_tanh": 0, "rnn_relu": 0, "rnn_modrelu": 0}

# What a channel of a linear scan takes and holds, by its planes of coefficients: inputs, states.
FORMS = {2: (1, 1), 3: (2, 2), 6: (1, 2)}
# Pre-activations of a channel of the minimal gated cells.
GATED = {"min_gru": 2, "min_lstm": 3}
# Matrices a delta memory holds, by its inner rule.
DELTA_STATES = {"plain": 1, "trace": 2, "adam": 3}

# Steps between two places where traces are written down, from which a backward pass runs them
# again: in Adam's filter alone (kMark in filter.h) and in a fused layer (kStretch in layer.h).
MARK = 32
STRETCH = 8
# In the delta memory (kDelta in delta_parts.h), in rows that any processor's vectors divide.
DELTA, DELTA_ROWS = 16, 16
# Widest head of a delta memory that a GPU's kernel holds in registers.
WIDEST_DELTA = 64

# How far back a fused layer's gradients are wanted: to the weights, to x, or to a linear rule and
# its trace, too.
TO_WEIGHTS, TO_INPUT, TO_RULE = range(3)


class LayerInputs(NamedTuple):
    """What a fused layer takes, K candidates in front; (K, 0) stands for what there is not.

    Attributes:
        x: input (K, T, B, F).
        w_ih, b_ih: input weights (K, G H, F) and bias (K, G H).
        w_hh, b_hh: recurrent weights (K, G H, H) and bias (K, G H).
        h0, c0: hidden state before the first step, (K, B, H) each.
        p: mu, s, beta and eps of Adam's filter, (K, 4).
        v0, m0: traces before the first step: of Adam's filter (K, B, G H) each; of a linear rule
            v0 alone, (K, B, F), with an input bias (K, B, F + 1).
        lengths: valid steps of each sequence (K, B), where the rule ends.
        linear: d, a, c and e of a linear rule, (K, T, B, 4).
    """

    x: Tensor
    w_ih: Tensor
    b_ih: Tensor
    w_hh: Tensor
    b_hh: Tensor
    h0: Tensor
    c0: Tensor
    p: Tensor
    v0: Tensor
    m0: Tensor
    lengths: Tensor
    linear: Tensor


class LayerOutputs(NamedTuple):
    """What a fused layer returns; (K, 0) stands for what there is not.

    Attributes:
        h, c: hidden state after every step, (K, T, B, H) each.
        saved: what a backward pass needs of each step.
        v, m: traces after each sequence's last valid step, of the shapes of v0 and m0.
        marks: traces from which a backward pass runs the filter again.
    """

    h: Tensor
    c: Tensor
    saved: Tensor
    v: Tensor
    m: Tensor
    marks: Tensor


class LayerKept(NamedTuple):
    """What a fused layer's backward pass starts from, beside the gradients of its outputs."""

    x: Tensor
    w_ih: Tensor
    b_ih: Tensor
    w_hh: Tensor
    h0: Tensor
    c0: Tensor
    p: Tensor
    lengths: Tensor
    linear: Tensor
    h: Tensor
    c: Tensor
    saved: Tensor
    marks: Tensor


class OutputGradients(NamedTuple):
    """Gradients of a fused layer's outputs; (K, 0) where nothing flows back."""

    grad_h: Tensor
    grad_c: Tensor
    grad_v: Tensor
    grad_m: Tensor


class InputGradients(NamedTuple):
    """Gradients of a fused layer's inputs; (K, 0) where nobody wants them."""

    dx: Tensor
    dw_ih: Tensor
    db_ih: Tensor
    dw_hh: Tensor
    db_hh: Tensor
    dh0: Tensor
    dc0: Tensor
    dp: Tensor
    dv: Tensor
    dm: Tensor
    dlinear: Tensor


def recurrence_outputs(
    h0: Tensor, steps: int, kind: str, keep: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """Return room for h, c and what is kept of the steps, (K, T, B, ...) each or (K, 0)."""
    K, B, H = h0.shape
    width = SAVED[kind] * H if keep else 0
    return (
        h0.new_empty(K, steps, B, H),
        h0.new_empty(K, steps, B, H) if kind == "lstm" else h0.new_empty(K, 0),
        h0.new_empty(K, steps, B, width) if width else h0.new_empty(K, 0),
    )


def all_states(grad: Tensor, v: Tensor) -> Tensor:
    """Return the gradient of all planes of a scan's states v, from that of the last ones.

    The others have none where only the last ones are read.
    """
    none = v.shape[-2] - grad.shape[-2]
    return torch.nn.functional.pad(grad, (0, 0, none, 0)) if none else grad


def normalize_marks(z: Tensor, backend: str, keep: bool) -> Tensor:
    """Return room for the traces from which Adam's filter of z (K, T, B, W) is run again."""
    K, T, B, W = z.shape
    if backend == "torch":
        return z.new_empty(K, 1, 2, B, W)
    return z.new_empty(K, -(-T // MARK), 2, B, W) if keep else z.new_empty(K, 0)


def delta_marks(u: Tensor, start: Tensor, keep: bool) -> Tensor:
    """Return room for the states from which a delta memory of u (K, T, B, W) is run again."""
    K, B, heads, states, d, _ = start.shape
    if not keep:
        return start.new_empty(K, 0)
    rows = -(-d // DELTA_ROWS) * DELTA_ROWS
    return start.new_empty(K, B * heads * -(-u.shape[1] // DELTA) * states * rows * d)


def layer_outputs(inputs: LayerInputs, kind: str, keep: bool) -> LayerOutputs:
    """Return room for what a fused layer returns."""
    v0, m0 = inputs.v0, inputs.m0
    steps = inputs.x.shape[1]
    marks = v0.new_empty(len(v0), 0)
    if keep and v0.numel():
        traces = 2 if m0.numel() else 1
        marks = v0.new_empty(len(v0), -(-steps // STRETCH), traces, *v0.shape[1:])
    hidden = recurrence_outputs(inputs.h0, steps, kind, keep)
    return LayerOutputs(*hidden, torch.empty_like(v0), torch.empty_like(m0), marks)


def layer_gradients(grads: OutputGradients, kept: LayerKept, wanted: int) -> InputGradients:
    """Return room for the gradients that are wanted, (K, 0) for the others."""

    def room(like: Tensor, needed: bool) -> Tensor:
        return torch.empty_like(like) if needed else like.new_empty(len(like), 0)

    return InputGradients(
        dx=room(kept.x, wanted >= TO_INPUT),
        dw_ih=torch.empty_like(kept.w_ih),
        db_ih=torch.empty_like(kept.b_ih),
        dw_hh=torch.empty_like(kept.w_hh),
        db_hh=kept.w_hh.new_empty(kept.w_hh.shape[:2]),
        dh0=torch.empty_like(kept.h0),
        dc0=torch.empty_like(kept.c0),
        dp=torch.empty_like(kept.p),
        dv=room(grads.grad_v, wanted >= TO_RULE or kept.p.numel() > 0),
        dm=torch.empty_like(grads.grad_m),
        dlinear=room(kept.linear, wanted >= TO_RULE),
    )
