"""Reading Optuna's tables with a few queries over whole sets of trials.

``get_trials`` asks once for every trial: two seconds for a thousand trials of twenty epochs. Here
the same rows come from five queries, and later ones touch only what has changed. `api` is the twin
that says what the answer has to be.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy
from optuna.trial import TrialState, create_trial
from sqlalchemy import Connection, Table, and_, func, select

from ...ledger.format import EPOCH_PREFIX, METRICS, epochs_in
from ...ledger.storage.storage import engine_for_reading
from ...results import TrialRecord
from .source import Curve

# Of Optuna's tables; another one is read through Optuna.
_SCHEMA = 12
_EPOCHS = f"{EPOCH_PREFIX}%"
# Databases limit how many values one statement may carry; SQLite once to 999.
_MOST_VALUES = 500
_INFINITIES = {"INF_POS": math.inf, "INF_NEG": -math.inf}


def has_known_tables(url: str) -> bool:
    """Whether the database at `url` holds Optuna's tables in the form that is known here."""
    engine = engine_for_reading(url)
    try:
        with engine.connect() as connection:
            version = sqlalchemy.text("SELECT schema_version FROM version_info")
            return bool(connection.execute(version).scalar() == _SCHEMA)
    finally:
        engine.dispose()


class SqlSource:
    """Reads one study of a database.

    Args:
        url: of the database.
        name: of the study.
    """

    def __init__(self, url: str, name: str) -> None:
        self._engine = engine_for_reading(url)
        catalogue = sqlalchemy.MetaData()
        catalogue.reflect(self._engine)
        self._tables = catalogue.tables
        studies = self._tables["studies"]
        with self._engine.connect() as connection:
            wanted = select(studies.c.study_id).where(studies.c.study_name == name)
            self._study: int = connection.execute(wanted).scalar_one()
        self._last = -1
        self._open: set[int] = set()
        self._ids: dict[int, int] = {}

    def attributes(self) -> dict[str, Any]:
        """Return the study's user attributes."""
        known = self._tables["study_user_attributes"]
        wanted = select(known.c.key, known.c.value_json).where(known.c.study_id == self._study)
        with self._engine.connect() as connection:
            return {key: json.loads(value) for key, value in connection.execute(wanted)}

    def changes(self) -> list[TrialRecord]:
        """Return the rows that had not finished at the last call, and those made since."""
        with self._engine.connect() as connection:
            heads: list[Any] = []
            for part in self._unread():
                trials = self._tables["trials"]
                wanted = select(
                    trials.c.trial_id,
                    trials.c.number,
                    trials.c.state,
                    trials.c.datetime_start,
                    trials.c.datetime_complete,
                ).where(part)
                heads += connection.execute(wanted).all()
            # What belongs to a trial is read after its state: what is said to be finished is whole.
            rest = _joined([self._belongings(connection, part) for part in self._unread()])
            rows = self._rows(connection, heads, rest)
        self._last = max([self._last, *(head.trial_id for head in heads)])
        self._ids |= {head.number: head.trial_id for head in heads}
        finished = {row.number for row in rows if row.finished}
        self._open = {head.trial_id for head in heads if head.number not in finished}
        return sorted(rows, key=lambda row: row.number)

    def _unread(self) -> Iterator[sqlalchemy.ColumnElement[bool]]:
        """Conditions on trials that together take in those that are new or not finished."""
        trials = self._tables["trials"]
        mine = trials.c.study_id == self._study
        yield and_(mine, trials.c.trial_id > self._last)
        for part in _parts(sorted(self._open)):
            yield and_(mine, trials.c.trial_id.in_(part))

    def _belongings(
        self, connection: Connection, condition: sqlalchemy.ColumnElement[bool]
    ) -> tuple[list[Any], ...]:
        """Return user attributes, system attributes, values and counts of epochs."""
        trials, values = self._tables["trials"], self._tables["trial_values"]
        known = self._tables["trial_user_attributes"]
        system = self._tables["trial_system_attributes"]
        joined = trials.c.trial_id
        is_epoch = known.c.key.like(_EPOCHS)

        def of(table: Table, *columns: Any) -> Any:
            return select(table.c.trial_id, *columns).where(condition, joined == table.c.trial_id)

        queries = (
            of(known, known.c.key, known.c.value_json).where(~is_epoch),
            of(system, system.c.key, system.c.value_json).where(system.c.key.like("constraints%")),
            of(values, values.c.value, values.c.value_type).order_by(values.c.objective),
            of(known, func.count()).where(is_epoch).group_by(known.c.trial_id),
        )
        return tuple(list(connection.execute(query).all()) for query in queries)

    def _rows(
        self, connection: Connection, heads: Sequence[Any], rest: tuple[list[Any], ...]
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
        current = self._epochs(connection, endless)
        rows = []
        for identity, number, state, start, end in heads:
            mine = known.get(identity, {})
            latest = current.get(identity, {})
            rows.append(
                TrialRecord(
                    number=number,
                    state=state,
                    values=tuple(ended.get(identity, ())),
                    known=mine,
                    metrics=mine.get(METRICS) or (latest[max(latest)] if latest else {}),
                    violations=_violations(broken.get(identity)),
                    epochs=trained.get(identity, 0),
                    started=start,
                    ended=end,
                )
            )
        return rows

    def curves(self, numbers: Iterable[int]) -> dict[int, Curve]:
        """Return the learning curves of these trials."""
        of_id = {self._ids[number]: number for number in numbers}
        with self._engine.connect() as connection:
            found = self._epochs(connection, list(of_id))
        return {
            of_id[identity]: Curve.of(list(epochs_in(steps).items()))
            for identity, steps in found.items()
        }

    def _epochs(
        self, connection: Connection, identities: Sequence[int]
    ) -> dict[int, dict[str, Any]]:
        """Return trial → attribute → metrics for these trials."""
        known = self._tables["trial_user_attributes"]
        wanted = select(known.c.trial_id, known.c.key, known.c.value_json)
        found: dict[int, dict[str, Any]] = {}
        for part in _parts(sorted(identities)):
            of_part = wanted.where(known.c.trial_id.in_(part), known.c.key.like(_EPOCHS))
            found |= _by_trial(connection.execute(of_part).all())
        return found


def _parts(identities: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(identities), _MOST_VALUES):
        yield identities[start : start + _MOST_VALUES]


def _joined(parts: Sequence[tuple[list[Any], ...]]) -> tuple[list[Any], ...]:
    return tuple([row for rows in same for row in rows] for same in zip(*parts, strict=True))


def _by_trial(rows: Sequence[Any]) -> dict[int, dict[str, Any]]:
    """Return trial → key → value of (trial, key, JSON) rows."""
    # One text is decoded several times faster than each by itself.
    values = json.loads(f"[{','.join(row[2] for row in rows)}]")
    found: dict[int, dict[str, Any]] = {}
    for (identity, key, _), value in zip(rows, values, strict=True):
        found.setdefault(identity, {})[key] = value
    return found


def _violations(system: Mapping[str, Any] | None) -> tuple[float, ...]:
    if not system:
        return ()
    # Optuna itself knows how it spells constraints.
    template = create_trial(state=TrialState.FAIL, system_attrs=dict(system))
    return tuple(template.constraints.values())
