"""A candidate from dotted names, as tuners other than ours choose it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import registry
from ..hyperparameters import Hyperparameters, exists, specification
from .candidate import Candidate
from .faults import Faults
from .settings import Model, Training, model_settings
from .values import read_value


def from_flat(values: Mapping[str, Any], where: str = "config") -> Candidate:
    """Return the candidate that `values`, laid out as by `Candidate.flat`, describes.

    Args:
        values: ``cell``, ``rule`` and hyperparameters by dotted name, such as ``heavy_ball.mu``.
            Those left out take their defaults; those of cells and rules that are not the chosen
            ones, and those that others of their owner leave no room for, are passed over, for a
            tuner without conditions chooses them all the same.
        where: what to call `values` in messages.

    Raises:
        SpaceError: anything does not fit; it lists every fault.
    """
    faults = Faults(where)
    tables: dict[str, Any] = {Model.name: {}, Training.name: {}}
    for kind in ("cell", "rule"):
        if kind in values:
            tables[kind] = {"name": values[kind]}
    chosen = {str(values.get(kind)): kind for kind in ("cell", "rule")}
    passed_over = {*registry.every_cell.names(), *registry.rules.names()}
    for name, value in values.items():
        owner, _, option = name.rpartition(".")
        if owner in chosen:
            tables[chosen[owner]][option] = value
        elif owner in (Model.name, Training.name):
            tables[owner][option] = value
        elif owner in registry.penalties.names():
            tables.setdefault("penalty", {}).setdefault(owner, {})[option] = value
        elif owner not in passed_over and name not in ("cell", "rule"):
            owners = [Model.name, Training.name, *sorted(passed_over)]
            faults.unknown(name, "owner of a hyperparameter", owner or name, owners)
    faults.raise_if_any()
    cell, rule = (str(values.get(kind)) for kind in ("cell", "rule"))
    settings = model_settings(cell) if cell in registry.every_cell.names() else Model
    kinds: dict[str, type[Hyperparameters]] = {Model.name: settings, Training.name: Training}
    for key, name, plugins in (("cell", cell, registry.every_cell), ("rule", rule, registry.rules)):
        if name in plugins.names():
            kinds[key] = plugins.get(name)
    for key, owned in kinds.items():
        tables[key] = _there(owned, tables[key])
    return Candidate.from_dict(tables, where)


def _there(kind: type[Hyperparameters], options: dict[str, Any]) -> dict[str, Any]:
    """Return those options that exist beside the others, or all where one has no valid value."""
    specs = specification(kind)
    try:
        values = {
            name: read_value(spec, options.get(name, spec.default), name)
            for name, spec in specs.items()
        }
    except ValueError:
        return options  # which is said as they are read
    return {n: v for n, v in options.items() if n not in specs or exists(specs[n], values)}
