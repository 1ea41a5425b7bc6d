"""A whole model for sequences: recurrent layers, what is before them, and a read-out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from ...registry import cells
from ...rules import Rule
from ..base import Cell
from ..dropping import dropout
from ..norm import norm_of
from ..state import State
from ..symbols import Symbols
from .categories import Categories
from .front import Front
from .layout import check_layout, check_relative
from .pooling import Gathered, Mean, pool_of
from .relative import Anchor, Relative
from .stack import layers_of
from .state import ModelState
from .steps import Entered, Steps, each, joined

# Without weights: the parallel front is read by its mean over time.
MEAN = Mean()


class SequenceModel(nn.Module):
    """Recurrent layers and a read-out over time, linear unless the cell says else.

        x -> relative to the last value -> categories -> front -> input dropout -> layers -> norm
          -> pool over time -> dropout -> linear -> + last value

    With the defaults it is an `OptCell` and a linear read-out of its last step; the rest is there
    where it is asked for.

    Args:
        input_size: features of the input.
        output_size: features of the output, e.g. the number of classes.
        hidden_size, cell, rule, num_layers, dropout, bidirectional, learn_rule: see `OptCell`.
        readout: ``"last"`` reads the output after a sequence's last step, ``"mean"`` and ``"max"``
            that over time, ``"mean_max"`` both, ``"attention"`` a learned mean (see `Attention`):
            (B, outputs). ``"every"`` reads every step, (B, T, outputs).
        front: ``"serial"``, the layers take what a `Front` makes of the input; ``"parallel"``, the
            read-out takes the mean over time of what it makes, beside what the layers make (every
            step's own where every step is read).
        front_width, front_kernel, front_depth, front_stride: see `Front`. With a stride the layers
            take, and the read-out reads, one output of a serial front for so many steps.
        relative_to: ``"last"``, the series that are forecast are taken, and forecast, relative to
            their last value, see `Relative`; ``"none"``, as they are.
        norm: ``"none"``, ``"layer"`` or ``"batch"``: before every layer but the first, and before
            the read-out.
        residual: whether layers after the first add to what is below them, see `Stack`.
        glu: whether each layer goes through a gated linear unit, see `Stack`.
        input_dropout: probability of dropping an input of the first layer, in training.
        readout_dropout: probability of dropping an input of the linear read-out, in training.
        symbols: whether the one feature of a step is the number of a symbol, below `output_size`,
            which is embedded; the read-out predicts symbols and is tied to the embedding.
        embedded: (place, levels) of features that are numbers of categories, see `Categories`.
        anchors: for each output where the past of its series is found, see `Relative`; empty where
            no series is forecast.
        device, dtype: of the parameters.

    Raises:
        ValueError: a name that is no option, a size below 1, symbols that are read ahead or with a
            parallel front, a stride where the front is not serial or every step is read, or values
            relative to the last one where no series is forecast.

    Source: of the parallel front, Karim et al.: LSTM Fully Convolutional Networks for Time Series
    Classification, IEEE Access 6, 2018, arXiv 1709.05206.
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
        readout: str = "last",
        front: str = "none",
        front_width: int = 64,
        front_kernel: int = 8,
        front_depth: int = 2,
        front_stride: int = 1,
        relative_to: str = "none",
        norm: str = "none",
        residual: bool = False,
        glu: bool = False,
        input_dropout: float = 0.0,
        readout_dropout: float = 0.0,
        symbols: bool = False,
        embedded: Sequence[tuple[int, int]] = (),
        anchors: Sequence[Anchor] = (),
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        check_layout(front, front_stride, readout, symbols=symbols, bidirectional=bidirectional)
        check_relative(relative_to, readout, forecasts=len(anchors), outputs=output_size)
        cell = cells.get(cell)() if isinstance(cell, str) else cell
        # A tied read-out gives the embedding the width of the output.
        features = cell.output_size(hidden_size) if symbols else input_size
        self.relative = None
        if relative_to != "none":
            self.relative = Relative(features, anchors, device, dtype)
            features = self.relative.width
        self.categories = Categories(features, embedded, device, dtype) if embedded else None
        features = self.categories.width if self.categories is not None else features
        self.front = (
            None
            if front == "none"
            else Front(
                features, front_width, front_kernel, front_depth, front_stride, device, dtype
            )
        )
        self.parallel = front == "parallel"
        self.cell = layers_of(
            front_width if front == "serial" else features, hidden_size, cell=cell, rule=rule,
            num_layers=num_layers, dropout=dropout, bidirectional=bidirectional,
            learn_rule=learn_rule, norm=norm, residual=residual, glu=glu,
            device=device, dtype=dtype,
        )  # fmt: skip
        width = self.cell.output_size
        self.norm = norm_of(norm, width, device, dtype)
        self.pool = pool_of(readout, width, device, dtype)
        self.input_dropout, self.readout_dropout = input_dropout, readout_dropout
        width = width * self.pool.factor + (front_width if self.parallel else 0)
        self.readout = (
            Symbols(output_size, width, device, dtype)
            if symbols
            else cell.readout(width, output_size, device, dtype)
        )
        self.reads: Literal["last", "every"] = "every" if readout == "every" else "last"

    def forward(self, x: Tensor | PackedSequence) -> Tensor:
        """Return (B, outputs) or (B, T, outputs) from (B, T, features) or a packed batch."""
        entered = self.enter(x)
        return self.read(self.cell(entered.taken)[0], entered)

    def enter(self, x: Steps, before: tuple[Tensor, ...] | None = None) -> Entered:
        """Return what the recurrent layers take, and what goes past them.

        Args:
            x: (B, T, features), the next piece of a sequence or all of it, or a packed batch.
            before: the front's state after the piece before.

        Raises:
            ValueError: `x` has another number of dimensions; one step of a batch is (B, 1,
                features), and (B, features) would pass for one sequence.
        """
        if not isinstance(x, PackedSequence) and x.dim() != 3:
            raise ValueError(f"input of shape {tuple(x.shape)}; valid: (batch, steps, features)")
        level: Tensor | None = None
        if self.relative is not None:
            x, level = self.relative(x)
        after: tuple[Tensor, ...] = ()
        x, beside = each(self._embed, x), None
        if self.front is not None:
            made: Steps
            if isinstance(x, PackedSequence):
                made = self.front(x)
            else:
                made, after = self.front.running(x, before)
            x, beside = (x, made) if self.parallel else (made, None)
        if self.input_dropout:
            x = each(self._drop_input, x)
        return Entered(x, beside, level, after)

    @property
    def streams(self) -> bool:
        """Whether a sequence may be given piece by piece, see `stream`."""
        return self.relative is None

    def taken(self, lengths: Tensor) -> Tensor:
        """Return how many steps the layers take of sequences of so many steps."""
        return lengths if self.front is None else self.front.lengths(lengths)

    def read(self, hidden: Steps, entered: Entered, lengths: Tensor | None = None) -> Tensor:
        """Return the outputs from the recurrent layers' outputs.

        Args:
            hidden: (B, T, width) or a packed batch.
            entered: what `enter` returned.
            lengths: (B,) of the sequences in `hidden`, where it is padded; see `taken`.
        """
        hidden, beside = each(self.norm, hidden), entered.beside
        if self.reads == "every":
            # Packed still, so that a read-out with statistics does not see the padding.
            features = hidden if beside is None else joined(hidden, beside)
            outputs = each(self._output, features)
            if isinstance(outputs, PackedSequence):
                return pad_packed_sequence(outputs, batch_first=True)[0]
            return outputs
        if isinstance(hidden, PackedSequence):
            hidden, lengths = pad_packed_sequence(hidden, batch_first=True)
        pooled = self.pool(hidden, lengths)
        if beside is not None:
            if isinstance(beside, PackedSequence):
                beside = pad_packed_sequence(beside, batch_first=True)[0]
            pooled = torch.cat([pooled, MEAN(beside, lengths)], -1)
        outputs = self._output(pooled)
        return outputs if entered.level is None else outputs + entered.level

    def after_step(self) -> None:
        """Put the weights in order after a step of the optimizer; see `OptCell.after_step`."""
        self.cell.after_step()

    def stream(
        self, x: Tensor, state: State | ModelState | None = None
    ) -> tuple[Tensor, State | ModelState]:
        """Return the outputs (B, T, outputs) at every step of the next piece, and the state.

        The output at a step is what `forward` gives for the sequence up to that step, where the
        layers run in one direction. The state is that of the layers alone where nothing else has
        one.

        Raises:
            ValueError: values are relative to the last one, which is not known before the end.
        """
        if not self.streams:
            raise ValueError(
                "relative_to = 'last' needs a whole window, and this is a piece of one; valid: "
                "call the model on whole windows"
            )
        known = state if isinstance(state, ModelState) else ModelState(state)
        taken, beside, _, front = self.enter(x, known.front)
        if self.front is not None and self.front.stride > 1:
            assert isinstance(taken, Tensor)
            return self._stream_frames(x.shape[1], taken, front, known)
        hidden, after = self.cell(taken, known.cell)
        hidden = self.norm(hidden)
        pool: Gathered = ()
        means: Gathered = ()
        if self.reads == "last":
            hidden, pool = self.pool.running(hidden, known.pool)
        if beside is not None:
            assert isinstance(beside, Tensor)
            if self.reads == "last":
                beside, means = MEAN.running(beside, known.means)
            hidden = torch.cat([hidden, beside], -1)
        others = (front, pool, means)
        return self._output(hidden), ModelState(after, *others) if any(others) else after

    def _stream_frames(
        self, steps: int, taken: Tensor, front: tuple[Tensor, ...], known: ModelState
    ) -> tuple[Tensor, ModelState]:
        """Return what `stream` does where the layers take fewer steps than the sequence has.

        Until the next one they take, the output stays as it is.

        Args:
            steps: of the piece.
            taken: (B, frames, width), what the layers take in these steps; it may be nothing.
            front: the front's state after them.
            known: the model's state before them.
        """
        assert self.front is not None
        cell, pool, held = known.cell, known.pool, known.held
        read = [*held]
        if taken.shape[1]:
            hidden, cell = self.cell(taken, cell)
            pooled, pool = self.pool.running(self.norm(hidden), pool)
            read.append(pooled)
        features = torch.cat(read, 1)
        # The last of them stands at so many steps before the end of the piece, and a stride apart
        # those before it.
        ages = torch.arange(steps - 1, -1, -1, device=taken.device)
        since = self.front.stride - 1 - int(front[-1])
        back = (ages - since + self.front.stride - 1) // self.front.stride
        outputs = self._output(features[:, features.shape[1] - 1 - back])
        return outputs, ModelState(cell, front, pool, (), (features[:, -1:],))

    def _embed(self, x: Tensor) -> Tensor:
        if isinstance(self.readout, Symbols):
            return self.readout.embed(x)
        return x if self.categories is None else self.categories(x)

    def _drop_input(self, x: Tensor) -> Tensor:
        return dropout(x, self.input_dropout, self.training)

    def _output(self, features: Tensor) -> Tensor:
        if self.readout_dropout:
            features = dropout(features, self.readout_dropout, self.training)
        outputs: Tensor = self.readout(features)
        return outputs
