"""Training what a table holds: one candidate with one seed, to the end, with everything noted."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any

from ..space import Candidate, trial_seed
from ..tasks import LoadedTask
from ..training import TIMED, DivergedError, Training, evaluate
from .trained import TrainedCandidates

DIVERGED = "diverged"


def train_row(candidate: Candidate, task: LoadedTask, seed: int, epochs: int) -> dict[str, Any]:
    """Train a candidate for all its epochs, then test it; return a row of a table as plain data.

    The training is the one that a search with this seed makes of the candidate. A row holds:

    - ``candidate``, ``key``, ``seed``;
    - ``validation``: name → one number an epoch, all that `Training.epoch` returns;
    - ``train``: the same of the task's metrics and loss on the training split;
    - ``seconds``: processor seconds from the start of the trial to the end of each epoch, with
      building, evaluation and measuring, without what is done for `train` and `test` alone. Other
      work on the machine changes them less than it does time on the clock. Where the training
      diverged there is one more, of the epoch that was not finished;
    - ``test``: metrics and loss on the test split after the last epoch, empty if it diverged;
    - ``gradients``: distance from the last step, as text → norm, after the last epoch;
    - ``reason``, ``detail``: why it failed; empty where it did not. The epochs before count.
    """
    row: dict[str, Any] = {
        "candidate": candidate.to_dict(),
        "key": candidate.key,
        "seed": seed,
        "validation": {},
        "train": {},
        "seconds": [],
        "test": {},
        "gradients": {},
        "reason": "",
        "detail": "",
    }
    aside = 0.0
    start = time.process_time()
    training = Training(candidate, task, seed=trial_seed(seed, candidate.key), epochs=epochs)
    try:
        for epoch in range(1, epochs + 1):
            _append(row["validation"], training.epoch())
            if epoch == epochs:
                row["gradients"] = {str(d): norm for d, norm in training.gradients().items()}
            row["seconds"].append(time.process_time() - start - aside)
            before = time.process_time()
            _append(row["train"], evaluate(training.model, task.train, task))
            aside += time.process_time() - before
    except DivergedError as error:
        row["reason"], row["detail"] = DIVERGED, str(error)
        row["seconds"].append(time.process_time() - start - aside)
    else:
        row["test"] = evaluate(training.model, task.unseal(), task)
    return row


def _append(columns: dict[str, list[float]], values: dict[str, float]) -> None:
    for name, value in values.items():
        columns.setdefault(name, []).append(value)


def compare(
    table: TrainedCandidates, candidate: Candidate, seed: int, row: Mapping[str, Any]
) -> dict[str, float]:
    """Return by name how far a row that was trained again is from that of a table, at most.

    What is read off a clock is left out. Where one of the two holds more epochs or names than the
    other, or failed otherwise, the difference is infinite.
    """
    number = table.rows.index[candidate.key, seed]
    trained = table.rows.epochs(number)
    differences = {
        "reason": 0.0 if table.rows.failure(number)[0] == row["reason"] else math.inf,
        "epochs": 0.0 if trained == len(row["validation"].get("epoch", ())) else math.inf,
    }
    if any(differences.values()):
        return differences
    for part in ("validation", "train"):
        for epoch in range(1, trained + 1):
            stored = table.rows.at(part, number, epoch)
            again = {name: values[epoch - 1] for name, values in row[part].items()}
            _widen(differences, part, stored, again)
    if not row["reason"]:
        _widen(differences, "test", table.rows.test(number), row["test"])
        gradients = {str(d): norm for d, norm in table.rows.gradients(number).items()}
        _widen(differences, "gradients", gradients, row["gradients"])
    return differences


def _widen(
    differences: dict[str, float],
    part: str,
    stored: Mapping[str, float],
    again: Mapping[str, float],
) -> None:
    for name in (stored.keys() | again.keys()) - set(TIMED):
        here, there = stored.get(name, math.nan), again.get(name, math.nan)
        same = here == there or (math.isnan(here) and math.isnan(there))
        apart = 0.0 if same else abs(here - there)
        label = f"{part}.{name}"
        found = apart if math.isfinite(apart) else math.inf
        differences[label] = max(differences.get(label, 0.0), found)
