"""What stops candidates early."""

from __future__ import annotations

import math
import zlib
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from optuna.trial import FrozenTrial
from ray.tune.schedulers import FIFOScheduler, TrialScheduler

from optcell_search.results import Direction
from optcell_search.space import Candidate, is_plain
from optcell_search.training import COSTS, ends_at_zero

from ...ledger.constraints import Constraint
from ...ledger.format import epochs_in
from ...ledger.request import Request
from ...ledger.trials.ending import was_cut
from .halving import REDUCTION, Halving, Point

# Of the budget, where candidates are judged whose learning rate comes down to 0 at its end.
_LATE = 2 / 3

Observation = tuple[Hashable, int, Mapping[str, float]]


class MOASHAScheduler(FIFOScheduler):
    """Asynchronous successive halving by several objectives; see `halving` for who goes on.

    It works with every trainable that reports its objectives by name, such as one made by
    `optcell_trainable`.

    Args:
        objectives: name → "maximize" or "minimize", the most important one first.
        max_t: the training budget.
        time_attr: how far a trial is, in the unit of `max_t`.
        grace_period: the first rung, by default a ninth of the budget.
        reduction_factor: one trial in so many goes on at a rung.
        constraints: bounds such as ``"parameters<=50000"``; what breaks one ranks last.
        chance: bounds such as ``"accuracy<=0.145"`` that a trial keeps while it has learned
            nothing, all of them; see `halving`.

    Raises:
        ValueError: nothing but costs is to be optimized, a direction or a number is none, or a
            constraint is none.
    """

    def __init__(
        self,
        objectives: Mapping[str, Direction],
        *,
        max_t: int,
        time_attr: str = "epoch",
        grace_period: int | None = None,
        reduction_factor: int = REDUCTION,
        constraints: Sequence[str] = (),
        chance: Sequence[str] = (),
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        for name, direction in objectives.items():
            if direction not in ("minimize", "maximize"):
                raise ValueError(
                    f"objectives: {name} = {direction!r}; valid: 'minimize' or 'maximize'"
                )
        self._objectives = dict(objectives)
        self._time = time_attr
        self._constraints = [Constraint.stored(text) for text in constraints]
        self._chance = [Constraint.stored(text) for text in chance]
        self._learned = [name not in COSTS for name in objectives]
        self._halving = Halving(self._learned, max_t, grace_period, reduction_factor)

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        """Stop the trial if it falls behind at a rung."""
        verdicts = [
            self._rungs_of(who).goes_on(who, time, self._point(who, metrics), self._rival_of(who))
            for who, time, metrics in self._observations(trial, result)
        ]
        return TrialScheduler.CONTINUE if all(verdicts) else TrialScheduler.STOP

    def _observations(self, trial: Any, result: dict[str, Any]) -> Iterable[Observation]:
        """Give what a result says: whom it is about, how far that is, and its metrics."""
        if result.keys() >= {self._time, *self._objectives}:
            yield trial.trial_id, int(result[self._time]), result

    def _rungs_of(self, who: Hashable) -> Halving:
        """Return the rungs at which a trial is judged."""
        return self._halving

    def _rival_of(self, who: Hashable) -> Any:
        """Say which others a trial is compared with; None: all of them."""
        return None

    def _lot_of(self, who: Hashable) -> float:
        """Return a number from 0 to 1 that is a trial's whenever it is asked for."""
        return zlib.crc32(str(who).encode()) / 2**32

    def _point(self, who: Hashable, metrics: Mapping[str, float]) -> Point:
        losses = (
            metrics[name] if direction == "minimize" else -metrics[name]
            for name, direction in self._objectives.items()
        )
        violations = (c.violation(metrics) for c in self._constraints)
        at_chance = bool(self._chance) and all(c.violation(metrics) <= 0 for c in self._chance)
        cost = metrics.get("parameters", 0.0)
        known, broken = tuple(map(_or_worst, losses)), tuple(map(_or_worst, violations))
        return Point(known, broken, at_chance, cost, self._lot_of(who))


def _or_worst(value: float) -> float:
    """Return a value that less is better of, the worst there is where it is no finite number."""
    return value if math.isfinite(value) else math.inf


class LedgerScheduler(MOASHAScheduler):
    """Halving, by one objective or several, over the trials of a ledger.

    Rungs know trials of the ledger, not of Tune, and hold what the ledger holds, so that a resumed
    search judges by all that came before it. In a deterministic search a trial is compared with the
    generations before its own, which have ended by then: who is faster makes no difference.

    The plain cells that a search begins with are compared with one another alone: one of them at
    least is trained to its end, as what all others are measured by. Candidates that take a share of
    the epochs alone (``training.share``) are never stopped, and no rung holds them: their schedule
    is further after as many epochs than that of others.

    What belongs to a warm start is never stopped either: mixtures of rules, which no rung holds,
    and what is read off them, which the rungs hold for others to be judged by.

    Where the learning rate comes down to 0 by the end, what a candidate comes to is seen on the way
    down. Seen from the end, the order of random candidates after a ninth of the epochs is that of
    chance or little better (Kendall's τ 0.2 in one cycle, 0.3 under a cosine), after a third it is
    0.5 to 0.6, and after two thirds nearly what it will be (0.8 and 0.9;
    ``scripts/benchmarks/results/rungs.md``). Such candidates are judged there, once, and among
    themselves.

    Args:
        request: of the run.
        trials: those of its ledger.
    """

    def __init__(self, request: Request, trials: Iterable[FrozenTrial]) -> None:
        super().__init__(
            request.objectives,
            max_t=request.epochs,
            constraints=request.constraints,
            chance=request.chance,
        )
        self._late = Halving(self._learned, request.epochs, math.ceil(_LATE * request.epochs))
        # Trials of the ledger whose learning rate ends at 0.
        self._falling: set[Hashable] = set()
        self._lots: dict[Hashable, float] = {}
        self._generation = request.at_once if request.deterministic else None
        first = (Candidate.from_dict(one) for one in request.first)
        # In a space with Adam inside every memory, those with it are the plain ones.
        plain = {candidate.key for candidate in request.search_space.plain()}
        self._plain = {one.key for one in first if is_plain(one) or one.key in plain}
        mixtures = (Candidate.from_dict(one) for one in request.warm_start)
        self._mixtures = {candidate.key for candidate in mixtures}
        # Trials of the ledger that are one of them.
        self._measures: set[Hashable] = set()
        for trial in trials:
            known = trial.user_attrs
            if was_cut(trial):
                # It is trained anew, and would be its own rival.
                continue
            self._note(trial.number, known.get("key"))
            if "duplicate_of" in known or "candidate" not in known:
                continue
            candidate = Candidate.from_dict(known["candidate"])
            if not self._is_left_alone(candidate):
                self._know(trial.number, candidate)
                self._recall(trial)

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        """Stop the trial if it falls behind at a rung, unless it is to be kept."""
        verdict = super().on_trial_result(tune_controller, trial, result)
        return TrialScheduler.CONTINUE if trial.config["job"].kept else verdict

    def _is_left_alone(self, candidate: Candidate) -> bool:
        return candidate.training.share < 1 or candidate.key in self._mixtures

    def _recall(self, trial: FrozenTrial) -> None:
        epochs = epochs_in(trial.user_attrs)
        rungs = self._rungs_of(trial.number)
        for epoch in rungs.rungs:
            # One that is at a rung, but neither ended nor gone on from it, is still to be judged.
            judged = trial.state.is_finished() or epoch < max(epochs, default=0)
            if judged and epoch in epochs:
                rungs.record(trial.number, epoch, self._point(trial.number, epochs[epoch]))

    def _note(self, number: int, key: str | None) -> None:
        if key in self._plain:
            self._measures.add(number)

    def _know(self, number: int, candidate: Candidate) -> None:
        self._lots[number] = int(candidate.key, 16) / 16 ** len(candidate.key)
        if ends_at_zero(candidate.training):
            self._falling.add(number)

    def _lot_of(self, who: Hashable) -> float:
        return self._lots[who]

    def _rungs_of(self, who: Hashable) -> Halving:
        return self._late if who in self._falling else self._halving

    def _observations(self, trial: Any, result: dict[str, Any]) -> Iterator[Observation]:
        # A trial that goes on from its checkpoint tells several epochs at once.
        report, candidate = result["report"], trial.config["job"].candidate
        if self._is_left_alone(candidate):
            return
        self._know(report.number, candidate)
        if self._plain:
            self._note(report.number, candidate.key)
        for epoch in sorted(report.metrics):
            yield report.number, epoch, report.metrics[epoch]

    def _rival_of(self, who: Any) -> Any:
        if self._generation is None and who not in self._measures:
            return super()._rival_of(who)
        first = math.inf if self._generation is None else who // self._generation * self._generation
        among = self._measures if who in self._measures else None
        return lambda other: other < first and (among is None or other in among)


def make_scheduler(request: Request, trials: Iterable[FrozenTrial]) -> TrialScheduler:
    """Return asynchronous successive halving, or the scheduler that stops nothing.

    The first rung is at a ninth of the budget, so that a candidate is judged up to three times,
    and at each rung a third goes on; where the learning rate ends at 0 there is one rung, at two
    thirds. With one objective, ``"asha"``, that is a third of what is best in it.

    Args:
        request: of the run.
        trials: those of its ledger.

    Source: Li et al. 2020, A System for Massively Parallel Hyperparameter Tuning, arXiv 1810.05934.
    """
    if request.scheduler == "none":
        return FIFOScheduler()  # type: ignore[no-untyped-call]
    return LedgerScheduler(request, trials)
