"""Which weights of a model train at a learning rate of their own, or without weight decay."""

from __future__ import annotations

from typing import Any

import torch
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


def restore(optimizer: torch.optim.Optimizer, model: nn.Module, state: dict[str, Any]) -> None:
    """Load the state of an optimizer of the same model.

    Runs of before have groups by learning rate alone, the usual one first: what they keep of each
    weight goes to where that weight stands now.
    """
    groups = optimizer.param_groups
    sizes = [len(group["params"]) for group in groups]
    if [len(group["params"]) for group in state["param_groups"]] != sizes:
        rates = {weight: group["lr"] for group in groups for weight in group["params"]}
        order = dict.fromkeys([groups[0]["lr"], *(rates[one] for one in model.parameters())])
        before = [one for rate in order for one in model.parameters() if rates[one] == rate]
        kept = {weight: state["state"].get(i) for i, weight in enumerate(before)}
        now = [weight for group in groups for weight in group["params"]]
        state = {
            "state": {i: kept[one] for i, one in enumerate(now) if kept[one] is not None},
            "param_groups": optimizer.state_dict()["param_groups"],
        }
    optimizer.load_state_dict(state)
