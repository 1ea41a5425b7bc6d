"""The package without its driver: the user's own tuner, plain Optuna, loggers of other packages."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
from ray import tune
from runs import SPACE

import optcell_search
from optcell_search import SearchSpace
from optcell_search.space import SpaceError, from_flat, trial_seed
from optcell_search.tasks import load
from optcell_search.training import TIMED, train
from optcell_search.tuning import MOASHAScheduler, Run, RunFailedError, optcell_trainable
from optcell_search.tuning.search import callbacks

CONFIG = {"cell": "rnn", "rule": "heavy_ball", "heavy_ball.mu": 0.5, "model.hidden_size": 3}


@pytest.mark.parametrize("name", SearchSpace.names())
def test_what_is_flat_reads_back(name: str) -> None:
    space = SearchSpace.load(name)
    for seed in range(20):
        candidate = space.sample(seed)
        assert from_flat(candidate.flat()) == candidate


def test_a_flat_candidate_takes_defaults_and_passes_over_what_others_would_have() -> None:
    plain = from_flat(CONFIG)
    assert from_flat({**CONFIG, "adam.beta": 0.5, "delta.heads": "any"}) == plain
    assert plain.to_dict()["rule"]["mu"] == 0.5
    assert plain.training.batch_size == 128


def test_what_others_leave_no_room_for_is_passed_over() -> None:
    memory = {"cell": "delta", "rule": "gd", "delta.inner": "gd"}
    beside = {"delta.mu": 0.5, "delta.beta": 0.9, "model.front": "none", "model.front_width": 32}
    assert from_flat({**memory, **beside}) == from_flat(memory)
    inside = from_flat({**memory, **beside, "delta.inner": "heavy_ball"})
    assert inside.to_dict()["cell"]["mu"] == 0.5
    with pytest.raises(SpaceError, match=r"cell\.mu"):
        from_flat({**memory, "delta.mu": 2.0})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hevy_ball.mu": 0.5}, "unknown owner of a hyperparameter 'hevy_ball'"),
        ({"lr": 0.5}, "config: lr: unknown owner"),
        ({"heavy_ball.m": 0.5}, "config: heavy_ball.m: unknown hyperparameter 'm'"),
        ({"adam.muu": 0.5}, "config: adam.muu: unknown hyperparameter 'muu' (did you mean 'mu'"),
        ({"delta.heds": 4}, "config: delta.heds: unknown hyperparameter"),
        ({"heavy_ball.name": "adam"}, "config: heavy_ball.name: unknown hyperparameter"),
        ({"None.x": 1}, "config: None.x: unknown owner of a hyperparameter 'None'"),
        ({3: 3}, "config: 3: unknown owner of a hyperparameter"),
        ({"energy_imbalanse.weight": 0.1}, "did you mean 'energy_imbalance'"),
        ({"heavy_ball.mu": 2}, "config: rule.mu"),
        ({"cell": "lstn"}, "did you mean 'lstm'"),
    ],
)
def test_a_flat_candidate_that_makes_no_sense(change: dict[str, Any], message: str) -> None:
    with pytest.raises(SpaceError) as caught:
        from_flat({**CONFIG, **change})
    assert message in str(caught.value)


def test_a_flat_candidate_without_a_cell() -> None:
    with pytest.raises(SpaceError, match="config: cell: missing"):
        from_flat({"rule": "gd"})


@pytest.mark.usefixtures("cluster")
def test_the_users_own_tuner_with_our_scheduler(tiny: str, tmp_path: Path) -> None:
    space = SearchSpace.from_dict(SPACE)
    flat = [{**space.sample(i).flat()} for i in range(4)]
    tuner = tune.Tuner(
        tune.with_resources(optcell_search.optcell_trainable(tiny, epochs=3, seed=5), {"cpu": 1}),
        param_space=tune.grid_search(flat),  # type: ignore[arg-type]
        tune_config=tune.TuneConfig(
            scheduler=MOASHAScheduler({"accuracy": "maximize", "parameters": "minimize"}, max_t=3),
            max_concurrent_trials=2,
            reuse_actors=True,
        ),
        run_config=tune.RunConfig(storage_path=str(tmp_path), verbose=0),
    )
    results = tuner.fit()
    assert not results.errors
    assert len(results) == 4
    assert any(result.metrics["epoch"] == 3 for result in results)
    for result in results:
        candidate = from_flat(result.config)
        seed = trial_seed(5, candidate.key)
        epochs = result.metrics["epoch"]
        *_, alone = train(candidate, load(tiny), epochs=epochs, seed=seed)
        for name in alone.keys() - set(TIMED):
            assert result.metrics[name] == alone[name]


def test_a_paused_trial_goes_on_to_the_same_numbers(tiny: str, tmp_path: Path) -> None:
    trainable = optcell_trainable(tiny, epochs=4)
    whole = trainable(CONFIG)
    first = [whole.train() for _ in range(4)][-1]
    half = trainable(CONFIG)
    for _ in range(2):
        half.train()
    half.save_checkpoint(str(tmp_path))
    other = trainable(CONFIG)
    other.load_checkpoint(str(tmp_path))  # type: ignore[arg-type]
    last = [other.train() for _ in range(2)][-1]
    assert last["done"]
    assert (last["epoch"], last["loss"]) == (first["epoch"], first["loss"])


def test_a_trainable_for_nothing(tiny: str) -> None:
    with pytest.raises(ValueError, match="epochs = 0"):
        optcell_trainable(tiny, epochs=0)
    with pytest.raises(ValueError, match="did you mean 'digits'"):
        optcell_trainable("digitz")


class Notes(tune.Callback):
    """What a logger hears."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, dict[str, Any], dict[str, Any]]] = []

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        self.heard.append((trial.trial_id, trial.config, result))


