"""The per-step loop that bench_cells.py compares with: cells as public implementations write them.

Every step multiplies its own input by W, updates the rule's traces and runs the cell, in Python
over plain torch operators, as the cells published with arXiv 2006.06919 do. Numbers are those of
an `OptCell` of the same weights; tests/test_bench.py holds them to that.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from optcell_search.cells import OptCell


class WrittenOut(nn.Module):
    """The layers of an `OptCell` of heavy ball or Adam and rnn, lstm or gru, stepped in Python."""

    def __init__(self, cell: OptCell) -> None:
        super().__init__()
        self.cell = cell
        self.kind, self.rule = type(cell.cell).name, cell.rule

    def forward(self, x: Tensor) -> tuple[Tensor, None]:
        """Run over (T, B, D)."""
        for layer in range(self.cell.num_layers):
            x = self._layer(x, f"_l{layer}")
        return x, None

    def _layer(self, x: Tensor, suffix: str) -> Tensor:
        w_ih, w_hh, b_ih, b_hh = (
            getattr(self.cell, name + suffix)
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        h = c = x.new_zeros(x.shape[1], self.cell.hidden_size)
        v = m = x.new_zeros(x.shape[1], len(w_ih))
        outputs = []
        for x_t in x:
            z = torch.nn.functional.linear(x_t, w_ih, b_ih)
            v = self.rule.mu * v + self.rule.s * z
            u = v
            if self.rule.name == "adam":
                m = self.rule.beta * m + (1 - self.rule.beta) * z * z
                u = v / torch.sqrt(m + self.rule.eps**2)
            h, c = self._step(u, torch.nn.functional.linear(h, w_hh, b_hh), h, c)
            outputs.append(h)
        return torch.stack(outputs)

    def _step(self, u: Tensor, a: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        if self.kind == "lstm":
            i, f, g, o = (u + a).chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            return torch.sigmoid(o) * torch.tanh(c), c
        if self.kind == "gru":
            (u_r, u_z, u_n), (a_r, a_z, a_n) = u.chunk(3, 1), a.chunk(3, 1)
            z = torch.sigmoid(u_z + a_z)
            n = torch.tanh(u_n + torch.sigmoid(u_r + a_r) * a_n)
            return (1 - z) * n + z * h, c
        return torch.tanh(u + a), c
