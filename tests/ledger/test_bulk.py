"""Writing many trials at once gives the study that Optuna's own way gives."""

from __future__ import annotations

import contextlib
from datetime import datetime
from pathlib import Path

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from optcell_search.ledger.storage.storage import LedgerStorage
from optcell_search.ledger.trials import bulk


def some_trials() -> list[FrozenTrial]:
    domains = {
        "cell": CategoricalDistribution(["rnn", "gru"]),
        "s": FloatDistribution(0.25, 1.5, step=0.25),
        "lr": FloatDistribution(1e-3, 1e-2, log=True),
        "size": IntDistribution(8, 64, log=True),
    }
    values = {"cell": "gru", "s": 0.75, "lr": 0.003, "size": 16}
    complete = create_trial(
        values=[0.9, 100.0],
        params=values,
        distributions=domains,
        user_attrs={"epoch:0001": {"accuracy": 0.9}, "key": "ab"},
        system_attrs={"constraints:parameters<=5": 95.0},
    )
    pruned = create_trial(
        state=TrialState.PRUNED,
        params={"cell": "rnn"},
        distributions={"cell": domains["cell"]},
        intermediate_values={1: 0.25, 3: 0.5},
    )
    failed = create_trial(state=TrialState.FAIL, user_attrs={"reason": "diverged"})
    for hour, trial in enumerate([complete, pruned, failed]):
        trial.datetime_start = datetime(2026, 11, 29, hour, 0, 0, 250_000)
        trial.datetime_complete = datetime(2026, 11, 29, hour, 30)
    return [complete, pruned, failed]


@pytest.mark.usefixtures("kathmandu")
@pytest.mark.parametrize("version_is_known", [True, False])
def test_it_reads_back_as_what_optuna_writes(
    tmp_path: Path, version_is_known: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not version_is_known:
        monkeypatch.setattr(bulk, "has_known_tables", lambda ask: False)
    with contextlib.closing(LedgerStorage.in_folder(tmp_path)) as storage:
        directions = ["maximize", "minimize"]
        # The trials of another study have taken the first ids.
        theirs = optuna.create_study(
            study_name="theirs", storage=storage.optuna, directions=directions
        )
        theirs.add_trials(some_trials())
        ours = optuna.create_study(study_name="ours", storage=storage.optuna, directions=directions)
        bulk.write_all(ours, storage.optuna, some_trials())  # type: ignore[arg-type]
        written, expected = ours.get_trials(), theirs.get_trials()
        assert [trial.number for trial in written] == [0, 1, 2]
        for one, other in zip(written, expected, strict=True):
            for name in ("state", "values", "params", "distributions", "user_attrs"):
                assert getattr(one, name) == getattr(other, name), name
            for name in ("system_attrs", "intermediate_values", "datetime_start"):
                assert getattr(one, name) == getattr(other, name), name
            assert one.datetime_complete == other.datetime_complete
        # Optuna goes on with it.
        ours.tell(ours.ask(), [0.5, 1.0])
        assert len(ours.get_trials()) == 4
