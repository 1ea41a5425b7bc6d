"""Arrays x, y and lengths, as a ``.npz`` file holds them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch

from ..base import Inputs, Preprocessing
from ..laid import Arrays, Laid, check_there
from ..outputs import IGNORED, Outputs
from ..plain import tuples
from ..ragged import Ragged, Stored
from ..reading.npz import Array, array, opened, single
from ..reading.unfit import array_of, refuse_unfit


@dataclass(frozen=True, kw_only=True)
class ArrayPreprocessing(Preprocessing):
    """Arrays of numbers: x (sequences, time, features), with lengths or without.

        value = (x − offset) / scale, 0 where a feature was constant in training

    With lengths, x may also be (steps of all sequences, features), one sequence after the other.

    Args:
        features: features of a step.
        frame: channels, height and width of a movie's frame, x (movies, frames, *frame); empty:
            steps are no images.
        offset, scale: one for each feature; empty: values are taken as they are.
        constant: numbers of the features that are scaled and never changed in training.
        where: what the file is called in messages.
    """

    kind: ClassVar[str] = "arrays"

    features: int
    frame: tuple[int, ...] = ()
    offset: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()
    constant: tuple[int, ...] = ()
    where: str = "arrays"

    @classmethod
    def of(cls, data: dict[str, Any]) -> ArrayPreprocessing:
        """Return what `to_dict` has written, without its kind."""
        return cls(**{**tuples(data), "outputs": Outputs.from_dict(data["outputs"])})

    def read(self, path: Path) -> dict[str, Array]:
        """Return x, y and lengths of a ``.npz`` file; the array of a ``.npy`` file as x."""
        if path.suffix.lower() == ".npy":
            return {"x": single(path)}
        with opened(path) as archive:
            check_there("x", archive.files, str(path))
            there = [name for name in ("x", "y", "lengths") if name in archive.files]
            return {name: array(archive, name, str(path)) for name in there}

    def inputs(self, raw: Arrays | Array) -> Inputs:
        """Return x, zeros behind the end of each sequence."""
        named = raw if isinstance(raw, Mapping) else {"x": raw}
        raw = self._arrays(named, "x", "lengths")
        laid = Laid.of(raw, self.where)
        if laid.features != self.features or laid.frame != self.frame:
            seen = f", frames of {laid.frame}" if laid.frame else ""
            known = f", of {self.frame}" if self.frame else ""
            raise ValueError(
                f"{self.where}: x has shape {raw['x'].shape}, that is {laid.features} "
                f"features{seen}; in training there were {self.features}{known}"
            )
        laid.check_finite(self.where)
        steps = laid.steps(laid.x)
        if self.offset:
            steps = (steps - np.array(self.offset)) / np.array(self.scale)
            steps[:, list(self.constant)] = 0.0
        names = tuple(map(str, range(len(laid))))
        values = laid.stored(steps.astype(np.float32), 0.0)
        return Inputs(values, laid.kept, names, laid.rows)

    def _arrays(self, raw: Mapping[str, Any], *names: str) -> Arrays:
        """Return what is given, and those of the names as arrays; nobody looks at others."""
        return {**raw, **{name: self._array(raw[name], name) for name in names if name in raw}}

    def _array(self, raw: Any, name: str) -> Array:
        refuse_unfit(raw, f"{self.where}: {name}")
        try:
            return array_of(raw)
        except ValueError:
            raise ValueError(
                f"{self.where}: sequences of unequal length; valid: {{'x': all, one after the "
                "other, as numpy.concatenate makes it, 'lengths': the steps of each}"
            ) from None

    def targets(self, raw: Arrays, inputs: Inputs) -> Stored:
        """Return y encoded, in float32 unless that would round changes off."""
        found = self.exact_targets(raw)
        if not found.dtype.is_floating_point or self.outputs.precise:
            return found
        if isinstance(found, Ragged):
            return Ragged(found.values.to(torch.float32), found.lengths, found.fill)
        return found.to(torch.float32)

    def exact_targets(self, raw: Arrays) -> Stored:
        """Return y encoded, marked where a step has no target, numbers in float64."""
        check_there("y", raw, self.where)
        raw = self._arrays(raw, "x", "y", "lengths")
        y, out, laid = raw["y"], self.outputs, Laid.of(raw, self.where)
        laid.check_targets(y, out, self.where)
        given = laid.steps(y) if out.per == "step" else y
        if out.kind == "classes":
            encoded = self._classes(given, laid)
            return laid.stored(encoded, IGNORED) if out.per == "step" else torch.tensor(encoded)
        numbers = given.astype(np.float64)
        if numbers.ndim == 1:
            numbers = numbers[..., None]
        return laid.stored(numbers, np.nan) if out.per == "step" else torch.tensor(numbers)

    def _classes(self, y: Array, laid: Laid) -> Array:
        names = class_names(y, f"{self.where}: y").tolist()
        lacking = [number for number, name in enumerate(names) if name is None]
        if self.outputs.per == "sequence" and lacking:
            raise ValueError(
                f"{self.where}: y lacks the class of {len(lacking)} sequences, the first is "
                f"{lacking[0]}; leave them out"
            )
        called = laid.step if self.outputs.per == "step" else "sequence {}".format
        return self.outputs.class_numbers(names, f"{self.where}: y", called)


def class_names(y: Array, where: str) -> Array:
    """Return the name of each class, None where there is none: whole numbers without a point.

    Raises:
        ValueError: a number is not whole.
    """
    names = np.empty(y.shape, dtype=object)
    values = y.ravel().tolist()
    if y.dtype.kind == "f":
        odd = [value for value in values if value == value and not value.is_integer()]
        if odd:
            raise ValueError(
                f"{where} holds {odd[0]:g}; classes must be integers or texts, numbers are "
                "predicted with kind=regression"
            )
        values = [None if value != value else int(value) for value in values]
    if y.dtype.kind == "U":
        # What NaN becomes among texts, and what an empty cell of a table is.
        values = [None if value in ("", "nan") else value for value in values]
    names.ravel()[:] = [None if value is None else str(value) for value in values]
    return names
