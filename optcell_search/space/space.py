"""A search space: which cells and rules, and what each hyperparameter may be."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from .. import registry
from .candidate import Candidate
from .conditions import Needs, apart, is_there, needs_of
from .domains import Choices, Domain, Fixed, Trial, Value
from .files import read_file, shipped_names
from .plain import holds_plain, plain_values, typical_value
from .reader import Contents, read_contents
from .settings import Model, Training, model_settings
from .values import whole

_LARGEST_GRID = 1_000_000


@dataclass(frozen=True, init=False)
class SearchSpace:
    """The candidates a search chooses from: plain data, with nothing run by making one.

    ``SearchSpace(cells=["lstm"], rules=["heavy_ball"], rule={"heavy_ball": {"mu": 0.6}})`` takes in
    Python what a TOML file says. A hyperparameter is given as a value (fixed), as
    ``{"choices": […]}``, or as ``{"low": …, "high": …}`` with ``"log": True`` or ``"step": …``.
    It exists only in candidates whose cell or rule has it. One of a cell or rule that is not
    mentioned takes its declared search range; one of model or training its default. A penalty
    that is mentioned, be it with an empty table, is a term of the training loss of every candidate.

    Args:
        cells: names of cells, at least one.
        rules: names of rules, at least one.
        cell: hyperparameters by cell name.
        rule: hyperparameters by rule name.
        model: hyperparameters of `Model`, or of `ConvModel` for convolutional cells.
        training: hyperparameters of `Training`.
        penalty: hyperparameters by name of a penalty, its `weight` among them.
        name: what the space is called.
        description: what it is for, on one line.

    Attributes:
        domains: what each hyperparameter may be, by its dotted name, e.g. ``heavy_ball.mu``.

    Raises:
        SpaceError: anything does not fit; it lists every fault.
    """

    name: str
    description: str
    cells: tuple[str, ...]
    rules: tuple[str, ...]
    penalties: tuple[str, ...]
    domains: dict[str, Domain] = field(hash=False)

    def __init__(
        self,
        *,
        cells: Sequence[str],
        rules: Sequence[str],
        cell: Mapping[str, Any] | None = None,
        rule: Mapping[str, Any] | None = None,
        model: Mapping[str, Any] | None = None,
        training: Mapping[str, Any] | None = None,
        penalty: Mapping[str, Any] | None = None,
        name: str = "",
        description: str = "",
    ) -> None:
        tables = {
            "cell": cell,
            "rule": rule,
            "model": model,
            "training": training,
            "penalty": penalty,
        }
        given = {key: table for key, table in tables.items() if table is not None}
        data = {"name": name, "description": description, "cells": cells, "rules": rules, **given}
        self._fill(read_contents(data, "SearchSpace"))

    @classmethod
    def from_dict(
        cls, data: Any, where: str = "search space", *, written: bool = False
    ) -> SearchSpace:
        """Return the space that nested plain data, the layout of a TOML file, describes.

        Args:
            data: the nested plain data.
            where: what to call it in messages.
            written: whether `to_dict` of this or an earlier version has written it: what is said
                there of hyperparameters that no candidate has is passed over.

        Raises:
            SpaceError: anything does not fit; it lists every fault, each beginning with `where`.
        """
        space = cls.__new__(cls)
        space._fill(read_contents(data, where, written=written))
        return space

    @classmethod
    def load(cls, name_or_path: str | Path) -> SearchSpace:
        """Return a shipped space by name, or the space of any TOML file by path.

        Raises:
            SpaceError: the name is unknown, or the file has faults; it lists every fault.
            FileNotFoundError: there is no such file; the message lists the shipped spaces.
        """
        data, name, where = read_file(name_or_path)
        return cls.from_dict({"name": name, **data}, where)

    @staticmethod
    def names() -> tuple[str, ...]:
        """Return the names of the shipped spaces, sorted."""
        return shipped_names()

    def suggest(self, trial: Trial) -> Candidate:
        """Return the candidate that an Optuna trial chooses.

        The trial is asked for ``cell``, ``rule`` and the dotted names of the hyperparameters that
        the chosen cell and rule have; for nothing that is fixed.
        """
        return self._choose(lambda name, domain: domain.suggest(trial, name))

    def sample(self, seed: int = 0) -> Candidate:
        """Return a random candidate, the same for the same seed on every machine.

        Raises:
            ValueError: `seed` is not an integer of 0 or more.
        """
        random = Random(whole("seed", seed, 0))
        return self._choose(lambda name, domain: domain.sample(random))

    def plain(self) -> list[Candidate]:
        """Return each cell behind gd with s = 1 and the defaults of the space, if it holds that.

        See `plain.plain_values` for what a space's defaults are, and where a cell has two.
        """
        if not holds_plain(self.rules, self.domains):
            return []
        ways = itertools.chain.from_iterable(plain_values(c, self.domains) for c in self.cells)
        return [self._choose(way) for way in ways]

    def typical(self, cell: str, rule: str) -> Candidate:
        """Return the candidate of a cell and a rule of the space, all else at its defaults.

        That is a declared default where it is a choice or inside the range, else the first choice
        or the middle of the range.
        """
        return self._choose(typical_value(cell, rule))

    def grid(self, points: int = 3) -> list[Candidate]:
        """Return every combination, with at most `points` values of each range, in a fixed order.

        Raises:
            ValueError: `points` is not a positive integer, or there would be over a million.
        """
        points = whole("points", points, 1)
        count = self._count(lambda domain: _grid_size(domain, points), points)
        if count > _LARGEST_GRID:
            raise ValueError(
                f"a grid of {points} points would have up to {count} candidates; "
                f"valid: at most {_LARGEST_GRID}: fix more hyperparameters or take fewer points"
            )
        return [
            self._candidate(cell, rule, dict(zip(domains, values, strict=True)))
            for cell, rule, domains in self._branches(points)
            for values in itertools.product(*(domain.grid(points) for domain in domains.values()))
        ]

    @property
    def size(self) -> int | None:
        """Number of different candidates, or None where a range is continuous."""
        if any(domain.size is None for domain in self.domains.values()):
            return None
        return self._count(lambda domain: domain.size or 0)

    @property
    def choices(self) -> str:
        """How many there are: ``6 cells × 5 rules, 4 hyperparameters searched, 372 candidates``."""
        numbers = {"cell": len(self.cells), "rule": len(self.rules)}
        pairs = " × ".join(f"{n} {kind}{'s' if n > 1 else ''}" for kind, n in numbers.items())
        return f"{pairs}, {self._searched}"

    @property
    def summary(self) -> str:
        """What the space holds, on one line."""
        contents = f"{', '.join(self.cells)} with {', '.join(self.rules)}; {self._searched}"
        return f"{self.description} ({contents})" if self.description else contents

    @property
    def _searched(self) -> str:
        searched = sum(not isinstance(domain, Fixed) for domain in self.domains.values())
        continuous = sum(domain.size is None for domain in self.domains.values())
        size = f"{continuous} of them continuous" if continuous else f"{self.size} candidates"
        return f"{searched} hyperparameters searched, {size}"

    def to_dict(self) -> dict[str, Any]:
        """Return everything, also what a file leaves unsaid, as data that `from_dict` takes."""
        data: dict[str, Any] = {
            "name": self.name,
            "description": self.description,
            "cells": list(self.cells),
            "rules": list(self.rules),
        }
        for dotted_name, domain in self.domains.items():
            owner, option = dotted_name.rsplit(".", 1)
            if owner in (Model.name, Training.name):
                table = data.setdefault(owner, {})
            else:
                kind = self._kind_of(owner)
                table = data.setdefault(kind, {}).setdefault(owner, {})
            table[option] = domain.plain()
        return data

    def __contains__(self, candidate: object) -> bool:
        if not isinstance(candidate, Candidate):
            return False
        if candidate.cell not in self.cells or candidate.rule not in self.rules:
            return False
        if {name for name, _ in candidate.penalties} != set(self.penalties):
            return False
        values = candidate.flat()
        domains = self._domains_of(candidate.cell, candidate.rule)
        return all(values[name] in domain for name, domain in domains.items() if name in values)

    def _kind_of(self, owner: str) -> str:
        if owner in self.penalties:
            return "penalty"
        return "cell" if owner in self.cells else "rule"

    def _fill(self, contents: Contents) -> None:
        for key, value in vars(contents).items():
            object.__setattr__(self, key, value)

    def _choose(self, value_of: Callable[[str, Domain], Value]) -> Candidate:
        cell = str(value_of("cell", _one_of(self.cells)))
        rule = str(value_of("rule", _one_of(self.rules)))
        values: dict[str, Value] = {}
        for name, domain in self._domains_of(cell, rule).items():
            if is_there(name, values, self._needs):
                values[name] = value_of(name, domain)
        return self._candidate(cell, rule, values)

    def _candidate(self, cell: str, rule: str, values: Mapping[str, Value]) -> Candidate:
        tables: dict[str, dict[str, Value]] = {
            "cell": {"name": cell},
            "rule": {"name": rule},
            "model": {},
            "training": {},
            **{name: {} for name in self.penalties},
        }
        kinds = {cell: "cell", rule: "rule"}
        for dotted_name, value in values.items():
            owner, option = dotted_name.rsplit(".", 1)
            tables[kinds.get(owner, owner)][option] = value
        penalties = {name: tables.pop(name) for name in self.penalties}
        return Candidate.from_dict({**tables, "penalty": penalties})

    def _domains_of(self, cell: str, rule: str) -> dict[str, Domain]:
        owners = (cell, rule, Model.name, Training.name, *self.penalties)
        return {
            name: domain
            for name, domain in self.domains.items()
            if name.rsplit(".", 1)[0] in owners
        }

    @functools.cached_property
    def _needs(self) -> Needs:
        plugins = [*map(registry.every_cell.get, self.cells), *map(registry.rules.get, self.rules)]
        plugins += map(registry.penalties.get, self.penalties)
        return needs_of(model_settings(self.cells[0]), Training, *plugins)

    def _branches(self, points: int | None = None) -> Iterator[tuple[str, str, dict[str, Domain]]]:
        for cell, rule in itertools.product(self.cells, self.rules):
            for domains in apart(self._domains_of(cell, rule), self._needs, points):
                yield cell, rule, domains

    def _count(self, size_of: Callable[[Domain], int], points: int | None = None) -> int:
        return sum(
            math.prod(size_of(domain) for domain in domains.values())
            for _, _, domains in self._branches(points)
        )


def _one_of(names: tuple[str, ...]) -> Domain:
    return Choices(names) if len(names) > 1 else Fixed(names[0])


def _grid_size(domain: Domain, points: int) -> int:
    if isinstance(domain, Fixed | Choices):
        return domain.size
    return points if domain.size is None else min(domain.size, points)
