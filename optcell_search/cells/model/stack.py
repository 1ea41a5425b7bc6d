"""Recurrent layers on top of each other with norms, gates and ways around them."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn

from ..dropping import dropout
from ..norm import norm_of
from ..optcell import OptCell
from ..state import State, with_layers
from .gated import GatedLinear
from .steps import Steps, added, each


class Stack(nn.Module):
    """Layers h^l = glu_l(cell_l(norm_l(h^{l-1}))), plus h^{l-1} where they are residual.

    The first layer takes the input as it is, and adds to nothing: x has another width, and a front
    has its own norm. Dropout acts on what a layer adds, as between the layers of an `OptCell`: on
    all but the last.

    Args:
        input_size, hidden_size: see `OptCell`.
        num_layers: how many.
        norm: "none", "layer" or "batch".
        residual: whether a layer adds to what is below it.
        glu: whether each layer goes through a `GatedLinear` unit.
        dropout: probability of dropping an output of any layer but the last, in training.
        bidirectional: see `OptCell`.
        layer: further arguments of `OptCell` for each layer.

    Source: Xiong et al.: On Layer Normalization in the Transformer Architecture, ICML 2020, arXiv
    2002.04745 (the norm before the layer, and none on the way around it).
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        num_layers: int,
        norm: str,
        residual: bool,
        glu: bool,
        dropout: float,
        bidirectional: bool,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        **layer: Any,
    ) -> None:
        super().__init__()
        self.residual, self.dropout, self.bidirectional = residual, dropout, bidirectional
        layers: list[OptCell] = []
        norms: list[nn.Module] = []
        gates: list[nn.Module] = []
        for number in range(num_layers):
            width = layers[-1].output_size if number else input_size
            if number:
                norms.append(norm_of(norm, width, device, dtype))
            layers.append(
                OptCell(
                    width,
                    hidden_size,
                    batch_first=True,
                    bidirectional=bidirectional,
                    device=device,
                    dtype=dtype,
                    **layer,
                )
            )
            if glu:
                gates.append(GatedLinear(layers[-1].output_size, device, dtype))
        self.layers, self.norms = nn.ModuleList(layers), nn.ModuleList(norms)
        self.gates = nn.ModuleList(gates)
        self.output_size = layers[-1].output_size

    @property
    def _cells(self) -> list[OptCell]:
        return [cast(OptCell, layer) for layer in self.layers]

    def forward(self, x: Steps, state: tuple[Any, ...] | None = None) -> tuple[Steps, State]:
        """Run over (B, T, features) or a packed batch; the state is that of an `OptCell`."""
        directions = 2 if self.bidirectional else 1
        after: list[Any] = []
        cells = self._cells
        for number, cell in enumerate(cells):
            first = number * directions
            own = None if state is None else state[first : first + directions]
            before = None if own is None else with_layers(state, own)
            taken = each(self.norms[number - 1], x) if number else x
            hidden, now = cell(taken, before)
            if self.gates:
                hidden = each(self.gates[number], hidden)
            if self.dropout and number < len(cells) - 1:
                hidden = each(self._drop, hidden)
            x = added(x, hidden) if number and self.residual else hidden
            after.extend(now)
        return x, with_layers(now, after)

    def _drop(self, hidden: Tensor) -> Tensor:
        return dropout(hidden, self.dropout, self.training)

    def after_step(self) -> None:
        """Put the weights in order after a step of the optimizer; see `OptCell.after_step`."""
        for cell in self._cells:
            cell.after_step()


def layers_of(
    input_size: int,
    hidden_size: int,
    *,
    num_layers: int,
    norm: str,
    residual: bool,
    glu: bool,
    dropout: float,
    **layer: Any,
) -> OptCell | Stack:
    """Return an `OptCell`, or a `Stack` where there is something behind or between its layers."""
    # A search varies layers and what is between them apart; with one layer there is nothing.
    between: dict[str, Any] = {"num_layers": num_layers, "dropout": dropout}
    if glu or (num_layers > 1 and (norm != "none" or residual)):
        return Stack(
            input_size, hidden_size, norm=norm, residual=residual, glu=glu, **between, **layer
        )
    if num_layers == 1:
        return OptCell(input_size, hidden_size, batch_first=True, **layer)
    return OptCell(input_size, hidden_size, batch_first=True, **between, **layer)
