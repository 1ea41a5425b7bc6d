"""Packed batches whose padding nobody may see."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence


def outputs_with(
    model: nn.Module, state: Mapping[str, Tensor], x: Tensor, lengths: Tensor, padding: float
) -> Tensor:
    """Return a model's outputs, from a state of it, where the padding is filled with a number."""
    model.load_state_dict(state)
    filled = x.clone()
    for row, length in enumerate(lengths):
        filled[row, length:] = padding
    return model(pack_padded_sequence(filled, lengths, batch_first=True, enforce_sorted=False))
