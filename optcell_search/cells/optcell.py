"""A recurrent cell driven through an update rule, with the interface of torch's modules."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from .. import kernels
from ..registry import cells, rules
from ..rules import Rule
from .base import Cell, Weights
from .casting import cast, cast_state
from .checks import check_packing
from .dropping import dropout
from .layer import Layer
from .recurrent import Recurrent, check_arguments, check_dtype, check_plain
from .starting import Start, as_state
from .state import LayerState, SingleState, State, check_batch, check_cell, map_batch
from .turning import keep_time, reverse_time
from .values import RuleValues, keep_beside_weights


class OptCell(Recurrent):
    """Recurrent layers in which an update rule filters the input projection before the cell.

        z_t = W_ih x_t + b_ih,   u = rule(z),   h_t = cell(u_t, h_{t-1})

    Stands wherever `torch.nn.LSTM`, `GRU` or `RNN` stands: it takes their arguments in their order,
    by position or by name, but for `nonlinearity` (``cell=cells.RNN(nonlinearity="relu")`` here)
    and a `proj_size` other than 0, which are refused by name. Shapes, parameter names, initial
    weights and the start (none, h, or (h, c), also as ``hx=``) are theirs, their state dicts load
    strictly, and with ``rule=GradientDescent(s=1)`` it computes what they compute. Only the state
    that it returns differs: a `State`, which is complete, so that a sequence fed in pieces gives
    what it gives whole; `State.h`, `State.c` and `State.without_traces` are what torch returns.

    Args:
        input_size: number of features D of the input.
        hidden_size: number of features H of the hidden state.
        num_layers: layers on top of each other, each with a filter of its own.
        bias: whether the layers have b_ih and b_hh.
        batch_first: whether input and output are (B, T, ...) instead of (T, B, ...).
        dropout: probability of dropping an output of any layer but the last, in training.
        bidirectional: whether a second cell runs each layer backwards in time.
        proj_size: 0, as there is no projection here.
        device, dtype: of the parameters.
        cell, rule: registered name (its defaults) or a `Cell`, a `Rule`.
        learn_rule: make the rule's real-valued hyperparameters (mu, s, beta) parameters that stay
            inside their valid ranges, from a thousandth of the range off its ends at least;
            `rule_values()` returns what they are.
        nonlinearity: None, as the cell has it here.

    Raises:
        ValueError: an unknown name, an argument of a wrong type, a size below 1, a dropout outside
            [0, 1], a dtype not of floating-point numbers, or one of the arguments that are refused.

    `torch.jit.trace`, the exporters to ONNX and `torch.export`, forward-mode derivatives and
    derivatives of derivatives by `torch.func` take the plain path, in torch's own operators;
    `kernels.choose` says so under `skipped`. ``create_graph=True`` comes after the forward pass:
    run that under ``kernels.backend("reference")``.

    Source: Nguyen et al. 2020, arXiv 2006.06919.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        cell: str | Cell = "lstm",
        rule: str | Rule = "heavy_ball",
        learn_rule: bool = False,
        nonlinearity: str | None = None,
    ) -> None:
        super().__init__()
        check_arguments(
            {"input_size": input_size, "hidden_size": hidden_size, "num_layers": num_layers},
            {"bias": bias, "batch_first": batch_first, "bidirectional": bidirectional}
            | {"learn_rule": learn_rule},
            dropout,
            {"proj_size": proj_size, "nonlinearity": nonlinearity},
        )
        check_dtype(dtype)
        self.cell: Cell = cells.get(cell)() if isinstance(cell, str) else cell
        self.rule: Rule = rules.get(rule)() if isinstance(rule, str) else rule
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.dropout = bias, batch_first, float(dropout)
        self.bidirectional = bidirectional
        self._layer = Layer(self.cell, self.rule, hidden_size, bias)
        self.rule_values = RuleValues(self.rule, learn=learn_rule, device=device, dtype=dtype)
        keep_beside_weights(self)
        empty = partial(torch.empty, device=device, dtype=dtype)
        self._suffixes: list[str] = []
        self._names: list[str] = []
        for layer in range(num_layers):
            width = input_size if layer == 0 else self.output_size
            for direction in ("", "_reverse")[: self._directions]:
                shapes = self.cell.shapes(width, hidden_size, bias)
                fixed = self.cell.fixed(width, hidden_size, bias)
                suffix = f"_l{layer}{direction}"
                self._suffixes.append(suffix)
                self._names = [*shapes, *fixed]
                for name, shape in shapes.items():
                    self.register_parameter(name + suffix, nn.Parameter(empty(shape)))
                for name, shape in fixed.items():
                    self.register_buffer(name + suffix, empty(shape))
        self.reset_parameters()

    @property
    def _directions(self) -> int:
        return 2 if self.bidirectional else 1

    @property
    def output_size(self) -> int:
        """Features of the output: H, or what the cell makes of it, for each direction."""
        return self.cell.output_size(self.hidden_size) * self._directions

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Draw initial weights anew, as torch's modules do; learned values start again."""
        self.rule_values.reset_parameters()
        for index in range(len(self._suffixes)):
            weights = self._weights(index)
            if not any(weight.is_meta for weight in weights.values()):  # nothing to draw into
                self.cell.reset(weights, self.hidden_size)

    @torch.no_grad()
    def after_step(self) -> None:
        """Put the weights in order after a step of the optimizer, where the cell asks for it.

        Without it a cell still trains. In a loop of your own, once, before training:
        ``optimizer.register_step_post_hook(lambda *_: cell.after_step())``.
        """
        for index in range(len(self._suffixes)):
            self.cell.after_step(self._weights(index))

    @torch.no_grad()
    def follow(self, live: OptCell) -> None:
        """Write a moving average of another's weights as those are after a step; `Cell.follow`."""
        for index in range(len(self._suffixes)):
            self.cell.follow(self._weights(index), live._weights(index))

    @torch.no_grad()
    def freeze(self) -> None:
        """Derive once and for all what the cell derives of its weights, for inference and export.

        A matrix exponential, say, is a number then. Weights that change later are not followed.
        """
        for index, suffix in enumerate(self._suffixes):
            weights = self._weights(index)
            prepared = self.cell.prepare(weights)
            for name, value in prepared.items():
                if value is not weights.get(name):
                    self._parameters.pop(name + suffix, None)  # whose place it may take
                    self.register_buffer(name + suffix, value, persistent=name in weights)
        self._names = [*prepared]
        self._layer = replace(self._layer, prepared=True)

    def learning_rates(self) -> dict[str, float]:
        """Return how many times the learning rate each of some parameters trains at, by name."""
        rates = self.cell.learning_rates().items()
        return {name + suffix: rate for suffix in self._suffixes for name, rate in rates}

    def undecayed(self) -> list[str]:
        """Return the names of parameters that weight decay leaves alone; see `Cell.undecayed`."""
        return [name + suffix for suffix in self._suffixes for name in self.cell.undecayed]

    @property
    def backend(self) -> kernels.Choice:
        """The kernel that would run the recurrence now; `.skipped` says why others would not.

        `torch.compile` and `torch.func` cannot take torch's own kernels ("native") whole: there the
        next one runs in their place.
        """
        return self._layer.backend(next(iter(self._weights(0).values())))

    def _weights(self, index: int) -> Weights:
        return {name: getattr(self, name + self._suffixes[index]) for name in self._names}

    def extra_repr(self) -> str:
        """Return the arguments that differ from the defaults."""
        text = f"{self.input_size}, {self.hidden_size}, cell={self.cell!r}, rule={self.rule!r}"
        defaults: dict[str, int | float] = {"num_layers": 1, "bias": True, "batch_first": False}
        defaults |= {"dropout": 0.0, "bidirectional": False}
        changed = {name: getattr(self, name) for name in defaults}
        return ", ".join([text, *(f"{k}={v}" for k, v in changed.items() if v != defaults[k])])

    def forward(
        self, input: Tensor | PackedSequence, state: Start | None = None, hx: Start | None = None
    ) -> tuple[Tensor | PackedSequence, State]:
        """Run over a sequence, or over the next piece of one.

        Args:
            input: (T, B, D), (B, T, D) with `batch_first`, (T, D) for a single sequence, or a
                `PackedSequence`.
            state: what the call on the previous piece returned; or h, or (h, c), as torch's modules
                take them, (layers x directions, B, H) each, without B for a single sequence; None
                starts afresh.
            hx: the same under torch's name.

        Returns:
            The last layer's outputs in the form of `input`, with `output_size` features, and
            the state to go on from.

        Under `torch.autocast` it computes in the dtype of its parameters, as it does without; for
        bfloat16, turn the module to it.

        Raises:
            ValueError: `input` has the wrong number of dimensions or features or no step, or
                `state` is not one of this cell for so many sequences, with as many traces of the
                rule; whose rule they are of it does not say.
        """
        if state is not None and hx is not None:
            raise ValueError("state and hx are given, which are the same; valid: one of them")
        given = hx if state is None else state
        data = input.data if isinstance(input, PackedSequence) else input
        check_plain(data)
        many = data is not input or data.dim() > 2
        start = None if given is None else as_state(given, len(self._suffixes), many)
        if start is not None:
            check_cell(start, self.cell.keeps)
        device = data.device.type
        # On meta, which has no autocast, torch does not even answer.
        if not (torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device)):
            return self._forward(input, start)
        like = next(iter(self._weights(0).values()))
        with torch.autocast(device, enabled=False):
            if start is not None:
                fresh = self.cell.initial(1, self.hidden_size, like)
                start = cast_state(start, fresh, like.dtype)
            return self._forward(cast(input, like.dtype), start)

    def _forward(
        self, input: Tensor | PackedSequence, state: State | None
    ) -> tuple[Tensor | PackedSequence, State]:
        if isinstance(input, PackedSequence):
            return self._forward_packed(input, state)
        if input.dim() not in (2, 3) or input.shape[-1] != self.input_size:
            raise ValueError(
                f"input of shape {tuple(input.shape)}; valid: 2 or 3 dimensions, "
                f"the last of size input_size = {self.input_size}"
            )
        batched = input.dim() == 3
        x = input if batched else input.unsqueeze(1)
        if batched and self.batch_first:
            x = x.transpose(0, 1)
        if x.shape[0] == 0:  # not len(x), which a trace would take for a constant
            raise ValueError("input of 0 steps; valid: 1 or more")
        output, state = self._layers(x, state, None)
        if not batched:
            return output.squeeze(1), SingleState.of(state, state.cell)
        return output.transpose(0, 1) if self.batch_first else output, state

    def _forward_packed(
        self, input: PackedSequence, state: State | None
    ) -> tuple[PackedSequence, State]:
        # Inside, sequences stand in the packing's own order, by falling length.
        data, batch_sizes, order, back = input
        check_packing(data, batch_sizes)
        x, lengths = pad_packed_sequence(PackedSequence(data, batch_sizes))
        if state is not None and order is not None:
            check_batch(state, x.shape[1])
            state = map_batch(state, lambda part: part[order])
        output, state = self._layers(x, state, lengths.to(x.device))
        if back is not None:
            state = map_batch(state, lambda part: part[back])
        packed = pack_padded_sequence(output, lengths)
        return PackedSequence(packed.data, batch_sizes, order, back), state

    def _layers(
        self, x: Tensor, state: State | None, lengths: Tensor | None
    ) -> tuple[Tensor, State]:
        p = self.rule_values(x.dtype)
        final: list[LayerState] = []
        for layer in range(self.num_layers):
            outputs = []
            for reverse in range(self._directions):
                turn = partial(reverse_time, lengths=lengths) if reverse else keep_time
                index = layer * self._directions + reverse
                start = None if state is None else state[index]
                weights = self._weights(index)
                output, end = self._layer(weights, p, turn(x), start, lengths)
                outputs.append(turn(output))
                final.append(end)
            x = outputs[0] if len(outputs) == 1 else torch.cat(outputs, -1)
            if layer < self.num_layers - 1:
                x = dropout(x, self.dropout, self.training)
        return x, State.of(final, self.cell.keeps)
