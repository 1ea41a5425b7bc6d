"""Amounts and numbers of trials may be NumPy's, as tables hold them; Python's are written."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from runs import a_request

from optcell_search.ledger.trials.reasons import RunBrokenError, RunFailedError
from optcell_search.tuning import Run, extending
from optcell_search.tuning.cluster import connection
from optcell_search.tuning.finalizing import finalize
from optcell_search.tuning.resolving.resolve import resolve

KEPT = Path(__file__).parents[1] / "data" / "run_0_1_0"
WHOLE = {
    "num_trials": 3, "seed": 4, "workers": 2, "threads": 1, "repeats": 2, "epochs": 5, "folds": 2,
    "patience": 7, "population": 2,
}  # fmt: skip


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run.open(shutil.copytree(KEPT, tmp_path / "run"))


def test_a_request_is_the_same(tiny: str, tmp_path: Path) -> None:
    others: dict[str, Any] = {"checkpoint_gib": 1.0, "gpus_per_trial": 0.0, "time": 90.0}
    plain = a_request(tiny, **WHOLE, **others, deterministic=True)
    asked = {name: np.int64(value) for name, value in WHOLE.items()}
    asked |= {name: np.float64(value) for name, value in others.items()}
    request = a_request(tiny, **asked, deterministic=np.bool_(True))
    passing = ("run_id", "created")
    same, other = ({k: v for k, v in one.to_dict().items() if k not in passing}
                   for one in (request, plain))  # fmt: skip
    assert same == other
    request.write(tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"gpus_per_trial": "half"}, "gpus_per_trial = 'half'; valid: 0, a share such as 0.25,"),
        ({"gpus_per_trial": True}, "gpus_per_trial = True; valid: 0, a share"),
        ({"checkpoint_gib": "2"}, "checkpoint_gib = '2'; valid: 0 or more, "),
        ({"repeats": np.float64(2)}, r"repeats = np.float64\(2.0\); valid: integers, 1 or more"),
    ],
)
def test_what_is_no_amount(tiny: str, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        resolve("smoke", tiny, **{"num_trials": 1, **changes})


def test_what_a_run_is_extended_to_is_written(tiny: str) -> None:
    def task() -> Any:
        raise AssertionError

    found = extending.changes(a_request(tiny), task, np.int64(9), "1m", np.int64(2))
    assert {name: type(value) for name, value in found.items()} == {
        "num_trials": int, "time_limit": float, "patience": int
    }  # fmt: skip


def test_a_trial_is_chosen_by_its_number_in_a_table(run: Run) -> None:
    for number in (run.best()["number"], run.pareto()["number"].iloc[0], 2):
        assert run.candidate(number) == run.candidate("best")
    with pytest.raises(ValueError, match="trial 77 is not complete; valid: "):
        run.candidate(np.int64(77))


def test_trials_of_a_table_are_finalized(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def notes(ledger: object, numbers: list[int], plan: finalize.Plan, *_: object) -> None:
        asked.extend([*numbers, plan.seeds, plan.epochs])
        raise RunBrokenError("enough")

    monkeypatch.setattr(finalize, "finalize", notes)
    monkeypatch.setattr(connection, "connected", lambda *_: contextlib.nullcontext())
    front: Any = pd.Series(run.pareto()["number"])
    with pytest.raises(RunFailedError, match="broke off: enough"):
        run.finalize(trials=front, seeds=np.int64(2), epochs=np.int64(3), refit=False)
    assert asked == [2, 0, 2, 3]
    assert {type(one) for one in asked} == {int}
