"""What preprocessing is: raw data to a model's input, and its outputs to answers.

Training and prediction use the same functions, so that they cannot disagree; and nothing here needs
the rest of the house, so that an exported package carries this room along as it is.
"""

from __future__ import annotations

import abc
import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self, TypedDict

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from .outputs import Outputs
from .ragged import Ragged, Stored, flat, ragged, stored

Rows = npt.NDArray[np.int64]
Answers = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Inputs:
    """What a model is given.

    Args:
        values: (sequences, time, features), zeros behind the end of a short sequence; without
            padding where lengths are very unequal, see `ragged.unequal`.
        lengths: (sequences,) int64 steps of each; None: all.
        names: what each sequence is called: its identifier, its number, or the time of its last
            step.
        rows: (sequences, time), which raw row each step comes from, −1: none; of values without
            padding (steps,), one sequence after the other.
        notes: what was read otherwise than it is written, one sentence each.
        without_last: (sequences,) whether the last value of a series that is forecast was empty, so
            that the mean of the training part stands there; None: of none.
    """

    values: Stored
    lengths: Tensor | None
    names: tuple[str, ...]
    rows: Rows
    notes: tuple[str, ...] = ()
    without_last: npt.NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return len(self.values)


class How(TypedDict, total=False):
    """How a table to predict is written, where that is otherwise than the one trained on.

    `sep`, `decimal`, `encoding` and `sheet` are those of `reading.files.Form`, `day_first` is that
    of `reading.times.moments`.
    """

    sep: str
    decimal: str
    encoding: str
    sheet: str
    day_first: str


@dataclass(frozen=True, kw_only=True)
class Preprocessing(abc.ABC):
    """How one kind of raw data becomes tensors, and outputs become answers; plain data.

    Raw data is what `read` gives. Every method that meets data that does not fit raises ValueError
    with one line that names file, column and first row.

    Args:
        outputs: what the model's outputs mean.
    """

    kind: ClassVar[str]

    outputs: Outputs

    @property
    def embedded(self) -> tuple[tuple[int, int], ...]:
        """Place and levels of the features that are numbers of categories, which a model embeds."""
        return ()

    @property
    def anchors(self) -> tuple[tuple[int, float, float], ...]:
        """For each output that goes on a series: the feature that holds its past, factor and shift.

        An output that is factor · feature + shift says that the series stays where it is. Empty
        where nothing is forecast, or a series is no input.
        """
        return ()

    def written(self, how: How) -> Self:
        """Return the same for files that are written so.

        Raises:
            ValueError: no file of such data is, or an option is not valid.
        """
        if how:
            raise ValueError(f"{', '.join(how)}: only tables are written in several ways")
        return self

    @abc.abstractmethod
    def read(self, path: Path) -> Any:
        """Return the raw data of a file."""

    @abc.abstractmethod
    def inputs(self, raw: Any) -> Inputs:
        """Return what the model is given; targets need not be among the raw data."""

    @abc.abstractmethod
    def targets(self, raw: Any, inputs: Inputs) -> Stored:
        """Return what the outputs are compared with, as a task's split has it."""

    def answers(self, outputs: Tensor, inputs: Inputs) -> Answers:
        """Return column → answers, one for each sequence, or for each raw row in their order.

        Args:
            outputs: (sequences, outputs), or (sequences, time, outputs) where every step is
                answered; (steps, outputs) for inputs without padding.
            inputs: what the model was given.
        """
        out = self.outputs
        if out.kind == "numbers":
            found = out.numbers(outputs)
        else:
            found = out.labels(outputs)
            found = found if out.kind == "labels" else found[..., None]
        return self._laid_out(found, out.names, inputs)

    def probabilities(self, outputs: Tensor, inputs: Inputs) -> Answers:
        """Return class or label → probabilities, laid out as `answers` are."""
        names = self.outputs.classes or self.outputs.names
        return self._laid_out(self.outputs.probabilities(outputs), names, inputs)

    def _laid_out(self, found: npt.NDArray[Any], names: tuple[str, ...], inputs: Inputs) -> Answers:
        if self.outputs.per == "step":
            # Behind the longest sequence of a packed batch there is nothing.
            unpadded = isinstance(inputs.values, Ragged)
            rows = inputs.rows if unpadded else inputs.rows[:, : found.shape[1]]
            there = rows >= 0
            found = found[there][np.argsort(rows[there], kind="stable")]
        return {name: found[:, place] for place, name in enumerate(names)}

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as plain data, fit for JSON; `from_dict` reads it."""
        return {"kind": self.kind, **dataclasses.asdict(self)}

    @classmethod
    def of(cls, data: dict[str, Any]) -> Preprocessing:
        """Return what `to_dict` has written, without its kind."""
        return cls(**{**data, "outputs": Outputs.from_dict(data["outputs"])})


def kept(values: npt.NDArray[Any], places: Ragged) -> Stored:
    """Return (sequences, time, ...) of values (steps, ...), one sequence after the other."""
    return stored(Ragged(torch.from_numpy(values), places.lengths))


def lengths_of(places: Ragged) -> Tensor | None:
    """Return lengths as a model takes them: None where all sequences are as long."""
    lengths = places.lengths
    return None if bool((lengths == lengths[0]).all()) else lengths


def rows_of(places: Ragged) -> Rows:
    """Return which row each step comes from, as `Inputs` has it."""
    return np.asarray(flat(stored(places)).numpy())


def places_in(inputs: Inputs) -> Ragged:
    """Return which row each step comes from, one sequence after the other; what `rows_of` took."""
    rows = torch.from_numpy(inputs.rows)
    if isinstance(inputs.values, Ragged):
        return Ragged(rows, inputs.values.lengths, -1)
    return ragged(rows, inputs.lengths, -1)
