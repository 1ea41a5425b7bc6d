"""A ledger as a search leaves it, with a trial of every kind: made without training anything."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from optuna.trial import TrialState

from optcell_search.ledger.format import ENDED, REQUEST_BEFORE, SEARCHED, finalized_key
from optcell_search.ledger.opening import make_ledger
from optcell_search.ledger.request import Request
from optcell_search.ledger.trials.ending import Beside
from optcell_search.tuning.resolving.resolve import resolve
from optcell_search.tuning.search.samplers import make_sampler


def made() -> tuple[Request, dict[str, Any], dict[str, Any]]:
    """Make a ledger; return its request, and all user attributes of its study and its trials."""
    with tempfile.TemporaryDirectory() as folder:
        return _made(Path(folder))


def _made(folder: Path) -> tuple[Request, dict[str, Any], dict[str, Any]]:
    request = resolve("smoke", "digits", num_trials=4, epochs=2, repeats=2)
    ledger = make_ledger(request, folder)
    space, values = request.search_space, {"accuracy": 0.9, "loss": 0.3}
    for end in ("complete", "prune", "fail", "copy"):
        number = ledger.ask(space, make_sampler(request, ledger.size)).number
        ledger.widen(number, 0.5)
        if end != "copy":
            ledger.report(number, 1, values, worker="host:1234")
        match end:
            case "complete":
                beside = Beside(values, {"accuracy": [0.9, 0.8]}, {0: 0.1, 5: 0.05})
                ledger.complete(number, values, beside)
            case "prune":
                ledger.prune(number, values)
            case "fail":
                ledger.fail(number, "out of memory", "a traceback")
            case "copy":
                ledger.copy(number, 0)
    ledger.note(
        finalized_key(0), {"seeds": [1], "validation": {}, "test": {}, "failed": {}, "epochs": 2}
    )
    ledger.note(REQUEST_BEFORE, request.to_dict())
    ledger.note(SEARCHED, 42.5)
    ledger.note(ENDED, "the time is used up")
    assert [trial.state for trial in ledger.trials()].count(TrialState.COMPLETE) == 2
    trials = {name: value for trial in ledger.trials() for name, value in trial.user_attrs.items()}
    study = dict(ledger.study.user_attrs)
    ledger.close()
    return request, study, trials
