"""The gradients of recurrent weights from those of the pre-activations, for any back-end."""

from __future__ import annotations

import torch
from torch import Tensor


def weight_gradients(
    du: Tensor, dn: Tensor, h: Tensor, h0: Tensor, kind: str
) -> tuple[Tensor, Tensor]:
    """Return the gradients of recurrent weights and bias, one matrix product over all steps.

    Only GRU's last gate, whose recurrent part is scaled by r, has another gradient there (`dn`)
    than at u (`du`). The bias of modrelu adds to |a| and not to a.
    """
    parts = [du[..., : 2 * h.shape[-1]], dn] if kind == "gru" else [du]
    weight = torch.cat([_weight_gradient(part, h, h0) for part in parts], 1)
    if kind == "rnn_modrelu":
        return weight, (du * h.sign()).sum((1, 2))
    return weight, torch.cat([part.sum((1, 2)) for part in parts], 1)


def _weight_gradient(da: Tensor, h: Tensor, h0: Tensor) -> Tensor:
    """sum_t da_t^T h_{t-1}: (K, T, B, A), (K, T, B, H), (K, B, H) -> (K, A, H)."""
    first = da[:, 0].mT @ h0
    if da.shape[1] == 1:
        return first
    return torch.baddbmm(first, da[:, 1:].flatten(1, 2).mT, h[:, :-1].flatten(1, 2))
