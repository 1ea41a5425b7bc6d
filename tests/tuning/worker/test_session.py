from __future__ import annotations

import math
import statistics
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from runs import SPACE, write_series

from optcell_search.space import SearchSpace
from optcell_search.tasks.folds import fold
from optcell_search.training import DivergedError, Training
from optcell_search.tuning.cluster.data_transfer import Source
from optcell_search.tuning.store import checkpoints
from optcell_search.tuning.store.checkpoints import CheckpointError
from optcell_search.tuning.store.file_systems import Location
from optcell_search.tuning.worker.ending import failure
from optcell_search.tuning.worker.job import Job, Report
from optcell_search.tuning.worker.loading import load_task
from optcell_search.tuning.worker.session import Session

TIMED = ("train_seconds", "latency_ms")


@pytest.fixture
def job(tiny: str, tmp_path: Path) -> Job:
    candidate = SearchSpace.from_dict(SPACE).sample(seed=0)
    return Job(
        number=7,
        candidate=candidate,
        seeds=(3,),
        source=Source(task=tiny, data_dir=str(tmp_path)),
        objectives=("accuracy",),
        epochs=3,
        device="cpu",
        threads=1,
        checkpoints=str(tmp_path / "7"),
        checkpoint_bytes=10**6,
    )


@pytest.fixture
def series(tmp_path: Path) -> str:
    return write_series(tmp_path)


def untimed(metrics: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in metrics.items() if name not in TIMED}


def train(session: Session) -> list[Report]:
    reports = [session.advance()]
    while not reports[-1].done:
        reports.append(session.advance())
    return reports


def test_a_trial_that_takes_a_share_of_the_epochs_ends_with_it(job: Job) -> None:
    training = replace(job.candidate.training, share=0.5)
    reports = train(Session(replace(job, candidate=replace(job.candidate, training=training))))
    assert [report.epoch for report in reports] == [1, 2]
    assert reports[-1].gradients
    assert checkpoints.WEIGHTS in reports[-1].files


def test_an_epoch_a_report(job: Job) -> None:
    reports = train(Session(job))
    assert [report.epoch for report in reports] == [1, 2, 3]
    assert [report.done for report in reports] == [False, False, True]
    assert [list(report.metrics) for report in reports] == [[1], [2], [3]]
    assert all(report.number == 7 and not report.reason for report in reports)
    # Measured once, on the trained model.
    assert [bool(report.gradients) for report in reports] == [False, False, True]
    assert reports[-1].gradients[0] == pytest.approx(reports[-1].metrics[3]["gradient_last"])


def test_it_goes_on_from_its_checkpoint_to_the_same_numbers(job: Job) -> None:
    whole = train(Session(replace(job, checkpoints="")))
    Session(job).advance()
    second = Session(job)
    assert second.epoch == 1
    report = second.advance()
    # The driver may have died before it heard of epoch 1, and a scheduler may stop it here.
    assert list(report.metrics) == [1]
    assert second.epoch == 1
    reports = [report, *train(second)]
    assert [list(report.metrics) for report in reports] == [[1], [2], [3]]
    merged = {epoch: m for report in reports for epoch, m in report.metrics.items()}
    for one in whole:
        assert untimed(merged[one.epoch]) == untimed(one.metrics[one.epoch])


def test_what_is_already_trained_is_only_reported(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(Session(job))
    monkeypatch.setattr(Training, "epoch", None)
    report = Session(job).advance()
    assert report.done
    assert list(report.metrics) == [1, 2, 3]
    assert report.gradients


@pytest.mark.parametrize("content", [b"", b"cut", None])
def test_a_damaged_checkpoint_costs_its_epochs(job: Job, content: bytes | None) -> None:
    Session(job).advance()
    path = Path(job.checkpoints) / checkpoints.TRAINING
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] if content is None else content)
    assert Session(job).epoch == 0


def test_a_checkpoint_of_another_seed_is_not_used(job: Job) -> None:
    Session(job).advance()
    assert Session(replace(job, seeds=(4,))).epoch == 0


