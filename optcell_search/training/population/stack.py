"""The numbers of many models of one shape, in one tensor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from optcell_search.rules import Rule

_RULE_VALUES = "rule_values"


class Stack:
    """The weights of K models in one tensor (K, N), and what else they hold in a tensor each.

    The models' own parameters and buffers become views of their rows: what happens to a row
    happens to the model. `release` gives a model tensors of its own again.

    Args:
        models: of the same parameters and buffers.

    Attributes:
        numbers: (K, N), the trained weights, one behind the other.
        weights: name → (K, ...), views of `numbers` that gradients are taken by.
        columns: name → the columns of a weight in `numbers`.
        others: name → (K, ...): weights that are not trained, and buffers but a rule's values.
    """

    def __init__(self, models: Sequence[nn.Module]) -> None:
        self._models = list(models)
        self.columns: dict[str, slice] = {}
        count = 0
        for name, weight in models[0].named_parameters():
            if weight.requires_grad:
                self.columns[name] = slice(count, count + weight.numel())
                count += weight.numel()
        like = next(models[0].parameters())
        self.numbers = like.new_empty(len(models), count)
        self.weights: dict[str, Tensor] = {}
        self.others: dict[str, Tensor] = {}
        own = [dict(model.named_parameters()) for model in models]
        for name, weight in own[0].items():
            if name in self.columns:
                rows = self.rows(self.numbers, name, weight.shape)
            else:
                rows = weight.new_empty(len(models), *weight.shape)
                self.others[name] = rows
            for row, each in zip(rows, own, strict=True):
                row.copy_(each[name].data)
                each[name].data = row
            if name in self.columns:
                self.weights[name] = rows.detach().requires_grad_()
        for name in dict(_buffers(models[0])):
            self.others[name] = torch.stack([model.get_buffer(name) for model in models])
            for row, model in zip(self.others[name], models, strict=True):
                _replace(model, name, row)

    def rows(self, numbers: Tensor, name: str, shape: torch.Size) -> Tensor:
        """Return the part (K, ...) of a tensor like `numbers` that is a weight's."""
        return numbers[:, self.columns[name]].view(-1, *shape)

    @torch.no_grad()
    def release(self) -> None:
        """Give every model tensors of its own."""
        for model in self._models:
            for weight in model.parameters():
                weight.data = weight.data.clone()
            for name, buffer in list(_buffers(model)):
                _replace(model, name, buffer.clone())

    @torch.no_grad()
    def silence(self, k: int) -> None:
        """Make all numbers of a model 0, so that nothing that follows is not finite."""
        self.numbers[k] = 0
        for rows in self.others.values():
            rows[k] = 0


def rule_values(template: nn.Module, rules: Sequence[Rule]) -> dict[str, Tensor]:
    """Return the fixed values of many models' rules, (K,) each, by the names of the template's."""
    return {
        name: torch.tensor(
            [getattr(rule, name.rpartition(".")[2]) for rule in rules],
            dtype=buffer.dtype,
            device=buffer.device,
        )
        for name, buffer in template.named_buffers()
        if _of_rule(name)
    }


def _of_rule(name: str) -> bool:
    return _RULE_VALUES in name.split(".")


def _buffers(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    return ((name, buffer) for name, buffer in model.named_buffers() if not _of_rule(name))


def _replace(model: nn.Module, name: str, buffer: Tensor) -> None:
    owner, _, own = name.rpartition(".")
    setattr(model.get_submodule(owner), own, buffer)
