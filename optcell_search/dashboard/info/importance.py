"""Which hyperparameters decide over doing well, group by group, as plain data.

A hyperparameter exists only where its rule or cell has been chosen, or beside certain values of
others, so its weight is asked among the trials that have it: those of one rule for that rule's own.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import optuna
import pandas as pd
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import create_trial

from ... import registry
from ...space.conditions import needs_of
from ...space.settings import Training, model_settings
from .. import words
from .data import Data, axis

# Fewer say nothing about which of them are the good ones.
ENOUGH = 20
_MOST = 500
_MOST_CHOICES = 8


@dataclass(frozen=True)
class Importance:
    """Shares of one group of hyperparameters in what makes a trial good.

    Attributes:
        group: ``"all"``, the name of the rule or cell whose own they are, or ``"with …"`` and the
            first of them where they exist only beside certain values of others.
        trials: how many it was asked of.
        names, labels: the hyperparameters, the most important one first.
        shares: one each, adding up to 1; all 0 where none makes a difference.
    """

    group: str
    trials: int
    names: tuple[str, ...]
    labels: tuple[str, ...]
    shares: tuple[float, ...]


def importances(data: Data) -> tuple[Importance, ...]:
    """Return the importance of what all trials have, of each rule's own and of each cell's own.

    What exists only beside certain values of others, as a width does only where there is a front,
    is weighed against those of its group once more, among the trials that have it. PED-ANOVA
    (Watanabe, Bansal, Hutter 2023, arXiv 2304.10255): how far the best tenth in the first objective
    is distributed otherwise than all of the group.
    """
    rows = data.eligible
    names = [str(column) for column in rows.columns]
    owners = {*rows["rule"], *rows["cell"]}
    shared = [name for name in names if "." in name and name.rpartition(".")[0] not in owners]
    groups = [("all", rows, ["cell", "rule", *shared])]
    for kind in ("rule", "cell"):
        for name, group in rows.groupby(kind, sort=True):
            own = [c for c in names if c.startswith(f"{name}.") and not c.endswith(".eps")]
            groups.append((str(name), group, own))
    found = (
        _importance(*whole, data)
        for name, group, columns in groups
        for whole in _together(name, group, columns)
    )
    return tuple(importance for importance in found if importance)


def _together(
    name: str, rows: pd.DataFrame, columns: list[str]
) -> Iterator[tuple[str, pd.DataFrame, list[str]]]:
    """Give what all rows have, and beside it what a part of them has; first the name of each."""
    there = _there(rows, columns)
    always = [column for column in columns if there[column].all()]
    yield name, rows, always
    patterns: dict[bytes, list[str]] = {}
    for column in columns:
        if column not in always:
            patterns.setdefault(there[column].to_numpy(dtype=bool).tobytes(), []).append(column)
    for alike in patterns.values():
        having = rows[there[alike[0]]]
        if varied := [column for column in alike if having[column].nunique() > 1]:
            yield f"with {words.hyperparameter(varied[0])}", having, [*varied, *always]


def _there(rows: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """Return (rows, columns) whether a candidate has it: what it has not is at its default."""
    there = rows[columns].notna()
    owners: list[type[Any]] = [Training, *map(model_settings, rows["cell"].unique())]
    for kind, plugins in (("cell", registry.every_cell), ("rule", registry.rules)):
        known = plugins.names()
        owners += [plugins.get(name) for name in rows[kind].unique() if name in known]
    for name, needs in needs_of(*owners).items():
        for other, wanted in needs.items() if name in there else ():
            if other in rows:
                values = rows[other]
                met = values.isin(wanted) if isinstance(wanted, tuple) else values >= wanted
                there[name] &= met.to_numpy(dtype=bool)
    return there


def _importance(
    group: str, rows: pd.DataFrame, columns: list[str], data: Data
) -> Importance | None:
    rows = rows.iloc[:: max(1, -(-len(rows) // _MOST))]
    known = {column: _distribution(rows[column]) for column in columns}
    distributions = {column: found for column, found in known.items() if found}
    if len(rows) < ENOUGH or not distributions:
        return None
    sign = -1.0 if data.objectives[data.first] == "maximize" else 1.0
    study = _study()
    columns_of = [rows[column].tolist() for column in distributions]
    study.add_trials(
        create_trial(
            value=sign * float(value),
            params=dict(zip(distributions, values, strict=True)),
            distributions=distributions,
        )
        for value, *values in zip(rows[data.first].tolist(), *columns_of, strict=True)
    )
    # It brings scikit-learn along, which takes longer to load than the first view to draw.
    from optuna.importance import PedAnovaImportanceEvaluator

    with warnings.catch_warnings():
        # It says that values in equal measure, or results of which most are the best, decide
        # nothing; so do the shares.
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        warnings.filterwarnings("ignore", "Target and region quantiles select the same")
        found = PedAnovaImportanceEvaluator().evaluate(study)
    total = sum(found.values())
    order = sorted(found, key=lambda name: -found[name])
    return Importance(
        group=group,
        trials=len(rows),
        names=tuple(order),
        labels=tuple(words.hyperparameter(name) for name in order),
        shares=tuple(found[name] / total if total else 0.0 for name in order),
    )


def _study() -> optuna.Study:
    """Return an empty study, without Optuna's word that there is one."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        return optuna.create_study(sampler=optuna.samplers.RandomSampler(0))
    finally:
        optuna.logging.set_verbosity(before)


def _distribution(values: pd.Series[Any]) -> BaseDistribution | None:
    """Return the range that a column covers, None where it does not vary or is not in every row."""
    if values.isna().any() or values.nunique() < 2:
        return None
    plain = values.infer_objects()
    low, high = plain.min(), plain.max()
    if pd.api.types.is_bool_dtype(plain) or not pd.api.types.is_numeric_dtype(plain):
        return CategoricalDistribution(sorted(set(values), key=str))
    if values.nunique() <= _MOST_CHOICES:
        return CategoricalDistribution(sorted(set(values)))
    log = axis(str(values.name), plain).log
    if pd.api.types.is_integer_dtype(plain):
        return IntDistribution(int(low), int(high), log=log)
    return FloatDistribution(float(low), float(high), log=log)