def test_the_weights_are_saved_at_the_end(job: Job) -> None:
    session = Session(job)
    session.advance()
    folder = Path(job.checkpoints)
    assert checkpoints.load_weights(Location(str(folder))) is None
    train(session)
    saved = checkpoints.load_weights(Location(str(folder)))
    assert saved is not None
    for name, tensor in session.trainings[0].model.state_dict().items():
        assert torch.equal(saved[name], tensor)
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]


def test_several_seeds_give_their_mean_and_spread(job: Job) -> None:
    single = [train(Session(replace(job, seeds=(s,), checkpoints="")))[-1] for s in (3, 4)]
    (*_, both) = train(Session(replace(job, seeds=(3, 4), checkpoints="")))
    one, two = (report.metrics[3]["loss"] for report in single)
    assert one != two
    assert both.metrics[3]["loss"] == pytest.approx((one + two) / 2, rel=1e-12)
    first, second = (report.gradients for report in single)
    assert both.gradients == pytest.approx({d: (first[d] + second[d]) / 2 for d in first})
    assert both.spread["loss"] == pytest.approx(abs(one - two) / math.sqrt(2), rel=1e-9)


def test_a_metric_that_is_no_number_in_one_repeat_costs_its_spread_alone(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    areas = iter([0.5, math.nan])
    epoch = Training.epoch
    monkeypatch.setattr(Training, "epoch", lambda one: epoch(one) | {"area": next(areas)})
    report = Session(replace(job, seeds=(3, 4), epochs=1, checkpoints="")).advance()
    assert not report.reason
    assert math.isnan(report.metrics[1]["area"])
    assert "area" not in report.spread
    assert math.isfinite(report.spread["loss"])


def test_an_objective_that_is_not_finite_has_diverged(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Training, "epoch", lambda _: {"epoch": 1, "accuracy": math.nan})
    with pytest.raises(DivergedError, match="accuracy is nan after epoch 1"):
        Session(job).advance()


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (DivergedError("loss is nan"), "diverged"),
        (MemoryError(), "out of memory"),
        (torch.OutOfMemoryError("tried to allocate"), "out of memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), "out of memory"),
        (KeyError("h"), "error: KeyError: 'h'"),
        (TypeError("first\nsecond"), "error: TypeError: first"),
        (AssertionError(), "error: AssertionError"),
    ],
)
def test_reasons(error: Exception, reason: str) -> None:
    report = failure(5, error)
    assert (report.number, report.reason, report.done) == (5, reason, True)


def test_no_more_memory_for_real() -> None:
    with pytest.raises((RuntimeError, MemoryError)) as caught:
        torch.empty(2**50, dtype=torch.float64)
    assert failure(0, caught.value).reason == "out of memory"


def test_a_checkpoint_that_is_too_large_is_not_written(job: Job, tmp_path: Path) -> None:
    reports = train(Session(replace(job, checkpoint_bytes=100)))
    assert reports[-1].done
    assert [report.files for report in reports] == [{}] * len(reports)
    assert not (tmp_path / "7").exists()


def test_what_was_written_is_told(job: Job, tmp_path: Path) -> None:
    last = train(Session(job))[-1]
    sizes = {path.name: path.stat().st_size for path in (tmp_path / "7").iterdir()}
    assert last.files == sizes
    assert set(sizes) == {"training.pt", "model.safetensors"}


def test_a_place_that_cannot_be_written_is_not_the_candidates_fault(
    job: Job, tmp_path: Path
) -> None:
    session = Session(replace(job, checkpoints=str(tmp_path / "file" / "7")))
    (tmp_path / "file").touch()
    with pytest.raises(CheckpointError, match=r"checkpoints .*file/7: ") as caught:
        session.advance()
    report = failure(job.number, caught.value)
    assert report.broken == str(caught.value)
    assert not report.reason


