"""What can be asked of a run while a search works on it, or before one goes on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from optcell_search.space import Candidate, SearchSpace, from_flat

from ..ledger.format import EXTEND, PRUNE
from ..ledger.lock import FINALIZE_LOCK, is_locked
from ..ledger.trials.enqueued import FIXED_PARAMS
from ..ledger.trials.trial_record import TrialRecord
from .run_folder import RunFolder


class RunSteering(RunFolder):
    """A run folder whose search can be told what to do, whichever process works on it."""

    def enqueue(self, like: int, changes: Mapping[str, Any]) -> int:
        """Put the candidate of a trial, with other values, into the queue; return its number.

        A search that goes on takes it up as soon as a worker is free and a trial is left to be
        asked for, before what its sampler would suggest; else the next `resume` does. It counts
        among the trials that were asked for while there are any left.

        Args:
            like: number of the trial.
            changes: setting → value, by a name of `results` such as ``"heavy_ball.mu"``, or by its
                last part where only one has that. A text is read as the value's kind.

        Raises:
            ValueError: there is no such trial or setting, the value is none that the search space
                holds, or the candidate has been tried.
        """
        from ..ledger.writing import study_to_write

        self._require_training()
        ledger = self._ledger
        candidate = self._changed(_of(ledger.records, like, str(self.directory)), changes)
        same = [one.number for one in ledger.records if one.known.get("key") == candidate.key]
        if same:
            raise ValueError(f"{self.directory}: trial {same[0]} is that candidate; change another")
        asked = dict(candidate.flat())
        with study_to_write(self.directory) as study:
            before = study.get_trials(deepcopy=False)
            for one in before:
                if one.state == TrialState.WAITING and _fixed(one) == asked:
                    raise ValueError(
                        f"{self.directory}: trial {one.number}, which waits, is that candidate; "
                        "change another"
                    )
            study.enqueue_trial(asked)
            later = study.get_trials(deepcopy=False)[len(before) :]
        # Somebody else may have put another one into the queue meanwhile.
        return next(one.number for one in later if _fixed(one) == asked)

    def prune(self, number: int) -> None:
        """Have a running trial end, pruned, after its current epoch.

        The search looks for such wishes once a second; one that is stopped heeds it when it goes
        on.

        Raises:
            ValueError: the trial is not running.
        """
        from ..ledger.writing import study_to_write

        states = {record.number: record.state for record in self._ledger.records}
        if states.get(number) != "RUNNING":
            valid = ", ".join(str(n) for n, state in states.items() if state == "RUNNING")
            raise ValueError(
                f"{self.directory}: trial {number} is not running; valid: {valid or 'none'}"
            )
        with study_to_write(self.directory) as study:
            study.set_user_attr(f"{PRUNE}{number}", True)

    def extend(
        self,
        num_trials: int | None = None,
        *,
        time: str | float | None = None,
        patience: int | None = None,
    ) -> None:
        """Let the search at work use more, or less, from now on.

        It looks for such wishes once a second; one that is just ending heeds it when it is resumed.

        Args:
            num_trials, time: what the run may use in all: what it has used counts.
            patience: trials without a better front after which it ends; 0: no limit.

        Raises:
            ValueError: no search on this machine works on the run, or a limit is wrong.
        """
        from ..ledger.writing import study_to_write
        from .extension import checked

        self._require_training()
        asked = checked(num_trials, time, patience)
        way_on = f"`optcell-search resume {self.directory}` goes on, with the same options"
        if not is_locked(self.directory):
            raise ValueError(f"{self.directory}: no process on this machine works on it; {way_on}")
        if is_locked(self.directory, FINALIZE_LOCK):
            raise ValueError(f"{self.directory}: is finalized at the moment; after that {way_on}")
        with study_to_write(self.directory) as study:
            study.set_user_attr(EXTEND, {**study.user_attrs.get(EXTEND, {}), **asked})

    def _changed(self, record: TrialRecord, changes: Mapping[str, Any]) -> Candidate:
        where = f"{self.directory}: trial {record.number}"
        if "candidate" not in record.known:
            raise ValueError(f"{where} was not made by a search")
        values = dict(Candidate.from_dict(record.known["candidate"]).flat())
        space = self.request.search_space
        for short, value in changes.items():
            name = _name_of(short, values, where)
            values[name] = _read(value, values[name], f"{where}: {name}")
        candidate = from_flat(values, where)
        if candidate not in space:
            raise ValueError(f"{where}: not in the search space: {_outside(values, space)}")
        return candidate


def _fixed(trial: FrozenTrial) -> Any:
    """Return the values that a trial in the queue is to take; None: it has none."""
    return trial.system_attrs.get(FIXED_PARAMS)


def _of(records: list[TrialRecord], number: int, where: str) -> TrialRecord:
    if not 0 <= number < len(records):
        raise ValueError(f"{where}: no trial {number}; valid: 0 to {len(records) - 1}")
    return records[number]


def _name_of(short: str, values: Mapping[str, Any], where: str) -> str:
    """Return the dotted name of a setting that is given by that, or by its last part."""
    found = [name for name in values if short == name or name.endswith(f".{short}")]
    if len(found) != 1 or short in ("cell", "rule"):
        valid = ", ".join(name for name in values if "." in name)
        raise ValueError(f"{where}: has no setting {short!r}; valid: {valid}")
    return found[0]


def _read(value: Any, before: Any, where: str) -> Any:
    """Return a value that may have come as a text, as the kind that it is to be."""
    if not isinstance(value, str) or isinstance(before, str):
        return value
    if isinstance(before, bool):
        if value.lower() in ("true", "false"):
            return value.lower() == "true"
        raise ValueError(f"{where} = {value!r}; valid: true or false")
    try:
        return int(value) if isinstance(before, int) else float(value)
    except ValueError:
        kind = "a whole number" if isinstance(before, int) else "a number"
        raise ValueError(f"{where} = {value!r}; valid: {kind}") from None


def _outside(values: Mapping[str, Any], space: SearchSpace) -> str:
    """Return in words which values the search space does not hold."""
    wrong = [
        f"{name} = {value!r}; valid: {space.domains[name].plain()}"
        for name, value in values.items()
        if name in space.domains and value not in space.domains[name]
    ]
    return ", ".join(wrong) or "its cell, its rule or its penalties are of another space"
