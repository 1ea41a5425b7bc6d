"""From arrays that a user brings to splits and a goal: checks, classes, splitting."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from optcell_search.hyperparameters import choice
from optcell_search.tasks.base import Data, Readout, Split, Task
from optcell_search.tasks.goals import IGNORED, Classification, Goal, Regression
from optcell_search.tasks.splitting import Index, stratified

Array = npt.NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class OwnData(Task):
    """Base of the tasks over a user's file; `path` is where it is."""

    path: str
    kind: str = choice(
        "auto",
        options=("auto", "classification", "regression"),
        doc="auto: whole numbers and texts as target are classes, other numbers are predicted",
    )


@dataclass(frozen=True)
class Labelled:
    """Sequences with targets as a file has them.

    Args:
        where: file and array names, for error messages.
        x: (sequences, time, features).
        y: (sequences,), (sequences, time) or (sequences, time, values).
        lengths: (sequences,) steps of each; None: all.
        columns: names of the features, where they have any.
        frame: channels, height and width, where the features of a step are an image.
    """

    where: str
    x: Array
    y: Array
    lengths: Index | None = None
    columns: tuple[str, ...] = ()
    frame: tuple[int, int, int] | None = None

    def __post_init__(self) -> None:
        if self.x.ndim != 3 or 0 in self.x.shape:
            raise ValueError(
                f"{self.where}: x has shape {self.x.shape}, valid: (sequences, time, features)"
            )
        if self.x.dtype.kind not in "buif":
            raise ValueError(f"{self.where}: x has type {self.x.dtype}, valid: real numbers")
        count, steps, _ = self.x.shape
        if (self.y.shape != (count,) and self.y.shape[:2] != (count, steps)) or self.y.ndim > 3:
            raise ValueError(
                f"{self.where}: y has shape {self.y.shape}, valid beside x of {self.x.shape}: "
                f"({count},), ({count}, {steps}) or ({count}, {steps}, values)"
            )
        if self.y.dtype.kind not in "buifU":
            raise ValueError(f"{self.where}: y has type {self.y.dtype}, valid: numbers or texts")
        if self.lengths is not None:
            fits = self.lengths.shape == (count,) and self.lengths.dtype.kind in "ui"
            if not (fits and self.lengths.min() >= 1 and self.lengths.max() <= steps):
                raise ValueError(
                    f"{self.where}: lengths must be {count} whole numbers from 1 to {steps}"
                )
        self._check_finite("x", self.x)
        if self.y.dtype.kind == "f":
            self._check_finite("y", self.y)

    @property
    def per_step(self) -> bool:
        """Whether there is a target at every step."""
        return self.y.ndim > 1

    @property
    def content(self) -> str:
        """What the targets are."""
        kind: str = self.y.dtype.kind
        return {"U": "texts", "b": "truth values", "f": "numbers"}.get(kind, "whole numbers")

    @property
    def valid(self) -> npt.NDArray[np.bool_]:
        """(sequences, time): whether a step lies inside its sequence."""
        count, steps, _ = self.x.shape
        if self.lengths is None:
            return np.ones((count, steps), dtype=bool)
        return np.arange(steps) < self.lengths[:, None]

    def _check_finite(self, name: str, values: Array) -> None:
        with np.errstate(over="ignore"):
            bad = ~np.isfinite(values.astype(np.float32))
        if values.ndim > 1:
            bad = bad & self.valid.reshape(self.valid.shape + (1,) * (values.ndim - 2))
        if bad.any():
            first = tuple(int(i) for i in np.argwhere(bad)[0])
            raise ValueError(
                f"{self.where}: {name} has {int(bad.sum())} values that are NaN, infinite or "
                f"beyond float32, the first at {first}"
            )

    def take(self, index: Index) -> Labelled:
        """Return the sequences with these numbers."""
        lengths = None if self.lengths is None else self.lengths[index]
        kept = (lengths, self.columns, self.frame)
        return Labelled(self.where, self.x[index], self.y[index], *kept)