@pytest.mark.usefixtures("cluster")
def test_callbacks_hear_of_candidates_and_metrics(tiny: str, tmp_path: Path) -> None:

    notes = Notes()
    run = optcell_search.search(
        SPACE,
        tiny,
        2,
        tmp_path / "run",
        epochs=2,
        workers=1,
        threads=1,
        scheduler="none",
        callbacks=["tensorboard", notes],
    )
    # What is done is told to a callback as well.
    assert len({trial for trial, *_ in notes.heard}) == 2
    _, config, result = notes.heard[0]
    assert {"rule", "cell", "model.hidden_size", "training.lr"} <= config.keys()
    assert str(config["job"]) == "trial 0"
    # By the name that `optcell_trainable` reports.
    assert 0 <= result["accuracy"] <= 1
    files = list((run.directory / "ray").rglob("events.out.tfevents*"))
    assert len(files) == 2
    content = files[0].read_bytes()
    assert b"accuracy" in content
    assert b"metrics/" not in content
    assert Run.open(run.directory).request.callbacks == ("tensorboard",)


class Failing(Notes):
    """Breaks down: when it is set up, or when it hears its second result."""

    def __init__(self, at_once: bool) -> None:
        super().__init__()
        self.at_once = at_once

    def setup(self, *args: Any, **info: Any) -> None:
        if self.at_once:
            raise RuntimeError("no key\nof yours")

    def on_trial_result(self, *args: Any, **info: Any) -> None:
        super().on_trial_result(*args, **info)
        if len(self.heard) == 2:
            raise OSError("the server has gone\naway")


@pytest.mark.usefixtures("cluster")
def test_a_callback_that_fails_costs_no_trial(
    tiny: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    options = {"epochs": 2, "workers": 1, "threads": 1, "scheduler": "none"}
    message = r"the run broke off: callback Failing: error: RuntimeError: no key; `optcell-search r"
    with pytest.raises(RunFailedError, match=message):
        optcell_search.search(SPACE, tiny, 2, folder, callbacks=[Failing(True)], **options)
    assert Run.open(folder).status()["missing"] == 2

    late = Failing(False)
    assert Run.open(folder).resume(callbacks=[late]).status()["complete"] == 2
    assert len(late.heard) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if "Failing" in line]
    assert lines == [
        "optcell-search: callback Failing: error: OSError: the server has gone; the search goes on "
        "without it"
    ]


def test_a_callback_whose_package_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    message = "callback mlflow: package mlflow is not installed; `pip install mlflow`"
    with pytest.raises(ValueError, match=message):
        callbacks.check(["mlflow"])


def test_a_callback_nobody_knows() -> None:
    with pytest.raises(ValueError, match="unknown callback 'x'; valid: mlflow, wandb, tensorboard"):
        callbacks.check(["x"])
