"""The seeds of a finalized trial, trained side by side, are each what it is alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from runs import SPACE, a_request

from optcell_search.ledger.trials.reasons import OUT_OF_MEMORY, WORKER_DIED
from optcell_search.ledger.trials.scores import Record, Score, side_by_side
from optcell_search.space import SearchSpace
from optcell_search.training import Training
from optcell_search.tuning.cluster.data_transfer import Source
from optcell_search.tuning.finalizing.finalize import again, grouped
from optcell_search.tuning.store import finalized_weights
from optcell_search.tuning.store.file_systems import Location
from optcell_search.tuning.worker.final_training import Outcome, Work, train_and_test
from optcell_search.tuning.worker.job import Job
from optcell_search.tuning.worker.session import Session

SEEDS = (3, 4, 5)


@pytest.fixture
def work(tiny: str, tmp_path: Path) -> Work:
    job = Job(
        number=7,
        candidate=SearchSpace.from_dict(SPACE).sample(seed=0),
        seeds=SEEDS,
        source=Source(task=tiny, data_dir=str(tmp_path)),
        objectives=("accuracy",),
        epochs=3,
        device="cpu",
        threads=1,
    )
    return Work(job, baseline=False, checkpoints=str(tmp_path / "kept"), room=10**6, answers=True)


def kept(work: Work, seed: int) -> dict[str, torch.Tensor]:
    weights = finalized_weights.load(
        Location(work.checkpoints), work.job.number, seed, work.job.epochs
    )
    assert weights is not None
    return weights


def alone(work: Work, seed: int, tmp_path: Path) -> tuple[Outcome, dict[str, torch.Tensor]]:
    one = replace(work.with_seeds([seed]), checkpoints=str(tmp_path / "alone"))
    return train_and_test(one)[seed], kept(one, seed)


def test_each_has_the_scores_the_answers_and_the_weights_it_has_alone(
    work: Work, tmp_path: Path
) -> None:
    outcomes = train_and_test(work)
    assert tuple(outcomes) == SEEDS
    for seed, outcome in outcomes.items():
        other, weights = alone(work, seed, tmp_path)
        assert outcome.score.test == pytest.approx(other.score.test, rel=1e-4)
        assert outcome.score.validation == pytest.approx(other.score.validation, rel=1e-4)
        assert (outcome.score.together, other.score.together) == (SEEDS, (seed,))
        for part, answers in other.outputs.items():
            for one, two in zip(outcome.outputs[part], answers, strict=True):
                torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-5)
        for name, tensor in kept(work, seed).items():
            torch.testing.assert_close(tensor, weights[name], rtol=1e-4, atol=1e-5)


def test_one_that_diverges_ends_alone(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = train_and_test(work)
    begin = Training.begin

    def spoiled(training: Training) -> Any:
        if training.seed == SEEDS[1] and training.epochs == 1:
            next(training.live.parameters()).data.fill_(torch.nan)
        return begin(training)

    monkeypatch.setattr(Training, "begin", spoiled)
    outcomes = train_and_test(work)
    assert outcomes[SEEDS[1]].score.reason == "diverged"
    for seed in (SEEDS[0], SEEDS[2]):
        assert outcomes[seed].score.test == whole[seed].score.test


def cut_off(session: Session) -> Callable[[], list[dict[str, float]]]:
    """An epoch that changes all weights, and for whose end there is no memory."""
    epoch = session._side_by_side.epoch

    def full() -> list[dict[str, float]]:
        epoch()
        raise torch.OutOfMemoryError("CUDA out of memory")

    return full


def test_where_memory_ends_a_trial_goes_on_with_half_of_its_trainings_side_by_side(
    work: Work, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    job = replace(work.job, seeds=(3, 4, 5, 6), population=4)
    for kept_too in (False, True):
        checkpoints = {"checkpoints": str(tmp_path / "7"), "checkpoint_bytes": 10**7}
        straight, session = Session(job), Session(replace(job, **(checkpoints if kept_too else {})))
        for _ in range(2):
            straight.advance()
            session.advance()
        monkeypatch.setattr(session._side_by_side, "epoch", cut_off(session))
        report, expected = session.advance(), straight.advance()
        metrics, other = report.metrics[3], expected.metrics[3]
        assert (metrics.pop("population"), other.pop("population")) == (2, 4)
        for name in ("accuracy", "loss", "train_loss"):
            assert metrics[name] == pytest.approx(other[name], rel=1e-4)
        assert report.epoch == 3


def test_one_alone_has_no_half(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session(replace(work.job, population=1))

    def full() -> list[dict[str, float]]:
        raise MemoryError

    monkeypatch.setattr(session._side_by_side, "epoch", full)
    with pytest.raises(MemoryError):
        session.advance()


@pytest.mark.parametrize("reason", [OUT_OF_MEMORY, WORKER_DIED])
def test_seeds_that_lacked_memory_are_tried_again_by_halves(work: Work, reason: str) -> None:
    lacking = Outcome(Score({}, {}, reason))
    parts = again(work, dict.fromkeys(SEEDS, lacking))
    assert [part.job.seeds for part in parts] == [(3, 4), (5,)]
    good = Outcome(Score({}, {"accuracy": 1.0}))
    (part,) = again(work, {3: good, 4: lacking, 5: good})
    assert part.job.seeds == (4,)
    assert not again(part, {4: lacking})


def test_a_larger_share_of_a_gpu_is_for_one_alone(work: Work) -> None:
    one = work.with_seeds([3])
    (part,) = again(
        replace(one, job=replace(one.job, gpus=0.25)), {3: Outcome(Score({}, {}, OUT_OF_MEMORY))}
    )
    assert part.job.gpus == 0.5


@pytest.mark.parametrize(
    ("workers", "trials", "population", "sizes"),
    [(1, 1, 0, [3]), (2, 1, 0, [2, 1]), (2, 2, 0, [3, 3]), (8, 1, 0, [1, 1, 1]), (1, 1, 1, [1] * 3),
     (1, 1, 2, [2, 1])],
)  # fmt: skip
def test_seeds_are_shared_among_the_workers(
    work: Work, tiny: str, workers: int, trials: int, population: int, sizes: list[int]
) -> None:
    asked = replace(a_request(tiny), workers=workers, population=population)
    works = [replace(work, job=replace(work.job, number=n)) for n in range(trials)]
    parts = grouped(works, asked, work.job.source.load())
    assert [len(part.job.seeds) for part in parts] == sizes
    assert [seed for part in parts for seed in part.job.seeds] == list(SEEDS) * trials


def test_a_network_to_compare_with_is_trained_alone(work: Work, tiny: str) -> None:
    parts = grouped([replace(work, baseline=True)], a_request(tiny), work.job.source.load())
    assert [part.job.seeds for part in parts] == [(seed,) for seed in SEEDS]


def test_the_record_says_which_were_side_by_side() -> None:
    def score(*together: int) -> Score:
        return Score({"accuracy": 0.5}, {"accuracy": 0.5}, together=together)

    record = Record([3, 4, 5], {3: score(3, 4), 4: score(3, 4), 5: score(5)}, epochs=2)
    known = record.to_dict()
    assert known["together"] == [[3, 4]]
    assert [side_by_side(known, seed) for seed in (3, 4, 5)] == [(3, 4), (3, 4), (5,)]
    again = Record.read(known, 2)
    again.seeds = [3, 4, 5]
    assert again.to_dict() == known
