"""What a second `finalize` takes over of the first; the works are done here, without Ray."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from optuna.samplers import RandomSampler
from runs import a_request

from optcell_search.ledger.opening import make_ledger
from optcell_search.ledger.trials.scores import finalized
from optcell_search.training import Training
from optcell_search.tuning.cluster.data_transfer import Source
from optcell_search.tuning.finalizing import finalize
from optcell_search.tuning.finalizing.finalize import Plan
from optcell_search.tuning.store import finalized_weights
from optcell_search.tuning.store.checkpoints import WEIGHTS
from optcell_search.tuning.store.file_systems import Location
from optcell_search.tuning.worker import final_training
from optcell_search.tuning.worker.final_training import Work, train_and_test

Finalize = Callable[..., dict[str, Any]]


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The seeds that are trained, one after the other."""
    seeds: list[int] = []
    once = final_training.train_seeds

    def train_seeds(job: Any) -> Any:
        seeds.extend(job.seeds)
        return once(job)

    monkeypatch.setattr(final_training, "train_seeds", train_seeds)
    return seeds


@pytest.fixture
def again(tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Finalize]:
    """Finalizes the one trial of a run; returns what the ledger then has of it."""

    def run(works: Sequence[Work], workers: int, waits: object) -> Any:
        return ((work, train_and_test(work)) for work in works)

    monkeypatch.setattr(finalize, "_run", run)
    ledger = make_ledger(a_request(tiny, workers=1), tmp_path)
    trial = ledger.ask(ledger.request.search_space, RandomSampler(seed=0))
    assert trial is not None
    ledger.complete(trial.number, {"accuracy": 0.5, "best_epoch": 2.0})

    def finalized_with(seeds: int, **plan: Any) -> dict[str, Any]:
        source = Source.of(ledger.request, tmp_path)
        numbers, location = [trial.number], Location(str(tmp_path / "checkpoints"))
        finalize.finalize(ledger, numbers, Plan(seeds=seeds, **plan), source, location)
        return finalized(ledger.study, trial.number)

    yield finalized_with
    ledger.close()


@pytest.mark.parametrize("refit", [False, True])
def test_seeds_that_were_tested_stay_and_answer_for_an_ensemble_untrained(
    again: Finalize, trained: list[int], refit: bool
) -> None:
    first = again(3, refit=refit)
    assert trained == first["seeds"]
    trained.clear()
    second = again(2, refit=refit, ensemble=True)
    assert trained == []
    assert second["seeds"] == first["seeds"], "none is thrown away"
    assert {key: second[key] for key in first} == first
    assert second["ensemble"]["members"] == first["seeds"]
    third = again(4, refit=refit, ensemble=True)
    assert trained == third["seeds"][3:]
    assert third["ensemble"]["members"] == third["seeds"]
    assert third["test"]["loss"][:3] == first["test"]["loss"]


def test_what_answers_untrained_answers_as_what_was_trained(
    again: Finalize, trained: list[int], tmp_path: Path
) -> None:
    again(3)
    by_weights = again(3, ensemble=True)
    shutil.rmtree(tmp_path / "checkpoints")
    seeds = by_weights["seeds"]
    trained.clear()
    again(4)
    assert trained == [s for s in trained if s not in seeds], "a seed more, no ensemble"
    trained.clear()
    anew = again(3, ensemble=True)
    assert trained == seeds, "their weights are gone; those of the fourth are there"
    assert anew["test"]["loss"][:3] == pytest.approx(by_weights["test"]["loss"])
    assert len(anew["ensemble"]["members"]) == 4


def test_weights_that_do_not_score_as_noted_and_failures_change_nothing(
    again: Finalize, trained: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = again(2)
    one, other = (
        tmp_path / "checkpoints" / "finalized" / "0" / str(seed) / "model.safetensors"
        for seed in first["seeds"]
    )
    shutil.copy(one, other)
    trained.clear()
    epoch = Training.epoch
    monkeypatch.setattr(Training, "epoch", lambda _: {"epoch": 1, "accuracy": float("nan")})
    second = again(2, ensemble=True)
    assert trained == first["seeds"][1:]
    assert "ensemble" not in second
    assert (second["test"], second["failed"]) == (first["test"], {})
    monkeypatch.setattr(Training, "epoch", epoch)
    assert again(2, ensemble=True)["ensemble"]["members"] == first["seeds"]


def test_what_was_tested_otherwise_stays_beside_and_is_told_when_asked_for(
    again: Finalize, trained: list[int]
) -> None:
    first = again(3, refit=True)
    second = again(1, refit=False)
    third = again(1, epochs=3)
    assert [(one["epochs"], len(one["seeds"])) for one in (second, third)] == [(2, 1), (3, 1)]
    assert third["others"] == [without_others(second), first]
    trained.clear()
    assert without_others(again(2, refit=True)) == first
    assert without_others(again(1)) == without_others(second)
    told = again(1, epochs=3)
    assert without_others(told) == without_others(third)
    assert trained == [], "all of it was tested before"
    assert sorted(one["epochs"] for one in told["others"]) == [first["epochs"], 2]


def without_others(record: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name != "others"}


def test_weights_are_those_of_the_epochs_that_are_told(
    again: Finalize, trained: list[int], tmp_path: Path
) -> None:
    (seed,) = again(1)["seeds"]
    again(1, epochs=3)
    checkpoints = Location(str(tmp_path / "checkpoints"))
    assert finalized_weights.load(checkpoints, 0, seed, 3) is not None
    assert finalized_weights.load(checkpoints, 0, seed, 2) is None, "others are kept there now"


def test_weights_that_name_no_epochs_are_of_those_in_the_ledger(tmp_path: Path) -> None:
    checkpoints = Location(str(tmp_path))
    content = safetensors.torch.save({"w": torch.ones(2)})
    finalized_weights.place(checkpoints, 0, 7).write(WEIGHTS, content)
    assert finalized_weights.load(checkpoints, 0, 7, 2) is not None
