"""Reading Optuna's tables with a few queries over whole sets of trials.

``get_trials`` asks once for every trial: two seconds for a thousand trials of twenty epochs, after
half a second of importing. Here the same records come from five queries, which any driver of a
database can send, and later ones touch only what has changed. What Optuna's own interface gives
says what the answer has to be.
"""

from __future__ import annotations

import contextlib
import gc
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ..format import EPOCH_PREFIX, METRICS, epochs_in
from .trial_record import TrialRecord

# Sends one statement that only reads, and returns the rows of its answer.
Ask = Callable[[str], Sequence[Sequence[Any]]]

# Of Optuna's tables; another one is read through Optuna.
_SCHEMA = 12
# Databases limit how long a statement may be.
_MOST_VALUES = 500
_INFINITIES = {"INF_POS": math.inf, "INF_NEG": -math.inf}


def has_known_tables(ask: Ask) -> bool:
    """Whether the database holds Optuna's tables in the form that is known here."""
    return [tuple(row) for row in ask("SELECT schema_version FROM version_info")] == [(_SCHEMA,)]


def studies(ask: Ask) -> dict[str, int]:
    """Return name → id of every study of a database."""
    return {name: int(study) for study, name in ask("SELECT study_id, study_name FROM studies")}


@contextlib.contextmanager
def nothing_to_collect() -> Iterator[None]:
    """While what is made is kept: to look for garbage in it time and again takes a third longer."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


class StoredTrials:
    """Reads one study. Asked again, it reads what is new.

    Args:
        study: id of the study.
    """

    def __init__(self, study: int) -> None:
        self._study = study
        self._last = -1
        self._open: set[int] = set()
        self._ids: dict[int, int] = {}

    def attributes(self, ask: Ask) -> dict[str, Any]:
        """Return the study's user attributes."""
        wanted = "SELECT key, value_json FROM study_user_attributes WHERE study_id"
        return {key: json.loads(value) for key, value in ask(f"{wanted} = {self._study}")}

    def changes(self, ask: Ask) -> list[TrialRecord]:
        """Return the records that had not finished at the last call, and those made since."""
        with nothing_to_collect():
            return self._changes(ask)

    def _changes(self, ask: Ask) -> list[TrialRecord]:
        columns = "trial_id, number, state, datetime_start, datetime_complete"
        heads = [
            row
            for part in self._unread()
            for row in ask(f"SELECT {columns} FROM trials WHERE {part}")
        ]
        # What belongs to a trial is read after its state: what is said to be finished is whole.
        parts = [self._belongings(ask, part) for part in self._unread()]
        records = self._records(ask, heads, _joined(parts))
        self._last = max([self._last, *(head[0] for head in heads)])
        self._ids |= {head[1]: head[0] for head in heads}
        finished = {record.number for record in records if record.finished}
        self._open = {head[0] for head in heads if head[1] not in finished}
        return sorted(records, key=lambda record: record.number)

    def _unread(self) -> Iterator[str]:
        """Conditions on trials that together take in those that are new or not finished."""
        mine = f"trials.study_id = {self._study}"
        yield f"{mine} AND trials.trial_id > {self._last}"
        for part in _parts(sorted(self._open)):
            yield f"{mine} AND trials.trial_id IN ({part})"

    def _belongings(self, ask: Ask, condition: str) -> tuple[list[Any], ...]:
        """Return user attributes, system attributes, values and counts of epochs."""

        def of(table: str, columns: str, more: str) -> list[Any]:
            joined = f"FROM {table} JOIN trials ON trials.trial_id = {table}.trial_id"
            wanted = f"SELECT {table}.trial_id, {columns} {joined} WHERE {condition} {more}"
            return list(ask(wanted))

        epochs, pair = f"key LIKE '{EPOCH_PREFIX}%'", "key, value_json"
        return (
            of("trial_user_attributes", pair, f"AND NOT {epochs}"),
            of("trial_system_attributes", pair, "AND key LIKE 'constraints%'"),
            of("trial_values", "value, value_type", "ORDER BY objective"),
            of(
                "trial_user_attributes",
                "COUNT(*)",
                f"AND {epochs} GROUP BY trial_user_attributes.trial_id",
            ),
        )

    def _records(
        self, ask: Ask, heads: Sequence[Any], rest: tuple[list[Any], ...]
    ) -> list[TrialRecord]:
        attributes, system, values, counts = rest
        known = _by_trial(attributes)
        broken = _by_trial(system)
        ended: dict[int, list[float]] = {}
        for identity, value, kind in values:
            ended.setdefault(identity, []).append(_INFINITIES.get(kind, value))
        trained: dict[int, int] = dict(map(tuple, counts))
        # What has not ended with metrics of its own has those of its last epoch.
        endless = [identity for identity in trained if METRICS not in known.get(identity, {})]
        current = self._epochs(ask, endless)
        records = []
        for identity, number, state, start, end in heads:
            mine = known.get(identity, {})
            steps = epochs_in(current.get(identity, {}))
            records.append(
                TrialRecord(
                    number=number,
                    state=state,
                    values=tuple(ended.get(identity, ())),
                    known=mine,
                    metrics=mine.get(METRICS) or (steps[max(steps)] if steps else {}),
                    violations=_violations(broken.get(identity)),
                    epochs=trained.get(identity, 0),
                    started=_time(start),
                    ended=_time(end),
                )
            )
        return records

    def epochs(self, ask: Ask, numbers: Sequence[int]) -> dict[int, dict[int, Any]]:
        """Return trial → epoch → metrics of these trials; one without epochs is left out."""
        of_id = {self._ids[number]: number for number in numbers}
        found = self._epochs(ask, list(of_id))
        return {of_id[identity]: epochs_in(steps) for identity, steps in found.items()}

    def _epochs(self, ask: Ask, identities: Sequence[int]) -> dict[int, dict[str, Any]]:
        """Return trial → attribute → metrics for these trials."""
        wanted = "SELECT trial_id, key, value_json FROM trial_user_attributes WHERE trial_id IN"
        found: dict[int, dict[str, Any]] = {}
        for part in _parts(sorted(identities)):
            found |= _by_trial(ask(f"{wanted} ({part}) AND key LIKE '{EPOCH_PREFIX}%'"))
        return found


