"""One recurrent layer in one direction: its input, filtered by the rule, through its cell."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn

from .. import kernels
from ..rules import (
    Part,
    Rule,
    RuleState,
    apply_parts,
    apply_rule,
    as_filter,
    as_linear_filter,
    last_valid,
)
from .base import Cell, Hidden, Weights
from .checks import check_layer
from .state import LayerState, check_hidden, widened


class _Piece(NamedTuple):
    """What a layer runs over: `hidden` and `before` are those of its cell and its rule so far.

    `kernel` is the one that runs the recurrence, chosen once for all of the piece.
    """

    kernel: str
    weights: Weights
    p: dict[str, Tensor]
    x: Tensor
    hidden: Hidden
    before: RuleState | None
    lengths: Tensor | None


@dataclass(frozen=True)
class Layer:
    """How a layer computes; its weights are given to it.

    Attributes:
        cell: of the layer.
        rule: what filters z.
        hidden_size: number of features H of the hidden state.
        bias: whether the weights have b_ih and b_hh.
        prepared: whether the weights are given as the cell's `prepare` returns them.
    """

    cell: Cell
    rule: Rule
    hidden_size: int
    bias: bool
    prepared: bool = False

    def backend(self, like: Tensor) -> kernels.Choice:
        """Return the kernel that would run the recurrence on tensors like this one."""
        kind = self.cell.kernel or self.cell.loop
        if kind is None:
            reasons = dict.fromkeys(kernels.FAST, "written for cells that name a kernel or a loop")
            return kernels.Choice("reference", reasons)
        return kernels.choose(self._loop(kind, like))

    def __call__(
        self,
        weights: Weights,
        p: dict[str, Tensor],
        x: Tensor,
        state: LayerState | None,
        lengths: Tensor | None,
    ) -> tuple[Tensor, LayerState]:
        """Run over a sequence, or over the next piece of one.

        Args:
            weights: of the layer, by name.
            p: values of the rule's hyperparameters.
            x: (T, B, features).
            state: to go on from; None starts afresh.
            lengths: of each sequence (B,); None: all T.

        Returns:
            The outputs (T, B, features) and the state to go on from.

        Raises:
            ValueError: input, weights and state do not fit each other.
        """
        if not kernels.exporting():
            # What is recorded has no sizes to be held against others, and runs in torch alone.
            sizes = x.shape[-1], self.hidden_size, self.bias
            check_layer(x, weights, self.cell.shapes(*sizes), self.cell.fixed(*sizes), p)
        weights = weights if self.prepared else self.cell.prepare(weights)
        hidden = self.cell.initial(x.shape[1], self.hidden_size, x)
        if state is not None:
            given = widened(state.hidden, hidden)
            check_hidden(given, hidden, x.shape[1])
            hidden = given
        kind = self.cell.kernel
        loop = kind or self.cell.loop
        kernel = "reference" if loop is None else kernels.pick(self._loop(loop, x))
        before = None if state is None else state.rule
        piece = _Piece(kernel, weights, p, x, hidden, before, lengths)
        done = None
        if kind is not None and kernel == "compiled":
            done = self._in_one_pass(kind, piece)
        if done is None:
            done = self._linear(piece) if self.rule.linear else self._nonlinear(piece)
        return done

    def _in_one_pass(self, kind: str, piece: _Piece) -> tuple[Tensor, LayerState] | None:
        """Run all of the layer in one kernel, or return None where that does not know the rule."""
        _, weights, p, x, hidden, before, lengths = piece
        T, B, features = x.shape
        like = x.new_empty(())
        rule = (
            as_linear_filter(self.rule, p, like.expand(T, B, features + self.bias), before)
            if self.rule.linear
            else as_filter(self.rule, p, like.expand(B, weights["weight_ih"].shape[0]), before)
        )
        if rule is None:
            return None
        w_ih, w_hh = weights["weight_ih"], weights["weight_hh"]
        parts = kernels.LayerWeights(w_ih, weights.get("bias_ih"), w_hh, weights.get("bias_hh"))
        history, traces = kernels.fused_layer(
            kind, x, parts, hidden, rule.values, rule.traces, lengths
        )
        return _ended(history, rule.after(traces, T if lengths is None else lengths), lengths)

    def _nonlinear(self, piece: _Piece) -> tuple[Tensor, LayerState]:
        z = self.cell.input_projection(piece.weights, piece.x, None)
        parts = self.rule.parts(piece.p)
        if parts:
            return self._sum(piece, parts, z)
        u, rule_state = apply_rule(self.rule, piece.p, z, piece.before, piece.lengths)
        return self._through_cell(piece, u, rule_state)

    def _linear(self, piece: _Piece) -> tuple[Tensor, LayerState]:
        kernel, weights, p, x, hidden, before, lengths = piece
        # A linear rule commutes with W: it filters the narrow input instead of the wide z.
        columns, rule_state = apply_rule(self.rule, p, self._columns(x), before, lengths)
        kind = self.cell.kernel
        if kind is None:
            u = self.cell.input_projection(weights, *self._apart(columns))
            return self._through_cell(piece, u, rule_state)
        # Its z is torch's, W x + b: with the bias as a column nothing need be taken apart.
        carried = _carry_bias(weights)
        if kernel == "native":
            output, hidden = kernels.torch_rnn(kind, columns, carried, hidden, lengths)
            return output, LayerState(hidden, rule_state)
        u = nn.functional.linear(columns, carried[0])
        return self._through_cell(piece, u, rule_state)

    def _sum(self, piece: _Piece, parts: tuple[Part, ...], z: Tensor) -> tuple[Tensor, LayerState]:
        columns = self._columns(piece.x)
        narrow, wide, state = apply_parts(parts, columns, z, piece.before, piece.lengths)
        if narrow is None:
            assert wide is not None
            return self._through_cell(piece, wide, state)
        if self.cell.kernel is None:
            u = self.cell.input_projection(piece.weights, *self._apart(narrow))
            return self._through_cell(piece, u if wide is None else wide + u, state)
        # As in `_linear`; the product is added to what is there, with no pass of its own.
        weight = _carry_bias(piece.weights)[0]
        if wide is None:
            return self._through_cell(piece, nn.functional.linear(narrow, weight), state)
        u = torch.addmm(wide.flatten(0, 1), narrow.flatten(0, 1), weight.t())
        return self._through_cell(piece, u.view_as(wide), state)

    def _columns(self, x: Tensor) -> Tensor:
        """Return the input, with a constant channel that carries the bias through a filter."""
        return torch.cat([x, torch.ones_like(x[..., :1])], -1) if self.bias else x

    def _apart(self, columns: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return what a filter made of the input, and of the constant channel if there is one."""
        return (columns[..., :-1], columns[..., -1:]) if self.bias else (columns, None)

    def _through_cell(
        self, piece: _Piece, u: Tensor, rule_state: RuleState
    ) -> tuple[Tensor, LayerState]:
        """Take what the rule made of z, and what bypassed it, through the cell."""
        aside = None if self.cell.kernel else self.cell.bypass(piece.weights, piece.x)
        u = u if aside is None else torch.cat([u, aside], -1)
        if self.cell.loop is not None and piece.kernel != "reference":
            output, hidden = self.cell.over_time(piece.weights, u, piece.hidden, piece.lengths)
            return output, LayerState(hidden, rule_state)
        output, state = _ended(self._recur(piece, u), rule_state, piece.lengths)
        return output.to(u.dtype), state  # a state may be wider

    def _recur(self, piece: _Piece, u: Tensor) -> Hidden:
        """Return the history of the state, from what goes into the cell."""
        kernel, weights, _, _, hidden, *_ = piece
        if self.cell.kernel is None or kernel == "reference":
            return kernels.recur(partial(self.cell.step, weights), u, hidden)
        recurrent = weights["weight_hh"], weights.get("bias_hh")
        return kernels.recurrence(self.cell.kernel, u, *recurrent, hidden, kernel)

    def _loop(self, kind: str, like: Tensor) -> kernels.Loop:
        if self.cell.kernel is None:  # a loop without recurrent weights
            return kernels.Loop.like(kind, like)
        size, linear = self.hidden_size, self.rule.linear
        return kernels.Loop.like(kind, like, hidden_size=size, takes_input=linear)


def _ended(
    history: Hidden, rule_state: RuleState, lengths: Tensor | None
) -> tuple[Tensor, LayerState]:
    """Return the outputs, and the state after each sequence's last valid step."""
    if lengths is not None:
        # What all sequences shared so far, they end at steps of their own.
        history = tuple(part.expand(-1, len(lengths), *part.shape[2:]) for part in history)
    final = tuple(last_valid(part, lengths) for part in history)
    return history[0], LayerState(final, rule_state)


def _carry_bias(weights: Weights) -> list[Tensor]:
    """Return weights for torch's kernel, the input bias moved to a column for the constant 1."""
    if "bias_ih" not in weights:
        return list(weights.values())
    columns = torch.cat([weights["weight_ih"], weights["bias_ih"].unsqueeze(1)], 1)
    zero = torch.zeros_like(weights["bias_ih"])
    return [columns, weights["weight_hh"], zero, weights["bias_hh"]]
