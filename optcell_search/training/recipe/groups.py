"""Which weights of a model train at a learning rate of their own, or without weight decay."""

from __future__ import annotations

from typing import Any

from torch import nn

from optcell_search.cells import OptCell
from optcell_search.cells.values import RuleValues


def parameter_groups(model: nn.Module, lr: float) -> list[dict[str, Any]]:
    """Return the parameters of a model for an optimizer, grouped by how they train.

    A cell's `learning_rates` are factors of `lr`. Weight decay leaves alone what a cell names in
    `undecayed`, and the learned values of rules: at 0 stands no simpler model there, but one with
    other time scales.
    """
    factors: dict[str, float] = {}
    undecayed: set[str] = set()
    for place, module in model.named_modules():
        prefix = f"{place}." if place else ""
        if isinstance(module, OptCell):
            factors |= {prefix + name: rate for name, rate in module.learning_rates().items()}
            undecayed |= {prefix + name for name in module.undecayed()}
        elif isinstance(module, RuleValues):
            undecayed |= {prefix + name for name, _ in module.named_parameters()}
    groups: dict[tuple[float, bool], list[nn.Parameter]] = {(1.0, True): []}
    for name, parameter in model.named_parameters():
        groups.setdefault((factors.get(name, 1.0), name not in undecayed), []).append(parameter)
    return [
        {"params": group, "lr": lr * factor} | ({} if decays else {"weight_decay": 0.0})
        for (factor, decays), group in groups.items()
    ]
