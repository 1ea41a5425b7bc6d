"""Modules and sequences for the contract of cells, and the definition they are compared with."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from ... import registry
from ...cells import Cell, OptCell
from ...kernels import recur
from ...rules import apply_rule


class WithEveryRule:
    """The fixtures of the contract: the cell, which a subclass supplies, and every rule."""

    @pytest.fixture
    def cell(self) -> Cell:
        """Return the cell to test, an object."""
        raise NotImplementedError("supply the fixture `cell`")

    @pytest.fixture(params=registry.rules.names())
    def rule(self, request: pytest.FixtureRequest) -> str:
        """Return the name of a registered rule."""
        name: str = request.param
        return name


def make(cell: Cell, rule: str, **arguments: Any) -> OptCell:
    """Return a float64 module of three features and eight units, the same at every call."""
    torch.manual_seed(0)
    return OptCell(3, 8, cell=cell, rule=rule, dtype=torch.float64, **arguments).eval()


def sequence(T: int, B: int = 2, seed: int = 0) -> Tensor:
    """Return (T, B, 3) float64 noise, the same at every call."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(T, B, 3, dtype=torch.float64, generator=generator)


def by_definition(module: OptCell, x: Tensor) -> Tensor:
    """Return what one layer in one direction is to give: projection, rule, step after step."""
    cell = module.cell
    weights = cell.prepare(module._weights(0))
    u, _ = apply_rule(module.rule, module.rule_values(), cell.input_projection(weights, x, None))
    aside = cell.bypass(weights, x)
    u = u if aside is None else torch.cat([u, aside], -1)
    return recur(partial(cell.step, weights), u, cell.initial(x.shape[1], module.hidden_size, x))[0]
