"""The folds and repeats of a trial side by side are what they are one after the other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from runs import SPACE

from optcell_search.space import SearchSpace
from optcell_search.training import DivergedError
from optcell_search.tuning.cluster.data_transfer import Source
from optcell_search.tuning.resolving.limits import population_of
from optcell_search.tuning.store import checkpoints
from optcell_search.tuning.store.file_systems import Location
from optcell_search.tuning.worker.job import Job
from optcell_search.tuning.worker.session import Session

TIMED = ("train_seconds", "latency_ms")
EPOCHS = 3


@pytest.fixture
def job(tiny: str, tmp_path: Path) -> Job:
    return Job(
        number=7,
        candidate=SearchSpace.from_dict(SPACE).sample(seed=0),
        seeds=(3, 4, 5),
        source=Source(task=tiny, data_dir=str(tmp_path)),
        folds=3,
        objectives=("accuracy",),
        epochs=EPOCHS,
        device="cpu",
        threads=1,
    )


def history(session: Session, until: int = EPOCHS) -> dict[int, dict[str, float]]:
    while session.epoch < until:
        session.advance()
    return {
        epoch: {name: value for name, value in metrics.items() if name not in TIMED}
        for epoch, metrics in session.history.items()
    }


@pytest.mark.parametrize(("most", "size"), [(0, 3), (2, 2), (16, 3)])
def test_trainings_side_by_side_come_to_the_same(job: Job, most: int, size: int) -> None:
    alone = history(Session(job))
    together = history(Session(replace(job, population=most)))
    for epoch, metrics in alone.items():
        assert metrics.pop("population") == 1
        assert together[epoch].pop("population") == size
        assert together[epoch] == pytest.approx(metrics, rel=1e-4)


@pytest.mark.parametrize(("most", "company"), [(2, 2), (3, 3)])
def test_those_of_several_lengths_and_those_that_train_no_more_are_no_company(
    job: Job, tmp_path: Path, most: int, company: int
) -> None:
    x, y = torch.randn(60, 6, 2).numpy(), np.arange(60) % 2
    np.savez(tmp_path / "ragged.npz", x=x, y=y, lengths=1 + np.arange(60) % 6)
    ragged = replace(job, source=Source(task=str(tmp_path / "ragged.npz"), data_dir=str(tmp_path)))
    told = [
        metrics["population"]
        for metrics in history(Session(replace(ragged, population=most))).values()
    ]
    assert told == [1, 1, 1]
    tired = replace(job.candidate.training, patience=1, lr=1e-30)
    tired_job = replace(job, candidate=replace(job.candidate, training=tired), population=most)
    told = [metrics["population"] for metrics in history(Session(tired_job)).values()]
    assert told == [company, company, 1]


def test_they_go_on_from_a_checkpoint_to_the_same_numbers_and_keep_the_weights(
    job: Job, tmp_path: Path
) -> None:
    job = replace(job, population=0)
    whole = history(Session(job))
    kept = replace(job, checkpoints=str(tmp_path / "7"), checkpoint_bytes=10**6)
    history(Session(kept), until=1)
    second = Session(kept)
    assert second.epoch == 1
    assert history(second) == whole
    weights = checkpoints.load_weights(Location(kept.checkpoints))
    assert weights is not None
    for name, weight in second.trainings[0].model.state_dict().items():
        assert torch.equal(weights[name], weight)


def test_a_fold_that_diverges_is_told_in_the_words_of_one_alone(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = Session(replace(job, population=3))
    loss = session.trainings[1].loss
    monkeypatch.setattr(session.trainings[1], "loss", lambda *parts: loss(*parts) / 0)
    with pytest.raises(DivergedError, match=r"^loss is not finite at epoch 1, step 1$"):
        session.advance()


def test_auto_takes_what_pays_but_where_seconds_are_an_objective() -> None:
    assert population_of("auto", ["accuracy"]) == 0
    assert population_of("auto", ["accuracy", "train_seconds"]) == 1
    assert population_of(8, ["train_seconds"]) == 8