def test_folds_are_trained_side_by_side_and_their_mean_is_told(job: Job) -> None:
    folded = replace(job, seeds=(3, 4, 5, 6), folds=2, fold_seed=1, epochs=2, checkpoints="")
    session = Session(folded)
    task = load_task(job.source, "cpu")
    for number, training in enumerate(session.trainings):
        one = fold(task, number % 2, 2, seed=1)
        assert training.seed == folded.seeds[number]
        assert torch.equal(training.task.train.inputs, one.train.inputs)
        assert torch.equal(training.task.validation.targets, one.validation.targets)
    report = train(session)[-1]
    alone = []
    for number, seed in enumerate(folded.seeds):
        training = Training(job.candidate, fold(task, number % 2, 2, 1), seed=seed, epochs=2)
        alone.append([training.epoch() for _ in range(2)][-1]["accuracy"])
    assert report.metrics[2]["accuracy"] == pytest.approx(statistics.fmean(alone))
    assert report.spread["accuracy"] == pytest.approx(statistics.stdev(alone))
    each = [statistics.fmean(alone[k::2]) for k in range(2)]
    assert report.folds["accuracy"] == pytest.approx(each)


def test_scores_by_fold_are_as_they_were_after_a_restart(job: Job, tmp_path: Path) -> None:
    where = str(tmp_path / "7")
    folded = replace(job, seeds=(3, 4), folds=2, fold_seed=1, epochs=2, checkpoints=where)
    told = train(Session(folded))[-1]
    again = Session(folded).restored()
    assert again is not None
    assert again.folds == told.folds != {}


def test_the_weights_of_a_forecast_are_those_of_its_last_fold(
    job: Job, series: str, tmp_path: Path
) -> None:
    many = replace(job, seeds=(3, 4, 5, 6, 7, 8), folds=3, epochs=1, objectives=("loss",))
    for source, kept in ((job.source, 0), (Source(task=series, data_dir=str(tmp_path)), 2)):
        one = replace(many, source=source, checkpoints=str(tmp_path / str(kept)))
        session = Session(one)
        session.advance()
        found = checkpoints.load_weights_and(checkpoints.FOLD, Location(one.checkpoints))
        assert found is not None
        weights, fold_of = found
        assert fold_of == kept
        trained = session.trainings[kept].model.state_dict()
        assert all(torch.equal(weights[name], tensor) for name, tensor in trained.items())
        others = [training.model.state_dict() for training in session.trainings]
        assert sum(all(torch.equal(o[n], weights[n]) for n in o) for o in others) == 1


def test_weights_that_name_no_fold_are_of_the_first(tmp_path: Path) -> None:
    weights = {"w": torch.ones(2)}
    where = Location(str(tmp_path))
    where.write(checkpoints.WEIGHTS, safetensors.torch.save(weights))
    found = checkpoints.load_weights_and(checkpoints.FOLD, where)
    assert found is not None
    assert found[1] == 0
    where.write(checkpoints.WEIGHTS, safetensors.torch.save(weights, {"fold": "last"}))
    assert checkpoints.load_weights_and(checkpoints.FOLD, where) is None, "damaged"


def test_folds_whose_longest_sequences_differ_have_their_gradients_told(
    job: Job, tmp_path: Path
) -> None:
    random, lengths = np.random.default_rng(0), np.full(40, 6)
    lengths[0] = 30
    path = tmp_path / "ragged.npz"
    y = np.arange(40) % 2
    np.savez(path, x=random.normal(size=(40, 30, 2)).astype("float32"), y=y, lengths=lengths)
    source = Source(task=str(path), data_dir=str(tmp_path))
    seeds = tuple(range(5))
    folded = replace(job, source=source, seeds=seeds, folds=5, epochs=1, checkpoints="")
    session = Session(folded)
    report = train(session)[-1]
    each = [training.gradients() for training in session.trainings]
    assert len({max(one) for one in each}) > 1, "or nothing differs here"
    assert {0, 1, 2, 4} <= set(report.gradients) == set.intersection(*map(set, each))
