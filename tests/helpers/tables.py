"""Tables whose rows are made up, for tests of what is asked of tables."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from optcell_search.space import Candidate, SearchSpace
from optcell_search.table import Table
from optcell_search.table.order import low_discrepancy
from optcell_search.table.rows import write_rows

EPOCHS = 9
SEEDS = 3
SPACE: dict[str, Any] = {
    "name": "made-up",
    "cells": ["rnn", "gru"],
    "rules": ["gd", "heavy_ball", "adam"],
    "cell": {"rnn": {"nonlinearity": "tanh"}},
    "rule": {
        "gd": {"s": {"low": 0.25, "high": 1.5, "step": 0.25}},
        "heavy_ball": {
            "mu": {"low": 0.0, "high": 0.8, "step": 0.2},
            "s": {"low": 0.25, "high": 1.0, "step": 0.25},
        },
        "adam": {"mu": 0.6, "s": 0.6, "beta": {"choices": [0.5, 0.9]}, "eps": 1e-8},
    },
    "model": {"hidden_size": {"choices": [8, 16]}},
    "training": {"lr": {"choices": [0.003, 0.01]}},
}


def made_up_row(candidate: Candidate, seed: int, diverges: bool = False) -> dict[str, Any]:
    """Return a row that depends on candidate and seed alone."""
    draw = random.Random(f"{candidate.key}:{seed}").random
    quality, pace = 0.5 + 0.4 * draw(), 0.5 + draw()
    trained = range(1, (3 if diverges else EPOCHS) + 1)
    accuracy = [quality * (1 - 0.5**epoch) + 0.02 * draw() for epoch in trained]
    size = dict(candidate.model.values())["hidden_size"]
    names: dict[str, list[float]] = {
        "epoch": [float(epoch) for epoch in trained],
        "accuracy": accuracy,
        "loss": [1 - value for value in accuracy],
        "train_loss": [1.1 - value for value in accuracy],
        "parameters": [float(10 * int(size)) for _ in trained],
        "train_seconds": [0.9 * pace * epoch for epoch in trained],
        "latency_ms": [1.0 for _ in trained],
    }
    seconds = [pace * epoch for epoch in [*trained, *([trained[-1] + 1] if diverges else [])]]
    return {
        "candidate": candidate.to_dict(),
        "key": candidate.key,
        "seed": seed,
        "validation": names,
        "train": {"accuracy": [value + 0.01 for value in accuracy], "loss": names["loss"]},
        "seconds": seconds,
        "test": {} if diverges else {"accuracy": 0.123456789, "loss": 0.987654321},
        "gradients": {} if diverges else {"0": draw(), "1": draw()},
        "reason": "diverged" if diverges else "",
        "detail": "a loss is inf" if diverges else "",
        "made": "2026-11-29T08:00:00Z",
    }


def head_of(space: SearchSpace) -> dict[str, Any]:
    """Return what a made-up table says of itself."""
    return {
        "task": "digits",
        "fingerprint": "5eed",
        "space": space.to_dict(),
        "metrics": {"accuracy": "maximize", "loss": "minimize"},
        "epochs": EPOCHS,
        "seeds": SEEDS,
        "made": ["2026-11-29T08:00:00Z"] * 2,
        "processor_hours": 0.1,
        "machine": {"processor": "made up"},
        "versions": {"torch": "2.13.0"},
    }


def made_up(
    path: Path,
    held: int | None = None,
    diverging: int = 0,
    change: Callable[[dict[str, Any]], object] = lambda row: None,
) -> Table:
    """Write a table of the first candidates of `SPACE`, some of which diverge, and load it.

    `change` is given every row before it is written.
    """
    space = SearchSpace.from_dict(SPACE)
    order = low_discrepancy(space)[:held]
    rows = [
        made_up_row(candidate, seed, diverges=i >= len(order) - diverging)
        for i, candidate in enumerate(order)
        for seed in range(SEEDS)
    ]
    for row in rows:
        change(row)
    write_rows(path, head_of(space), rows)
    return Table.load(path)
