"""From the ledger to tables: trials, learning curves, finalized scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ..ledger.format import (
    BASELINE,
    DIAGNOSIS,
    ENSEMBLE,
    GIVEN,
    REFIT,
    REQUEST,
    SPREAD,
    directions_in,
    epochs_in,
    finalized_in,
)
from ..ledger.notes import Remark, remarks
from ..ledger.trials.trial_record import TrialRecord, record_of
from ..pareto import Direction

if TYPE_CHECKING:
    import optuna


def objectives(study: optuna.Study) -> dict[str, Direction]:
    """Return the study's objectives with their directions, the most important one first."""
    return objectives_of(study.user_attrs[REQUEST])


def objectives_of(request: Mapping[str, Any]) -> dict[str, Direction]:
    """Return the objectives of a request with their directions, the most important one first."""
    return directions_in(request["objectives"])


def frame(study: optuna.Study) -> pd.DataFrame:
    """Return one row a trial, in order of their numbers; see `table` for its columns."""
    rows = [record_of(trial) for trial in study.get_trials(deepcopy=False)]
    return with_remarks(table(rows, study.user_attrs[REQUEST]), study.user_attrs)


def with_remarks(rows: pd.DataFrame, attributes: Mapping[str, Any]) -> pd.DataFrame:
    """Return a table with what people say of its trials in ``tags`` and ``note``, if anything."""
    said = {number: remark for number, remark in remarks(attributes).items() if number is not None}
    if not said:
        return rows
    found = [said.get(number, Remark()) for number in rows["number"]]
    tags: list[Any] = [", ".join(remark.tags) or None for remark in found]
    notes: list[Any] = [remark.note or None for remark in found]
    return rows.assign(tags=tags, note=notes)


def table(rows: Sequence[TrialRecord], request: Mapping[str, Any]) -> pd.DataFrame:
    """Return rows of a ledger as a table, one row a trial.

    Columns: ``number, state, reason, key, seed, repeat, duplicate_of, cell, rule``; ``feasible``
    when the request holds constraints; each hyperparameter under its dotted name, missing where a
    candidate's cell and rule have none, and at its default where other values leave no room for it;
    each metric under its plain name, those of the last epoch, and under ``<metric>_std`` its
    standard deviation over repeats where there are any; ``epochs`` (trained),
    ``started`` (local time), ``seconds`` (from start to end).
    """
    ranked = list(objectives_of(request))
    metrics = [_final_metrics(row, ranked) for row in rows]
    heads = pd.DataFrame([_head(row) for row in rows], columns=_HEAD)
    for name in ("repeat", "seed", "duplicate_of"):
        heads[name] = heads[name].astype("Int64")
    if request.get("constraints"):
        heads["feasible"] = np.array([row.feasible for row in rows], dtype=bool)
    values = pd.DataFrame(metrics, index=heads.index).reindex(columns=_columns(metrics, ranked))
    spreads = _spreads(rows, heads.index)
    tail = pd.DataFrame([(row.epochs, row.started, row.seconds) for row in rows], columns=_TAIL)
    tail = tail.astype({"epochs": "int64", "started": "datetime64[us]", "seconds": "float64"})
    settings = pd.DataFrame([row.settings for row in rows], index=heads.index)
    kinds = settings.reindex(columns=["cell", "rule"])
    # By section; inside one, as the candidates have them, which is as they are declared.
    names = [c for c in map(str, settings.columns) if c not in ("cell", "rule")]
    names.sort(key=lambda name: name.partition(".")[0])
    parts = [heads, kinds, settings[names], values.astype("float64"), spreads, tail]
    return pd.concat(parts, axis=1)


def _spreads(rows: Sequence[TrialRecord], index: pd.Index[int]) -> pd.DataFrame:
    """Return the spread over repeats of each metric that differs between them."""
    known = [row.known.get(SPREAD) or {} for row in rows]
    found = pd.DataFrame(known, index=index, dtype="float64")
    differ = [name for name in found.columns if name != "epoch" and (found[name] > 0).any()]
    return found[differ].add_suffix("_std")


