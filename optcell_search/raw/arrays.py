"""Arrays x, y and lengths, as a ``.npz`` file holds them."""

from __future__ import annotations

import contextlib
import io
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from .base import Inputs, Preprocessing
from .outputs import IGNORED, Outputs
from .plain import tuples
from .ragged import Ragged, Stored, ragged, unequal

Array = npt.NDArray[Any]
Arrays = Mapping[str, Array]

# What numpy, zipfile and its decompressors raise on a file that is cut or altered.
_DAMAGES = (
    OSError,
    EOFError,
    ValueError,
    KeyError,
    RuntimeError,
    MemoryError,
    OverflowError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)
_RAGGED = (
    "it holds Python objects, as sequences of unequal length would be; valid: numbers in one array "
    "(sequences, longest, features), zeros behind the short, and the true lengths as array lengths"
)


@contextlib.contextmanager
def opened(path: Path) -> Iterator[np.lib.npyio.NpzFile]:
    """Open a ``.npz`` file; nothing pickled is read.

    Raises:
        ValueError: it is none.
    """
    # Opened here: numpy leaves a file open that it cannot make sense of.
    with open(path, "rb") as file:
        try:
            archive = np.load(file, allow_pickle=False)
        except _DAMAGES as error:
            raise ValueError(f"{path}: not a readable .npz file: {_line(error)}") from None
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise ValueError(f"{path}: a single array; valid: .npz with x and y (numpy.savez)")
        yield archive


def array(archive: np.lib.npyio.NpzFile, name: str, where: str) -> Array:
    """Return an array of a file.

    Raises:
        ValueError: it is damaged, or holds objects.
    """
    try:
        found: Array = archive[name]
    except _DAMAGES as error:
        reason = _RAGGED if "Object arrays" in str(error) else _line(error)
        raise ValueError(f"{where}: array {name!r} cannot be read: {reason}") from None
    return found


def _line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