def _parts(identities: Sequence[int]) -> Iterator[str]:
    for start in range(0, len(identities), _MOST_VALUES):
        yield ", ".join(str(int(one)) for one in identities[start : start + _MOST_VALUES])


def _joined(parts: Sequence[tuple[list[Any], ...]]) -> tuple[list[Any], ...]:
    return tuple([row for rows in same for row in rows] for same in zip(*parts, strict=True))


def _by_trial(rows: Sequence[Any]) -> dict[int, dict[str, Any]]:
    """Return trial → key → value of (trial, key, JSON) rows."""
    # One text is decoded several times faster than each by itself.
    values = json.loads(f"[{','.join(row[2] for row in rows)}]")
    if len(values) != len(rows):
        # One of them holds several, and is no JSON by itself.
        values = [json.loads(row[2]) for row in rows]
    found: dict[int, dict[str, Any]] = {}
    for (identity, key, _), value in zip(rows, values, strict=True):
        found.setdefault(identity, {})[key] = value
    return found


def _time(value: Any) -> Any:
    """Return a stored time, which is one of UTC, as a local one; what is none as it is.

    SQLite's own driver, which knows no times, gives texts.
    """
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        if isinstance(moment, datetime) and moment.tzinfo is None:
            return moment.replace(tzinfo=UTC).astimezone().replace(tzinfo=None)
    except (ValueError, OverflowError):
        return value
    return moment


def _violations(system: Mapping[str, Any] | None) -> tuple[float, ...]:
    if not system:
        return ()
    # Optuna itself knows how it spells constraints.
    from optuna.trial import TrialState, create_trial

    template = create_trial(state=TrialState.FAIL, system_attrs=dict(system))
    return tuple(template.constraints.values())
