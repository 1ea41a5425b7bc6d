"""From the ledger to tables: trials, learning curves, finalized scores."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import optuna
import pandas as pd
import sqlalchemy
from optuna.storages import BaseStorage, JournalStorage, get_storage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState

Direction = Literal["minimize", "maximize"]

EPOCH_PREFIX = "epoch:"
FINALIZED_PREFIX = "finalized:"
_JOURNAL = "journal://"


def load(where: str | Path) -> optuna.Study:
    """Open the ledger of a run folder, or the study at an Optuna URL.

    Args:
        where: a run folder, or a URL such as ``sqlite:///study.db`` or ``journal:///log``; a URL
            whose database holds several studies names one after a ``#``:
            ``postgresql://host/db#run-7``.

    Raises:
        FileNotFoundError: the folder holds no run, or the URL's file is not there.
        ValueError: the database is not readable, or holds no study or several, or the study was
            not written by a search.
    """
    text = str(where)
    if "://" in text:
        url, _, name = text.partition("#")
    else:
        url, name = _of_folder(Path(where))
    try:
        storage = _storage(url)
        names = sorted(study.study_name for study in storage.get_all_studies())
    except (sqlalchemy.exc.SQLAlchemyError, ImportError, RuntimeError) as error:
        raise ValueError(f"{text}: not a readable Optuna study ({type(error).__name__})") from error
    if not name and len(names) == 1:
        name = names[0]
    if name not in names:
        valid = ", ".join(names) or "none, the database is empty"
        raise ValueError(f"{text}: no study {name!r}; name one after '#'; valid: {valid}")
    study = optuna.load_study(study_name=name, storage=storage)
    if "request" not in study.user_attrs:
        raise ValueError(f"{text}: study {name!r} holds no request, so no search wrote it")
    return study


def _storage(url: str) -> BaseStorage:
    """Open what is there; both kinds of file would otherwise be made."""
    journal = url.startswith(_JOURNAL)
    file = url.removeprefix(_JOURNAL) if journal else _sqlite_file(url)
    if file and not Path(file).is_file():
        raise FileNotFoundError(f"{url}: no such file")
    if journal:
        return JournalStorage(JournalFileBackend(file))
    return get_storage(url)


def _sqlite_file(url: str) -> str:
    parsed = sqlalchemy.make_url(url)
    return parsed.database or "" if parsed.get_backend_name() == "sqlite" else ""


def _of_folder(folder: Path) -> tuple[str, str]:
    """Return URL and name of a run folder's study; no name where the database holds just one."""
    request = folder / "run.toml"
    if request.is_file():
        try:
            asked = tomllib.loads(request.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ValueError(f"{request}: not a TOML file: {error}") from error
        if asked.get("study"):
            return str(asked["study"]), str(asked.get("run_id", ""))
    database = folder / "study.db"
    if not database.is_file():
        raise FileNotFoundError(f"{folder}: no run here, {database.name} is missing")
    # Built rather than pasted: a folder's name may hold characters that a URL gives a meaning.
    return str(sqlalchemy.URL.create("sqlite", database=str(database))), ""


def objectives(study: optuna.Study) -> dict[str, Direction]:
    """Return the study's objectives with their directions, the most important one first."""
    request: Mapping[str, Any] = study.user_attrs["request"]
    return {entry["name"]: entry["direction"] for entry in request["objectives"]}


def frame(study: optuna.Study) -> pd.DataFrame:
    """Return one row a trial, in order of their numbers.

    Columns: ``number, state, reason, key, seed, repeat, duplicate_of, cell, rule``; ``feasible``
    when the request holds constraints; each hyperparameter under its dotted name, missing where a
    candidate has none; each metric under its plain name, those of the last epoch; ``epochs``
    (trained), ``started`` (local time), ``seconds`` (from start to end).
    """
    trials = study.get_trials(deepcopy=False)
    ranked = list(objectives(study))
    constrained = bool(study.user_attrs["request"].get("constraints"))
    hyperparameters: list[dict[str, Any]] = []
    metrics: list[dict[str, float]] = []
    for trial in trials:
        hyperparameters.append(_flat(trial.user_attrs.get("candidate", {})))
        metrics.append(_final_metrics(trial, ranked))
    heads = pd.DataFrame([_head(trial) for trial in trials], columns=_HEAD)
    heads["repeat"] = heads["repeat"].astype("Int64")
    heads["seed"] = heads["seed"].astype("Int64")
    heads["duplicate_of"] = heads["duplicate_of"].astype("Int64")
    if constrained:
        heads["feasible"] = np.array([_is_feasible(trial) for trial in trials], dtype=bool)
    values = pd.DataFrame(metrics, index=heads.index).reindex(columns=_columns(metrics, ranked))
    tail = pd.DataFrame(
        [_tail(trial) for trial in trials], columns=["epochs", "started", "seconds"]
    )
    tail = tail.astype({"epochs": "int64", "started": "datetime64[us]", "seconds": "float64"})
    settings = pd.DataFrame(hyperparameters, index=heads.index)
    kinds = settings.reindex(columns=["cell", "rule"])
    # By section; inside one, as the candidates have them, which is as they are declared.
    names = [c for c in map(str, settings.columns) if c not in ("cell", "rule")]
    names.sort(key=lambda name: name.partition(".")[0])
    return pd.concat([heads, kinds, settings[names], values.astype("float64"), tail], axis=1)


_HEAD = ["number", "state", "reason", "key", "seed", "repeat", "duplicate_of"]
_TAIL = ["epochs", "started", "seconds"]


def _head(trial: FrozenTrial) -> tuple[Any, ...]:
    known = trial.user_attrs
    return (trial.number, trial.state.name, *(known.get(column) for column in _HEAD[2:]))


def _tail(trial: FrozenTrial) -> tuple[Any, ...]:
    epochs = sum(key.startswith(EPOCH_PREFIX) for key in trial.user_attrs)
    seconds = trial.duration.total_seconds() if trial.duration else float("nan")
    return epochs, trial.datetime_start, seconds


def _flat(candidate: Mapping[str, Any]) -> dict[str, Any]:
    """Turn a candidate's dictionary into dotted names: ``heavy_ball.mu``, ``training.lr``."""
    flat: dict[str, Any] = {}
    for section, content in candidate.items():
        values = dict(content)
        if section in ("cell", "rule"):
            flat[section] = values.pop("name")
            section = flat[section]
        flat.update((f"{section}.{key}", value) for key, value in values.items())
    return flat


def _epochs(trial: FrozenTrial) -> list[tuple[str, Mapping[str, float]]]:
    return sorted((k, v) for k, v in trial.user_attrs.items() if k.startswith(EPOCH_PREFIX))


def _final_metrics(trial: FrozenTrial, names: Sequence[str]) -> dict[str, float]:
    metrics = trial.user_attrs.get("metrics")
    if metrics is None:
        epochs = _epochs(trial)
        metrics = epochs[-1][1] if epochs else {}
    final = {name: value for name, value in metrics.items() if name != "epoch"}
    if trial.state == TrialState.COMPLETE:
        final.update(zip(names, trial.values, strict=True))
    return final


def _columns(rows: Sequence[Mapping[str, Any]], first: Sequence[str]) -> list[str]:
    """The keys of all rows, each once: those in `first`, then the others as they appear."""
    return list(dict.fromkeys([*first, *(key for row in rows for key in row)]))


def _is_feasible(trial: FrozenTrial) -> bool:
    # A row without recorded constraints (failed, still running) has not been shown to keep them.
    return bool(trial.constraints) and all(value <= 0 for value in trial.constraints.values())


def curves(study: optuna.Study) -> pd.DataFrame:
    """Return one row a trial and epoch: ``number, epoch``, then the metrics of that epoch."""
    rows = [
        {**values, "number": trial.number, "epoch": int(key.removeprefix(EPOCH_PREFIX))}
        for trial in study.get_trials(deepcopy=False)
        for key, values in _epochs(trial)
    ]
    return pd.DataFrame(rows, columns=_columns(rows, ["number", "epoch"]))


def finalized(study: optuna.Study) -> pd.DataFrame:
    """Return one row a re-trained trial, split and metric, with its mean and spread over seeds.

    Columns: ``number, split`` ("validation" or "test"), ``metric, mean, std`` (of the sample, 0 for
    a single seed), ``seeds`` (how many), ``epochs``.
    """
    rows = []
    for attribute, record in study.user_attrs.items():
        if not attribute.startswith(FINALIZED_PREFIX):
            continue
        number = int(attribute.removeprefix(FINALIZED_PREFIX))
        for split in ("validation", "test"):
            for metric, values in record[split].items():
                if not values:  # every one of its trainings failed
                    continue
                std = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
                mean = float(np.mean(values))
                rows.append((number, split, metric, mean, std, len(values), record["epochs"]))
    columns = ["number", "split", "metric", "mean", "std", "seeds", "epochs"]
    return pd.DataFrame(rows, columns=columns).sort_values("number", kind="stable")
