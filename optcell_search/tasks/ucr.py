"""The UCR and UEA archives of time series classification."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch

from optcell_search.tasks.base import Data, Split, Task
from optcell_search.tasks.goals import Classification
from optcell_search.tasks.splitting import stratified
from optcell_search.tasks.ts import Labelled, read_ts

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
    length are packed.

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

    def search_data(self, folder: Path) -> Data:
        """Read the training file and split off the validation series."""
        whole = self._read(folder, "TRAIN")
        classes = tuple(sorted(set(whole.labels), key=_in_order))
        if len(classes) < 2:
            raise ValueError(
                f"ucr:name={self.dataset}: the training file has one class only, {classes[0]}"
            )
        train, validation = self._divide(whole, classes)
        offset, scale = _scaling(whole, train)
        parts = [_split(whole, i, classes, offset, scale) for i in (train, validation)]
        return Data(
            train=parts[0],
            validation=parts[1],
            goal=Classification(classes=len(classes)),
            readout="last",
            classes=classes,
        )

    def test_data(self, folder: Path) -> Split:
        """Read the test file."""
        whole, test = self._read(folder, "TRAIN"), self._read(folder, "TEST")
        classes = tuple(sorted(set(whole.labels), key=_in_order))
        if unknown := sorted(set(test.labels) - set(classes)):
            raise ValueError(
                f"ucr:name={self.dataset}: the test file has a class that the training file "
                f"lacks: {', '.join(unknown)}"
            )
        if test.series[0].shape[1] != whole.series[0].shape[1]:
            raise ValueError(
                f"ucr:name={self.dataset}: {test.series[0].shape[1]} channels in the test file, "
                f"{whole.series[0].shape[1]} in the training file"
            )
        offset, scale = _scaling(whole, self._divide(whole, classes)[0])
        return _split(test, np.arange(len(test.labels)), classes, offset, scale)

    def _divide(self, whole: Labelled, classes: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
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

    def _read(self, folder: Path, part: str) -> Labelled:
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


def _scaling(whole: Labelled, index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    steps = np.concatenate([whole.series[i] for i in index])
    scale = steps.std(0)
    # A channel that never changes tells nothing; it becomes 0.
    return steps.mean(0), np.where(scale > 0, scale, 1.0)


def _split(
    data: Labelled,
    index: np.ndarray,
    classes: tuple[str, ...],
    offset: np.ndarray,
    scale: np.ndarray,
) -> Split:
    series = [torch.tensor((data.series[i] - offset) / scale, dtype=torch.float32) for i in index]
    inputs = torch.nn.utils.rnn.pad_sequence(series, batch_first=True)
    targets = torch.tensor([classes.index(data.labels[i]) for i in index])
    lengths = torch.tensor([len(one) for one in series])
    equal = bool((lengths == lengths[0]).all())
    return Split(inputs, targets, None if equal else lengths)
