"""The UCR and UEA archives of time series classification."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, cast

import numpy as np
import torch

from optcell_search.hyperparameters import choice
from optcell_search.raw import Series, SeriesPreprocessing
from optcell_search.raw.constant import constant, tell
from optcell_search.raw.features import Features, Missing
from optcell_search.raw.reading.ts import read_ts
from optcell_search.tasks.base import Data, Split, Task
from optcell_search.tasks.own.targets import Kind, described, goal_of, scaled
from optcell_search.tasks.splitting import Index, stratified

_PLACES = (".", "ucr", "Univariate_ts", "Multivariate_ts")
_PARTS = ("TRAIN", "TEST")
_VALIDATION_SHARE = 0.2


@dataclass(frozen=True, kw_only=True)
class UCR(Task):
    """A set of the UCR or UEA archive, as ``ucr:name=GunPoint``.

    Looks for ``NAME/NAME_TRAIN.ts`` beside ``NAME/NAME_TEST.ts`` in the data folder, its ``ucr``,
    ``Univariate_ts`` or ``Multivariate_ts``, and then among the sets in the package aeon: ACSF1,
    ArrowHead, BasicMotions, GunPoint, ItalyPowerDemand, JapaneseVowels, OSULeaf,
    PickupGestureWiimoteZ.

    Each channel is brought to mean 0 and variance 1 over the training series. Series of unequal
    length are packed. Values that are missing are masked, unless `missing` says otherwise; missing
    ones at the end of a series are its end. Sets of the regression archive, whose targets are
    numbers, are predicted in their own unit.

    Split: the archive's own test file; validation is a fifth of its training file, classes in
    proportion; where a class has a single series, that is trained on. Metric: accuracy; chance is
    the share of the most frequent class, 1 / classes in most sets.

    Source: Dau et al., The UCR Time Series Archive, IEEE/CAA J. Autom. Sinica 6, 2019, arXiv
    1810.07758; Bagnall et al., arXiv 1811.00075.
    """

    name: ClassVar[str] = "ucr"
    title: ClassVar[str] = "any UCR or UEA set: ucr:name=GunPoint (from .ts files or aeon)"
    aliases: ClassVar[dict[str, str]] = {"name": "dataset"}

    dataset: str = "GunPoint"
    missing: str = choice(
        "mask",
        options=("mask", "mean", "forward", "interpolate", "refuse"),
        doc="missing values: the training mean and a channel that says so, that mean alone, the "
        "value before, between its neighbours, or refused",
    )

    def search_data(self, folder: Path) -> Data:
        """Read the training file and split off the validation series."""
        whole = self._read(folder, "TRAIN")
        made, train, validation = self._made(whole)
        return Data(
            train=_split(made, whole.take(train)),
            validation=_split(made, whole.take(validation)),
            goal=goal_of(made.outputs),
            readout="last",
            classes=made.outputs.classes,
            preprocessing=made,
        )

    def test_data(self, folder: Path) -> Split:
        """Read the test file."""
        made, _, _ = self._made(self._read(folder, "TRAIN"))
        test = self._read(folder, "TEST")
        classes = {*made.outputs.classes}
        if classes and (unknown := sorted({*test.labels} - classes)):
            raise ValueError(
                f"ucr:name={self.dataset}: the test file has a class that the training file "
                f"lacks: {', '.join(unknown)}"
            )
        channels, seen = test.values[0].shape[1], len(made.features.names)
        if channels != seen:
            raise ValueError(
                f"ucr:name={self.dataset}: {channels} channels in the test file, "
                f"{seen} in the training file"
            )
        return _split(made, test)

    def raw(self, folder: Path, part: str) -> Series:
        """Return the series of a part, as its file has them."""
        if part == "test":
            return self._read(folder, "TEST")
        whole = self._read(folder, "TRAIN")
        _, train, validation = self._made(whole)
        return whole.take(train if part == "train" else validation)

    def _made(self, whole: Series) -> tuple[SeriesPreprocessing, Index, Index]:
        """Return how series become tensors, and which are for training and for validation."""
        where = f"ucr:name={self.dataset}"
        if not whole.labels:
            raise ValueError(
                f"{whole.where}: no @classLabel true … and no @targetLabel true before @data: "
                "nothing to tell apart, and nothing to predict"
            )
        classes = [] if whole.numeric else sorted({*whole.labels}, key=_in_order)
        if len(classes) == 1:
            raise ValueError(f"{where}: the training file has one class only, {classes[0]}")
        kind: Kind = "numbers" if whole.numeric else "classes"
        outputs = described(kind, "sequence", ["target"], classes, where)
        train, validation = self._divide(whole, classes)
        if whole.numeric:
            numbers = torch.tensor([[float(whole.labels[i])] for i in train], dtype=torch.float64)
            outputs = scaled(outputs, numbers, where)
        features = _features(whole, train, cast(Missing, self.missing))
        return (
            SeriesPreprocessing(outputs=outputs, features=features, where=where),
            train,
            validation,
        )

    def _divide(self, whole: Series, classes: Sequence[str]) -> tuple[Index, Index]:
        if whole.numeric:
            alike = np.zeros(len(whole.labels), dtype=np.int64)
            train, validation = stratified(alike, (_VALIDATION_SHARE,), where=whole.where)
            return train, validation
        numbers = np.array([classes.index(label) for label in whole.labels], dtype=np.int64)
        # Some sets have a class with a single series, such as DiatomSizeReduction.
        alone = np.bincount(numbers)[numbers] == 1
        several = np.flatnonzero(~alone)
        where = f"ucr:name={self.dataset}"
        if not len(several):
            raise ValueError(
                f"{where}: one series of each class: none can be set aside for validation"
            )
        train, validation = stratified(numbers[several], (_VALIDATION_SHARE,), where=where)
        return np.sort(np.append(several[train], np.flatnonzero(alone))), several[validation]

    def files(self, folder: Path) -> list[Path]:
        """Return the set's two files, where they are in the data folder."""
        files = [folder / place / self._file(part) for place in _PLACES for part in _PARTS]
        return [path for path in files if path.is_file()]

    def _file(self, part: str) -> Path:
        return Path(self.dataset) / f"{self.dataset}_{part}.ts"

    def _read(self, folder: Path, part: str) -> Series:
        relative = self._file(part)
        places = [folder / place for place in _PLACES]
        # Found without importing aeon, which takes seconds.
        aeon = importlib.util.find_spec("aeon")
        if aeon is not None and aeon.origin is not None:
            places.append(Path(aeon.origin).parent / "datasets" / "data")
        # Both parts from one place: a set of the user's own may have the name of one of aeon's.
        there = [p for p in places if any((p / self._file(each)).is_file() for each in _PARTS)]
        places = there[:1] or places
        if (places[0] / relative).is_file():
            return read_ts(places[0] / relative)
        looked = ", ".join(str(place / relative.parent) for place in places)
        raise FileNotFoundError(
            f"{relative.name} not found in {looked}; "
            + ("" if aeon else "some sets come with pip install 'optcell-search[ucr]'; ")
            + "get any other from https://timeseriesclassification.com and unpack it into "
            f"{folder / 'ucr' / self.dataset}, or point --data-dir or OPTCELL_DATA at it"
        )


