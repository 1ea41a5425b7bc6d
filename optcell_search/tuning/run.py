"""A run from the outside: start it, resume it, finish it; `run_folder` reads it."""

from __future__ import annotations

import contextlib
import dataclasses
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from optuna.trial import TrialState

from optcell_search.tasks.joining import check_whole

from ..ledger import folder as folders
from ..ledger import trust as trusting
from ..ledger.amending import amend
from ..ledger.format import ENDED, EXTEND
from ..ledger.ledger import Ledger
from ..ledger.lock import FINALIZE_LOCK
from ..ledger.opening import open_ledger
from ..ledger.request import LOCAL, Request
from ..ledger.trials.reasons import RunBrokenError, RunFailedError
from ..ledger.trials.scores import finalized
from . import extending, task_file
from .resolving.amounts import integer, optional
from .resolving.limits import MOST_REPEATS, unusable
from .run_weights import RunWeights
from .search.budget import NOTHING_ELSE, Budget
from .search.view import View
from .status import in_words, reasons

if TYPE_CHECKING:
    from ray import tune


class Run(RunWeights):
    """A run folder. Made by `search`, found again by `Run.open`; see `RunFolder` for reading it."""

    def resume(
        self,
        address: str | None = None,
        callbacks: Sequence[tune.Callback] = (),
        *,
        num_trials: int | None = None,
        time: str | float | None = None,
        patience: int | None = None,
        until: Sequence[str] | None = None,
        skip: Sequence[int] = (),
        data_dir: str | Path | None = None,
    ) -> Run:
        """Train what is still missing, from the checkpoints there are; return this run.

        What is changed of the run's limits, and where its data lie now, is written into the study
        and ``run.toml`` first. Where a limit leaves nothing to be trained of what is missing, a
        warning says which, and how the run goes on.

        Args:
            address: of the Ray cluster, where it is another one than the run began on;
                ``"local"`` for one of our own on this machine.
            callbacks: Tune callbacks to tell of it, besides those the run was started with by name.
            num_trials, time: what the run may use from now on, in all: what it has used counts, and
                must be less time and no more trials.
            patience, until: as `search` takes them; 0 and ``()`` for none.
            skip: numbers of trials without a result that are given up: they fail.
            data_dir: folder in which the run's data lie now, files of the user's own included; they
                must be what the run began with.

        Raises:
            RunFailedError: no candidate could be trained.
            ValueError: another process is working on the run, there is no cluster to use, or a
                limit or a number of a trial is wrong.
            KeyboardInterrupt: the user stopped it; it can be resumed again.
        """
        from .cluster.connection import connected

        moved = self._moved(data_dir)
        if moved:
            self._check_data(moved)
        # Locked first: another process is told so before a cluster is started.
        with self._at_work() as ledger:
            # What was asked for just as the search before this one ended.
            self._extended(ledger)(ledger.study.user_attrs.get(EXTEND) or {})
            asked = (num_trials, time, patience, until)
            changes = moved | extending.changes(
                self.request, lambda: self._check_data(moved), *asked, there=ledger.trials()
            )
            extending.check_room(ledger, num_trials, changes.get("time_limit"))
            extending.check_open(ledger, skip, self.directory)
            with contextlib.ExitStack() as held:
                # Nothing is changed before there is a cluster that the run, as changed, goes on on.
                with self._as_changed(ledger, changes):
                    if self._goes_on(ledger, without=len({*skip})):
                        task = self._check_data()
                        held.enter_context(
                            connected(self._at(address), self._checkpoints, self._source)
                        )
                extending.give_up(ledger, skip)
                if changes:
                    amend(ledger, self.directory, changes)
                    self.request = ledger.request
                if trained := self._goes_on(ledger):
                    task_file.add(self.directory, task, self.request)
                    self._train(ledger, callbacks)
            self._conclude(ledger)
            if ledger.unfinished and not trained:
                over, way_on = Budget.of(ledger).over, extending.way_on(ledger, self.directory)
                warnings.warn(f"nothing was trained: {over}{way_on}", stacklevel=2)
        return self

    @contextlib.contextmanager
    def _as_changed(self, ledger: Ledger, changes: Mapping[str, Any]) -> Iterator[None]:
        """Let the request, here and in the ledger, be what it will be; nothing is written."""
        before = ledger.request
        self.request = ledger.request = dataclasses.replace(before, **changes)
        try:
            yield
        finally:
            self.request = ledger.request = before

    def drive(self, callbacks: Sequence[tune.Callback] = ()) -> None:
        """Train what is still missing on the Ray this process is connected to."""
        with self._at_work() as ledger:
            if self._goes_on(ledger):
                self._train(ledger, callbacks)
            self._conclude(ledger)

    def _goes_on(self, ledger: Ledger, without: int = 0) -> bool:
        """Whether there is something to train, so many trials left out."""
        return ledger.unfinished > without and not Budget.of(ledger).over

    def _train(self, ledger: Ledger, callbacks: Sequence[tune.Callback]) -> None:
        from .search.driver import EarlyFailureError, drive

        try:
            with View() as view:
                drive(ledger, self.directory, view, self._extended(ledger), callbacks)
        except EarlyFailureError as error:
            raise RunFailedError(
                f"stopped early: {error}; when that is mended, "
                f"`optcell-search resume {self.directory}` goes on"
            ) from error
        except RunBrokenError as error:
            raise RunFailedError(
                f"the run broke off: {error}; `optcell-search resume {self.directory}` goes on"
            ) from error

    def _extended(self, ledger: Ledger) -> Callable[[Mapping[str, Any]], None]:
        """Return what takes up new limits that somebody has asked for by `extend`."""
        return lambda asked: extending.take_up(ledger, self.directory, asked)

    def _conclude(self, ledger: Ledger) -> None:
        if not ledger.counts[TrialState.COMPLETE]:
            why = in_words(reasons(ledger.trials()))
            if over := ledger.study.user_attrs.get(ENDED):
                said = "" if NOTHING_ELSE in over else ", and no candidate was trained to its end"
                raise RunFailedError(
                    f"{over}{said}{why and f' ({why})'}{extending.way_on(ledger, self.directory)}"
                )
            raise RunFailedError(f"no candidate could be trained: {why}")
        self.try_report()

    @contextlib.contextmanager
    def _at_work(self) -> Iterator[Ledger]:
        """Hold the run and its study against other processes, and open the ledger to write.

        Raises:
            ValueError: another process holds it, what is written outside the folder has not been
                trusted, or the run was simulated.
        """
        self._require_training()
        trusting.require(self.directory, trusting.outside(self.request), trust=False)
        with (
            folders.locked(self.directory),
            contextlib.closing(open_ledger(self.request, self.directory)) as ledger,
            ledger.locked(),
        ):
            # What may change the study knows better than a file read before the lock.
            self.request = ledger.request
            yield ledger

    def finalize(
        self,
        top: int | None = None,
        seeds: int = 5,
        *,
        trials: Sequence[int] = (),
        best_of_each_rule: bool = False,
        best_of_each_cell: bool = False,
        epochs: int | None = None,
        refit: bool | None = None,
        ensemble: bool | None = None,
        address: str | None = None,
        data_dir: str | Path | None = None,
    ) -> pd.DataFrame:
        """Train the best candidates again with fresh seeds, and only then test them.

        So is, for each of them, the best plain cell that is no larger, or else the smallest, so
        that `gain` compares scores of the test split.

        The report is written anew, with the test scores in it. Beside a convolutional candidate on
        movies, a feed-forward network of as many parameters is trained and tested with the same
        seeds; its scores are the trial's baseline.

        Args:
            top: how many candidates, plain cells for comparison not counted: the best in the first
                objective, those of the Pareto front before others that are a little better. None:
                3, unless `trials` or a best of each say which.
            seeds: how often each is trained.
            trials: numbers of trials to take instead of these.
            best_of_each_rule, best_of_each_cell: take the best candidate of each rule, of each
                cell, or both, instead of these.
            epochs: budget of each training; None: that of the search or, where the learning rate
                follows a schedule, what it would be without a limit in time; where it is constant
                and with `refit`, the mean over folds and repeats of the epochs that were best, of
                a trial that the end of the search cut those of the search.
            refit: train on training and validation data together, for so many epochs, then test;
                there are no validation scores then. None: where the search had folds, or would have
                had them with more time.
            ensemble: test, beside the single ones, the average of each candidate's seeds: of their
                probabilities, or of the numbers they predict. None: if the search's preset says so.
            address, data_dir: as `resume` takes them.

        Returns:
            Their rows of `results`, the plain cells for comparison included: the best in the first
            objective at the top, by the validation of the fresh seeds or, where they were trained
            on validation data too, by that of the search.

        Raises:
            ValueError: a number is not that of a completed trial, nothing completed, more than one
                of `top`, `trials` and a best of each is given, the data cannot be refitted, or
                without a refit an objective is not defined for the targets of validation.
            RunFailedError: not a single training succeeded.
        """
        from .cluster.connection import connected
        from .finalizing.choosing import asked_for
        from .finalizing.finalize import Plan, finalize

        top, epochs = optional("top", top, 1), optional("epochs", epochs, 1)
        seeds = integer("seeds", seeds, 1, MOST_REPEATS)
        refitted = self.request.is_of_few if refit is None else refit
        together = self.request.ensemble if ensemble is None else ensemble
        plan = Plan(seeds=seeds, epochs=epochs, refit=refitted, ensemble=together)
        table = self.results()
        each = {"rule": best_of_each_rule, "cell": best_of_each_cell}
        kinds = [kind for kind, is_asked in each.items() if is_asked]
        asked = asked_for(table, self._objectives, top=top, trials=trials, kinds=kinds)
        if not asked:
            raise ValueError(f"{self.directory}: no candidate completed, so there is none to test")
        numbers = [self._completed(table, number) for number in asked]
        # What is wrong with the test data is better known before than after hours of training.
        moved = self._moved(data_dir)
        task = self._check_data(moved)
        if refitted:
            check_whole(task)
        elif why := unusable(self._objectives, task):
            # Folds may define what the task's own validation split does not.
            raise ValueError(f"{self.directory}: {why}; valid: refit")
        task.unseal()
        with contextlib.ExitStack() as held:
            ledger = held.enter_context(self._at_work())
            # So that nobody takes it for a search.
            held.enter_context(folders.locked(self.directory, FINALIZE_LOCK))
            with self._as_changed(ledger, moved):
                held.enter_context(connected(self._at(address), self._checkpoints, self._source))
            if moved:
                amend(ledger, self.directory, moved)
                self.request = ledger.request
            task_file.add(self.directory, task, self.request)
            try:
                finalize(ledger, numbers, plan, self._source, self._checkpoints)
            except RunBrokenError as error:
                raise RunFailedError(f"broke off: {error}; asked for again, it goes on") from error
            records = [finalized(ledger.study, number) for number in numbers]
            if not any(record["seeds"] for record in records):
                failures = Counter(reason for r in records for reason in r["failed"].values())
                raise RunFailedError(f"no training succeeded: {in_words(failures)}")
            self._conclude(ledger)
        return self.finalized(numbers)

    def _at(self, address: str | None) -> Request:
        """The request, with another cluster than the one it names."""
        if address is None:
            return self.request
        return dataclasses.replace(self.request, address="" if address == LOCAL else address)
