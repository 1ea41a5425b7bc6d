"""One trial trained again, alone and without Ray, to see whether it comes to the same numbers."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from optuna.trial import FrozenTrial
from torch import Tensor

from optcell_search.space import Candidate
from optcell_search.training import TIMED, DivergedError, Training

from ..ledger.format import epochs_in
from ..ledger.request import Request
from .cluster.data_transfer import Source
from .worker.final_training import unjudged
from .worker.job import Job
from .worker.seeds import train_seeds
from .worker.session import POPULATION, Session

# How far rounding may take a training apart, as a share of a metric; and at all, for what is a
# difference of larger numbers, such as R² near 0.
_ROUNDING, _LEAST = 0.01, 1e-4


@dataclass(frozen=True)
class Replay:
    """A trial as the ledger has it and as it came out again.

    Attributes:
        number: of the trial.
        recorded, repeated: epoch → metrics, timings left out.
        weights: after the last epoch, of the first repeat.
        fold: in which they were trained, counted from 0; see `worker.loading.kept_fold`.
        company: with how many trials it was trained side by side, itself included; alone it then
            comes to the same up to rounding, which training can make larger.
    """

    number: int
    recorded: dict[int, dict[str, float]]
    repeated: dict[int, dict[str, float]]
    weights: dict[str, Tensor]
    company: int = 1
    fold: int = 0

    @property
    def is_same(self) -> bool:
        """Whether it came to the same numbers; where it had company, to about a hundredth."""
        if self.company == 1:
            return not any(self.differences.values())
        return all(
            _near(value, self.repeated[epoch][name])
            for epoch, metrics in self.recorded.items()
            for name, value in metrics.items()
        )

    @property
    def differences(self) -> dict[str, float]:
        """Metric → largest absolute difference over all epochs; inf where only one is finite."""
        largest: dict[str, float] = {}
        for epoch, metrics in self.recorded.items():
            for name, value in metrics.items():
                largest[name] = max(largest.get(name, 0.0), _gap(value, self.repeated[epoch][name]))
        return largest


def replay(request: Request, trial: FrozenTrial, source: Source) -> Replay:
    """Train a trial of a run again, on the data from `source`, for the epochs it was trained.

    Raises:
        ValueError: the trial has no epoch to repeat, or one that no training gives.
    """
    recorded = {epoch: _untimed(metrics) for epoch, metrics in epochs_in(trial.user_attrs).items()}
    if not any(recorded.values()):
        raise ValueError(f"trial {trial.number} finished no epoch, so there is nothing to replay")
    if max(recorded) > request.epochs:
        raise ValueError(
            f"trial {trial.number} holds epoch {max(recorded)}, in a run of {request.epochs} epochs"
        )
    session = _retrained(request, trial, source, max(recorded))
    repeated = {epoch: _untimed(metrics) for epoch, metrics in session.history.items()}
    for epoch, metrics in recorded.items():
        if unknown := metrics.keys() - repeated.get(epoch, {}).keys():
            raise ValueError(
                f"trial {trial.number}, epoch {epoch}: training it again gives no "
                f"{', '.join(sorted(unknown))[:200]}, which cannot be compared"
            )
    weights = _detached(session.trainings[session.kept])
    return Replay(trial.number, recorded, repeated, weights, company_of(trial), session.kept)


def company_of(trial: FrozenTrial) -> int:
    """Return with how many trials one was trained side by side at most, itself included."""
    known = trial.user_attrs
    return 1 if len(known.get("seeds", ())) > 1 else max(1, _most_at_once(known))


def _most_at_once(known: Mapping[str, Any]) -> int:
    """Return the most that took the steps of an epoch at once; 0: no epoch says."""
    each = (metrics.get(POPULATION, 0.0) for metrics in epochs_in(known).values())
    return int(max(each, default=0.0))


def trained(
    request: Request,
    trial: FrozenTrial,
    seeds: Sequence[int],
    epochs: int,
    source: Source,
    *,
    refit: bool,
) -> dict[str, Tensor]:
    """Return the weights that a trial comes to with the first of some seeds, as `finalize` has it.

    Args:
        request, trial, source: what is trained, and on what.
        seeds: all that are trained side by side.
        epochs: of the training.
        refit: on training and validation data together.

    Raises:
        DivergedError: it does not come to an end.
    """
    candidate = Candidate.from_dict(trial.user_attrs["candidate"])
    job = Job(
        number=trial.number,
        candidate=unjudged(candidate) if refit else candidate,
        seeds=tuple(seeds),
        source=source,
        refit=refit,
        objectives=tuple(request.objectives),
        epochs=epochs,
        device=request.device,
        threads=request.threads,
    )
    with _threads_kept():
        one = train_seeds(job)[seeds[0]]
    if isinstance(one, DivergedError):
        raise one
    return _detached(one.training)


@contextlib.contextmanager
def _threads_kept() -> Iterator[None]:
    threads = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _retrained(request: Request, trial: FrozenTrial, source: Source, until: int) -> Session:
    """Return a trial trained up to epoch `until`.

    Its budget is all its epochs, which the learning rate may follow, not where it was stopped.
    """
    known = trial.user_attrs
    seeds = tuple(known.get("seeds", [known["seed"]]))
    # With so many side by side as it came to, where memory had not been enough for more; late
    # epochs have fewer where some of its trainings had used up their patience.
    taken = _most_at_once(known)
    job = Job(
        number=trial.number,
        candidate=Candidate.from_dict(known["candidate"]),
        seeds=seeds,
        source=source,
        folds=request.folds,
        fold_seed=request.seed,
        population=taken if 1 <= taken <= len(seeds) else request.population,
        objectives=tuple(request.objectives),
        epochs=request.epochs,
        device=request.device,
        threads=request.threads,
    )
    with _threads_kept():
        session = Session(job)
        while session.epoch < until:
            session.advance()
    return session


def _detached(training: Training) -> dict[str, Tensor]:
    return {name: tensor.detach() for name, tensor in training.model.state_dict().items()}


def _near(recorded: float, repeated: float) -> bool:
    same = _gap(recorded, repeated) == 0
    return same or math.isclose(recorded, repeated, rel_tol=_ROUNDING, abs_tol=_LEAST)


def _gap(recorded: float, repeated: float) -> float:
    # Two NaN are the same outcome, and so are two infinities, though neither has a difference.
    if recorded == repeated or (math.isnan(recorded) and math.isnan(repeated)):
        return 0.0
    gap = abs(recorded - repeated)
    return math.inf if math.isnan(gap) else gap


def _untimed(metrics: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in metrics.items() if name not in (*TIMED, POPULATION)}
