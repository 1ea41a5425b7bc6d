"""A simulated search is the search: on one worker, trial by trial, what a real one on Ray does."""

from __future__ import annotations

from pathlib import Path

import pytest
from runs import SMALL_SPACE
from tables import head_of

import optcell_search
from optcell_search import results, tasks
from optcell_search.ledger.format import epochs_in
from optcell_search.space import SearchSpace
from optcell_search.table import Table
from optcell_search.table.order import low_discrepancy
from optcell_search.table.rows import write_rows
from optcell_search.table.training import train_row
from optcell_search.training import TIMED
from optcell_search.tuning import Run
from optcell_search.tuning.resolving.chance import bounds_of_chance

EPOCHS, TRIALS = 9, 8


@pytest.fixture(scope="module")
def table(tiny: str, tmp_path_factory: pytest.TempPathFactory) -> Table:
    """Every candidate of a small space, trained with the seeds of a search whose seed is 0."""
    task, space = tasks.load(tiny), SearchSpace.from_dict(SMALL_SPACE)
    rows = [train_row(candidate, task, 0, EPOCHS) for candidate in low_discrepancy(space)]
    head = head_of(space) | {"task": task.spec, "fingerprint": task.fingerprint}
    path = tmp_path_factory.mktemp("tables") / "small.parquet"
    chance = list(bounds_of_chance(task, task.metrics))
    write_rows(path, head | {"metrics": task.metrics, "epochs": EPOCHS, "chance": chance}, rows)
    return Table.load(path)


def told(run: Run) -> list[object]:
    return [
        (
            trial.number,
            trial.user_attrs["key"],
            trial.params,
            trial.state,
            trial.values,
            {
                epoch: {name: value for name, value in metrics.items() if name not in TIMED}
                for epoch, metrics in epochs_in(trial.user_attrs).items()
            },
        )
        for trial in results.load(run.directory).get_trials(deepcopy=False)
    ]


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize(
    "objectives",
    [("accuracy",), ("cross_entropy", "parameters")],
)
def test_it_does_what_a_real_search_does(
    table: Table, tiny: str, tmp_path: Path, objectives: tuple[str, ...]
) -> None:
    real = optcell_search.search(
        SMALL_SPACE,
        tiny,
        TRIALS,
        tmp_path / "real",
        objectives=objectives,
        epochs=EPOCHS,
        workers=1,
        threads=1,
    )
    simulated = table.simulate(trials=TRIALS, objectives=objectives, out=tmp_path / "simulated")
    assert {trial.state.name for trial in results.load(real.directory).trials} == {
        "COMPLETE",
        "PRUNED",
    }
    assert told(simulated) == told(real)
