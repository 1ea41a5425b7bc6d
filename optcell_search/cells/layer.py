"""One recurrent layer in one direction: its input, filtered by the rule, through its cell."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from .. import kernels
from ..rules import Rule, RuleState, apply_rule, as_filter, last_valid
from ..rules.applying import Filter
from .base import Cell, Hidden, Weights
from .state import LayerState, check_hidden


@dataclass(frozen=True)
class Layer:
    """How a layer computes; its weights are given to it.

    Attributes:
        cell: of the layer.
        rule: what filters the cell's drive.
        hidden_size: number of features H of the hidden state.
        bias: whether the weights have b_ih and b_hh.
    """

    cell: Cell
    rule: Rule
    hidden_size: int
    bias: bool

    def backend(self, like: Tensor) -> kernels.Choice:
        """Return the kernel that would run the recurrence on tensors like this one."""
        if self.cell.kernel is None:
            reasons = dict.fromkeys(kernels.FAST, "written for lstm, gru and rnn")
            return kernels.Choice("reference", reasons)
        return kernels.choose(self._loop(self.cell.kernel, like))

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
        """
        weights = self.cell.prepare(weights)
        aside = self.cell.bypass(weights, x)
        before = None if state is None else state.rule
        hidden = self.cell.initial(x.shape[1], self.hidden_size, x)
        if state is not None:
            check_hidden(state.hidden, hidden, x.shape[1])
            hidden = state.hidden
        kernel = self._kernel(x)
        if not self.rule.linear:
            if kernel == "compiled":
                like = x.new_empty(()).expand(x.shape[1], weights["weight_ih"].shape[0])
                filtering = as_filter(self.rule, p, like, before)
                if filtering is not None:
                    return self._filtered(weights, x, hidden, filtering, lengths)
            u, rule_state = apply_rule(
                self.rule, p, self.cell.drive(weights, x, None), before, lengths
            )
            return self._recur(weights, _beside(u, aside), hidden, rule_state, lengths)
        # A linear rule commutes with W: it filters the narrow input instead of the wide drive,
        # and a constant channel carries the bias through the filter.
        if self.bias:
            x = torch.cat([x, torch.ones_like(x[..., :1])], -1)
        x, rule_state = apply_rule(self.rule, p, x, before, lengths)
        kind = self.cell.kernel
        if kind is not None and kernel == "native":
            output, hidden = kernels.torch_rnn(kind, x, _carry_bias(weights), hidden, lengths)
            return output, LayerState(hidden, rule_state)
        if kind is not None and kernel == "compiled":
            w_ih, w_hh = _carry_bias(weights)[:2]
            history, _ = kernels.driven(kind, x, (w_ih, None, w_hh, weights.get("bias_hh")), hidden)
            return _ended(history, rule_state, lengths)
        if kind is not None:
            # Its drive is torch's, W x + b: with the bias as a column x need not be taken apart.
            u = nn.functional.linear(x, _carry_bias(weights)[0])
        else:
            x, one = (x[..., :-1], x[..., -1:]) if self.bias else (x, None)
            u = self.cell.drive(weights, x, one)
        return self._recur(weights, _beside(u, aside), hidden, rule_state, lengths)

    def _filtered(
        self,
        weights: Weights,
        x: Tensor,
        hidden: Hidden,
        filtering: Filter,
        lengths: Tensor | None,
    ) -> tuple[Tensor, LayerState]:
        assert self.cell.kernel is not None
        values = (weights["weight_ih"], weights.get("bias_ih"), weights["weight_hh"])
        history, traces = kernels.driven(
            self.cell.kernel,
            x,
            (*values, weights.get("bias_hh")),
            hidden,
            filtering.values,
            filtering.traces,
            lengths,
        )
        assert traces is not None
        taken = x.shape[0] if lengths is None else lengths
        return _ended(history, filtering.after(traces, taken), lengths)

    def _recur(
        self,
        weights: Weights,
        u: Tensor,
        hidden: Hidden,
        rule_state: RuleState,
        lengths: Tensor | None,
    ) -> tuple[Tensor, LayerState]:
        if self._kernel(u) == "reference":
            history = kernels.recur(partial(self.cell.step, weights), u, hidden)
        else:
            assert self.cell.kernel is not None
            recurrent = weights["weight_hh"], weights.get("bias_hh")
            history = kernels.recurrence(self.cell.kernel, u, *recurrent, hidden)
        return _ended(history, rule_state, lengths)

    def _kernel(self, like: Tensor) -> str:
        kind = self.cell.kernel
        return "reference" if kind is None else kernels.pick(self._loop(kind, like))

    def _loop(self, kind: str, like: Tensor) -> kernels.Loop:
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


def _beside(u: Tensor, aside: Tensor | None) -> Tensor:
    return u if aside is None else torch.cat([u, aside], -1)


def _carry_bias(weights: Weights) -> list[Tensor]:
    """Return weights for torch's kernel, the input bias moved to a column for the constant 1."""
    if "bias_ih" not in weights:
        return list(weights.values())
    columns = torch.cat([weights["weight_ih"], weights["bias_ih"].unsqueeze(1)], 1)
    zero = torch.zeros_like(weights["bias_ih"])
    return [columns, weights["weight_hh"], zero, weights["bias_hh"]]
