"""A task as the rest of the package sees it: tensors, a loss, metrics, and a sealed test split."""

from __future__ import annotations

import functools
import hashlib
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from optcell_search.tasks.base import Data, Readout, Split, Task
from optcell_search.tasks.goals import Goal


class LoadedTask:
    """A task with its data on a device.

    Args:
        task: the plug-in with its options.
        folder: where its files are.
        device: where the tensors shall be.
        data: what `task.search_data(folder)` returned; None: read it now.
    """

    def __init__(
        self,
        task: Task,
        folder: Path,
        *,
        device: torch.device | str = "cpu",
        data: Data | None = None,
    ) -> None:
        self.task = task
        self.folder = folder
        # "cuda" and "cuda:0" are the same place, but do not compare equal: ask a tensor.
        self.device = torch.empty(0, device=device).device
        self._data = task.search_data(folder) if data is None else data
        self._train = self._data.train.to(self.device)
        self._validation = self._data.validation.to(self.device)
        self._test: Split | None = None

    def __repr__(self) -> str:
        return f"LoadedTask({self.spec!r}, train={len(self.train)}, device={str(self.device)!r})"

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
    def output_size(self) -> int:
        """Outputs the model must have: classes, or predicted values."""
        return self._data.goal.output_size

    @property
    def readout(self) -> Readout:
        """``"last"``: one answer per sequence; ``"every"``: one per step."""
        return self._data.readout

    @property
    def metrics(self) -> dict[str, str]:
        """Metric → ``"maximize"`` or ``"minimize"``; the first is the primary one."""
        return dict(self._data.goal.metrics)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes by number; empty for regression."""
        return self._data.classes

    @property
    def goal(self) -> Goal:
        """Loss and metrics."""
        return self._data.goal

    @property
    def train(self) -> Split:
        """The split to train on."""
        return self._train

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
            test = self.task.test_data(self.folder)
            if test.inputs.shape[-1] != self.input_size:
                raise ValueError(
                    f"test split of {self.spec!r} has {test.inputs.shape[-1]} features, "
                    f"its training split {self.input_size}"
                )
            self._test = test.to(self.device)
        return self._test

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the scalar to minimise; the goal of the task says of what."""
        return self._data.goal.loss(outputs, targets)

    def score(self, outputs: Tensor, targets: Tensor) -> dict[str, float]:
        """Return the metrics, and ``loss``, of these outputs."""
        goal = self._data.goal
        return goal.finish(goal.tally(outputs, targets))

    def to(self, device: torch.device | str) -> LoadedTask:
        """Return the task with its splits on `device`; its test split is sealed again."""
        if torch.empty(0, device=device).device == self.device:
            return self
        return LoadedTask(self.task, self.folder, device=device, data=self._data)

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of all that the search sees: values, shapes and types of both splits."""
        digest = hashlib.sha256()
        for split in (self._data.train, self._data.validation):
            for tensor in (split.inputs, split.targets, split.lengths):
                if tensor is None:
                    digest.update(b"none;")
                    continue
                digest.update(f"{tensor.dtype}{tuple(tensor.shape)};".encode())
                digest.update(tensor.cpu().contiguous().numpy().data)
        return digest.hexdigest()

    def info(self) -> dict[str, Any]:
        """Return what is worth telling about the task, as plain data."""
        return {
            "spec": self.spec,
            "name": self.name,
            "title": self.title,
            "options": {f.name: getattr(self.task, f.name) for f in fields(self.task)},
            "input_size": self.input_size,
            "frame": list(self.frame) if self.frame else None,
            "output_size": self.output_size,
            "readout": self.readout,
            "metrics": self.metrics,
            "classes": list(self.classes),
            "examples": {"train": len(self.train), "validation": len(self.validation)},
            "steps": int(self.train.inputs.shape[1]),
        }
