"""From the nested plain data of a space to its contents, with every fault noted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .. import registry
from ..hyperparameters import Specification, in_words, shown, specification
from .conditions import needs_of, never
from .domains import Domain, Fixed
from .faults import Faults, dotted
from .renamed import with_new_names
from .settings import ConvModel, Model, Training, model_settings
from .values import declared, read_domain, read_table

_TOP_LEVEL = (
    "name",
    "description",
    "cells",
    "rules",
    "cell",
    "rule",
    "model",
    "training",
    "penalty",
)


@dataclass
class Contents:
    """What a description of a space says, with every domain resolved."""

    name: str = ""
    description: str = ""
    cells: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    penalties: tuple[str, ...] = ()
    domains: dict[str, Domain] = field(default_factory=dict)


def read_contents(data: object, where: str, *, written: bool = False) -> Contents:
    """Read the nested plain data of a space, the layout of its TOML file.

    Args:
        data: the nested plain data.
        where: what to call it in messages.
        written: whether a program has written it and not a person: what is said there of
            hyperparameters that no candidate has is passed over.

    Raises:
        SpaceError: anything is wrong; it lists every fault.
    """
    faults = Faults(where)
    table = read_table(with_new_names(data), "", _TOP_LEVEL, faults)
    contents = Contents(
        name=_read_line(table.get("name", ""), "name", faults),
        description=_read_line(table.get("description", ""), "description", faults),
        cells=_read_names(table, "cells", registry.every_cell, faults),
        rules=_read_names(table, "rules", registry.rules, faults),
    )
    for name in contents.rules:
        if name in contents.cells:
            what = f"{name} is also in cells, and their hyperparameters would mix"
            faults.add("rules", what, "cells and rules of different names")
    contents.penalties, penalties = _read_penalties(table, faults)
    for name in contents.penalties:
        if name in (*contents.cells, *contents.rules):
            what = f"{name} is also a cell or a rule, and their hyperparameters would mix"
            faults.add("penalty", what, "penalties of other names")
    contents.domains = {
        **_read_plugins(table, "cell", contents.cells, registry.every_cell, faults),
        **_read_plugins(table, "rule", contents.rules, registry.rules, faults),
        **_read_settings(table, _model_settings(contents.cells, faults), faults),
        **_read_settings(table, Training, faults),
        **penalties,
    }
    faults.raise_if_any()
    _settle(contents, Faults(where) if not written else None)
    return contents


def _settle(contents: Contents, faults: Faults | None) -> None:
    """Fix what no candidate has at its default; it is a fault to say anything else of it."""
    owners: dict[str, tuple[str, type]] = {
        **{name: (f"cell.{name}", registry.every_cell.get(name)) for name in contents.cells},
        **{name: (f"rule.{name}", registry.rules.get(name)) for name in contents.rules},
        **{name: (f"penalty.{name}", registry.penalties.get(name)) for name in contents.penalties},
        **{kind.name: (kind.name, kind) for kind in (model_settings(contents.cells[0]), Training)},
    }
    needs = needs_of(*(owner for _, owner in owners.values()))
    for name in contents.domains:
        if not (missing := never(needs.get(name, {}), contents.domains)):
            continue
        owner, option = name.rsplit(".", 1)
        key, kind = owners[owner]
        spec = specification(kind)[option]
        nothing, said = Fixed(spec.default), contents.domains[name]
        contents.domains[name] = nothing
        unsaid = nothing if key == owner else declared(spec)
        if faults is not None and said not in (nothing, unsaid):
            what = f"needs {in_words(missing)}, which no candidate of this space has"
            faults.add(f"{key}.{option}", what, f"to leave it out, or {spec.default!r}")
    if faults is not None:
        faults.raise_if_any()


def _read_line(raw: object, key: str, faults: Faults) -> str:
    if isinstance(raw, str) and raw.isprintable():
        return raw
    faults.add(key, f"{shown(raw)} is not one line of text", "a string of printable characters")
    return ""


def _read_names(
    table: Mapping[str, Any],
    key: str,
    plugins: registry.Registry | registry.Registries,
    faults: Faults,
) -> tuple[str, ...]:
    valid = plugins.names()
    if key not in table:
        faults.add(key, "missing", f"a list of {', '.join(valid)}")
        return ()
    raw = table[key]
    if not isinstance(raw, list | tuple) or not raw:
        what = "the list is empty" if isinstance(raw, list | tuple) else f"{shown(raw)} is no list"
        faults.add(key, what, f"a list of {', '.join(valid)}")
        return ()
    names: list[str] = []
    for name in raw:
        if not isinstance(name, str) or name not in valid:
            faults.unknown(key, plugins.kind, name, valid)
        elif name in names:
            faults.add(key, f"{name!r} appears more than once", "each name once")
        else:
            names.append(name)
    return tuple(names)


def _read_plugins(
    table: Mapping[str, Any],
    key: str,
    names: tuple[str, ...],
    plugins: registry.Registry | registry.Registries,
    faults: Faults,
) -> dict[str, Domain]:
    given = read_table(table.get(key, {}), key, plugins.names(), faults, kind=plugins.kind)
    domains: dict[str, Domain] = {}
    for name in given:
        if names and name not in names:
            valid = f"a table for one of {', '.join(names)}, or {name!r} added to {key}s"
            faults.add(dotted(key, name), f"{name!r} is not in {key}s", valid)
    for name in [*names, *(name for name in given if name not in names)]:
        specs = specification(plugins.get(name))
        raw = given.get(name, {})
        for option, domain in _read_section(specs, raw, dotted(key, name), faults).items():
            domains[f"{name}.{option}"] = domain or declared(specs[option])
    return domains


def _read_penalties(
    table: Mapping[str, Any], faults: Faults
) -> tuple[tuple[str, ...], dict[str, Domain]]:
    plugins = registry.penalties
    given = read_table(
        table.get("penalty", {}), "penalty", plugins.names(), faults, kind=plugins.kind
    )
    domains: dict[str, Domain] = {}
    for name, raw in given.items():
        specs = specification(plugins.get(name))
        for option, domain in _read_section(specs, raw, dotted("penalty", name), faults).items():
            domains[f"{name}.{option}"] = domain or declared(specs[option])
    return tuple(given), domains


def _model_settings(cells: tuple[str, ...], faults: Faults) -> type[Model] | type[ConvModel]:
    over_images = [cell for cell in cells if model_settings(cell) is ConvModel]
    if over_images and len(over_images) < len(cells):
        what = f"{', '.join(over_images)} work on images, the others do not"
        faults.add("cells", what, "cells of one of these kinds")
    return ConvModel if over_images else Model


def _read_settings(
    table: Mapping[str, Any],
    settings: type[Model] | type[ConvModel] | type[Training],
    faults: Faults,
) -> dict[str, Domain]:
    specs = specification(settings)
    section = _read_section(specs, table.get(settings.name, {}), settings.name, faults)
    return {
        f"{settings.name}.{option}": domain or Fixed(specs[option].default)
        for option, domain in section.items()
    }


def _read_section(
    specs: Mapping[str, Specification], raw: object, key: str, faults: Faults
) -> dict[str, Domain | None]:
    given = read_table(raw, key, tuple(specs), faults, kind="hyperparameter")
    return {
        name: read_domain(spec, given[name], dotted(key, name), faults) if name in given else None
        for name, spec in specs.items()
    }
