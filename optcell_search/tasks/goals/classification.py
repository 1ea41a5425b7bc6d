"""One class per sequence or per step."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from optcell_search.tasks.goals.base import IGNORED, Averaged, Goal
from optcell_search.tasks.goals.entropy import mean_entropy

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Classification(Goal):
    """One class per sequence or per step: softmax cross-entropy and accuracy.

    Outputs are logits (..., classes), targets class numbers (...), int64. A row of the tally holds
    the logarithms of the probabilities, the target, and whether it is judged.

    Args:
        classes: number of classes.
        judged_steps: 0, or: accuracy and what else judges answers looks at the last so many steps
            only, while loss and cross-entropy still take every step.
    """

    averaged: ClassVar[Averaged] = "classes"
    metrics: ClassVar[dict[str, str]] = {
        "accuracy": "maximize",
        "cross_entropy": "minimize",
        "balanced_accuracy": "maximize",
        "macro_f1": "maximize",
        "roc_auc": "maximize",
        "brier": "minimize",
    }
    by_class: ClassVar[frozenset[str]] = frozenset({"balanced_accuracy", "macro_f1", "roc_auc"})

    classes: int
    judged_steps: int = 0

    @property
    def output_size(self) -> int:
        """Number of classes."""
        return self.classes

    def loss(self, outputs: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
        """Mean cross-entropy in nats over the targets that are not `IGNORED`.

        With weights it is Σ w_y · entropy / Σ w_y.
        """
        return mean_entropy(outputs, targets, weights)

    def tally(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return (targets, classes + 2): log-probabilities, the target, whether it is judged."""
        judged = torch.ones_like(targets)
        if self.judged_steps:
            judged[..., : -self.judged_steps] = 0
        columns = (outputs.double().log_softmax(-1), targets[..., None], judged[..., None])
        return torch.cat(columns, -1).flatten(0, -2)

    def finish(self, rows: Tensor) -> dict[str, float]:
        """Return the metrics and loss (nats).

        accuracy and balanced_accuracy (mean recall of the classes that occur), macro_f1 (mean F1
        of the classes that occur or are answered), roc_auc (mean over the classes of that class
        against the rest), all shares from 0 to 1; cross_entropy in nats; brier, the mean squared
        distance of probabilities and truth, halved for two classes as is usual. They are what
        scikit-learn computes, at a tenth of its time, which matters after every epoch.
        """
        logs, targets, judged = _apart(rows)
        if np.isnan(logs).any():
            return dict.fromkeys([*self.metrics, "loss"], math.nan)
        entropy = -logs[np.arange(len(targets)), targets].mean() if len(targets) else math.nan
        logs, targets = logs[judged], targets[judged]
        probabilities = np.exp(logs)
        table = _confusion(logs.argmax(1), targets, self.classes)
        return {
            "accuracy": _share(np.trace(table), table.sum()),
            "cross_entropy": float(entropy),
            "balanced_accuracy": _mean_recall(table),
            "macro_f1": _mean_f1(table),
            "roc_auc": _mean_area(probabilities, targets),
            "brier": _brier(probabilities, targets),
            "loss": float(entropy),
        }

    def occurring(self, targets: Tensor) -> set[int]:
        """Return the numbers of the classes that are judged somewhere among the targets."""
        judged = targets[..., -self.judged_steps :]
        return set(torch.bincount(judged[judged != IGNORED].flatten()).nonzero().flatten().tolist())

    def constant(self, targets: Tensor) -> Tensor:
        """Return the logarithms of the shares of the classes."""
        counts = torch.bincount(targets[targets != IGNORED].flatten(), minlength=self.classes)
        return (counts.double() / counts.sum()).clamp(min=1e-12).log()

    def diagnose(self, rows: Tensor, classes: tuple[str, ...]) -> dict[str, Any]:
        """Return the confusion matrix: how often each class (a row) is answered by each."""
        logs, targets, judged = _apart(rows)
        table = _confusion(logs[judged].argmax(1), targets[judged], self.classes)
        return {"kind": "confusion", "classes": list(classes), "matrix": table.tolist()}

    def worst(self, rows: Tensor, classes: tuple[str, ...], most: int) -> list[dict[str, Any]]:
        """Return the wrong answers in which the truth was given the least probability, worst first.

        Each is told by ``index`` (of its row), ``true`` and ``predicted`` (names of classes), and
        the ``probability`` that each was given, ``true_probability`` that of the truth.

        Args:
            rows: of the tally.
            classes: their names.
            most: how many at most.
        """
        values = rows.cpu().numpy()
        logs, targets = values[:, :-2], values[:, -2].astype(np.int64)
        answers = logs.argmax(1)
        wrong = np.flatnonzero((targets != IGNORED) & (values[:, -1] > 0) & (answers != targets))
        truth = np.exp(logs[wrong, targets[wrong]])
        return [
            {
                "index": int(i),
                "true": classes[targets[i]],
                "predicted": classes[answers[i]],
                "probability": float(np.exp(logs[i, answers[i]])),
                "true_probability": float(np.exp(logs[i, targets[i]])),
            }
            for i in wrong[np.argsort(truth, kind="stable")][:most]
        ]


def _apart(rows: Tensor) -> tuple[Floats, npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Return log-probabilities, targets and whether they are judged, of the targets there are."""
    values = rows.cpu().numpy()
    there = values[:, -2] != IGNORED
    values = values[there]
    return values[:, :-2], values[:, -2].astype(np.int64), values[:, -1] > 0


def _confusion(
    answers: npt.NDArray[np.int64], targets: npt.NDArray[np.int64], classes: int
) -> npt.NDArray[np.int64]:
    found = np.bincount(targets * classes + answers, minlength=classes * classes)
    return found.reshape(classes, classes)


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole else math.nan


def _mean_recall(table: npt.NDArray[np.int64]) -> float:
    occur = table.sum(1) > 0
    return float((np.diag(table)[occur] / table.sum(1)[occur]).mean()) if occur.any() else math.nan


def _mean_f1(table: npt.NDArray[np.int64]) -> float:
    both = table.sum(0) + table.sum(1)
    occur = both > 0
    return float((2 * np.diag(table)[occur] / both[occur]).mean()) if occur.any() else math.nan


def _mean_area(probabilities: Floats, targets: npt.NDArray[np.int64]) -> float:
    """Return the mean area under the ROC of each class against the rest, by ranks."""
    import pandas as pd

    classes = probabilities.shape[1]
    counts = np.bincount(targets, minlength=classes)
    defined = np.flatnonzero((counts > 0) & (counts < len(targets)))
    if not len(defined):
        return math.nan
    ranks = pd.DataFrame(probabilities[:, defined]).rank().to_numpy()
    mine = targets[:, None] == defined
    count = counts[defined]
    wins = (ranks * mine).sum(0) - count * (count + 1) / 2
    return float((wins / (count * (len(targets) - count))).mean())


def _brier(probabilities: Floats, targets: npt.NDArray[np.int64]) -> float:
    if not len(targets):
        return math.nan
    truth = np.eye(probabilities.shape[1])[targets]
    squares = np.square(probabilities - truth).sum(1).mean()
    return float(squares / 2 if probabilities.shape[1] == 2 else squares)