@dataclass(frozen=True, kw_only=True)
class ArrayPreprocessing(Preprocessing):
    """Arrays of numbers: x (sequences, time, features), with lengths or without.

        value = (x − offset) / scale

    Args:
        features: features of a step.
        frame: channels, height and width of a movie's frame, x (movies, frames, *frame); empty:
            steps are no images.
        offset, scale: one for each feature; empty: values are taken as they are.
        where: what the file is called in messages.
    """

    kind: ClassVar[str] = "arrays"

    features: int
    frame: tuple[int, ...] = ()
    offset: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()
    where: str = "arrays"

    @classmethod
    def of(cls, data: dict[str, Any]) -> ArrayPreprocessing:
        """Return what `to_dict` has written, without its kind."""
        return cls(**{**tuples(data), "outputs": Outputs.from_dict(data["outputs"])})

    def read(self, path: Path) -> dict[str, Array]:
        """Return the arrays of a ``.npz`` file by name; the one of a ``.npy`` file as x."""
        if path.suffix.lower() == ".npy":
            try:
                return {"x": np.load(io.BytesIO(path.read_bytes()), allow_pickle=False)}
            except _DAMAGES as error:
                raise ValueError(f"{path}: not a readable .npy file: {_line(error)}") from None
        with opened(path) as archive:
            return {name: array(archive, name, str(path)) for name in archive.files}

    def inputs(self, raw: Arrays | Array) -> Inputs:
        """Return x, zeros behind the end of each sequence."""
        raw = raw if isinstance(raw, Mapping) else {"x": np.asarray(raw)}
        if "x" not in raw:
            raise ValueError(f"{self.where}: array 'x' is missing; there are {', '.join(raw)}")
        x, frame = unfolded(raw["x"], self.where)
        lengths = raw.get("lengths")
        check_x(x, lengths, self.where)
        if x.shape[2] != self.features or frame != self.frame:
            seen = f", frames of {frame}" if frame else ""
            known = f", of {self.frame}" if self.frame else ""
            raise ValueError(
                f"{self.where}: x has shape {raw['x'].shape}, that is {x.shape[2]} features{seen}; "
                f"in training there were {self.features}{known}"
            )
        valid = inside(x, lengths)
        check_finite(x, valid, "x", self.where)
        if self.offset:
            x = (x - np.array(self.offset)) / np.array(self.scale)
        values = torch.tensor(np.where(valid[..., None], x, 0).astype(np.float32))
        rows = np.arange(valid.size).reshape(valid.shape)
        names = tuple(map(str, range(len(x))))
        steps = None if lengths is None else torch.tensor(lengths.astype(np.int64))
        if steps is not None and unequal(steps):
            return Inputs(ragged(values, steps), steps, names, rows[valid])
        return Inputs(values, steps, names, np.where(valid, rows, -1))

    def targets(self, raw: Arrays, inputs: Inputs) -> Stored:
        """Return y encoded, in float32 unless that would round changes off."""
        found = self.exact_targets(raw, inputs)
        if found.is_floating_point() and not self.outputs.precise:
            found = found.to(torch.float32)
        if not isinstance(inputs.values, Ragged) or self.outputs.per == "sequence":
            return found
        mark = IGNORED if self.outputs.kind == "classes" else np.nan
        return ragged(found, inputs.lengths, mark)

    def exact_targets(self, raw: Arrays, inputs: Inputs) -> Tensor:
        """Return y encoded, marked where a step has no target, numbers in float64."""
        if "y" not in raw:
            raise ValueError(f"{self.where}: array 'y' is missing; there are {', '.join(raw)}")
        y, out = raw["y"], self.outputs
        valid = inside(unfolded(raw["x"], self.where)[0], raw.get("lengths"))
        check_y(y, out, valid, self.where)
        if out.kind == "classes":
            return torch.tensor(self._classes(y, valid))
        numbers = y.astype(np.float64)
        if numbers.ndim == (1 if out.per == "sequence" else 2):
            numbers = numbers[..., None]
        if out.per == "step":
            numbers = np.where(valid[..., None], numbers, np.nan)
        return torch.tensor(numbers)

    def _classes(self, y: Array, valid: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        names = class_names(y)
        if self.outputs.per == "step":
            names[~valid] = None
        elif lacking := [number for number, name in enumerate(names) if name is None]:
            raise ValueError(
                f"{self.where}: y lacks the class of {len(lacking)} sequences, the first is "
                f"{lacking[0]}; leave them out"
            )
        found = self.outputs.class_numbers(names.ravel().tolist(), f"{self.where}: y")
        return found.reshape(y.shape)


def class_names(y: Array) -> Array:
    """Return the name of each class, None where there is none: whole numbers without a point."""
    names = np.empty(y.shape, dtype=object)
    values = y.ravel().tolist()
    if y.dtype.kind == "f":
        values = [None if value != value else int(value) for value in values]
    if y.dtype.kind == "U":
        # What NaN becomes among texts, and what an empty cell of a table is.
        values = [None if value in ("", "nan") else value for value in values]
    names.ravel()[:] = [None if value is None else str(value) for value in values]
    return names


def unfolded(x: Array, where: str) -> tuple[Array, tuple[int, ...]]:
    """Return x with the frames of movies as features, and the form of a frame."""
    if x.ndim != 5:
        return x, ()
    if 0 in x.shape:
        raise ValueError(
            f"{where}: x of shape {x.shape} is empty or has no frames; valid: (movies, frames, "
            "channels, height, width), all movies equally long"
        )
    return x.reshape(*x.shape[:2], -1), tuple(x.shape[2:])


def check_x(x: Array, lengths: Array | None, where: str) -> None:
    """Refuse an x that is no batch of sequences of numbers, or lengths that do not fit it."""
    if x.ndim != 3 or 0 in x.shape:
        raise ValueError(f"{where}: x has shape {x.shape}, valid: (sequences, time, features)")
    if x.dtype.kind not in "buif":
        raise ValueError(f"{where}: x has type {x.dtype}, valid: real numbers")
    count, steps, _ = x.shape
    if lengths is not None:
        fits = lengths.shape == (count,) and lengths.dtype.kind in "ui"
        if not (fits and lengths.min() >= 1 and lengths.max() <= steps):
            raise ValueError(f"{where}: lengths must be {count} whole numbers from 1 to {steps}")


def inside(x: Array, lengths: Array | None) -> npt.NDArray[np.bool_]:
    """Return (sequences, time): whether a step lies inside its sequence."""
    count, steps, _ = x.shape
    if lengths is None:
        return np.ones((count, steps), dtype=bool)
    found: npt.NDArray[np.bool_] = np.arange(steps) < lengths[:, None]
    return found


def check_finite(values: Array, valid: npt.NDArray[np.bool_], name: str, where: str) -> None:
    """Refuse numbers inside a sequence that are NaN, infinite or beyond float32."""
    with np.errstate(over="ignore"):
        bad = ~np.isfinite(values.astype(np.float32))
    bad &= valid.reshape(valid.shape + (1,) * (values.ndim - valid.ndim))
    if bad.any():
        first = tuple(int(i) for i in np.argwhere(bad)[0])
        raise ValueError(
            f"{where}: {name} has {int(bad.sum())} values that are NaN, infinite or "
            f"beyond float32, the first at {first}"
        )


def check_y(y: Array, out: Outputs, valid: npt.NDArray[np.bool_], where: str) -> None:
    """Refuse targets that are not of the form that training had."""
    leading = valid.shape if out.per == "step" else valid.shape[:1]
    wide = out.kind in ("numbers", "labels") and y.ndim == len(leading) + 1
    if y.shape[: len(leading)] != leading or y.ndim > len(leading) + wide:
        raise ValueError(
            f"{where}: y has shape {y.shape}, but in training there is one target per {out.per}"
        )
    if out.kind != "classes":
        if y.dtype.kind not in "buif":
            raise ValueError(f"{where}: y holds texts, in training numbers")
        values = y.shape[-1] if wide else 1
        if values != out.size:
            raise ValueError(f"{where}: y has {values} values, in training {out.size}")
        there = ~np.isnan(y.astype(np.float64)) if y.dtype.kind == "f" else np.ones(y.shape, bool)
        with np.errstate(over="ignore"):
            bad = ~np.isfinite(y.astype(np.float32)) & there
        within = valid if out.per == "step" else np.ones(len(y), dtype=bool)
        bad &= within.reshape(within.shape + (1,) * (y.ndim - within.ndim))
        if out.per == "sequence":
            bad |= ~there
        if bad.any():
            first = tuple(int(i) for i in np.argwhere(bad)[0])
            raise ValueError(
                f"{where}: y has {int(bad.sum())} values that are NaN, infinite or beyond float32, "
                f"the first at {first}"
            )
