"""A user's own arrays from an ``.npz`` file."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, cast

import numpy as np
import torch

from optcell_search.hyperparameters import choice
from optcell_search.raw import ArrayPreprocessing, Outputs
from optcell_search.raw.constant import constant, tell
from optcell_search.raw.kinds.arrays import class_names
from optcell_search.raw.laid import Laid
from optcell_search.raw.outputs import Per
from optcell_search.raw.ragged import flat
from optcell_search.raw.ragged import part as part_of
from optcell_search.raw.reading.npz import Array, array, opened
from optcell_search.tasks.base import Data, Split
from optcell_search.tasks.own.array_targets import content_of, refuse_doubt
from optcell_search.tasks.own.dividing import divide
from optcell_search.tasks.own.finding import find
from optcell_search.tasks.own.options import OwnData
from optcell_search.tasks.own.rounding import refuse_rounded, refuse_rounding, steps_of
from optcell_search.tasks.own.targets import (
    check_labels,
    decide,
    described,
    goal_of,
    scaled,
    without_mark,
)
from optcell_search.tasks.splitting import TEST_SHARE, VALIDATION_SHARE, Index

_PARTS = ("", "_validation", "_test")
_NAMES = tuple(name + part for part in _PARTS for name in ("x", "y", "lengths"))


@dataclass(frozen=True, kw_only=True)
class NpzFile(OwnData):
    """Arrays of a ``.npz`` file as `numpy.savez` writes it; nothing pickled is read.

    - ``x`` (sequences, time, features), numbers, used as they are (scale them to about [-1, 1], or
      say ``scale=standard``); or movies (movies, frames, channels, height, width), for
      convolutional cells too.
    - ``y`` (sequences,) for one target per sequence, (sequences, time) or (sequences, time,
      values) for one per step; (sequences, values) with ``per=sequence``. Integers and texts are
      classes, other numbers are predicted, on the scale of the training part. Where there is one
      per step, NaN, and -100 among classes, mark a step without a target.
    - ``lengths`` (sequences,), optional: steps of each sequence; what is behind them is ignored.
      With it, ``x`` may also be (steps of all sequences, features), one sequence after the other as
      `numpy.concatenate` makes it, and targets per step likewise (steps,) or (steps, values).
    - ``x_validation``, ``y_validation``, ``x_test``, ``y_test`` (and lengths): splits of the
      user's own. One that is missing is split off ``x``: 16 % and 20 %, by sequence, classes in
      proportion; with ``test=none`` no test split is.
    """

    test: str = choice(
        "split",
        options=("split", "none"),
        doc="none: whoever searches tests with data of their own, and nothing can be finalized",
    )

    name: ClassVar[str] = "npz"
    title: ClassVar[str] = "your own arrays x and y: PATH.npz"
    suffixes: ClassVar[tuple[str, ...]] = (".npz",)

    def search_data(self, folder: Path) -> Data:
        """Read the arrays and split off what the file does not split itself."""
        return self._data(*self._prepared(folder))

    def all_data(self, folder: Path) -> tuple[Data, Split]:
        """Read the arrays once and take all parts."""
        made, own, index = self._prepared(folder)
        return self._data(made, own, index), _split(made, *self._test(own, index, folder))

    def _data(
        self, made: ArrayPreprocessing, own: dict[str, _Part], index: dict[str, Index]
    ) -> Data:
        outputs = made.outputs
        return Data(
            train=_split(made, own[""], index["train"]),
            validation=_split(made, *self._place(own, index, "validation")),
            goal=goal_of(outputs),
            readout="every" if outputs.per == "step" else "last",
            classes=outputs.classes,
            frame=cast(tuple[int, int, int], made.frame) if made.frame else None,
            preprocessing=dataclasses.replace(made, where=Path(self.path).name),
        )

    def test_data(self, folder: Path) -> Split:
        """Read ``x_test`` and ``y_test``, or take the part that was split off for the test."""
        made, own, index = self._prepared(folder)
        return _split(made, *self._test(own, index, folder))

    @property
    def has_test(self) -> bool:
        """Whether a test split is held back."""
        return self.test == "split"

    def raw(self, folder: Path, part: str) -> dict[str, Array]:
        """Return the arrays x, y and lengths of a part."""
        _, own, index = self._prepared(folder)
        if part == "test":
            found, numbers = self._test(own, index, folder)
        else:
            found, numbers = (
                (own[""], index["train"]) if part == "train" else self._place(own, index, part)
            )
        return found.laid.taken(found.arrays, numbers)

    def _place(
        self, own: dict[str, _Part], index: dict[str, Index], name: str
    ) -> tuple[_Part, Index]:
        given = own.get(f"_{name}")
        if given is None:
            return own[""], index[name]
        return given, np.arange(len(given.laid))

    def _test(
        self, own: dict[str, _Part], index: dict[str, Index], folder: Path
    ) -> tuple[_Part, Index]:
        if "test" in index:
            return own[""], index["test"]
        with opened(find(self.path, folder)) as archive:
            given = self._part(archive, "_test")
        return given, np.arange(len(given.laid))

    def _prepared(
        self, folder: Path
    ) -> tuple[ArrayPreprocessing, dict[str, _Part], dict[str, Index]]:
        """Return the preprocessing, the arrays but those for test, and what is split off x."""
        with opened(find(self.path, folder)) as archive:
            self._check_names(archive.files)
            given = ["", *["_validation"] * ("x_validation" in archive.files)]
            own = {name: self._part(archive, name) for name in given}
            tested = "x_test" in archive.files
        if tested and not self.has_test:
            raise ValueError(f"{self.path}: holds x_test; valid: no test=none")
        whole = own[""]
        outputs = self._outputs(own)
        made = ArrayPreprocessing(
            outputs=outputs,
            features=whole.laid.features,
            frame=whole.laid.frame,
            where=whole.where,
        )
        whole.laid.check_finite(whole.where)
        exact = made.exact_targets(whole.arrays)
        check_labels(flat(exact), outputs, f"{whole.where}: y")
        split_test = self.has_test and not tested
        names = [*["validation"] * (len(own) == 1), *["test"] * split_test]
        shares = {"validation": VALIDATION_SHARE, "test": TEST_SHARE}
        parts = divide(exact, outputs, tuple(shares[name] for name in names), whole.where)
        index = dict(zip(["train", *names], parts, strict=True))
        refuse_rounded(steps_of(whole.arrays, index["train"], whole.where), f"{whole.where}: x")
        if outputs.kind == "numbers":
            refuse_rounded(whole.arrays["y"], f"{whole.where}: y")
        learned = flat(part_of(exact, torch.from_numpy(index["train"])))
        made = dataclasses.replace(made, outputs=scaled(outputs, learned, whole.where))
        if self.scale == "standard":
            made = _scaled(made, steps_of(whole.arrays, index["train"], whole.where), whole.where)
        refuse_rounding(made, whole.arrays, index["train"], whole.where)
        return made, own, index

    def _outputs(self, own: dict[str, _Part]) -> Outputs:
        """Return what all parts' targets are; classes are those of all parts but the test's."""
        whole = own[""]
        y, where = whole.arrays["y"], f"{whole.where}: y"
        per = self._per(whole)
        wide = y.ndim > (1 if per == "sequence" else len(whole.laid.leading))
        width = y.shape[-1] if wide else 1
        content = content_of(y, where)
        for other in own.values():
            found = other.arrays["y"]
            if (content_of(found, other.where), found.ndim) != (content, y.ndim):
                raise ValueError(
                    f"{other.where}: y holds {content_of(found, other.where)} in shape "
                    f"{found.shape}, but in training {content} in shape {y.shape}"
                )
        if wide and content != "numbers" and self.kind in ("auto", "classification"):
            raise ValueError(
                f"{where} has shape {y.shape}, valid for classes: {whole.valid[0]} or "
                f"{whole.valid[1]}; "
                "else kind=regression, or kind=multilabel"
            )
        kind = decide(self.kind, [content], where)
        if self.kind == "auto" and kind == "numbers":
            refuse_doubt(whole.laid.steps(y) if per == "step" else y, per, where)
        classes = _classes([own[name] for name in own], per, where) if kind == "classes" else []
        names = ["y"] if not wide else [f"y{number}" for number in range(width)]
        return described(kind, per, names, classes, where)

    def _per(self, whole: _Part) -> Per:
        y, each, steps = whole.arrays["y"], (len(whole.laid),), whole.laid.leading
        if self.per != "step" and y.shape == each:
            return "sequence"
        if self.per == "sequence" and y.shape[:1] == each and y.ndim == 2:
            return "sequence"
        wide = y.ndim - len(steps)
        if self.per != "sequence" and y.shape[: len(steps)] == steps and wide in (0, 1):
            return "step"
        raise ValueError(
            f"{whole.where}: y has shape {y.shape}, valid beside x of "
            f"{whole.arrays['x'].shape}: {whole.valid[0]}, {whole.valid[1]} or "
            f"{whole.valid[1][:-1].rstrip(',')}, values), or ({len(whole.laid)}, values) with "
            "per=sequence"
        )

    def _check_names(self, names: list[str]) -> None:
        for part in _PARTS:
            for name, other in ((f"x{part}", f"y{part}"), (f"y{part}", f"x{part}")):
                if other not in names and (name in names or part == ""):
                    raise ValueError(
                        f"{self.path}: array {other!r} is missing; there are {', '.join(names)}"
                    )
        # x_val instead of x_validation must not lead to a silent split of x.
        for name in names:
            if name.startswith(("x_", "y_", "lengths_")) and name not in _NAMES:
                raise ValueError(
                    f"{self.path}: array {name!r} is unknown; valid: {', '.join(_NAMES)}"
                )

    def _part(self, archive: np.lib.npyio.NpzFile, suffix: str) -> _Part:
        found = {
            name: array(archive, name + suffix, self.path)
            for name in ("x", "y", "lengths")
            if name + suffix in archive.files
        }
        where = f"{self.path} (x{suffix}, y{suffix})"
        return _Part(where, found, Laid.of(found, where))


@dataclass(frozen=True)
class _Part:
    """The arrays x, y and lengths of one part of a file, what it is called, how they lie."""

    where: str
    arrays: dict[str, Array]
    laid: Laid

    @property
    def valid(self) -> tuple[str, str]:
        """Shapes, as messages name them, of one target per sequence, and of one per step."""
        return str((len(self.laid),)), str(self.laid.leading)


def _split(made: ArrayPreprocessing, own: _Part, index: Index) -> Split:
    """Return examples of a part, whose form has to be that of the training."""
    made = dataclasses.replace(made, where=own.where)
    own.laid.check_targets(own.arrays["y"], made.outputs, own.where)
    chosen = own.laid.taken(own.arrays, index)
    inputs = made.inputs(chosen)
    targets = made.targets(chosen, inputs)
    check_labels(flat(targets), made.outputs, f"{own.where}: y")
    return Split(inputs.values, targets, inputs.lengths)


def _scaled(made: ArrayPreprocessing, steps: Array, where: str) -> ArrayPreprocessing:
    """Return a preprocessing that brings features to mean 0 and deviation 1.

    Measured on the numbers as they are written: float32 would round the changes of large ones off.
    """
    steps = steps.astype(np.float64)
    spread = steps.std(0)
    same = constant(steps, spread)
    unchanging = np.flatnonzero(same).tolist()
    tell([f"feature {place} of x" for place in unchanging], where)
    return dataclasses.replace(
        made,
        offset=tuple(steps.mean(0).tolist()),
        scale=tuple(np.where(same, 1.0, spread).tolist()),
        constant=tuple(unchanging),
    )


def _classes(parts: list[_Part], per: Per, where: str) -> list[str]:
    """Return the names of the classes found, numbers in numerical, texts in alphabetical order."""
    found: set[str] = set()
    whole = parts[0].arrays["y"]
    for own in parts:
        y = own.arrays["y"]
        seen = own.laid.steps(y) if per == "step" else y.ravel()
        found |= {name for name in class_names(np.unique(seen), where) if name is not None}
    found = without_mark(found, per, where)
    return sorted(found, key=int if whole.dtype.kind in "uif" else None)
