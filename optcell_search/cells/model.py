"""A whole model for sequences: recurrent layers and a linear read-out."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from ..registry import cells
from ..rules import Rule
from .base import Cell
from .optcell import OptCell
from .state import State
from .symbols import Symbols


class SequenceModel(nn.Module):
    """An OptCell and a read-out of its last or of every step, linear unless the cell says else.

    Args:
        input_size: features of the input.
        output_size: features of the output, e.g. the number of classes.
        hidden_size, cell, rule, num_layers, dropout, bidirectional, learn_rule: see `OptCell`.
        symbols: whether the one feature of a step is the number of a symbol, below `output_size`,
            which is embedded; the read-out predicts symbols and is tied to the embedding.
        readout: ``"last"`` reads the output after a sequence's last step, (B, outputs);
            ``"every"`` reads every step, (B, T, outputs).
    """

    def __init__(
        self,
        input_size: int,
        output_size: int,
        hidden_size: int,
        *,
        cell: str | Cell = "lstm",
        rule: str | Rule = "heavy_ball",
        num_layers: int = 1,
        dropout: float = 0.0,
        bidirectional: bool = False,
        learn_rule: bool = False,
        readout: Literal["last", "every"] = "last",
        symbols: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if symbols and bidirectional:
            raise ValueError(
                "bidirectional = True reads ahead the very symbols that are to be predicted; "
                "valid: False where symbols are predicted"
            )
        cell = cells.get(cell)() if isinstance(cell, str) else cell
        # A tied read-out gives the embedding the width of the output.
        self.cell = OptCell(
            cell.output_size(hidden_size) if symbols else input_size,
            hidden_size,
            cell=cell,
            rule=rule,
            num_layers=num_layers,
            batch_first=True,
            # A search varies layers and dropout apart; with one layer there is nothing to drop.
            dropout=dropout if num_layers > 1 else 0.0,
            bidirectional=bidirectional,
            learn_rule=learn_rule,
            device=device,
            dtype=dtype,
        )
        width = self.cell.output_size
        self.readout = (
            Symbols(output_size, width, device, dtype)
            if symbols
            else cell.readout(width, output_size, device, dtype)
        )
        self.reads: Literal["last", "every"] = readout

    def forward(self, x: Tensor | PackedSequence) -> Tensor:
        """Return (B, outputs) or (B, T, outputs) from (B, T, features) or a packed batch."""
        if isinstance(x, PackedSequence):
            hidden, _ = self.cell(x._replace(data=self.embed(x.data)))
        else:
            hidden, _ = self.cell(self.embed(x))
        if not isinstance(hidden, PackedSequence):
            return self.head(hidden)
        if self.reads == "every":
            # Before unpacking, so that a read-out with statistics does not see the padding.
            read = hidden._replace(data=self.readout(hidden.data))
            return pad_packed_sequence(read, batch_first=True)[0]
        padded, lengths = pad_packed_sequence(hidden, batch_first=True)
        rows = torch.arange(len(padded), device=padded.device)
        return self.head(padded[rows, lengths.to(padded.device) - 1].unsqueeze(1))

    def embed(self, x: Tensor) -> Tensor:
        """Return the input as the recurrent layers take it: as it is, or symbols embedded."""
        return self.readout.embed(x) if isinstance(self.readout, Symbols) else x

    def head(self, hidden: Tensor) -> Tensor:
        """Return the outputs from the recurrent layers' outputs (B, T, width)."""
        outputs: Tensor = self.readout(hidden[:, -1] if self.reads == "last" else hidden)
        return outputs

    def after_step(self) -> None:
        """Put the weights in order after a step of the optimizer; see `OptCell.after_step`."""
        self.cell.after_step()

    def parameter_groups(self, lr: float) -> list[dict[str, Any]]:
        """Return the parameters for an optimizer, in groups that have their own learning rate."""
        factors = {"cell." + name: factor for name, factor in self.cell.learning_rates().items()}
        groups: dict[float, list[nn.Parameter]] = {1.0: []}
        for name, parameter in self.named_parameters():
            groups.setdefault(factors.get(name, 1.0), []).append(parameter)
        return [{"params": group, "lr": lr * factor} for factor, group in groups.items()]

    def stream(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Return the outputs (B, T, outputs) at every step of the next piece, and the state."""
        hidden, state = self.cell(self.embed(x), state)
        return self.readout(hidden), state