def _in_order(label: str) -> tuple[float, str]:
    """Sort numbers by size and before words."""
    try:
        return float(label), label
    except ValueError:
        return float("inf"), label


def _features(whole: Series, train: Index, missing: Missing) -> Features:
    """Return how channels are scaled; a mask for each that lacks a value anywhere."""
    steps = np.concatenate([whole.values[i] for i in train])
    names = tuple(f"channel {number + 1}" for number in range(steps.shape[1]))
    gone = np.isnan(steps).any()
    mean, scale = (
        (np.nanmean(steps, 0), np.nanstd(steps, 0)) if gone else (steps.mean(0), steps.std(0))
    )
    same = constant(steps, scale)
    unchanging = [names[place] for place in np.flatnonzero(same)]
    tell(unchanging, whole.where)
    lacking = np.any([np.isnan(values).any(0) for values in whole.values], axis=0)
    return Features(
        names=names,
        levels={},
        offset=tuple(mean.tolist()),
        scale=tuple(np.where(same, 1.0, scale).tolist()),
        missing=missing,
        mean=tuple(mean.tolist()),
        masked=tuple(
            n for n, lacks in zip(names, lacking, strict=True) if lacks and missing == "mask"
        ),
        constant=tuple(unchanging),
    )


def _split(made: SeriesPreprocessing, series: Series) -> Split:
    inputs = made.inputs(series)
    return Split(inputs.values, made.targets(series, inputs), inputs.lengths)
