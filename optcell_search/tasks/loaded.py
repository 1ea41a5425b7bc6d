"""A task as the rest of the package sees it: tensors, a loss, metrics, and a sealed test split."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from optcell_search import registry
from optcell_search.cells.model import Averaged
from optcell_search.penalties import Penalty
from optcell_search.penalties.base import Drivers
from optcell_search.raw import Preprocessing
from optcell_search.tasks import describing, made
from optcell_search.tasks.base import Data, Readout, Split, Task
from optcell_search.tasks.goals import Goal


class LoadedTask:
    """A task with its data on a device.

    Args:
        task, folder, device: plug-in with its options, place of its files, place of the tensors.
        data: what `task.search_data(folder)` returned; None: read it now.
        test: what `task.test_data(folder)` returned, sealed here; None: read it when unsealed.
    """

    def __init__(
        self,
        task: Task,
        folder: Path,
        *,
        device: torch.device | str = "cpu",
        data: Data | None = None,
        test: Split | None = None,
    ) -> None:
        self.task = task
        self.folder = folder
        # "cuda" and "cuda:0" are the same place, but do not compare equal: ask a tensor.
        self.device = torch.empty(0, device=device).device
        self._data = describing.read(task, folder) if data is None else data
        self._train = self._data.train.to(self.device)
        self._validation = self._data.validation.to(self.device)
        before = self._data.pretraining
        self._pretraining = None if before is None else before.to(self.device)
        self._sealed = test
        self._test: Split | None = None

    def __repr__(self) -> str:
        return f"LoadedTask({self.spec!r}, train={len(self.train)}, device={str(self.device)!r})"

    def beginning(self, train: int, validation: int) -> LoadedTask:
        """Return the same task with no more than its first sequences of either split."""
        data = describing.beginning(self._data, train, validation)
        return LoadedTask(self.task, self.folder, device=self.device, data=data)

    def split_anew(self, train: Split, validation: Split) -> LoadedTask:
        """Return the same task with other splits; its test split is sealed, too."""
        same = validation is self._validation
        data = describing.divided(self._data, train, validation, same=same)
        return LoadedTask(self.task, self.folder, device=self.device, data=data)

    @property
    def spec(self) -> str:
        """Canonical text of name (or path) and options."""
        return self.task.spec

    @property
    def name(self) -> str:
        """Registered name."""
        return self.task.name

    @property
    def title(self) -> str:
        """One line for people."""
        return self.task.title

    @property
    def input_size(self) -> int:
        """Features per step."""
        return int(self._train.inputs.shape[-1])

    @property
    def frame(self) -> tuple[int, int, int] | None:
        """Channels, height and width, where the features of a step are an image; else None."""
        return self._data.frame

    @property
    def symbols(self) -> bool:
        """Whether a step is the number of a symbol, and symbols are predicted."""
        return self._data.symbols

    @property
    def embedded(self) -> tuple[tuple[int, int], ...]:
        """Place and levels of the features that are numbers of categories, which are embedded."""
        return self.preprocessing.embedded

    @property
    def anchors(self) -> tuple[tuple[int, float, float], ...]:
        """For each output the place of its series' past, factor and shift; empty: no forecast."""
        return self.preprocessing.anchors

    @property
    def chunk(self) -> int:
        """Steps of the pieces that sequences are taken in, the state carried on; 0: whole."""
        return self._data.chunk

    @property
    def output_size(self) -> int:
        """Outputs the model must have: classes, or predicted values."""
        return self._data.goal.output_size

    @property
    def readout(self) -> Readout:
        """``"last"``: one answer per sequence; ``"every"``: one per step."""
        return self._data.readout

    @property
    def metrics(self) -> dict[str, str]:
        """Metric → ``"maximize"`` or ``"minimize"``; the first is the primary one.

        Those of the goal come first, then those of the penalties that can be judged here.
        """
        judged = [name for penalty in self.penalties for name in penalty.metrics]
        return {**self._data.goal.metrics, **dict.fromkeys(judged, "minimize")}

    @functools.cached_property
    def penalties(self) -> tuple[Penalty, ...]:
        """The penalties, with their defaults, that this task has the drivers for."""
        if not self._train.drivers:
            return ()
        known = (registry.penalties.get(name)() for name in registry.penalties.names())
        return tuple(o for o in known if o.applies(self._train.drivers))

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes by number; empty for regression."""
        return self._data.classes

    @property
    def goal(self) -> Goal:
        """Loss and metrics."""
        return self._data.goal

    @property
    def averaged(self) -> Averaged:
        """What is averaged where several models answer as one; see `cells.model.average`."""
        return self.goal.averaged

    @property
    def train(self) -> Split:
        """The split to train on."""
        return self._train

    @property
    def pretraining(self) -> Split | None:
        """What ``training.pretrain_epochs`` train on; None where there is nothing."""
        return self._pretraining

    @property
    def validation(self) -> Split:
        """The split a search judges by."""
        return self._validation

    @property
    def test(self) -> Split:
        """The test split, once it is unsealed.

        Raises:
            RuntimeError: it is still sealed.
        """
        if self._test is None:
            raise RuntimeError(f"the test split of {self.spec!r} is sealed until finalize")
        return self._test

    def unseal(self) -> Split:
        """Read the test split and return it; for `finalize` alone, after the search."""
        if self._test is None:
            test = describing.test_of(self.task, self.folder, self.input_size, self._sealed)
            self._test = test.to(self.device)
        return self._test

    def loss(self, outputs: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
        """Return the scalar to minimise, see `Goal.loss`; weights are such as `class_weights`."""
        return self._data.goal.loss(outputs, targets, weights)

    @functools.cached_property
    def class_weights(self) -> Tensor:
        """Weights (classes,) by which all classes count alike in the loss: n / (classes · n_c).

        n are the training targets, n_c those of a class; what scikit-learn calls "balanced".
        Raises ValueError where the task has no classes.
        """
        if self._train.known.is_floating_point():
            raise ValueError(f"task {self.spec!r} has no classes that could be weighed")
        return describing.balanced(self._train.known, self.output_size)

    def tally(self, outputs: Tensor, targets: Tensor, drivers: Drivers) -> list[Tensor]:
        """Return what `merge` and `finish` need: the goal's rows, and each penalty's sums."""
        predictions = self.goal.predictions(outputs)
        judged = [penalty.tally(predictions, drivers) for penalty in self.penalties]
        return [self.goal.tally(outputs, targets), *judged]

    def merge(self, parts: Sequence[list[Tensor]]) -> list[Tensor]:
        """Return the tally of a whole split from those of its pieces."""
        goal, *penalties = zip(*parts, strict=True)
        return [self.goal.merge(goal), *(torch.stack(sums).sum(0) for sums in penalties)]

    def diagnose(self, tally: list[Tensor]) -> dict[str, Any]:
        """Return what a whole split's tally tells beyond the metrics, as plain data.

        Its ``kind`` says what: "confusion", see `describing.diagnosis`; "residuals", see
        `goals.scores.residuals`; "labels".
        """
        return describing.diagnosis(self.goal, tally[0], self.classes, self.readout)

    @functools.cached_property
    def chance(self) -> dict[str, float]:
        """Metrics on the validation split of answering without looking at any input.

        That is the mean of the training targets for numbers, the frequencies of the classes, or the
        value one season ago for a forecast; what a model is worth is what it has beyond that.
        """
        return describing.chance(self._data)

    def chance_on(self, split: Split) -> dict[str, float]:
        """Metrics on another split of doing so; empty where they are known for validation alone."""
        return describing.chance_on(self._data, split)

    @property
    def preprocessing(self) -> Preprocessing:
        """How raw data become the model's inputs and its outputs become answers."""
        if self._data.preprocessing is not None:
            return self._data.preprocessing
        return made.made_tensors(self._data, self.name)

    def raw(self, part: str) -> Any:
        """Return a part as it is before `preprocessing`, or None where there is no such form.

        ``task.preprocessing.inputs(task.raw("validation"))`` are that split's inputs.
        """
        return self.task.raw(self.folder, part)

    def finish(self, tally: list[Tensor]) -> dict[str, float]:
        """Turn a whole split's tally into the metrics and ``loss``."""
        scores = self.goal.finish(tally[0])
        for penalty, sums in zip(self.penalties, tally[1:], strict=True):
            scores |= penalty.finish(sums)
        return scores

    def score(self, outputs: Tensor, targets: Tensor, drivers: Drivers) -> dict[str, float]:
        """Return the metrics, and ``loss``, of these outputs; `drivers` as their split has them."""
        return self.finish(self.tally(outputs, targets, drivers))

    def require(self, penalties: Iterable[str], *, pretraining: bool) -> None:
        """Check that candidates with these terms of the loss can be trained here.

        Args:
            penalties: names.
            pretraining: whether they begin with pre-training.

        Raises:
            ValueError: the task lacks drivers or pre-training data; the message says which.
        """
        describing.require(self._data, self.spec, penalties, pretraining=pretraining)

    def to(self, device: torch.device | str) -> LoadedTask:
        """Return the task with its splits on `device`; its test split is sealed again."""
        if torch.empty(0, device=device).device == self.device:
            return self
        return LoadedTask(self.task, self.folder, device=device, data=self._data, test=self._sealed)

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of all that the search sees; see `describing.fingerprint`."""
        return describing.fingerprint(self._data)

    def info(self) -> dict[str, Any]:
        """Return what is worth telling about the task, as plain data."""
        return {
            "spec": self.spec,
            "name": self.name,
            "title": self.title,
            "options": {f.name: getattr(self.task, f.name) for f in fields(self.task)},
            "input_size": self.input_size,
            "frame": list(self.frame) if self.frame else None,
            "symbols": self.symbols,
            "output_size": self.output_size,
            "readout": self.readout,
            "metrics": self.metrics,
            "chance": self.chance,
            "classes": list(self.classes),
            "examples": {"train": len(self.train), "validation": len(self.validation)},
            "steps": int(self.train.inputs.shape[1]),
        }
