"""The report of a ledger made by hand: for the tests of the one file in a browser."""

from __future__ import annotations

from typing import Any

import pytest
from ledgers import TWO, Ledger, candidate
from optuna.trial import TrialState

from optcell_search.dashboard import write_report
from optcell_search.space import Candidate

NASTY = "<img src=x onerror=document.title='hacked'>"
RULES = ("gd", "heavy_ball", "nesterov", "adam", "rmsprop")


def filled(objectives: dict[str, str], url: str | None = None, **changes: Any) -> Ledger:
    """Sixty trials of five rules on three cells: complete, stopped early, failed."""
    ledger = Ledger(objectives, url, **changes)
    for i in range(60):
        rule, cell = RULES[i % 5], ("rnn", "gru", "lstm")[i % 3]
        options: dict[str, Any] = {"s": 0.05 * (1 + i)}
        if rule in ("heavy_ball", "adam"):
            options["mu"] = (i * 7 % 60) / 64
        final = 0.7 + 0.29 * (i * 7 % 40) / 40
        steps = [
            {"accuracy": final * e / 4, "loss": 1.2 - final * e / 4, "gradient_first": 0.1 * e,
             "gradient_last": 1.0} for e in (1, 2, 3, 4)
        ]  # fmt: skip
        values = [final, 100.0 * (1 + i * 13 % 37), *(1.0 + i * k % 11 for k in (3, 5, 7))]
        of = Candidate.from_dict(candidate(cell, rule, **options)).to_dict()
        if i % 10 == 9:
            ledger.add(state=TrialState.PRUNED, of=of, epochs=steps[:1])
        else:
            curve = {str(d): 0.9**d * (1 + i / 60) for d in (0, 1, 2, 4, 8, 16, 27)}
            ledger.add(values[: len(objectives)], of=of, epochs=steps, gradients=curve)
    ledger.add(state=TrialState.FAIL, reason=NASTY, of=candidate(NASTY, "gd"))
    return ledger


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    ledger = filled(TWO, task=NASTY, space={"description": NASTY, "cells": [NASTY]})
    record = {"seeds": [1], "epochs": 1, "validation": {NASTY: [0.5]}, "test": {NASTY: [0.4]}}
    compared = {**record, "validation": {NASTY: [0.3]}, "test": {NASTY: [0.2]}}
    wrong = {
        "index": 3, "true": NASTY, "predicted": "b", "probability": 0.9, "true_probability": 1e-5,
        "values": [[0.0, 2.0, 1.0], [1.0, 1.0, 0.5]],
    }  # fmt: skip
    told = {"kind": "confusion", "classes": [NASTY, "b"], "matrix": [[1, 2], [0, 3]]}
    diagnosis = {**told, "worst": [wrong, {**wrong, "index": 4, "values": []}]}
    ledger.study.set_user_attr(
        "finalized:0", {**record, "baseline": compared, "diagnosis": diagnosis}
    )
    pairs = {"target": [1.0, 2.0, 1.5], "predicted": [1.1, 1.8, 1.5], "value": [0, 0, 0]}
    forecast = {"kind": "residuals", "name": NASTY, "names": ["+1"], **pairs}
    unscored = {"seeds": [1], "epochs": 1, "validation": {}, "test": {}}
    ledger.study.set_user_attr("finalized:1", {**unscored, "diagnosis": forecast})
    return write_report(ledger.study, tmp_path_factory.mktemp("report") / "r.html").as_uri()
