"""A run from the outside: start it, resume it, read it, finish it."""

from __future__ import annotations

import contextlib
import dataclasses
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from optuna.trial import FrozenTrial, TrialState
from torch import Tensor

from optcell_search import results, tasks
from optcell_search.results import Direction
from optcell_search.space import Candidate

from . import checkpoints
from . import folder as folders
from .ledger import Ledger
from .place import Place
from .replay import Replay, replay
from .request import LOCAL, Request
from .status import in_words, reasons, standing
from .view import View

if TYPE_CHECKING:
    from ray import tune


class RunFailed(RuntimeError):  # noqa: N818 - it says what happened to the run
    """A search ended without a single trained candidate; the message counts the reasons."""


class Run:
    """A run folder. Made by `search`, found again by `Run.open`.

    Attributes:
        directory: the folder.
        request: what the run was asked to do, with every default resolved.
    """

    def __init__(self, directory: Path, request: Request) -> None:
        self.directory = directory
        self.request = request

    def __repr__(self) -> str:
        return f"Run({str(self.directory)!r})"

    @classmethod
    def open(cls, directory: str | Path) -> Run:
        """Open a run folder.

        Raises:
            FileNotFoundError: it holds no run.
            ValueError: its ``run.toml`` is damaged or was written by a newer version.
        """
        path = Path(directory)
        return cls(path, Request.read(path))

    def resume(self, address: str | None = None, callbacks: Sequence[tune.Callback] = ()) -> Run:
        """Train what is still missing, from the checkpoints there are; return this run.

        Args:
            address: of the Ray cluster, where it is another one than the run began on;
                ``"local"`` for one of our own on this machine.
            callbacks: Tune callbacks to tell of it, besides those the run was started with by name.

        Raises:
            RunFailed: no candidate could be trained.
            ValueError: another process is working on the run, or there is no cluster to use.
            KeyboardInterrupt: the user stopped it; it can be resumed again.
        """
        from .cluster import connected

        self._check_data()
        with connected(self._at(address), self._checkpoints):
            self.drive(callbacks)
        return self

    def drive(self, callbacks: Sequence[tune.Callback] = ()) -> None:
        """Train what is still missing on the Ray this process is connected to."""
        from .driver import Broken, Hopeless, drive

        with folders.locked(self.directory), self._ledger() as ledger, ledger.held():
            if ledger.unfinished:
                try:
                    with View() as view:
                        drive(ledger, self.directory, view, callbacks)
                except Hopeless as error:
                    raise RunFailed(
                        f"stopped early: {error}; when that is mended, "
                        f"`optcell-search resume {self.directory}` goes on"
                    ) from error
                except Broken as error:
                    raise RunFailed(
                        f"the run broke off: {error}; `optcell-search resume {self.directory}` "
                        "goes on"
                    ) from error
            if not ledger.counts[TrialState.COMPLETE]:
                raise RunFailed(f"no candidate could be trained: {in_words(reasons(ledger))}")
        self.report()

    def report(self, path: str | Path | None = None) -> Path:
        """Write the report as one HTML file, by default ``report.html``; return its path."""
        from optcell_search.dashboard import write_report

        target = self.directory / folders.REPORT if path is None else Path(path)
        with self._ledger() as ledger:
            write_report(ledger.study, target, where=self.directory)
        return target

    def status(self) -> dict[str, Any]:
        """Return where the run stands: counts by state, reasons of failures, the best so far."""
        with self._ledger() as ledger:
            return {"directory": str(self.directory), **standing(ledger)}

    def results(self) -> pd.DataFrame:
        """Return one row a candidate; see `optcell_search.results.frame`.

        What `finalize` found out stands in ``test_<metric>`` and ``test_<metric>_std``, the same
        for validation, and ``finalized`` (how many seeds), missing in other rows.
        """
        with self._ledger() as ledger:
            table = results.frame(ledger.study)
            finalized = results.finalized(ledger.study)
        for (split, metric), group in finalized.groupby(["split", "metric"], sort=False):
            rows = group.set_index("number")
            table[f"{split}_{metric}"] = table["number"].map(rows["mean"])
            table[f"{split}_{metric}_std"] = table["number"].map(rows["std"])
            table["finalized"] = table["number"].map(rows["seeds"])
        return table

    def pareto(self) -> pd.DataFrame:
        """Return the rows that no other row dominates."""
        return results.pareto(self.results(), self._objectives)

    def best(self, which: str = "best") -> pd.Series[Any]:
        """Return one row: of the best first objective, of an objective by name, or the ``"knee"``.

        Raises:
            ValueError: `which` is none of these, or no candidate completed.
        """
        return results.best(self.results(), self._objectives, which)

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

        The report is written anew, with the test scores in it.

        Args:
            top: how many candidates: the Pareto front first, the better in the first objective
                before the others, then the next front.
            seeds: how often each is trained.
            trials: numbers of rows to take instead of the `top` best.
            epochs: budget of each training; None: that of the search.
            address: as `resume` takes it.

        Returns:
            Their rows of `results`.

        Raises:
            ValueError: a number is not that of a completed row, or nothing completed.
            RunFailed: not a single training succeeded.
        """
        from .cluster import connected
        from .finalize import choose, finalize

        for name, value in (("top", top), ("seeds", seeds), ("epochs", epochs or 1)):
            if value < 1:
                raise ValueError(f"{name} = {value}; valid: integers, 1 or more")
        table = self.results()
        numbers = list(trials) or choose(table, self._objectives, top)
        if not numbers:
            raise ValueError(f"{self.directory}: no candidate completed, so there is none to test")
        for number in numbers:
            self._require(table, number)
        # What is wrong with the test data is better known before than after hours of training.
        self._check_data().unseal()
        with (
            folders.locked(self.directory),
            self._ledger() as ledger,
            ledger.held(),
            connected(self._at(address), self._checkpoints),
        ):
            finalize(ledger, numbers, seeds, epochs or self.request.epochs)
            records = [ledger.finalized(number) for number in numbers]
        if not any(record["seeds"] for record in records):
            failures = Counter(reason for r in records for reason in r["failed"].values())
            raise RunFailed(f"no training succeeded: {in_words(failures)}")
        self.report()
        after = self.results()
        return after[after["number"].isin(numbers)]

    def replay(self, number: int) -> Replay:
        """Train a row again, alone, outside the tuner.

        Raises:
            ValueError: there is no such row, or it finished no epoch.
        """
        self._check_data()
        return replay(self.request, self._trial(number))

    def export(self, which: str | int, out: str | Path) -> Path:
        """Make a trained candidate a package that needs torch alone.

        Args:
            which: number of a row, or what `best` takes.
            out: folder of the package; it must not exist.

        Returns:
            The folder.

        Raises:
            ValueError: there is no such candidate.
            FileExistsError: `out` exists.
            RunFailed: the package does not compute what the candidate does; nothing is left.
        """
        from optcell_search.export import ExportFailed, export

        if Path(out).exists():
            raise FileExistsError(f"{out}: already exists; name a new folder for the export")
        number, candidate = self.candidate(which)
        task = tasks.load(self.request.task, self.request.data_dir)
        try:
            return export(candidate, self.weights(number), task, self._scores(number), out)
        except ExportFailed as error:
            raise RunFailed(str(error)) from error

    def _scores(self, number: int) -> dict[str, Any]:
        """Return the scores of a row by split: those of `finalize`, or else of the search."""
        with self._ledger() as ledger:
            record = ledger.finalized(number)
            found = ledger.trials()[number].user_attrs["metrics"]
        if record["seeds"]:
            return {split: record[split] for split in ("validation", "test")}
        return {"validation": found}

    def candidate(self, which: str | int = "best") -> tuple[int, Candidate]:
        """Return number and candidate of a row, chosen by number or as `best` does."""
        if isinstance(which, int):
            number = which
            self._require(self.results(), number)
        else:
            number = int(self.best(which)["number"])
        return number, Candidate.from_dict(self._trial(number).user_attrs["candidate"])

    def weights(self, number: int) -> dict[str, Tensor]:
        """Return a row's trained weights, from its checkpoint or else by training it again."""
        saved = checkpoints.load_weights(self._checkpoints / str(number))
        return saved if saved is not None else self.replay(number).weights

    def _check_data(self) -> tasks.LoadedTask:
        """Return the run's task; raise a ValueError if its data is no longer what it was."""
        task = tasks.load(self.request.task, self.request.data_dir)
        if task.fingerprint != self.request.data_fingerprint:
            raise ValueError(
                f"{self.directory}: the data of task {self.request.task!r} is no longer what the "
                "run began with"
            )
        return task

    def _trial(self, number: int) -> FrozenTrial:
        with self._ledger() as ledger:
            trials = ledger.trials()
        if not 0 <= number < len(trials):
            raise ValueError(f"{self.directory}: no trial {number}; valid: 0 to {len(trials) - 1}")
        return trials[number]

    def _require(self, table: pd.DataFrame, number: int) -> None:
        """Raise unless row `number` is complete."""
        states = dict(zip(table["number"], table["state"], strict=True))
        if states.get(number) != TrialState.COMPLETE.name:
            complete = [str(n) for n, state in states.items() if state == TrialState.COMPLETE.name]
            raise ValueError(
                f"{self.directory}: trial {number} is not complete; "
                f"valid: {', '.join(complete) or 'none'}"
            )

    def _at(self, address: str | None) -> Request:
        """The request, with another cluster than the one it names."""
        if address is None:
            return self.request
        return dataclasses.replace(self.request, address="" if address == LOCAL else address)

    @property
    def _checkpoints(self) -> Place:
        return checkpoints.place_of(self.request, self.directory)

    @property
    def _objectives(self) -> dict[str, Direction]:
        with self._ledger() as ledger:
            return results.objectives(ledger.study)

    @contextlib.contextmanager
    def _ledger(self) -> Iterator[Ledger]:
        ledger = Ledger.of_folder(self.request, self.directory)
        try:
            yield ledger
        finally:
            ledger.close()
