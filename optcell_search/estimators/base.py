"""What all estimators share: the arguments of a search, fitting by one, and what is pickled."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sklearn.base import BaseEstimator

from optcell_search.space import Candidate, SearchSpace

from .folders import SearchFolder
from .winner import Winner

if TYPE_CHECKING:
    from optcell_search.tuning import Run


# Arguments of `search` that are called alike here.
_PASSED_ON = (
    "time",
    "epochs",
    "objectives",
    "constraints",
    "sampler",
    "scheduler",
    "seed",
    "deterministic",
    "workers",
    "threads",
    "gpus_per_trial",
    "address",
)


# A dataclass for its constructor alone, which scikit-learn reads the arguments off.
@dataclass(eq=False, repr=False)
class SearchEstimator(BaseEstimator):  # type: ignore[misc]
    """An estimator that is fitted by a search and predicts with the best candidate of it.

    Args:
        space: a `SearchSpace`, a shipped one's name, the path of a TOML file, or its content.
        trials: candidates to try; None: as many as `time` allows.
        time: of searching, as ``"30m"`` or seconds; None: no limit.
        epochs: budget of one candidate, or ``"auto"``; see `optcell_search.search`.
        objectives: what to aim at, the most important one first; None: the first metric.
        refit: whether the candidate that predicts is trained once more, on all that `fit` was
            given, for as many epochs as were best in the search (all of them where the learning
            rate follows a schedule), in this process and after `time`; else it predicts with the
            weights of the search, which has not seen what it judged by.
        ensemble: how many times it is trained so, each time with another seed; answers are the mean
            of all (probabilities of classes, or numbers), which is often better and never cheaper.
        select: which candidate predicts: ``"best"`` in the first objective, the name of another
            one, or ``"knee"``.
        constraints: bounds such as ``"parameters<=50000"``.
        sampler, scheduler: see `optcell_search.search`.
        seed: of the search. With one worker, or with `deterministic`, the same data give the same
            estimator on the same machine.
        deterministic: see `optcell_search.search`.
        workers, threads: candidates in training at once, and torch threads of each; None: by the
            cores there are.
        gpus_per_trial: share of a GPU for each candidate.
        address: of a Ray cluster. Without one the search uses what this process is connected to by
            ``ray.init``, which it leaves connected, or else a Ray of its own that ends with it.
        out: folder in which each `fit` makes one for its data and its run, which stay; None: a
            temporary one, which goes with the estimator.

    Attributes, once fitted:
        run_: the run, as `optcell_search.search` returns it; an estimator that was pickled or
            copied has none.
        best_candidate_: the candidate that predicts.
        n_features_in_: columns of a matrix X, features of a step of any other.
        feature_names_in_: their names, where X had names that are all texts.
    """

    space: str | Path | dict[str, Any] | SearchSpace = "auto"
    _: KW_ONLY
    trials: int | None = 24
    time: str | float | None = None
    epochs: int | Literal["auto"] = "auto"
    objectives: Sequence[str] | None = None
    select: str = "best"
    refit: bool = True
    ensemble: int = 1
    constraints: Sequence[str] = ()
    sampler: str = "tpe"
    scheduler: str = "auto"
    seed: int = 0
    deterministic: bool = False
    workers: int | None = None
    threads: int | None = None
    gpus_per_trial: float = 0.0
    address: str | None = None
    out: str | Path | None = None

    def _search(self, folder: SearchFolder, task: str) -> None:
        """Search on data that were written into a folder, and keep the best candidate."""
        from optcell_search.tuning.start import search

        options = {name: getattr(self, name) for name in _PASSED_ON}
        with contextlib.ExitStack() as unless_begun:
            unless_begun.callback(folder.remove_unless_begun)
            self._check_ensemble()
            run = search(self.space, task, self.trials, folder.run, **options)
            unless_begun.pop_all()
        self._winner = Winner.of(run, self.select, refit=self.refit, ensemble=self.ensemble)
        self.run_: Run = run
        self.best_candidate_ = Candidate.from_dict(self._winner.candidate)
        # Last: what an earlier fit had made goes now.
        self._folder = folder

    def _check_ensemble(self) -> None:
        whole = isinstance(self.ensemble, Integral) and not isinstance(self.ensemble, bool)
        if not whole or self.ensemble < 1:
            raise ValueError(f"ensemble = {self.ensemble!r}; valid: a whole number from 1 on")
        if self.ensemble > 1 and not self.refit:
            raise ValueError(
                f"ensemble = {self.ensemble} and refit = False; valid: refit=True, for the search "
                "has trained the candidate that predicts with one seed"
            )

    def __getstate__(self) -> dict[str, Any]:
        # The folder of a run belongs to one estimator on one machine.
        state: dict[str, Any] = super().__getstate__()
        return {name: value for name, value in state.items() if name not in ("run_", "_folder")}
