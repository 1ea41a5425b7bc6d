"""What a user puts into the study by Optuna's own ``enqueue_trial``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import optuna
import pytest
from runs import SPACE, a_request, a_run

from optcell_search.ledger.opening import make_ledger, open_ledger
from optcell_search.ledger.request import Request
from optcell_search.space import trial_seed


@pytest.fixture
def folder(tiny: str, tmp_path: Path) -> Path:
    return a_run(tmp_path / "run", tiny)


def test_an_enqueued_trial_of_plain_optuna_is_trained_or_refused(folder: Path) -> None:
    request = Request.read(folder)
    ledger = open_ledger(request, folder)
    ledger.study.enqueue_trial({"cell": "rnn", "rule": "gd", "model.hidden_size": 3})
    ledger.study.enqueue_trial({"rule": "gd", "training.lr": -7.0})
    sampler = optuna.samplers.RandomSampler(seed=0)
    adopted = ledger.ask(request.search_space, sampler)
    assert adopted is not None
    assert (adopted.number, adopted.candidate.rule) == (0, "gd")
    assert adopted.candidate.flat()["model.hidden_size"] == 3
    assert ledger.ask(request.search_space, sampler) is None
    third = ledger.ask(request.search_space, sampler)
    assert third is not None
    ledger.complete(third.number, {"accuracy": 0.5})
    ledger.complete(adopted.number, {"accuracy": 0.75})
    first, second, own = ledger.trials()
    assert first.value == 0.75
    assert first.params["model.hidden_size"] == 3
    assert first.user_attrs["candidate"] == adopted.candidate.to_dict()
    assert second.state.name == "FAIL"
    assert second.user_attrs["reason"].startswith("not in the space: ")
    assert own.value == 0.5
    ledger.close()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"training.lr": 5.0}, "training.lr = 5.0"),
        ({"trainig.lr": 0.05}, "trainig.lr = 0.05"),
        ({"heavy_ball.s": 0.5}, "heavy_ball.s = 0.5"),  # which the space has fixed at 0.6
        ({"cell": "gru", "model.hidden_size": 3}, "cell = 'gru'"),
    ],
)
def test_an_enqueued_value_outside_the_space_is_refused_and_the_ledger_opens(
    folder: Path, wrong: dict[str, Any], said: str
) -> None:
    request = Request.read(folder)
    ledger = open_ledger(request, folder)
    ledger.study.enqueue_trial({"rule": "gd", **wrong})
    sampler = optuna.samplers.RandomSampler(seed=0)
    assert ledger.ask(request.search_space, sampler) is None
    (refused,) = ledger.trials()
    assert refused.state.name == "FAIL"
    assert refused.user_attrs["reason"] == f"not in the space: {said}"
    ledger.close()
    open_ledger(request, folder).close()


def test_a_value_between_two_steps_is_refused(tiny: str, tmp_path: Path) -> None:
    steps = {**SPACE, "rule": {"gd": {"s": {"low": 0.1, "high": 0.9, "step": 0.2}}}}
    request = a_request(tiny, space=steps)
    ledger = make_ledger(request, tmp_path)
    # Steps that a tuner adds up in floats are steps all the same.
    for value in (0.4, 0.1 + 3 * 0.2):
        ledger.study.enqueue_trial({"rule": "gd", "gd.s": value})
    sampler = optuna.samplers.RandomSampler(seed=0)
    assert ledger.ask(request.search_space, sampler) is None
    trial = ledger.ask(request.search_space, sampler)
    assert trial is not None
    assert trial.candidate.flat()["gd.s"] == 0.7
    refused, _ = ledger.trials()
    assert refused.state.name == "FAIL"
    assert refused.user_attrs["reason"] == "not in the space: gd.s = 0.4"
    ledger.close()


def test_trials_that_somebody_adds_meanwhile_keep_every_number_right(folder: Path) -> None:
    request = Request.read(folder)
    ledger = open_ledger(request, folder)
    sampler = optuna.samplers.RandomSampler(seed=0)
    first = ledger.ask(request.search_space, sampler)
    ledger.study.add_trial(optuna.trial.create_trial(value=0.1))
    ledger.study.enqueue_trial({"rule": "gd"})
    second = ledger.ask(request.search_space, sampler)
    third = ledger.ask(request.search_space, sampler)
    assert first is not None
    assert second is not None
    assert third is not None
    assert (first.number, second.number, third.number) == (0, 2, 3)
    for trial, score in ((third, 0.3), (first, 0.0), (second, 0.2)):
        ledger.complete(trial.number, {"accuracy": score})
    assert [trial.value for trial in ledger.trials()] == [0.0, 0.1, 0.2, 0.3]
    ledger.close()


def stranger(folder: Path) -> optuna.Study:
    """The study as another process has it."""
    url = f"sqlite:///{folder / 'study.db'}"
    return optuna.load_study(study_name=Request.read(folder).run_id, storage=url)


def test_what_another_process_runs_is_left_to_it(folder: Path) -> None:
    request = Request.read(folder)
    ledger = open_ledger(request, folder)
    ledger.requeue()
    other = stranger(folder)
    theirs = other.ask()
    ledger.study.enqueue_trial({"rule": "gd"})
    sampler = optuna.samplers.RandomSampler(seed=0)
    first = ledger.ask(request.search_space, sampler)
    assert first is not None
    assert first.number == 1
    # Seen as they wait, and gone when their turn comes: one in training, one with its result.
    for rule in ("gd", "heavy_ball", "gd"):
        ledger.study.enqueue_trial({"rule": rule})
    ledger._take_in(5)
    assert ledger.missing == request.num_trials - 1
    taken = other.ask()
    other.tell(other.ask(), 0.25)
    assert ledger.ask(request.search_space, sampler) is None
    assert ledger.ask(request.search_space, sampler) is None
    numbers = [first.number]
    while ledger.missing:
        trial = ledger.ask(request.search_space, sampler)
        assert trial is not None
        numbers.append(trial.number)
    assert numbers == [1, 4, 5, 6]
    for number in numbers:
        ledger.complete(number, {"accuracy": 0.5})
    assert ledger.unfinished == 0
    ledger.requeue()
    assert ledger.unfinished == 0
    states = [trial.state.name for trial in ledger.trials()]
    assert states == ["RUNNING", "COMPLETE", "RUNNING", *["COMPLETE"] * 4]
    other.tell(theirs, 0.75)
    other.tell(taken, 0.5)
    ledger.close()
    ledger = open_ledger(request, folder)
    assert ledger.missing == 0
    ledger.close()


def test_what_is_added_before_the_queue_is_made_anew_is_taken_up_once(folder: Path) -> None:
    request = Request.read(folder)
    ledger = open_ledger(request, folder)
    ledger.study.enqueue_trial({"rule": "gd"})
    ledger.requeue()
    sampler = optuna.samplers.RandomSampler(seed=0)
    asked = [ledger.ask(request.search_space, sampler) for _ in range(2)]
    assert [trial.number for trial in asked if trial] == [0, 1]
    assert ledger.missing == request.num_trials - 2
    ledger.close()


class KilledError(BaseException):
    """Stands for the end of a process between two writes."""


@pytest.mark.parametrize("order", [None, ["candidate", "key", "seed", "repeat", "seeds"]])
def test_a_trial_whose_taking_up_was_killed_is_taken_up_whole(
    tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, order: list[str] | None
) -> None:
    # In the other order, that of an older version, too.
    request = a_request(tiny, repeats=2)
    for last in range(6):
        folder = tmp_path / str(last)
        folder.mkdir()
        ledger = make_ledger(request, folder)
        ledger.study.enqueue_trial({"rule": "gd", "model.hidden_size": 3, "training.lr": 0.05})
        sampler = optuna.samplers.RandomSampler(seed=0)
        write, left = ledger._storage.optuna.set_trial_user_attr, iter(range(last))
        attributes = ledger._stored

        def dying(*args: Any, write: Any = write, left: Any = left) -> None:
            if next(left, None) is None:
                raise KilledError
            write(*args)

        def ordered(candidate: Any, attributes: Any = attributes) -> dict[str, Any]:
            known = attributes(candidate)
            return {name: known[name] for name in order or known}

        with monkeypatch.context() as patched:
            patched.setattr(ledger._storage.optuna, "set_trial_user_attr", dying)
            patched.setattr(ledger, "_stored", ordered)
            if last < 5:
                with pytest.raises(KilledError):
                    ledger.ask(request.search_space, sampler)
            else:
                ledger.ask(request.search_space, sampler)
        ledger.close()
        ledger = open_ledger(request, folder)
        ledger.requeue()
        trial = ledger.ask(request.search_space, optuna.samplers.RandomSampler(seed=9))
        assert trial is not None
        assert (trial.candidate.rule, trial.candidate.training.lr) == ("gd", 0.05)
        assert trial.seeds == tuple(trial_seed(request.seed, trial.key, i) for i in range(2))
        assert list(ledger.trials()[0].user_attrs["seeds"]) == list(trial.seeds)
        ledger.close()
