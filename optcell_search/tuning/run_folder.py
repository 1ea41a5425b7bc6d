"""A run folder, read: where it stands, what it found, and a report of both."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pandas as pd

from optcell_search import results
from optcell_search.results import Direction, Gain, WarmStart
from optcell_search.space import Candidate

from ..ledger import trust as trusting
from ..ledger.format import METRICS, REPORT, REQUEST, REQUEST_FILE, finalized_in
from ..ledger.lock import is_locked
from ..ledger.request import Request
from ..ledger.snapshot import Snapshot, snapshot
from ..ledger.storage.names import refuse_link
from ..ledger.trials.attributes import check_trial
from ..ledger.trials.scores import NO_RECORD
from ..ledger.typed import short
from .run_figures import RunFigures
from .status import standing

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial


class RunFolder(RunFigures):
    """What can be asked of a run folder without training anything.

    Attributes:
        directory: the folder.
        request: what the run was asked to do, with every default resolved.
    """

    def __init__(self, directory: Path, request: Request) -> None:
        self.directory = directory
        self.request = request

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.directory)!r})"

    @classmethod
    def open(cls, directory: str | Path, *, trust: bool = False) -> Self:
        """Open a run folder.

        Args:
            directory: the folder.
            trust: use the database, store and cluster that its ``run.toml`` names outside of it,
                though this user has not done so before; see `ledger.trust`.

        Raises:
            FileNotFoundError: it holds no run.
            ValueError: its ``run.toml`` is damaged or was written by a newer version, or names a
                place outside of the folder that has not been trusted.
        """
        path = Path(directory)
        request = Request.read(path)
        named = trusting.outside(request)
        trusting.require(path, trusting.contacted(named), trust=trust)
        if trust:
            trusting.remember(named)
        return cls(path, request)

    def status(self) -> dict[str, Any]:
        """Return where the run stands: counts by state, reasons of failures, the best so far.

        ``at_work`` says whether a process on this machine is working on it at the moment.
        """
        at_work = is_locked(self.directory)
        return {"directory": str(self.directory), "at_work": at_work, **standing(self._ledger)}

    def chance(self) -> dict[str, dict[str, float]]:
        """Return what answering without looking at any input comes to; see `results.chance`."""
        return results.chance(self.directory, self._ledger.attributes)

    def results(self) -> pd.DataFrame:
        """Return one row a trial; see `optcell_search.results.frame`.

        What `finalize` found out stands in ``test_<metric>`` and ``test_<metric>_std``, the same
        for validation, and ``finalized`` (how many seeds), missing in other rows. Scores of the
        baseline that a trial is compared with stand in ``baseline_test_<metric>`` and so on.
        """
        return self._table(self._ledger)

    def _table(self, ledger: Snapshot) -> pd.DataFrame:
        known = ledger.attributes
        table = results.with_remarks(results.table(ledger.records, known[REQUEST]), known)
        finalized = results.finalized_of(known)
        for (split, metric), group in finalized.groupby(["split", "metric"], sort=False):
            scores = group.set_index("number")
            table[f"{split}_{metric}"] = table["number"].map(scores["mean"])
            table[f"{split}_{metric}_std"] = table["number"].map(scores["std"])
        if len(finalized):
            seeds = finalized[finalized["split"] == "test"].groupby("number")["seeds"].max()
            table["finalized"] = table["number"].map(seeds)
        return table

    def finalized(self, numbers: Sequence[int] = ()) -> pd.DataFrame:
        """Return the rows of what `finalize` has tested, the best by fresh seeds' validation first.

        See `optcell_search.results.by_fresh_seeds` for the order.

        Args:
            numbers: of these trials alone; empty: all.
        """
        ledger = self._ledger
        found, table = results.finalized_of(ledger.attributes), self._table(ledger)
        first, direction = next(iter(self._objectives.items()))
        # What may not be ranked comes last.
        ranked = results.best_first(table, self._objectives)
        table = table.loc[[*ranked.index, *table.index.difference(ranked.index)]]
        wanted = table["number"].isin(list(numbers) if len(numbers) else found["number"])
        return results.by_fresh_seeds(table[wanted], found, first, direction)

    def pareto(self) -> pd.DataFrame:
        """Return the rows of the trials that no other one dominates."""
        return results.pareto(self.results(), self._objectives)

    def best(self, which: str = "best") -> pd.Series[Any]:
        """Return the row of a trial: ``"best"`` in the first objective or by name, or the knee.

        Raises:
            ValueError: `which` is none of these, or no candidate completed.
        """
        return results.best(self.results(), self._objectives, which)

    def gain(self) -> Gain | None:
        """Return what the best trial has over the plain cell; see `optcell_search.results.gain`."""
        return self.results_and_gain()[1]

    def results_and_gain(self) -> tuple[pd.DataFrame, Gain | None]:
        """Return `results` and `gain` of one moment, for which the study is read once."""
        ledger = self._ledger
        table = self._table(ledger)
        found = results.finalized_of(ledger.attributes)
        request = ledger.attributes[REQUEST]
        trainings, trained = results.trainings_of(request), results.is_trained(request)
        folds = results.folds_of(ledger.records, next(iter(self._objectives)))
        gain = results.gain(table, found, self._objectives, trainings, trained=trained, folds=folds)
        return table, gain

    def warm_start(self) -> WarmStart | None:
        """Return what came of a warm start; see `optcell_search.results.warm_start`."""
        ledger = self._ledger
        return results.warm_start(ledger.records, ledger.attributes)

    def candidate(self, which: str | int = "best") -> tuple[int, Candidate]:
        """Return number and candidate of a trial, chosen by number or as `best` does."""
        if isinstance(which, str):
            number = int(self.best(which)["number"])
        else:
            number = self._completed(self.results(), which)
        return number, self._candidate(number)

    def report(self, path: str | Path | None = None) -> Path:
        """Write the report as one HTML file, by default ``report.html``; return its path."""
        from optcell_search.dashboard import write_report

        target = self.directory / REPORT if path is None else Path(path)
        if path is None:
            refuse_link(target)
        write_report(self._study, target, where=self.directory)
        return target

    def try_report(self) -> None:
        """Write the report; where it cannot be written, a warning says so."""
        try:
            self.report()
        except OSError as error:
            # The search is done and safe; its picture can be drawn again at any time.
            warnings.warn(f"the report could not be written: {error}", stacklevel=2)

    def _require_training(self) -> None:
        """Raise a ValueError where the run was simulated: there is nothing that could be trained.

        All that trains, or takes up what has been trained, asks this first.
        """
        if self.request.table:
            raise ValueError(
                f"{self.directory}: was simulated on table {self.request.table!r}, so nothing of "
                "it is trained, resumed or exported; valid: a run that `optcell-search run` made"
            )

    def _candidate(self, number: int) -> Candidate:
        known = self._trial(number).user_attrs
        if "candidate" not in known:
            raise ValueError(f"{self.directory}: trial {number} was not made by a search")
        return Candidate.from_dict(known["candidate"])

    def _trial(self, number: int) -> FrozenTrial:
        trials = self._study.get_trials(deepcopy=False)
        if not 0 <= number < len(trials):
            raise ValueError(f"{self.directory}: no trial {number}; valid: 0 to {len(trials) - 1}")
        # Optuna has checked no type of what a search writes beside its own fields.
        check_trial(number, trials[number].user_attrs)
        return trials[number]

    def _completed(self, table: pd.DataFrame, number: int) -> int:
        """Return `number` as Python's; raise unless the trial is complete, and a search's own."""
        states = dict(zip(table["number"], table["state"], strict=True))
        if states.get(number) != "COMPLETE":
            complete = [str(n) for n, state in states.items() if state == "COMPLETE"]
            raise ValueError(
                f"{self.directory}: trial {number} is not complete; "
                f"valid: {', '.join(complete) or 'none'}"
            )
        self._candidate(number)
        return int(number)

    def _scores(self, number: int) -> dict[str, Any]:
        """Return the scores of a trial by split: those of `finalize`, or else of the search."""
        record = finalized_in(self._study.user_attrs).get(number, NO_RECORD)
        if record["seeds"]:
            return {split: record[split] for split in ("validation", "test")}
        return {"validation": self._trial(number).user_attrs[METRICS]}

    @property
    def _objectives(self) -> dict[str, Direction]:
        return self.request.objectives

    @property
    def _ledger(self) -> Snapshot:
        """What the ledger holds now; nothing is changed by reading it."""
        found = snapshot(self.directory)
        self._refuse_edited(found.attributes)
        return found

    @property
    def _study(self) -> optuna.Study:
        """The study as it is now; nothing is changed by reading it."""
        study = results.load(self.directory)
        self._refuse_edited(study.user_attrs)
        return study

    def _refuse_edited(self, attributes: Mapping[str, Any]) -> None:
        """Raise a ValueError where run.toml ranks trials otherwise than the search did."""
        here, there = self._objectives, results.objectives_of(attributes[REQUEST])
        if list(here.items()) != list(there.items()):
            raise ValueError(
                f"{self.directory / REQUEST_FILE}: objectives = {short(here)}, but the run was "
                f"made with {short(there)}; put that back, or begin a new run"
            )
