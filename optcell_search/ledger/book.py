"""The study behind a run's ledger: made, opened, held, and counted."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import optuna
from optuna.exceptions import DuplicatedStudyError
from optuna.trial import FrozenTrial, TrialState

from .constraints import Constraint
from .in_memory import Mirror
from .lock import held
from .request import Request
from .reuse import Settled
from .running import Row
from .storage import DATABASE, LedgerStorage, StorageFault, quiet_optuna

Metrics = Mapping[str, float]


@contextlib.contextmanager
def _closed_on_failure(storage: LedgerStorage) -> Iterator[None]:
    """Let go of a storage that turns out to hold no ledger."""
    try:
        yield
    except ValueError:
        storage.close()
        raise


class Book:
    """The study of one run, and where it stands.

    Args:
        request: what the run was asked to do.
        storage: where the ledger lies; it holds the run's study.

    Raises:
        ValueError: the storage does not answer, or holds no such study.
    """

    def __init__(self, request: Request, storage: LedgerStorage) -> None:
        quiet_optuna()
        self.request = request
        self._storage = storage
        try:
            self.study = optuna.load_study(study_name=request.run_id, storage=storage.optuna)
            if "request" not in self.study.user_attrs:
                self.study.set_user_attr("run_id", request.run_id)
                self.study.set_user_attr("request", request.to_dict())
        except KeyError as error:
            # Made anew it would be empty, and what was trained so far would be trained again.
            raise ValueError(f"study {storage}: holds no study {request.run_id!r}") from error
        except StorageFault as error:
            first = str(error).splitlines()[0]
            raise ValueError(f"study {storage}: cannot be used: {first}") from error
        self._constraints = [Constraint.stored(text) for text in request.constraints]
        self._study_id = storage.optuna.get_study_id_from_name(request.run_id)
        self._ids: list[int] = []
        self._open: dict[int, Row] = {}
        self._settled = Settled()
        self.counts: Counter[TrialState] = Counter()
        for trial in self.trials():
            self._ids.append(trial._trial_id)
            self.counts[trial.state] += 1
            known = trial.user_attrs
            self._settled.add(
                trial.number, known["key"], known["seed"], trial.state, known.get("reason", "")
            )
        self._mirror = self._make_mirror()

    @classmethod
    def make(cls, request: Request, folder: Path) -> Self:
        """Make the ledger of a new run, in its folder or where its request says.

        Raises:
            ValueError: the storage does not answer, or holds a study of this name already.
        """
        storage = LedgerStorage(request.study) if request.study else LedgerStorage.in_folder(folder)
        quiet_optuna()
        directions = list(request.objectives.values())
        with _closed_on_failure(storage):
            try:
                optuna.create_study(
                    study_name=request.run_id, storage=storage.optuna, directions=directions
                )
            except (*StorageFault, DuplicatedStudyError) as error:
                first = str(error).splitlines()[0]
                raise ValueError(f"study {storage}: cannot be made: {first}") from error
            return cls(request, storage)

    @classmethod
    def of_folder(cls, request: Request, folder: Path) -> Self:
        """Open the ledger of a run folder, wherever its request says it lies.

        Raises:
            ValueError: the storage does not answer, or the run's study is not in it.
        """
        if not request.study and not (folder / DATABASE).is_file():
            raise ValueError(f"{folder}: the ledger {DATABASE} is missing")
        storage = LedgerStorage(request.study) if request.study else LedgerStorage.in_folder(folder)
        with _closed_on_failure(storage):
            return cls(request, storage)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Hold the study against other processes; raises a ValueError when another one does."""
        # What lies in the run folder is held by the folder's own lock.
        holding = held(self._storage, self.request.run_id) if self.request.study else None
        with holding or contextlib.nullcontext():
            yield

    def _make_mirror(self) -> Mirror:
        return Mirror(list(self.request.objectives.values()), self.trials())

    def close(self) -> None:
        """Let go of the storage."""
        self._storage.close()

    def trials(self) -> list[FrozenTrial]:
        """Return all rows by number; not to be changed."""
        return self.study.get_trials(deepcopy=False)

    @property
    def rows(self) -> int:
        """How many rows there are, in whatever state."""
        return len(self._ids)

    @property
    def missing(self) -> int:
        """How many rows still have to be asked for and finished."""
        waiting = self.counts[TrialState.WAITING]
        return max(0, self.request.num_trials - self.rows) + waiting

    @property
    def unfinished(self) -> int:
        """How many of the rows asked for have no result yet."""
        return self.missing + self.counts[TrialState.RUNNING]

    @property
    def next_number(self) -> int:
        """The number of the row that `ask` would start."""
        if self.counts[TrialState.WAITING]:
            waiting = (t.number for t in self.trials() if t.state == TrialState.WAITING)
            return min(waiting)
        return self.rows

    def is_feasible(self, metrics: Metrics) -> bool:
        """Whether `metrics` keep every constraint of the request."""
        return all(constraint.violation(metrics) <= 0 for constraint in self._constraints)

    def finalized(self, number: int) -> dict[str, Any]:
        """Return what `finalize` wrote about a row, an empty record where it did not."""
        empty = {"seeds": [], "validation": {}, "test": {}, "failed": {}, "epochs": 0}
        record: dict[str, Any] = self.study.user_attrs.get(f"finalized:{number}", empty)
        return record

    def set_finalized(self, number: int, record: Mapping[str, Any]) -> None:
        """Write what `finalize` found out about a row."""
        self.study.set_user_attr(f"finalized:{number}", dict(record))
        self._storage.flush()

    def _move(self, old: TrialState | None, new: TrialState) -> None:
        if old is not None:
            self.counts[old] -= 1
        self.counts[new] += 1
