"""Trials side by side in one process are what they are alone, and each ends for itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from optcell_search.space import Candidate
from optcell_search.training import Population, Training
from optcell_search.tuning.cluster.data_transfer import Source
from optcell_search.tuning.worker.job import Job, Report
from optcell_search.tuning.worker.session import Session
from optcell_search.tuning.worker.slots import Slots

TIMED = ("train_seconds", "latency_ms", "population")
RULES = ("gd", "heavy_ball", "nesterov", "adam", "rmsprop")
EPOCHS = 4


def jobs(tiny: str, folder: Path, count: int = 5, **changes: Any) -> list[Job]:
    """Trials of two forms, with all five rules."""
    made = []
    for number in range(count):
        candidate = Candidate.from_dict(
            {
                "cell": {"name": "rnn"},
                "rule": {"name": RULES[number % 5]},
                "model": {"hidden_size": 3},
                "training": {"lr": 0.01 * (number + 1), "batch_size": 8 if number < 4 else 16},
            }
        )
        options: dict[str, Any] = {
            "number": number,
            "candidate": candidate,
            "seeds": (number + 10,),
            "source": Source(task=tiny, data_dir=str(folder)),
            "population": 8,
            "objectives": ("accuracy",),
            "epochs": EPOCHS,
            "device": "cpu",
            "threads": 1,
            "checkpoints": str(folder / str(number)),
            "checkpoint_bytes": 10**6,
        }
        made.append(Job(**{**options, **changes}))
    return made


def untimed(metrics: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in metrics.items() if name not in TIMED}


def alone(job: Job) -> dict[int, dict[str, float]]:
    session = Session(replace(job, checkpoints=""))
    while not session.advance().done:
        pass
    return {epoch: untimed(metrics) for epoch, metrics in session.history.items()}


def rounds(slots: Slots, count: int = EPOCHS) -> list[list[Report]]:
    return [slots.epoch() for _ in range(count)]


def told(each: Sequence[Sequence[Report]], number: int) -> dict[int, dict[str, float]]:
    found: dict[int, dict[str, float]] = {}
    for reports in each:
        for report in reports:
            assert not report.reason, report.detail
            if report.number == number:
                found |= {epoch: untimed(metrics) for epoch, metrics in report.metrics.items()}
    return found


def assert_near(one: dict[int, dict[str, float]], other: dict[int, dict[str, float]]) -> None:
    assert one.keys() == other.keys()
    for epoch, metrics in one.items():
        assert metrics == pytest.approx(other[epoch], rel=1e-3), epoch


def test_each_comes_to_what_it_comes_to_alone_and_says_how_many_it_was_with(
    tiny: str, tmp_path: Path
) -> None:
    made = jobs(tiny, tmp_path)
    slots = Slots()
    slots.take(made)
    each = rounds(slots)
    for job in made:
        assert_near(told(each, job.number), alone(job))
    # gd, heavy ball and Nesterov take their steps at once; Adam's is alone, and rmsprop's batches
    # are of another size.
    companies = [report.metrics[1].get("population", 1.0) for report in each[0]]
    assert companies == [3.0, 3.0, 3.0, 1.0, 1.0]
    assert [report.done for report in each[-1]] == [True] * 5
    assert slots.epoch() == []


def test_a_slot_is_filled_again_and_one_that_goes_on_tells_first_what_it_came_to(
    tiny: str, tmp_path: Path
) -> None:
    made = jobs(tiny, tmp_path, 4)
    first = Slots()
    first.take(made[:3])
    before = rounds(first, 2)
    second = Slots()
    second.take(made[:2])
    again = second.epoch()
    assert [sorted(report.metrics) for report in again] == [[1, 2], [1, 2]]
    assert [untimed(report.metrics[2]) for report in again] == [
        untimed(report.metrics[2]) for report in before[1][:2]
    ]
    second.drop([0])
    second.take(made[3:])
    after = [again, *rounds(second, 4)]
    assert_near(told(after, 1), alone(made[1]))
    assert_near(told(after, 3), alone(made[3]))
    assert 0 not in {report.number for reports in after[1:] for report in reports}


def history(slots: Slots, faulty: int) -> tuple[list[list[Report]], list[Report]]:
    each = rounds(slots)
    return each, [r for reports in each for r in reports if r.number == faulty]


def test_one_that_diverges_changes_no_digit_of_the_others(
    tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = jobs(tiny, tmp_path / "one", 3)
    slots = Slots()
    slots.take(made)
    first = slots.epoch()
    loss = slots._sessions[1].trainings[0].loss
    weights = [slots._sessions[n].trainings[0].live for n in (0, 2)]
    monkeypatch.setattr(
        slots._sessions[1].trainings[0], "loss", lambda *parts: loss(*parts) * float("nan")
    )
    second = slots.epoch()
    assert (second[1].reason, second[1].done) == ("diverged", True)
    assert [report.number for report in slots.epoch()] == [0, 2]
    # The same, in a company where nothing diverges and the second one is out after an epoch.
    other = Slots()
    other.take([replace(job, checkpoints=str(tmp_path / "two" / str(job.number))) for job in made])
    assert [untimed(r.metrics[1]) for r in other.epoch()] == [untimed(r.metrics[1]) for r in first]
    beside = other.epoch()
    for place in (0, 2):
        assert untimed(beside[place].metrics[2]) == untimed(second[place].metrics[2])
    other.drop([1])
    other.epoch()
    for number, model in zip((0, 2), weights, strict=True):
        same = other._sessions[number].trainings[0].live.state_dict()
        assert all(torch.equal(value, same[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize("kept", [True, False])
def test_out_of_memory_halves_how_many_go_on(
    tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: bool
) -> None:
    made = jobs(tiny, tmp_path, 4, checkpoint_bytes=10**6 if kept else 0)
    sizes: list[int] = []
    real = Population.epoch

    def scarce(population: Population) -> Any:
        outcomes = real(population)
        sizes.append(len(population.trainings))
        if len(sizes) > 1 and len(population.trainings) > 2:
            # Once the weights are no epoch's any more.
            raise torch.OutOfMemoryError("tried to allocate 1 PiB")
        return outcomes

    monkeypatch.setattr(Population, "epoch", scarce)
    slots = Slots()
    slots.take(made)
    each = rounds(slots)
    assert sizes[:4] == [4, 4, 2, 2]
    assert max(sizes[2:]) == 2
    for job in made:
        assert_near(told(each, job.number), alone(job))


@pytest.mark.parametrize("scarce_for", [12, 11])
def test_who_goes_on_after_a_lack_of_memory_neither_misses_an_epoch_nor_trains_one_untold(
    tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scarce_for: int
) -> None:
    made = jobs(tiny, tmp_path, 4)
    real = Population.epoch
    short: set[int] = set()

    def scarce(population: Population) -> Any:
        outcomes = real(population)
        seeds = {training.seed for training in population.trainings}
        if len(seeds) > 1 and seeds & short:
            short.clear()
            raise torch.OutOfMemoryError("tried to allocate 1 PiB")
        return outcomes

    monkeypatch.setattr(Population, "epoch", scarce)
    slots = Slots()
    slots.take(made)
    each = rounds(slots, 1)
    short.add(10)
    each += rounds(slots, 1)
    # Two populations of two now. In one of them there is a free slot, and memory ends in the other,
    # be it the first to be trained or the last.
    slots.drop([0 if scarce_for == 12 else 2])
    left = [number for number in range(4) if number in slots._jobs]
    short.add(scarce_for)
    each += rounds(slots, 2)
    assert not short
    for reports in each[2:]:
        assert [report.number for report in reports] == left
    for number in left:
        assert_near(told(each, number), alone(made[number]))


def test_whose_fault_it_was_is_found_and_the_others_go_on(
    tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = jobs(tiny, tmp_path, 4)
    real = Training.judged

    def faulty(training: Training, loss: float) -> dict[str, float]:
        if training.seed == 12 and training.epochs == 1:
            raise RuntimeError("broken on purpose")
        return real(training, loss)

    monkeypatch.setattr(Training, "judged", faulty)
    slots = Slots()
    slots.take(made)
    each = rounds(slots)
    failed = [report for reports in each for report in reports if report.reason]
    assert [(r.number, r.reason) for r in failed] == [(2, "error: RuntimeError: broken on purpose")]
    monkeypatch.undo()
    good = [[report for report in reports if report.number != 2] for reports in each]
    for number in (0, 1, 3):
        assert_near(told(good, number), alone(made[number]))


def test_one_that_trains_no_more_is_nobodys_company(tiny: str, tmp_path: Path) -> None:
    made = jobs(tiny, tmp_path, 3)
    halved = replace(made[0].candidate.training, share=0.5)
    made[0] = replace(made[0], candidate=replace(made[0].candidate, training=halved), epochs=EPOCHS)
    tired = replace(made[1].candidate.training, patience=1, lr=1e-30)
    made[1] = replace(made[1], candidate=replace(made[1].candidate, training=tired))
    slots = Slots()
    slots.take(made)
    each = rounds(slots)
    companies = [[next(iter(r.metrics.values())).get("population", 1) for r in one] for one in each]
    # The second comes to no better epoch than its first, the first ends after two.
    assert companies == [[3, 3, 3], [3, 3, 3], [1, 1], [1, 1]]


def test_one_that_cannot_begin_ends_alone(tiny: str, tmp_path: Path) -> None:
    made = jobs(tiny, tmp_path, 2)
    slots = Slots()
    slots.take([replace(made[0], source=Source(task="nowhere.npz", data_dir="")), made[1]])
    reports = slots.epoch()
    assert "nowhere.npz" in reports[0].reason + reports[0].detail
    assert (reports[1].reason, reports[1].epoch) == ("", 1)
