"""Ledgers as a search writes them, made by hand: for the tests of what reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import BaseStorage
from optuna.trial import TrialState, create_trial

from optcell_search.dashboard.info.data import Data
from optcell_search.dashboard.read import Board

START = datetime(2026, 5, 4, 12, 0, 0)

TWO = {"accuracy": "maximize", "parameters": "minimize"}

RULES: dict[str, dict[str, Any]] = {
    "gd": {"s": 1.0},
    "heavy_ball": {"mu": 0.6, "s": 0.6},
    "nesterov": {"s": 1.0, "restart": 2},
    "adam": {"mu": 0.6, "s": 0.6, "beta": 0.1, "eps": 1e-8},
    "rmsprop": {"s": 0.6, "beta": 0.9, "eps": 1e-8},
}


def candidate(cell: str = "lstm", rule: str = "heavy_ball", **options: Any) -> dict[str, Any]:
    """A candidate's dictionary; `options` go to the rule."""
    return {
        "cell": {"name": cell},
        "rule": {"name": rule, **RULES.get(rule, {}), **options},
        "model": {
            "hidden_size": 32,
            "num_layers": 1,
            "dropout": 0.0,
            "bidirectional": False,
            "learn_rule": False,
        },
        "training": {
            "optimizer": "rmsprop",
            "lr": 0.001,
            "batch_size": 128,
            "clip": 1.0,
            "weight_decay": 0.0,
        },
    }


def request(objectives: Mapping[str, str], **changes: Any) -> dict[str, Any]:
    """What ``run.toml`` holds."""
    return {
        "format": 1,
        "run_id": "optimizer_cells-digits-0123456789ab",
        "space": {"description": "a space", "cells": ["lstm"], "rules": ["heavy_ball"]},
        "task": "digits",
        "data_dir": "",
        "data_fingerprint": "5eed" * 16,
        "objectives": [{"name": n, "direction": d} for n, d in objectives.items()],
        "num_trials": 24,
        "epochs": 2,
        "seed": 0,
        "repeats": 1,
        "sampler": "tpe",
        "scheduler": "none",
        "deterministic": False,
        "constraints": [],
        "workers": 2,
        "threads": 1,
        "gpus_per_trial": 0.0,
        "address": "",
        "study": "",
        "storage": "",
        "checkpoint_bytes": 2**31,
        "created": "2026-05-04T12:00:00+00:00",
        "versions": {"python": "3.11", "torch": "2.13.0"},
        "machine": {"system": "Linux", "processor": "x86_64", "cores": 2},
        **changes,
    }


class Ledger:
    """A study that is filled by hand.

    Args:
        objectives: name → direction, the first one first.
        url: where the study lives, or an opened storage; None: in memory.
        changes: of the request.
    """

    def __init__(
        self, objectives: Mapping[str, str], url: str | BaseStorage | None = None, **changes: Any
    ) -> None:
        self.objectives = dict(objectives)
        asked = request(objectives, **changes)
        self.study = optuna.create_study(
            study_name=asked["run_id"], storage=url, directions=list(objectives.values())
        )
        self.study.set_user_attr("request", asked)
        self.study.set_user_attr("run_id", asked["run_id"])

    def add(
        self,
        values: Sequence[float] | None = None,
        *,
        state: TrialState = TrialState.COMPLETE,
        of: dict[str, Any] | None = None,
        epochs: Sequence[Mapping[str, float]] = (),
        constraints: dict[str, float] | None = None,
        **attributes: Any,
    ) -> int:
        """Add a trial and return its number."""
        number = len(self.study.get_trials(deepcopy=False))
        final = dict(zip(self.objectives, values, strict=True)) if values is not None else {}
        known: dict[str, Any] = {
            "candidate": of or candidate(),
            "key": f"{number:016x}",
            "seed": 100 + number,
            "repeat": 0,
            "worker": "host:1",
        }
        for epoch, metrics in enumerate(epochs, start=1):
            known[f"epoch:{epoch:04d}"] = {"epoch": epoch, **metrics}
        if state == TrialState.COMPLETE:
            last = dict(epochs[-1]) if epochs else {}
            known["metrics"] = {**last, **final}
        trial = create_trial(
            state=state,
            values=list(values) if values is not None else None,
            user_attrs=known | attributes,
            constraints=constraints,
        )
        trial.datetime_start = START + timedelta(seconds=10 * number)
        if state.is_finished():
            trial.datetime_complete = trial.datetime_start + timedelta(seconds=7)
        self.study.add_trial(trial)
        return number


def in_folder(folder: Path, objectives: Mapping[str, str], **changes: Any) -> Ledger:
    """A ledger in ``study.db`` of a run folder."""
    folder.mkdir(parents=True, exist_ok=True)
    return Ledger(objectives, f"sqlite:///{folder / 'study.db'}", **changes)


def two_objectives(**changes: object) -> Ledger:
    """Trials 0, 1 and 3 are the front, 2 is beaten by 1, 4 failed."""
    ledger = Ledger(TWO, **changes)
    ledger.add([0.9, 100.0], of=candidate("lstm", "adam", mu=0.1, s=0.5))
    ledger.add([0.8, 10.0], of=candidate("gru", "heavy_ball", mu=0.5, s=0.2))
    ledger.add([0.8, 11.0], of=candidate("gru", "heavy_ball", mu=0.7, s=0.3))
    ledger.add([0.1, 1.0], of=candidate("rnn", "gd", s=0.4))
    ledger.add(state=TrialState.FAIL, reason="diverged", of=candidate("rnn", "gd", s=9.0))
    return ledger


def board_of(ledger: Ledger) -> Board:
    board = Board(ledger.study)
    board.refresh()
    return board


def data_of(ledger: Ledger) -> Data:
    return board_of(ledger).data
