"""The optimizer of a model's weights."""

from __future__ import annotations

import torch

from optcell_search.cells.building import AnyModel
from optcell_search.space import Training

from .groups import parameter_groups


def optimizer_of(model: AnyModel, training: Training) -> torch.optim.Optimizer:
    """Return the optimizer that a candidate is trained with."""
    groups = parameter_groups(model, training.lr)
    lr, decay = training.lr, training.weight_decay
    # One call for all weights: of a small network's step the loop over them is a tenth.
    fused = all(weight.is_floating_point() for weight in model.parameters())
    if training.optimizer == "rmsprop":
        # alpha as in the official MomentumRNN code; torch's default is 0.99.
        return torch.optim.RMSprop(groups, lr=lr, alpha=0.9, weight_decay=decay)
    if training.optimizer == "adam":
        return torch.optim.Adam(groups, lr=lr, weight_decay=decay, fused=fused)
    assert training.optimizer == "adamw"
    return torch.optim.AdamW(groups, lr=lr, weight_decay=decay, fused=fused)
