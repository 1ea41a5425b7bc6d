"""How sequences lie in arrays: padded to one length, or one after the other."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from .outputs import Outputs
from .ragged import Ragged, Stored, stored, unequal
from .reading.npz import Array

Arrays = Mapping[str, Array]
_VALID = (
    "(sequences, time, features), or (steps of all sequences, features) beside the array lengths"
)


@dataclass(frozen=True, eq=False)
class Laid:
    """The sequences of an array x, checked.

    Args:
        x: (sequences, time, features); or (steps, features), one sequence after the other.
        lengths: (sequences,) steps of each.
        told: whether the lengths came with x, or are all that there is.
        frame: channels, height and width of a movie's frame; empty: steps are no images.
    """

    x: Array
    lengths: npt.NDArray[np.int64]
    told: bool
    frame: tuple[int, ...] = ()

    @classmethod
    def of(cls, raw: Arrays, where: str) -> Laid:
        """Return how the sequences of arrays x and lengths lie.

        Raises:
            ValueError: x is no batch of sequences of numbers, or lengths do not fit it.
        """
        check_there("x", raw, where)
        x, frame = _unfolded(raw["x"], where)
        lengths = raw.get("lengths")
        if x.ndim not in (2, 3) or 0 in x.shape or (x.ndim == 2 and lengths is None):
            raise ValueError(f"{where}: x has shape {x.shape}, valid: {_VALID}")
        if x.dtype.kind not in "buif":
            raise ValueError(f"{where}: x has type {x.dtype}, valid: real numbers")
        if lengths is None:
            return cls(x, np.full(len(x), x.shape[1]), False, frame)
        if frame:
            raise ValueError(
                f"{where}: x of shape {raw['x'].shape} and lengths; valid: (movies, frames, "
                "channels, height, width), all movies equally long"
            )
        _check_lengths(x, lengths, where)
        return cls(x, lengths.astype(np.int64), True)

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def joined(self) -> bool:
        """Whether the sequences stand one after the other."""
        return self.x.ndim == 2

    @property
    def features(self) -> int:
        """Features of a step."""
        return int(self.x.shape[-1])

    @property
    def leading(self) -> tuple[int, ...]:
        """Shape of what has one number for each step."""
        return self.x.shape[:-1]

    @property
    def inside(self) -> npt.NDArray[np.bool_]:
        """(sequences, time), or (steps,): whether a step lies inside its sequence."""
        if self.joined:
            return np.ones(len(self.x), dtype=bool)
        found: npt.NDArray[np.bool_] = np.arange(self.x.shape[1]) < self.lengths[:, None]
        return found

    @property
    def kept(self) -> Tensor | None:
        """The lengths as a model takes them; None where all steps are real."""
        same = not self.told or (self.joined and (self.lengths == self.lengths[0]).all())
        return None if same else torch.from_numpy(self.lengths)

    def steps(self, array: Array) -> Array:
        """Return (real steps, ...) of what has a value for each step, in the order of `lengths`."""
        if self.told and not self.joined:
            return array[self.inside]
        return array.reshape(-1, *array.shape[len(self.leading) :])

    def stored(self, steps: Array, fill: float) -> Stored:
        """Return (sequences, time, ...) as a task keeps it, of one value for each real step."""
        if not self.told:
            return torch.from_numpy(steps.reshape(*self.leading, *steps.shape[1:]))
        lengths = torch.from_numpy(self.lengths)
        found = Ragged(torch.from_numpy(steps), lengths, fill)
        if self.joined or unequal(lengths):
            return stored(found)
        # As wide as x, which may be wider than its longest sequence.
        whole = np.full((*self.leading, *steps.shape[1:]), fill, steps.dtype)
        whole[self.inside] = steps
        return torch.from_numpy(whole)

    @property
    def rows(self) -> npt.NDArray[np.int64]:
        """Number of each step as `Inputs.rows` has it: that of its place in a padded array."""
        kept = self.stored(np.zeros(int(self.lengths.sum()), dtype=bool), 0.0)
        width = kept.shape[1]
        steps = np.arange(width)
        if isinstance(kept, Ragged):
            parts = [width * i + steps[:length] for i, length in enumerate(self.lengths)]
            return np.concatenate(parts)
        numbers = np.arange(len(self))[:, None] * width + steps
        return np.where(steps < self.lengths[:, None], numbers, -1)

    def step(self, number: int) -> str:
        """Return what a message calls a real step, by its number among all of them."""
        ends = np.cumsum(self.lengths)
        sequence = int(np.searchsorted(ends, number, side="right"))
        return f"sequence {sequence}, step {number - ends[sequence] + self.lengths[sequence]}"

    def _place(self, index: npt.NDArray[np.int64]) -> tuple[int, ...]:
        """Return sequence, step and the rest, for a message, of a place in an array of steps."""
        first = tuple(int(i) for i in index)
        if not self.joined:
            return first
        ends = np.cumsum(self.lengths)
        number = int(np.searchsorted(ends, first[0], side="right"))
        return (number, int(first[0] - ends[number] + self.lengths[number]), *first[1:])

    def taken(self, raw: Arrays, numbers: npt.NDArray[np.int64]) -> dict[str, Array]:
        """Return the arrays x, y and lengths of some sequences."""
        if not self.joined:
            return {name: array[numbers] for name, array in raw.items()}
        starts = np.cumsum(self.lengths) - self.lengths
        rows = [np.arange(starts[i], starts[i] + self.lengths[i]) for i in numbers]
        steps = np.concatenate([np.empty(0, np.int64), *rows])
        per_step = {
            "x": True,
            "lengths": False,
            "y": "y" in raw and len(raw["y"]) == len(self.x),
        }
        return {name: array[steps if per_step[name] else numbers] for name, array in raw.items()}

    def check_finite(self, where: str) -> None:
        """Refuse numbers inside a sequence that are NaN, infinite or beyond float32."""
        with np.errstate(over="ignore"):
            bad = ~np.isfinite(self.x.astype(np.float32))
        self._refuse(bad & self.inside[..., None], "x", where)

    def check_targets(self, y: Array, out: Outputs, where: str) -> None:
        """Refuse targets that are not of the form that training had."""
        leading = self.leading if out.per == "step" else (len(self),)
        wide = out.kind in ("numbers", "labels") and y.ndim == len(leading) + 1
        if y.shape[: len(leading)] != leading or y.ndim > len(leading) + wide:
            raise ValueError(
                f"{where}: y has shape {y.shape}, but in training there is one target per {out.per}"
            )
        if out.kind == "classes":
            return
        if y.dtype.kind not in "buif":
            raise ValueError(f"{where}: y holds texts, in training numbers")
        values = y.shape[-1] if wide else 1
        if values != out.size:
            raise ValueError(f"{where}: y has {values} values, in training {out.size}")
        there = ~np.isnan(y.astype(np.float64)) if y.dtype.kind == "f" else np.ones(y.shape, bool)
        with np.errstate(over="ignore"):
            bad = ~np.isfinite(y.astype(np.float32)) & there
        if out.per == "sequence":
            bad |= ~there
        else:
            bad &= self.inside.reshape(leading + (1,) * wide)
        self._refuse(bad, "y", where, steps=out.per == "step")

    def _refuse(
        self, bad: npt.NDArray[np.bool_], name: str, where: str, *, steps: bool = True
    ) -> None:
        if bad.any():
            index = np.argwhere(bad)[0]
            first = self._place(index) if steps else tuple(int(i) for i in index)
            raise ValueError(
                f"{where}: {name} has {int(bad.sum())} values that are NaN, infinite or "
                f"beyond float32, the first at {first}"
            )


def check_there(name: str, names: Collection[str], where: str) -> None:
    """Refuse arrays of which one is missing."""
    if name not in names:
        raise ValueError(f"{where}: array {name!r} is missing; there are {', '.join(names)}")


def _unfolded(x: Array, where: str) -> tuple[Array, tuple[int, ...]]:
    """Return x with the frames of movies as features, and the form of a frame."""
    if x.ndim != 5:
        return x, ()
    if 0 in x.shape:
        raise ValueError(
            f"{where}: x of shape {x.shape} is empty or has no frames; valid: (movies, frames, "
            "channels, height, width), all movies equally long"
        )
    return x.reshape(*x.shape[:2], -1), tuple(x.shape[2:])


def _check_lengths(x: Array, lengths: Array, where: str) -> None:
    whole = lengths.ndim == 1 and lengths.dtype.kind in "ui" and len(lengths) > 0
    fits = whole and int(lengths.min()) >= 1
    if x.ndim == 2:
        # Sums of unsigned numbers may come round; those that fit x do not.
        if not (fits and int(lengths.max()) <= len(x) and sum(lengths.tolist()) == len(x)):
            raise ValueError(
                f"{where}: lengths must be whole numbers from 1 on that make {len(x)} in all, the "
                f"steps of x, whose shape is {x.shape}"
            )
        return
    count, steps, _ = x.shape
    if not (fits and lengths.shape == (count,) and int(lengths.max()) <= steps):
        raise ValueError(f"{where}: lengths must be {count} whole numbers from 1 to {steps}")
