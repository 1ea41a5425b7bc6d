"""A run from the outside: start it, resume it, finish it; `run_folder` reads it."""

from __future__ import annotations

import contextlib
import dataclasses
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from optuna.trial import TrialState
from torch import Tensor

from ..ledger import folder as folders
from ..ledger import trust as trusting
from ..ledger.amending import amend
from ..ledger.format import ENDED, METRICS, REPORT
from ..ledger.ledger import Ledger
from ..ledger.opening import open_ledger
from ..ledger.request import LOCAL, Request
from ..ledger.storage.names import refuse_link
from ..ledger.trials.reasons import RunBrokenError
from ..ledger.trials.scores import finalized
from . import extending
from .replay import Replay, replay
from .run_folder import RunFolder
from .search.budget import Budget
from .search.progress import View
from .status import in_words, reasons
from .store import checkpoints

if TYPE_CHECKING:
    from ray import tune


class RunFailedError(RuntimeError):
    """A search ended without a single trained candidate; the message counts the reasons."""


class Run(RunFolder):
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
    ) -> Run:
        """Train what is still missing, from the checkpoints there are; return this run.

        What is changed of the run's limits is written into the study and ``run.toml`` first.

        Args:
            address: of the Ray cluster, where it is another one than the run began on;
                ``"local"`` for one of our own on this machine.
            callbacks: Tune callbacks to tell of it, besides those the run was started with by name.
            num_trials, time: what the run may use from now on, in all: what it has used counts.
            patience, until: as `search` takes them; 0 and ``()`` for none.
            skip: numbers of trials without a result that are given up: they fail.

        Raises:
            RunFailedError: no candidate could be trained.
            ValueError: another process is working on the run, there is no cluster to use, or a
                limit or a number of a trial is wrong.
            KeyboardInterrupt: the user stopped it; it can be resumed again.
        """
        from .cluster.connection import connected

        changes = extending.changes(
            self.request, self._check_data, num_trials, time, patience, until
        )
        # Locked first: another process is told so before a cluster is started.
        with self._at_work() as ledger:
            extending.give_up(ledger, skip, self.directory)
            if changes:
                amend(ledger, self.directory, changes)
                self.request = ledger.request
            if self._goes_on(ledger):
                self._check_data()
                with connected(self._at(address), self._checkpoints, self._source):
                    self._train(ledger, callbacks)
            self._conclude(ledger)
        return self

    def drive(self, callbacks: Sequence[tune.Callback] = ()) -> None:
        """Train what is still missing on the Ray this process is connected to."""
        with self._at_work() as ledger:
            if self._goes_on(ledger):
                self._train(ledger, callbacks)
            self._conclude(ledger)

    def _goes_on(self, ledger: Ledger) -> bool:
        return ledger.unfinished > 0 and not Budget.of(ledger).over

    def _train(self, ledger: Ledger, callbacks: Sequence[tune.Callback]) -> None:
        from .search.driver import EarlyFailureError, drive

        try:
            with View() as view:
                drive(ledger, self.directory, view, callbacks)
        except EarlyFailureError as error:
            raise RunFailedError(
                f"stopped early: {error}; when that is mended, "
                f"`optcell-search resume {self.directory}` goes on"
            ) from error
        except RunBrokenError as error:
            raise RunFailedError(
                f"the run broke off: {error}; `optcell-search resume {self.directory}` goes on"
            ) from error

    def _conclude(self, ledger: Ledger) -> None:
        if not ledger.counts[TrialState.COMPLETE]:
            why = in_words(reasons(ledger.trials()))
            if over := ledger.study.user_attrs.get(ENDED):
                raise RunFailedError(
                    f"{over}, and no candidate was trained to its end{why and f' ({why})'}; "
                    f"`optcell-search resume {self.directory} --time D` goes on"
                )
            raise RunFailedError(f"no candidate could be trained: {why}")
        try:
            self.report()
        except OSError as error:
            # The search is done and safe; its picture can be drawn again at any time.
            warnings.warn(f"the report could not be written: {error}", stacklevel=2)

    @contextlib.contextmanager
    def _at_work(self) -> Iterator[Ledger]:
        """Hold the run and its study against other processes, and open the ledger to write.

        Raises:
            ValueError: another process holds it, or what is written outside the folder has not
                been trusted.
        """
        trusting.require(self.directory, trusting.outside(self.request), trust=False)
        with (
            folders.locked(self.directory),
            contextlib.closing(open_ledger(self.request, self.directory)) as ledger,
            ledger.locked(),
        ):
            # What may change the study knows better than a file read before the lock.
            self.request = ledger.request
            yield ledger

    def report(self, path: str | Path | None = None) -> Path:
        """Write the report as one HTML file, by default ``report.html``; return its path."""
        from optcell_search.dashboard import write_report

        target = self.directory / REPORT if path is None else Path(path)
        if path is None:
            refuse_link(target)
        write_report(self._study, target, where=self.directory)
        return target

    def finalize(
        self,
        top: int = 3,
        seeds: int = 5,
        *,
        trials: Sequence[int] = (),
        epochs: int | None = None,
        address: str | None = None,
    ) -> pd.DataFrame:
        """Train the best candidates again with fresh seeds, and only then test them.

        So is, for each of them, the best plain cell that is no larger, if there is one, so that
        `gain` compares scores of the test split.

        The report is written anew, with the test scores in it. Beside a convolutional candidate on
        movies, a feed-forward network of as many parameters is trained and tested with the same
        seeds; its scores are the trial's baseline.

        Args:
            top: how many candidates, plain cells for comparison not counted: the Pareto front
                first, the better in the first objective before the others, then the next front.
            seeds: how often each is trained.
            trials: numbers of trials to take instead of these.
            epochs: budget of each training; None: that of the search.
            address: as `resume` takes it.

        Returns:
            Their rows of `results`.

        Raises:
            ValueError: a number is not that of a completed trial, or nothing completed.
            RunFailedError: not a single training succeeded.
        """
        from .cluster.connection import connected
        from .finalize import choose, finalize, with_plain

        for name, value in (("top", top), ("seeds", seeds), ("epochs", epochs or 1)):
            if value < 1:
                raise ValueError(f"{name} = {value}; valid: integers, 1 or more")
        table = self.results()
        numbers = list(trials) or with_plain(
            choose(table, self._objectives, top), table, self._objectives
        )
        if not numbers:
            raise ValueError(f"{self.directory}: no candidate completed, so there is none to test")
        for number in numbers:
            self._require(table, number)
        # What is wrong with the test data is better known before than after hours of training.
        self._check_data().unseal()
        with (
            self._at_work() as ledger,
            connected(self._at(address), self._checkpoints, self._source),
        ):
            try:
                finalize(ledger, numbers, seeds, epochs or self.request.epochs, self._source)
            except RunBrokenError as error:
                raise RunFailedError(f"broke off: {error}; asked for again, it goes on") from error
            records = [finalized(ledger.study, number) for number in numbers]
            if not any(record["seeds"] for record in records):
                failures = Counter(reason for r in records for reason in r["failed"].values())
                raise RunFailedError(f"no training succeeded: {in_words(failures)}")
            self._conclude(ledger)
        after = self.results()
        return after[after["number"].isin(numbers)]

    def replay(self, number: int) -> Replay:
        """Train a trial again, alone, outside the tuner.

        Raises:
            ValueError: there is no such trial, or it finished no epoch.
        """
        self._check_data()
        return replay(self.request, self._trial(number), self._source)

    def export(self, which: str | int, out: str | Path) -> Path:
        """Make a trained candidate a package that needs torch alone.

        Where the task has a raw form of its data, the package's predictor must have on the
        validation part, as raw rows, the scores that the ledger has for these weights.

        Args:
            which: number of a trial, or what `best` takes.
            out: folder of the package; it must not exist.

        Returns:
            The folder.

        Raises:
            ValueError: there is no such candidate.
            FileExistsError: `out` exists.
            RunFailedError: the package does not compute what the candidate does; nothing is left.
        """
        from optcell_search.export import ExportError, export

        from .raw_scores import reference

        if Path(out).exists():
            raise FileExistsError(f"{out}: already exists; name a new folder for the export")
        number, candidate = self.candidate(which)
        task = self._check_data()
        weights, known = self.weights(number), self._trial(number).user_attrs
        # Of several repeats the ledger has the means, and the weights are those of the first.
        noted = known[METRICS] if len(known.get("seeds", [known["seed"]])) == 1 else None
        checked = reference(task, candidate, weights, noted, self.request.device)
        try:
            return export(candidate, weights, task, self._scores(number), out, checked)
        except ExportError as error:
            raise RunFailedError(str(error)) from error

    def weights(self, number: int) -> dict[str, Tensor]:
        """Return a trial's trained weights, from its checkpoint or else by training it again."""
        saved = checkpoints.load_weights(self._checkpoints / str(number))
        return saved if saved is not None else self.replay(number).weights

    def _at(self, address: str | None) -> Request:
        """The request, with another cluster than the one it names."""
        if address is None:
            return self.request
        return dataclasses.replace(self.request, address="" if address == LOCAL else address)
