"""A convolutional recurrent cell behind an update rule: one layer over feature maps."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ...kernels import exporting, unroll
from ...registry import conv_cells, rules
from ...rules import Rule, RuleState, apply_rule
from ...shapes import Float
from ..base import Hidden, Weights
from ..checks import check_weights
from ..state import check_hidden
from ..values import RuleValues, keep_beside_weights
from .base import ConvolutionalCell


class MapState(NamedTuple):
    """State of one layer over feature maps.

    `hidden` holds the cell's maps, h first; `rules` what the rule remembers of the maps it filters
    and, behind it, of the constant 1 that carries the bias, where it filters that too.
    """

    hidden: Hidden
    rules: tuple[RuleState, ...]


class OptConvCell(nn.Module):
    """A convolutional cell in which an update rule filters z before the cell takes it.

        z_t = W * x_t + b_ih,   u = rule(z),   h_t = cell(u_t + extra_t, h_{t-1})

    The rule works on every channel of every place by itself. The state is opaque and complete: a
    movie fed in pieces gives what it gives whole.

    Args:
        input_channels: channels of the input maps.
        channels: channels C of the hidden maps.
        cell: registered name (its defaults) or a `ConvolutionalCell`.
        rule: registered name (its defaults) or a `Rule`.
        bias: whether there are b_ih and b_hh.
        learn_rule: make the rule's real-valued hyperparameters parameters, as in `OptCell`.
        device, dtype: of the parameters.

    Raises:
        ValueError: an unknown name, or a size below 1.
    """

    def __init__(
        self,
        input_channels: int,
        channels: int,
        *,
        cell: str | ConvolutionalCell = "conv_gru",
        rule: str | Rule = "heavy_ball",
        bias: bool = True,
        learn_rule: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        for name, size in (("input_channels", input_channels), ("channels", channels)):
            if size < 1:
                raise ValueError(f"{name} = {size} is out of range; valid: integers >= 1")
        self.cell: ConvolutionalCell = conv_cells.get(cell)() if isinstance(cell, str) else cell
        self.rule: Rule = rules.get(rule)() if isinstance(rule, str) else rule
        self.input_channels, self.channels, self.bias = input_channels, channels, bias
        self.rule_values = RuleValues(self.rule, learn=learn_rule, device=device, dtype=dtype)
        keep_beside_weights(self)
        self._names = tuple(self.cell.shapes(input_channels, channels, bias))
        for name, shape in self.cell.shapes(input_channels, channels, bias).items():
            self.register_parameter(
                name, nn.Parameter(torch.empty(shape, device=device, dtype=dtype))
            )
        self.reset_parameters()

    @property
    def projection_channels(self) -> int:
        """Channels of z, and of what may be added to it behind the rule."""
        return self.cell.projection_gates * self.channels

    def reset_parameters(self) -> None:
        """Draw initial weights anew."""
        with torch.no_grad():
            self.cell.reset(self._weights())

    def _weights(self) -> Weights:
        return {name: getattr(self, name) for name in self._names}

    def extra_repr(self) -> str:
        """Return the arguments."""
        return f"{self.input_channels}, {self.channels}, cell={self.cell!r}, rule={self.rule!r}"

    def forward(
        self,
        x: Float[Tensor, "time batch features height width"],
        state: MapState | None = None,
        extra: Float[Tensor, "time batch gates height width"] | None = None,
    ) -> tuple[Float[Tensor, "time batch channels height width"], MapState]:
        """Run over a movie, or over the next piece of one.

        Args:
            x: (T, B, input_channels, H, W), T >= 1.
            state: what the call on the previous piece returned; None starts afresh.
            extra: (T, B, projection_channels, H, W), joins z behind the rule: feedback.

        Returns:
            The outputs (T, B, channels, H, W) and the state to go on from.

        Raises:
            ValueError: input, weights, state and `extra` do not fit each other.
        """
        weights, p = self._weights(), self.rule_values(x.dtype)
        if not exporting():
            self._check(x, weights, p, extra)
        u, rule_states = self._filtered(weights, p, x, None if state is None else state.rules)
        if extra is not None:
            u = u + extra
        batch, (height, width) = x.shape[1], x.shape[3:]
        hidden = self.cell.initial(x.new_zeros(batch, self.channels, height, width))
        if state is not None:
            check_hidden(state.hidden, hidden, batch)
            hidden = state.hidden
        h, hidden = unroll(partial(_step, self.cell, weights), u, hidden)
        y = self.cell.output(weights, x.flatten(0, 1), u.flatten(0, 1), h.flatten(0, 1))
        return y.view(*x.shape[:2], *y.shape[1:]), MapState(hidden, rule_states)

    def _check(
        self, x: Tensor, weights: Weights, p: Mapping[str, Tensor], extra: Tensor | None
    ) -> None:
        """Refuse what would be broadcast, or end in an error of some part within."""
        if x.dim() != 5 or x.shape[0] < 1 or x.shape[2] != self.input_channels:
            raise ValueError(
                f"input of shape {tuple(x.shape)}; valid: (T, B, {self.input_channels}, H, W), "
                "1 step or more"
            )
        shapes = self.cell.shapes(self.input_channels, self.channels, self.bias)
        check_weights(x, weights, shapes, {}, p)
        wanted = (*x.shape[:2], self.projection_channels, *x.shape[3:])
        if extra is not None and (extra.shape, extra.dtype) != (wanted, x.dtype):
            raise ValueError(
                f"extra of shape {tuple(extra.shape)}, {extra.dtype}; valid: {wanted}, {x.dtype}"
            )

    def _filtered(
        self,
        weights: Weights,
        p: Mapping[str, Tensor],
        x: Tensor,
        state: tuple[RuleState, ...] | None,
    ) -> tuple[Tensor, tuple[RuleState, ...]]:
        """Return u = rule(W * x + b) and the rule's states, see `MapState`."""
        if not self.rule.linear:
            z = self.cell.input_projection(weights, x, None)
            rows, after = apply_rule(
                self.rule, p, z.flatten(2), None if state is None else state[0]
            )
            return rows.view(z.shape), (after,)
        # A linear rule commutes with W: it filters the few input maps instead of the many maps of
        # z, and a constant 1 beside them carries the bias through the filter.
        rows, maps_state = apply_rule(
            self.rule, p, x.flatten(2), None if state is None else state[0]
        )
        if not self.bias:
            return self.cell.input_projection(weights, rows.view(x.shape), None), (maps_state,)
        ones = x.new_ones(len(x), 1, 1)
        one, one_state = apply_rule(self.rule, p, ones, None if state is None else state[1])
        return self.cell.input_projection(weights, rows.view(x.shape), one), (maps_state, one_state)


def _step(
    cell: ConvolutionalCell, weights: Weights, u: Tensor, hidden: Hidden
) -> tuple[Tensor, Hidden]:
    hidden = cell.step(weights, u, hidden)
    return hidden[0], hidden
