"""A table as a black box of Syne Tune: asked as it is, and by a scheduler that stops trials."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tables import EPOCHS, made_up

from optcell_search.space import Candidate
from optcell_search.table import Table

pytest.importorskip("huggingface_hub", reason="syne-tune is an optional extra")
pytest.importorskip("syne_tune", reason="syne-tune is an optional extra")

from syne_tune import StoppingCriterion, Tuner
from syne_tune.backend.simulator_backend.simulator_callback import SimulatorCallback
from syne_tune.blackbox_repository import UserBlackboxBackend
from syne_tune.experiments import load_experiment
from syne_tune.optimizer.baselines import ASHA

from optcell_search.table.syne_tune_blackbox import TableBlackbox


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Table:
    return made_up(tmp_path_factory.mktemp("tables") / "some.parquet", held=50, diverging=10)


def asked_for(box: TableBlackbox, candidate: Candidate) -> dict[str, Any]:
    """Return the configuration of a candidate, with the first value of whatever it has not."""
    every = {
        name: domain.categories[0] if hasattr(domain, "categories") else domain.values[0]
        for name, domain in box.configuration_space.items()
    }
    return every | {n: v for n, v in candidate.flat().items() if n in every}


def test_it_answers_what_the_table_holds(table: Table) -> None:
    box = TableBlackbox(table)
    candidate = table.candidates[3]
    asked = asked_for(box, candidate)
    for seed in table.seeds:
        whole = box(asked, seed=seed)
        assert whole.shape == (EPOCHS, 6)
        for epoch in range(1, EPOCHS + 1):
            expected = table.query(candidate, epoch, seed)
            one = box(asked, {"epoch": epoch}, seed=seed)
            assert one == {
                **{name: expected[name] for name in box.objectives_names[:-1]},
                "elapsed_time": expected["seconds"],
            }
            assert list(whole[epoch - 1]) == list(one.values())
    # Without a seed, always the same one of them.
    assert any(np.array_equal(box(asked), box(asked, seed=seed)) for seed in table.seeds)
    assert np.array_equal(box(asked), box(asked))


def test_every_configuration_of_its_space_stands_for_a_candidate(table: Table) -> None:
    box = TableBlackbox(table)
    assert set(box.configuration_space["training.lr"].categories) == {0.003, 0.01}
    assert box.configuration_space["gd.s"].values == [0.25, 0.5, 0.75, 1.0, 1.25, 1.5]
    for seed in range(50):
        random = np.random.RandomState(seed)
        asked = {
            name: domain.sample(random_state=random)
            for name, domain in box.configuration_space.items()
        }
        assert np.isfinite(box(asked)).all()


def test_what_diverged_is_worse_than_all_else(table: Table) -> None:
    box = TableBlackbox(table)
    curve = box(asked_for(box, table.candidates[-1]), seed=0)
    assert list(curve[2][:2]) == [
        table.query(table.candidates[-1], 3)[name] for name in ("accuracy", "loss")
    ]
    every = np.concatenate(
        [
            box(asked_for(box, candidate), seed=seed)
            for candidate in table.candidates
            for seed in table.seeds
        ]
    )
    assert (curve[3:, 0] == every[:, 0].min()).all()
    assert (curve[3:, 1] == every[:, 1].max()).all()
    assert (np.diff(curve[:, -1])[4:] == 0).all()


@pytest.mark.parametrize("epoch", [0, -1, EPOCHS + 1, 1.5, True])
def test_other_epochs_are_refused(table: Table, epoch: Any) -> None:
    box = TableBlackbox(table)
    # Of one that diverged, too, where what comes after the last epoch is the worst.
    for candidate in (table.candidates[1], table.candidates[-1]):
        with pytest.raises(ValueError, match=f"epoch = {epoch}; valid: integers, "):
            box(asked_for(box, candidate), {"epoch": epoch}, seed=0)
    assert box(asked_for(box, table.candidates[-1]), {"epoch": np.int64(EPOCHS)}, seed=0)


@pytest.mark.parametrize("seed", [-1, 3, 1.0, True])
def test_other_seeds_are_refused(table: Table, seed: Any) -> None:
    box = TableBlackbox(table)
    with pytest.raises(ValueError, match=f"seed = {seed}; valid: integers, "):
        box(asked_for(box, table.candidates[1]), seed=seed)


def test_a_scheduler_searches_it(
    table: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYNETUNE_FOLDER", str(tmp_path))
    box = TableBlackbox(table)
    scheduler = ASHA(
        box.configuration_space,
        metric="accuracy",
        do_minimize=False,
        time_attr="epoch",
        max_t=EPOCHS,
        random_seed=0,
    )
    tuner = Tuner(
        trial_backend=UserBlackboxBackend(box, elapsed_time_attr="elapsed_time"),
        scheduler=scheduler,
        stop_criterion=StoppingCriterion(max_num_trials_started=40),
        n_workers=4,
        sleep_time=0,
        callbacks=[SimulatorCallback()],
        save_tuner=False,
    )
    tuner.run()
    found = load_experiment(tuner.name).results
    assert found["trial_id"].nunique() >= 30
    best = tuner.tuning_status.overall_metric_statistics.max_metrics
    # What is read back from its CSV file may differ in the last digit.
    assert found["accuracy"].max() == pytest.approx(best["accuracy"], rel=1e-12)
    each = found.groupby("trial_id")
    # Some were stopped early; what is told of each is one training that the table holds.
    assert each["epoch"].max().lt(EPOCHS).any()
    for _, rows in each:
        assert list(rows["epoch"]) == list(range(1, len(rows) + 1))
        first = rows.iloc[0]
        told = {n: first[f"config_{n}"] for n in box.configuration_space}
        curve = box(told)[: len(rows), 0]
        assert list(rows["accuracy"]) == pytest.approx(list(curve), rel=1e-12)
