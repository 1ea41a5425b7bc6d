"""What people write who have no architecture search: loops over torch's cells, and ROCKET.

Each returns the incumbents of its search, best by validation so far: the seconds since its start,
the validation score, and the test score, which is read when the search has ended and chooses
nothing.
"""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import torch
from torch import Tensor, nn

from optcell_search.tasks import LoadedTask, Split, load

EPOCHS = 30


@dataclass(frozen=True)
class Incumbent:
    """The best by validation from a moment on."""

    seconds: float
    validation: float
    test: float


class Plain(nn.Module):
    """torch's recurrent cell and a linear read-out of its last step."""

    def __init__(self, task: LoadedTask, cell: str, width: int, layers: int, dropout: float):
        super().__init__()
        kind = {"lstm": nn.LSTM, "gru": nn.GRU}[cell]
        self.cell = kind(
            task.input_size, width, layers, batch_first=True, dropout=dropout * (layers > 1)
        )
        self.head = nn.Linear(width, task.output_size)

    def forward(self, inputs: Tensor) -> Tensor:
        outputs, _ = self.cell(inputs)
        return self.head(outputs[:, -1])


def score(model: nn.Module, split: Split, task: LoadedTask) -> float:
    """Return the task's first metric on a split."""
    model.eval()
    with torch.no_grad():
        outputs = torch.cat([model(part) for part in split.inputs.split(1024)])
    return task.score(outputs, split.targets, split.drivers)[next(iter(task.metrics))]


def suggested(trial: optuna.Trial) -> dict[str, Any]:
    """Return one set of hyperparameters of the usual space."""
    return {
        "cell": trial.suggest_categorical("cell", ["lstm", "gru"]),
        "width": trial.suggest_categorical("width", [32, 64, 128, 256]),
        "layers": trial.suggest_int("layers", 1, 2),
        "dropout": trial.suggest_float("dropout", 0.0, 0.5),
        "lr": trial.suggest_float("lr", 1e-4, 1e-2, log=True),
        "batch_size": trial.suggest_categorical("batch_size", [32, 64, 128]),
    }


def epochs(
    task: LoadedTask, cell: str, width: int, layers: int, dropout: float, lr: float, batch_size: int
) -> Iterator[tuple[float, nn.Module]]:
    """Train with Adam, give the validation score and the model after every epoch."""
    model = Plain(task, cell, width, layers, dropout)
    optimizer = torch.optim.Adam(model.parameters(), lr)
    for _ in range(EPOCHS):
        model.train()
        for index in torch.randperm(len(task.train)).split(batch_size):
            loss = task.loss(model(task.train.inputs[index]), task.train.targets[index])
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
        yield score(model, task.validation, task), model


