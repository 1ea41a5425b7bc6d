"""Searches without Ray: in this process, one candidate after the other."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from ray import tune
from ray.tune.search import Searcher

from optcell_search.ledger.ledger import Ledger
from optcell_search.tuning.cluster import connection
from optcell_search.tuning.search import driver
from optcell_search.tuning.search.searcher import LedgerSearch
from optcell_search.tuning.worker.session import Session


@contextlib.contextmanager
def in_this_process() -> Iterator[None]:
    """Have `optcell_search.search` train in this process, for tests of many small searches."""
    threads = torch.get_num_threads()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(driver, "_run_tune", _run)
        patch.setattr(connection, "connected", lambda *_: contextlib.nullcontext())
        yield
    torch.set_num_threads(threads)


def _run(
    ledger: Ledger, folder: Path, searcher: LedgerSearch, callbacks: Sequence[tune.Callback]
) -> None:
    for number in itertools.count():
        config = searcher.suggest(name := f"trial_{number}")
        if config is None or config == Searcher.FINISHED:
            return
        session, done = Session(config["job"]), False
        while not done:
            report = session.advance()
            result: dict[str, Any] = {"report": report, "worker": "here"}
            done = report.done
            tell = searcher.on_trial_complete if done else searcher.on_trial_result
            tell(name, result)


SPACE: dict[str, Any] = {
    "name": "one",
    "cells": ["rnn"],
    "rules": ["gd"],
    "cell": {"rnn": {"nonlinearity": "tanh"}},
    "rule": {"gd": {"s": 1.0}},
    "model": {"hidden_size": 8},
    "training": {"lr": 0.05},
}
# Without the second training of the winner, which tests of their own look at.
QUICK: dict[str, Any] = {
    "space": SPACE,
    "trials": 1,
    "epochs": 2,
    "workers": 1,
    "threads": 1,
    "refit": False,
}
