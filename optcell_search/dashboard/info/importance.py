"""Which hyperparameters decide over doing well, group by group, as plain data.

A hyperparameter exists only where its rule or cell has been chosen, so its weight is asked among
the trials that have it: those of one rule for that rule's own, those of one cell for that cell's.
"""

from __future__ import annotations

import warnings
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
        group: ``"all"``, or the name of the rule or cell whose own they are.
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

    PED-ANOVA (Watanabe, Bansal, Hutter 2023, arXiv 2304.10255): how far the best tenth in the first
    objective is distributed otherwise than all of the group.
    """
    rows = data.eligible
    groups = [("all", rows, [c for c in map(str, rows.columns) if _is_general(c)])]
    for kind in ("rule", "cell"):
        for name, group in rows.groupby(kind, sort=True):
            own = [c for c in map(str, rows.columns) if c.startswith(f"{name}.")]
            groups.append((str(name), group, [c for c in own if not c.endswith(".eps")]))
    found = (_importance(name, group, columns, data) for name, group, columns in groups)
    return tuple(importance for importance in found if importance)


def _is_general(column: str) -> bool:
    return column in ("cell", "rule") or column.startswith(("model.", "training."))


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
    if pd.api.types.is_integer_dtype(plain):
        return IntDistribution(int(low), int(high))
    return FloatDistribution(float(low), float(high), log=axis(str(values.name), plain).log)