@dataclass
class Best:
    """Keeps each model that beats those before it, to be tested at the end."""

    direction: str
    start: float = field(default_factory=time.perf_counter)
    found: list[tuple[float, float, nn.Module]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def offer(self, value: float, model: nn.Module) -> None:
        """Keep a copy of the model where its validation score is the best so far."""
        sign = 1 if self.direction == "maximize" else -1
        with self.lock:
            if not self.found or sign * value > sign * self.found[-1][1]:
                seconds = time.perf_counter() - self.start
                self.found.append((seconds, value, copy.deepcopy(model)))

    def tested(self, task: LoadedTask) -> list[Incumbent]:
        """Return the incumbents with their test scores."""
        test = task.unseal()
        return [Incumbent(s, value, score(model, test, task)) for s, value, model in self.found]


def with_optuna(spec: str, data: str | None, seconds: float, seed: int) -> list[Incumbent]:
    """Optuna alone: TPE, median pruning, two threads of one process."""
    task = load(spec, data)
    direction = next(iter(task.metrics.values()))
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    best = Best(direction)

    def objective(trial: optuna.Trial) -> float:
        value = float("nan")
        for epoch, (value, model) in enumerate(epochs(task, **suggested(trial))):
            best.offer(value, model)
            trial.report(value, epoch)
            if time.perf_counter() - best.start > seconds:
                trial.study.stop()
                break
            if trial.should_prune():
                raise optuna.TrialPruned
        return value

    study = optuna.create_study(direction=direction, sampler=optuna.samplers.TPESampler(seed=seed))
    study.optimize(objective, timeout=seconds, n_jobs=2)
    return best.tested(task)


def with_ray(spec: str, data: str | None, seconds: float, seed: int) -> list[Incumbent]:
    """Ray Tune with OptunaSearch and ASHA, two workers of one core."""
    import tempfile

    from ray import tune
    from ray.tune.schedulers import ASHAScheduler
    from ray.tune.search import ConcurrencyLimiter
    from ray.tune.search.optuna import OptunaSearch

    task = load(spec, data)
    direction = next(iter(task.metrics.values()))

    def trainable(config: dict[str, Any]) -> None:
        torch.set_num_threads(1)
        torch.manual_seed(seed)
        own = load(spec, data)
        for value, model in epochs(own, **config):
            with tempfile.TemporaryDirectory() as folder:
                torch.save(model.state_dict(), Path(folder) / "weights.pt")
                told = {"score": value, "when": time.time()}
                tune.report(told, checkpoint=tune.Checkpoint.from_directory(folder))

    start = time.time()
    mode = {"maximize": "max", "minimize": "min"}[direction]
    search = OptunaSearch(
        suggested_by_name, metric="score", mode=mode, sampler=optuna.samplers.TPESampler(seed=seed)
    )
    with tempfile.TemporaryDirectory() as folder:
        tuner = tune.Tuner(
            tune.with_resources(trainable, {"cpu": 1}),
            tune_config=tune.TuneConfig(
                search_alg=ConcurrencyLimiter(search, max_concurrent=2),
                scheduler=ASHAScheduler(metric="score", mode=mode, max_t=EPOCHS),
                num_samples=-1,
                time_budget_s=seconds,
            ),
            run_config=tune.RunConfig(storage_path=folder),
        )
        results = tuner.fit()
        reported = sorted(
            (told["when"] - start, told["score"], checkpoint, result.config)
            for result in results
            for checkpoint, told in result.best_checkpoints
        )
        best = Best(direction)
        for when, value, checkpoint, config in reported:
            model = Plain(task, *(config[k] for k in ("cell", "width", "layers", "dropout")))
            with checkpoint.as_directory() as place:
                model.load_state_dict(torch.load(Path(place) / "weights.pt", weights_only=True))
            before = len(best.found)
            best.offer(value, model)
            if len(best.found) > before:
                best.found[-1] = (when, value, best.found[-1][2])
        return best.tested(task)


def suggested_by_name(trial: optuna.Trial) -> None:
    """Ask for the usual space as OptunaSearch wants it: it keeps what was asked by name."""
    suggested(trial)


def with_rocket(kind: str) -> Callable[[str, str | None, float, int], list[Incumbent]]:
    """Return one of aeon's random convolutions with a ridge classifier; no search is in it.

    What is not fitted within the seconds, or not within the memory, has no incumbent.
    """

    def run(spec: str, data: str | None, seconds: float, seed: int) -> list[Incumbent]:
        from aeon.classification.convolution_based import (
            MultiRocketHydraClassifier,
            RocketClassifier,
        )

        task = load(spec, data)
        makers = {"rocket": RocketClassifier, "multirocket_hydra": MultiRocketHydraClassifier}
        start = time.perf_counter()
        model = makers[kind](random_state=seed, n_jobs=2)
        fitted = ThreadPoolExecutor(1).submit(
            model.fit, _series(task.train), task.train.targets.numpy()
        )
        try:
            fitted.result(timeout=seconds)
        except (TimeoutError, MemoryError):
            return []
        took = time.perf_counter() - start
        right = [
            float(np.mean(model.predict(_series(split)) == split.targets.numpy()))
            for split in (task.validation, task.unseal())
        ]
        return [Incumbent(took, *right)]

    return run


def _series(split: Split) -> np.ndarray:
    """Return (sequences, features, steps), as aeon has it."""
    return split.inputs.transpose(1, 2).numpy().astype(np.float64)