_HEAD = ["number", "state", "reason", "key", "seed", "repeat", "duplicate_of"]
_TAIL = ["epochs", "started", "seconds"]


def _head(row: TrialRecord) -> tuple[Any, ...]:
    return (row.number, row.state, *(row.known.get(column) for column in _HEAD[2:]))


def _final_metrics(row: TrialRecord, names: Sequence[str]) -> dict[str, float]:
    final = {name: value for name, value in row.metrics.items() if name != "epoch"}
    if row.state == "COMPLETE":
        if len(row.values) != len(names):
            raise ValueError(f"trial {row.number}: {len(row.values)} values, not {len(names)}")
        final.update(zip(names, row.values, strict=True))
    return final


def _columns(rows: Sequence[Mapping[str, Any]], first: Sequence[str]) -> list[str]:
    """The keys of all rows, each once: those in `first`, then the others as they appear."""
    return list(dict.fromkeys([*first, *(key for row in rows for key in row)]))


def curves(study: optuna.Study) -> pd.DataFrame:
    """Return one row a trial and epoch: ``number, epoch``, then the metrics of that epoch."""
    rows = [
        {**values, "number": trial.number, "epoch": epoch}
        for trial in study.get_trials(deepcopy=False)
        for epoch, values in epochs_in(trial.user_attrs).items()
    ]
    return pd.DataFrame(rows, columns=_columns(rows, ["number", "epoch"]))


def gradients(study: optuna.Study) -> pd.DataFrame:
    """Return how far the gradients of each completed trial reach, in rows of three columns.

    ``number``; ``distance`` in steps from the last one; ``norm`` of the gradient of the loss by the
    hidden state there, see `training.gradient_curve`. Pruned trials, those that read in two
    directions and those of older ledgers have no rows.
    """
    rows = [
        (trial.number, distance, norm)
        for trial in study.get_trials(deepcopy=False)
        for distance, norm in sorted(record_of(trial).gradients.items())
    ]
    return pd.DataFrame(rows, columns=["number", "distance", "norm"])


def finalized(study: optuna.Study) -> pd.DataFrame:
    """Return one row a re-trained trial, split and metric, with its mean and spread over seeds.

    Columns: ``number, split`` ("validation" or "test"; with "baseline_" before it for the baseline
    that the trial is compared with, where there is one, and with "ensemble_" of the seeds as one,
    their answers averaged), ``metric, mean, std`` (of the sample, missing for a single value),
    ``seeds`` (how many values), ``epochs``, ``refit`` (whether they were trained on training and
    validation data together), ``given`` (whether the user said for how many epochs).
    """
    return finalized_of(study.user_attrs)


def finalized_of(attributes: Mapping[str, Any]) -> pd.DataFrame:
    """Return what `finalized` returns, from a study's user attributes."""
    rows = []
    for number, record in finalized_in(attributes).items():
        rows += _scores(number, record, "")
        if BASELINE in record:
            rows += _scores(number, record[BASELINE], f"{BASELINE}_")
        if ENSEMBLE in record:
            rows += _scores(number, record[ENSEMBLE], f"{ENSEMBLE}_")
    columns = ["number", "split", "metric", "mean", "std", "seeds", "epochs", "refit", "given"]
    return pd.DataFrame(rows, columns=columns).sort_values("number", kind="stable")


def diagnoses_of(attributes: Mapping[str, Any]) -> dict[int, Mapping[str, Any]]:
    """Return trial → diagnosis of the finalized trials that have one, from user attributes."""
    return {
        number: record[DIAGNOSIS]
        for number, record in finalized_in(attributes).items()
        if record.get(DIAGNOSIS)
    }


def _scores(number: int, record: Mapping[str, Any], prefix: str) -> list[tuple[Any, ...]]:
    rows = []
    for split in ("validation", "test"):
        for metric, values in record[split].items():
            if not values:  # every one of its trainings failed
                continue
            std = float(np.std(values, ddof=1)) if len(values) > 1 else np.nan
            how = record["epochs"], record.get(REFIT, False), record.get(GIVEN, False)
            scores = float(np.mean(values)), std, len(values)
            rows.append((number, f"{prefix}{split}", metric, *scores, *how))
    return rows
