"""Launches the recurrences of the gated cells."""

from __future__ import annotations

from typing import Any

import torch
import triton
from torch import Tensor

from ..layout import recurrence_outputs
from ..weight_gradients import weight_gradients
from . import gru, lstm, rnn
from .device import precision, sequences, width

_CELLS: dict[str, tuple[Any, tuple[int, ...]]] = {
    "lstm": (lstm, ()),
    "gru": (gru, ()),
    "rnn_tanh": (rnn, (rnn.TANH,)),
    "rnn_relu": (rnn, (rnn.RELU,)),
    "rnn_modrelu": (rnn, (rnn.MODRELU,)),
}


def _launch(kernel: Any, size: int, K: int, B: int, *args: Any) -> None:
    """Start one program for each `size` sequences of a candidate, with a warp for two of them."""
    # One stage: steps depend on each other; only the product inside a step is made in stages.
    kernel[(triton.cdiv(B, size), K)](*args, num_warps=size // 2, num_stages=1)


def recurrence_forward(
    u: Tensor, weight: Tensor, bias: Tensor, h0: Tensor, c0: Tensor, kind: str, keep: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """h, c and what the backward pass needs of each step."""
    K, T, B, _ = u.shape
    H = h0.shape[-1]
    outputs = recurrence_outputs(h0, T, kind, keep)
    kernels, more = _CELLS[kind]
    size = sequences(K, B, h0)
    options = (keep, size, width(H), precision(u), *more)
    # Each gate's weights transposed: a product reads them row by row.
    turned = weight.view(K, -1, H, H).mT.contiguous()
    inputs = (u, turned, bias, h0, c0)
    _launch(kernels.forward, size, K, B, *inputs, *outputs, T, B, H, *options)
    return outputs


def recurrence_backward(
    grad_h: Tensor, grad_c: Tensor, weight: Tensor, h0: Tensor, c0: Tensor, h: Tensor, c: Tensor,
    saved: Tensor, kind: str,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    """Gradients of u, of the weights and the bias, of h0 and of c0."""
    K, T, B, H = h.shape
    du = h.new_empty(K, T, B, weight.shape[1])
    dn = torch.empty_like(h) if kind == "gru" else h.new_empty(K, 0)
    dh0, dc0 = torch.empty_like(h0), torch.empty_like(c0)
    kernels, more = _CELLS[kind]
    inputs = (grad_h, grad_c, weight, h0, c0, h, c, saved)
    given = (bool(grad_h.numel()), bool(grad_c.numel()))
    size = sequences(K, B, h)
    options = (*given, size, width(H), precision(h), *more)
    _launch(kernels.backward, size, K, B, *inputs, du, dn, dh0, dc0, T, B, H, *options)
    return du, *weight_gradients(du, dn, h, h0, kind), dh0, dc0
