"""Torch's own recurrent kernels (oneDNN on CPU, cuDNN on GPU), one layer in one direction."""

from __future__ import annotations

import torch
from torch import Tensor

from ..loop import Loop
from ..watching import transformed

_OPERATORS = {
    "lstm": torch.lstm,
    "gru": torch.gru,
    "rnn_tanh": torch.rnn_tanh,
    "rnn_relu": torch.rnn_relu,
}


def refusal(loop: Loop, traced: bool) -> str | None:
    """Say why torch's kernels cannot run a loop, or None where they can."""
    if not loop.takes_input:
        return "torch's recurrent kernels take an input, not pre-activations filtered beforehand"
    if loop.kind not in _OPERATORS:
        return f"torch has no kernel for {loop.kind}"
    if traced:
        return "torch.compile takes torch's recurrent kernels apart, step by step"
    if transformed():
        return "torch.func cannot map torch's recurrent kernels"
    return None


def torch_rnn(
    kind: str,
    x: Tensor,
    weights: list[Tensor],
    hidden: tuple[Tensor, ...],
    lengths: Tensor | None = None,
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Run one of torch's recurrent layers over a sequence.

    Args:
        kind: ``"lstm"``, ``"gru"``, ``"rnn_tanh"`` or ``"rnn_relu"``.
        x: (T, B, F) input, padded at its end where `lengths` says so.
        weights: input and recurrent weights, (G, F) and (G, H), then both biases (G,) or none.
        hidden: initial state: h, or h and c, each (B, H).
        lengths: (B,) valid steps of each sequence in descending order, or None for all T.

    Returns:
        The outputs (T, B, H), zero beyond a sequence's length, and the state after its last
        valid step.
    """
    operator = _OPERATORS[kind]
    initial = tuple(part.unsqueeze(0) for part in hidden)
    hx = initial if kind == "lstm" else initial[0]
    # has_biases, num_layers, dropout, train, bidirectional: training mode keeps what the
    # backward pass needs, and without dropout it changes nothing else.
    settings = (len(weights) == 4, 1, 0.0, torch.is_grad_enabled(), False)
    if lengths is None:
        output, *final = operator(x, hx, weights, *settings, False)  # type: ignore[operator]
    else:
        packed = torch.nn.utils.rnn.pack_padded_sequence(x, lengths.cpu())
        data, *final = operator(packed.data, packed.batch_sizes, hx, weights, *settings)  # type: ignore[operator]
        output, _ = torch.nn.utils.rnn.pad_packed_sequence(
            torch.nn.utils.rnn.PackedSequence(data, packed.batch_sizes), total_length=len(x)
        )
    return output, tuple(part.squeeze(0) for part in final)