@dataclass(frozen=True)
class Encoding:
    """How targets become tensors: what the model is to predict, and which classes there are."""

    goal: Goal
    readout: Readout
    classes: tuple[str, ...] = ()

    @classmethod
    def of(cls, *examples: Labelled, kind: str) -> Encoding:
        """Find the encoding that all these examples share.

        Classes are the values found, numbers in numerical order, texts in alphabetical order.

        Raises:
            ValueError: `kind` does not fit the targets, or there is only one class.
        """
        first = examples[0]
        for other in examples[1:]:
            if (other.per_step, other.content) != (first.per_step, first.content):
                raise ValueError(
                    f"{other.where}: y holds {other.content} in shape {other.y.shape}, "
                    f"but in training {first.content} in shape {first.y.shape}"
                )
        readout: Readout = "every" if first.per_step else "last"
        discrete = first.content != "numbers"
        if kind == "classification" and not discrete:
            raise ValueError(
                f"{first.where}: y has type {first.y.dtype}, classes must be integers or texts"
            )
        if kind == "regression" and first.content == "texts":
            raise ValueError(f"{first.where}: y holds texts, which cannot be predicted as numbers")
        if kind == "regression" or not discrete:
            values = first.y.shape[2] if first.y.ndim == 3 else 1
            return cls(Regression(values=values), readout)
        if first.y.ndim == 3:
            raise ValueError(
                f"{first.where}: y has shape {first.y.shape}, valid for classes: "
                f"{first.y.shape[:1]} or {first.y.shape[:2]}"
            )
        found = np.unique(np.concatenate([_valid_targets(part) for part in examples]))
        if len(found) < 2:
            raise ValueError(f"{first.where}: y has one class only, {found[0]!s}")
        return cls(Classification(classes=len(found)), readout, tuple(map(str, found.tolist())))

    def split(self, examples: Labelled) -> Split:
        """Turn examples into tensors, targets encoded.

        Raises:
            ValueError: the targets are not of the kind that the search saw.
        """
        readout = "every" if examples.per_step else "last"
        if readout != self.readout:
            raise ValueError(
                f"{examples.where}: y has shape {examples.y.shape}, but in training there is one "
                f"target per {'step' if self.readout == 'every' else 'sequence'}"
            )
        x = torch.tensor(np.where(examples.valid[..., None], examples.x, 0).astype(np.float32))
        targets = self._targets(examples)
        if examples.lengths is not None:
            return Split(x, targets, torch.tensor(examples.lengths.astype(np.int64)))
        judged = examples.columns if isinstance(self.goal, Regression) else ()
        return Split(x, targets, drivers=dict(zip(judged, x.unbind(-1), strict=bool(judged))))

    def _targets(self, examples: Labelled) -> Tensor:
        y, where = examples.y, examples.where
        if isinstance(self.goal, Classification):
            numbers = {name: number for number, name in enumerate(self.classes)}
            found = map(str, np.unique(_valid_targets(examples)).tolist())
            if unknown := sorted(set(found) - set(numbers)):
                raise ValueError(f"{where}: class {unknown[0]!r} is not in the training data")
            encoded = [numbers.get(str(value), IGNORED) for value in y.ravel().tolist()]
            targets = np.array(encoded, dtype=np.int64).reshape(y.shape)
            if examples.per_step:
                targets = np.where(examples.valid, targets, IGNORED)
            return torch.tensor(targets)
        if examples.content == "texts":
            raise ValueError(f"{where}: y holds texts, in training numbers")
        values = y.astype(np.float32)
        values = values if values.ndim == 3 else values[..., None]
        if values.shape[-1] != self.goal.output_size:
            raise ValueError(
                f"{where}: y has {values.shape[-1]} values, in training {self.goal.output_size}"
            )
        if examples.per_step:
            values = np.where(examples.valid[..., None], values, np.float32(np.nan))
        return torch.tensor(values)


def _valid_targets(examples: Labelled) -> Array:
    return examples.y[examples.valid] if examples.per_step else examples.y


def divide(whole: Labelled, shares: tuple[float, ...], *, kind: str) -> tuple[Labelled, ...]:
    """Split whole sequences; classes keep their proportions where there is one per sequence.

    Args:
        whole: all examples.
        shares: share of each part but the first, which takes the rest.
        kind: option of the task.

    Raises:
        ValueError: there are too few examples, of a class or of all.
    """
    strata = np.zeros(len(whole.y), dtype=np.int64)
    if not whole.per_step and whole.content != "numbers" and kind != "regression":
        strata = np.unique(whole.y, return_inverse=True)[1].astype(np.int64)
    parts = stratified(strata, shares, where=whole.where)
    return tuple(whole.take(index) for index in parts)


def search_data(encoding: Encoding, train: Labelled, validation: Labelled) -> Data:
    """Encode the two splits of the search."""
    if train.frame != validation.frame:
        raise ValueError(
            f"{validation.where}: x has frames of {validation.frame}, in training {train.frame}"
        )
    if train.x.shape[-1] != validation.x.shape[-1]:
        raise ValueError(
            f"{validation.where}: x has {validation.x.shape[-1]} features, "
            f"in training {train.x.shape[-1]}"
        )
    return Data(
        train=encoding.split(train),
        validation=encoding.split(validation),
        goal=encoding.goal,
        readout=encoding.readout,
        classes=encoding.classes,
        frame=train.frame,
    )


def find(path: str, folder: Path) -> Path:
    """Return where the user's file is: at `path`, or at `path` inside the data folder.

    Raises:
        FileNotFoundError: it is in neither place.
    """
    for candidate in (Path(path), folder / path):
        if candidate.is_file():
            return candidate
    places = dict.fromkeys((str(Path(path).absolute()), str((folder / path).absolute())))
    raise FileNotFoundError(f"data file {path} not found; looked for {' and '.join(places)}")
