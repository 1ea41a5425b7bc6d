"""The recurrence of a cell, step by step.

Legend: T steps, B sequences, G H width of the pre-activations (gates x hidden), H hidden width.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ...shapes import Float

Hidden = tuple[Tensor, ...]
Step = Callable[[Tensor, Hidden], Hidden]


def recur(step: Step, u: Float[Tensor, "time batch width"], hidden: Hidden) -> Hidden:
    """Run a cell over a whole sequence of filtered pre-activations.

    Args:
        step: the cell, (u_t (B, G), hidden) -> hidden, each part of hidden (B, ...).
        u: (T, B, G), what the update rule made of z.
        hidden: the state before the first step; its first part is the cell's output.

    Returns:
        The parts of the hidden state after every step, each (T, B, ...).
    """
    history = []
    for u_t in u:
        hidden = step(u_t, hidden)
        history.append(hidden)
    return tuple(torch.stack(part) for part in zip(*history, strict=True))


def recurrence(
    kind: str,
    u: Float[Tensor, "time batch width"],
    weight: Float[Tensor, "width hidden"],
    bias: Float[Tensor, " width"],
    hidden: Hidden,
) -> Hidden:
    """Run a gated cell; see `kernels.recurrence`."""

    def lstm(u_t: Tensor, hidden: Hidden) -> Hidden:
        h, c = hidden
        i, f, g, o = (u_t + h @ weight.T + bias).chunk(4, -1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        return o.sigmoid() * c.tanh(), c

    def gru(u_t: Tensor, hidden: Hidden) -> Hidden:
        u_r, u_z, u_n = u_t.chunk(3, -1)
        a_r, a_z, a_n = (hidden[0] @ weight.T + bias).chunk(3, -1)
        z = (u_z + a_z).sigmoid()
        n = (u_n + (u_r + a_r).sigmoid() * a_n).tanh()
        return ((1 - z) * n + z * hidden[0],)

    def rnn_tanh(u_t: Tensor, hidden: Hidden) -> Hidden:
        return ((u_t + hidden[0] @ weight.T + bias).tanh(),)

    def rnn_relu(u_t: Tensor, hidden: Hidden) -> Hidden:
        return ((u_t + hidden[0] @ weight.T + bias).relu(),)

    def rnn_modrelu(u_t: Tensor, hidden: Hidden) -> Hidden:
        a = u_t + hidden[0] @ weight.T
        return (a.sign() * (a.abs() + bias).relu(),)

    steps: dict[str, Step] = {
        "lstm": lstm, "gru": gru,
        "rnn_tanh": rnn_tanh, "rnn_relu": rnn_relu, "rnn_modrelu": rnn_modrelu,
    }  # fmt: skip
    return recur(steps[kind], u, hidden)
