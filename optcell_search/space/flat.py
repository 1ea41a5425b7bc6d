"""A candidate from dotted names, as tuners other than ours choose it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import registry
from ..hyperparameters import Hyperparameters, exists, shown, specification
from .candidate import Candidate
from .faults import Faults
from .settings import Model, Training, model_settings
from .values import read_value

_Plugins = registry.Registry | registry.Registries
_CHOSEN: dict[str, _Plugins] = {"cell": registry.every_cell, "rule": registry.rules}
_PLUGINS: tuple[_Plugins, ...] = (*_CHOSEN.values(), registry.penalties)


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
    if not isinstance(values, Mapping):
        faults.add("", f"{shown(values)} is no table", "cell, rule and hyperparameters by name")
        faults.raise_if_any()
    tables = _tables(values, faults)
    faults.raise_if_any()
    owners: dict[str, type[Hyperparameters]] = {Model.name: Model, Training.name: Training}
    for kind, plugins in _CHOSEN.items():
        name = values.get(kind)
        if isinstance(name, str) and name in plugins.names():
            owners[kind] = plugins.get(name)
            if kind == "cell":
                owners[Model.name] = model_settings(name)
    for kind, owner in owners.items():
        tables[kind] = _there(owner, tables[kind])
    for name, options in tables.get("penalty", {}).items():
        tables["penalty"][name] = _there(registry.penalties.get(name), options)
    return Candidate.from_dict(tables, where)


def _tables(values: Mapping[Any, Any], faults: Faults) -> dict[str, Any]:
    """Return what is said of the chosen cell and rule, model, training and penalties."""
    tables: dict[str, Any] = {Model.name: {}, Training.name: {}}
    chosen: dict[str, str] = {}
    for kind in _CHOSEN:
        if kind in values:
            tables[kind] = {"name": values[kind]}
        if isinstance(values.get(kind), str):
            chosen[values[kind]] = kind
    plugins = {name: known for known in _PLUGINS for name in known.names()}
    for name, value in values.items():
        if name in _CHOSEN:
            continue
        owner, _, option = name.rpartition(".") if isinstance(name, str) else ("", "", "")
        if owner in (Model.name, Training.name):
            tables[owner][option] = value
        elif owner not in plugins:
            called = name if isinstance(name, str) else shown(name)
            valid = (Model.name, Training.name, *plugins)
            faults.unknown(called, "owner of a hyperparameter", owner or name, valid)
        elif option not in (known := specification(plugins[owner].get(owner))):
            faults.unknown(name, "hyperparameter", option, known)
        elif owner in chosen:
            tables[chosen[owner]][option] = value
        elif plugins[owner] is registry.penalties:
            tables.setdefault("penalty", {}).setdefault(owner, {})[option] = value
    return tables


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
