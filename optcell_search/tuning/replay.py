"""One trial trained again, alone and without Ray, to see whether it comes to the same numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from optuna.trial import FrozenTrial
from torch import Tensor

from optcell_search.space import Candidate
from optcell_search.training import TIMED

from ..ledger.format import epochs_in
from ..ledger.request import Request
from .cluster.data_transfer import Source
from .worker.final_training import unjudged
from .worker.job import Job
from .worker.session import Session


@dataclass(frozen=True)
class Replay:
    """A trial as the ledger has it and as it came out again.

    Attributes:
        number: of the trial.
        recorded, repeated: epoch → metrics, timings left out.
        weights: after the last epoch, of the first repeat.
    """

    number: int
    recorded: dict[int, dict[str, float]]
    repeated: dict[int, dict[str, float]]
    weights: dict[str, Tensor]

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
    known = trial.user_attrs
    # Its whole budget, which the learning rate may follow, not where it was stopped.
    session = _session(
        request,
        trial,
        known.get("seeds", [known["seed"]]),
        request.epochs,
        source,
        max(recorded),
        folds=request.folds,
    )
    repeated = {epoch: _untimed(metrics) for epoch, metrics in session.history.items()}
    for epoch, metrics in recorded.items():
        if unknown := metrics.keys() - repeated.get(epoch, {}).keys():
            raise ValueError(
                f"trial {trial.number}, epoch {epoch}: training it again gives no "
                f"{', '.join(sorted(unknown))[:200]}, which cannot be compared"
            )
    return Replay(trial.number, recorded, repeated, _weights(session))


def trained(
    request: Request, trial: FrozenTrial, seed: int, epochs: int, source: Source, *, refit: bool
) -> dict[str, Tensor]:
    """Return the weights that a trial comes to with one seed in so many epochs of `finalize`."""
    return _weights(_session(request, trial, [seed], epochs, source, epochs, refit=refit))


def _session(
    request: Request,
    trial: FrozenTrial,
    seeds: Sequence[int],
    epochs: int,
    source: Source,
    until: int,
    *,
    folds: int = 1,
    refit: bool = False,
) -> Session:
    """Return a trial trained up to epoch `until` of a budget of `epochs`."""
    candidate = Candidate.from_dict(trial.user_attrs["candidate"])
    job = Job(
        number=trial.number,
        candidate=unjudged(candidate) if refit else candidate,
        seeds=tuple(seeds),
        source=source,
        folds=folds,
        fold_seed=request.seed,
        population=request.population,
        refit=refit,
        objectives=tuple(request.objectives),
        epochs=epochs,
        device=request.device,
        threads=request.threads,
    )
    threads = torch.get_num_threads()
    try:
        session = Session(job)
        while session.epoch < until:
            session.advance()
    finally:
        torch.set_num_threads(threads)
    return session


def _weights(session: Session) -> dict[str, Tensor]:
    state = session.trainings[0].model.state_dict()
    return {name: tensor.detach() for name, tensor in state.items()}


def _gap(recorded: float, repeated: float) -> float:
    # Two NaN are the same outcome, and so are two infinities, though neither has a difference.
    if recorded == repeated or (math.isnan(recorded) and math.isnan(repeated)):
        return 0.0
    gap = abs(recorded - repeated)
    return math.inf if math.isnan(gap) else gap


def _untimed(metrics: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in metrics.items() if name not in TIMED}
