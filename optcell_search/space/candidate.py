"""One candidate: a cell, a rule and every hyperparameter, as plain data."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from .. import registry
from ..hyperparameters import Specification, specification
from .domains import Value
from .faults import Faults, dotted
from .settings import Model, Training
from .values import read_table, read_value

if TYPE_CHECKING:
    from ..cells import SequenceModel

_SECTIONS = ("cell", "rule", "model", "training")
_KEY_DIGITS = 16

Options = tuple[tuple[str, Value], ...]


class Sizes(Protocol):
    """What a task says about the model it needs."""

    @property
    def input_size(self) -> int:
        """Features per step."""

    @property
    def output_size(self) -> int:
        """Outputs per prediction."""

    @property
    def readout(self) -> Literal["last", "every"]:
        """The steps that are read out."""


@dataclass(frozen=True)
class Candidate:
    """A cell, a rule and the hyperparameters of both, of the model and of its training.

    Plain data: hashable, picklable and equal to every candidate with the same values. Made by a
    `SearchSpace` or by `from_dict`.

    Attributes:
        cell: registered name of the cell.
        rule: registered name of the rule.
        cell_options: hyperparameters of the cell, as (name, value) pairs in declared order.
        rule_options: hyperparameters of the rule, likewise.
        model: size and layout of the network.
        training: how its weights are trained.
    """

    cell: str
    rule: str
    cell_options: Options
    rule_options: Options
    model: Model
    training: Training

    @classmethod
    def from_dict(cls, data: Any, where: str = "candidate") -> Candidate:
        """Return the candidate that `data`, laid out as by `to_dict`, describes.

        Args:
            data: tables ``cell`` and ``rule``, each with a ``name`` and hyperparameters, and
                ``model`` and ``training``; hyperparameters left out take their defaults.
            where: what to call `data` in messages.

        Raises:
            SpaceError: anything does not fit; it lists every fault.
        """
        faults = Faults(where)
        table = read_table(data, "", _SECTIONS, faults)
        cell, cell_options = _read_plugin(table, "cell", registry.cells, faults)
        rule, rule_options = _read_plugin(table, "rule", registry.rules, faults)
        model = _read_options(specification(Model), table.get("model", {}), "model", faults)
        training = _read_options(
            specification(Training), table.get("training", {}), "training", faults
        )
        faults.raise_if_any()
        return cls(
            cell=cell,
            rule=rule,
            cell_options=tuple(cell_options.items()),
            rule_options=tuple(rule_options.items()),
            model=Model(**model),
            training=Training(**training),
        )

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """Return everything as nested plain data, fit for JSON and TOML."""
        return {
            "cell": {"name": self.cell, **dict(self.cell_options)},
            "rule": {"name": self.rule, **dict(self.rule_options)},
            "model": self.model.values(),
            "training": self.training.values(),
        }

    def flat(self) -> dict[str, Value]:
        """Return everything by dotted name: ``cell``, ``rule``, ``heavy_ball.mu``, ``model.…``."""
        sections = {
            self.cell: dict(self.cell_options),
            self.rule: dict(self.rule_options),
            Model.name: self.model.values(),
            Training.name: self.training.values(),
        }
        names: dict[str, Value] = {"cell": self.cell, "rule": self.rule}
        for section, options in sections.items():
            names.update({f"{section}.{option}": value for option, value in options.items()})
        return names

    @property
    def key(self) -> str:
        """16 hexadecimal digits that equal candidates share, on every machine."""
        text = json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()[:_KEY_DIGITS]

    def build(self, task: Sizes | str) -> SequenceModel:
        """Return an untrained model for `task`: OptCell and read-out.

        Args:
            task: a loaded task, or what `tasks.load` understands, such as ``"digits"``.

        Returns:
            A module from (batch, time, features) to (batch, outputs), or to
            (batch, time, outputs) where the task reads out every step.

        Raises:
            ValueError, FileNotFoundError: `task` is a string that names no task or no data.
        """
        from ..cells import SequenceModel
        from ..tasks import load

        sizes = load(task) if isinstance(task, str) else task
        return SequenceModel(
            sizes.input_size,
            sizes.output_size,
            cell=registry.cells.get(self.cell)(**dict(self.cell_options)),
            rule=registry.rules.get(self.rule)(**dict(self.rule_options)),
            readout=sizes.readout,
            **self.model.values(),
        )


def trial_seed(run_seed: int, key: str, repeat: int = 0) -> int:
    """Return the seed of one training of one candidate.

    A function of its arguments alone, so that any trial can be trained again by itself:
    the first 31 bits of sha256("run_seed:key:repeat").

    Returns:
        An integer in [0, 2**31).
    """
    digest = hashlib.sha256(f"{run_seed}:{key}:{repeat}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


def _read_plugin(
    table: Mapping[str, Any], key: str, plugins: registry.Registry, faults: Faults
) -> tuple[str, dict[str, Any]]:
    raw = table.get(key)
    name = raw.get("name") if isinstance(raw, Mapping) else None
    if not isinstance(raw, Mapping) or name is None:
        faults.add(key, "missing or without a name", f'{{ name = "{plugins.names()[0]}", ... }}')
        return "", {}
    if not isinstance(name, str) or name not in plugins.names():
        faults.unknown(dotted(key, "name"), plugins.kind, name, plugins.names())
        return "", {}
    options = {option: value for option, value in raw.items() if option != "name"}
    return name, _read_options(specification(plugins.get(name)), options, key, faults)


def _read_options(
    specs: Mapping[str, Specification], raw: object, key: str, faults: Faults
) -> dict[str, Any]:
    given = read_table(raw, key, tuple(specs), faults, kind="hyperparameter")
    values: dict[str, Any] = {}
    for name, spec in specs.items():
        try:
            values[name] = read_value(spec, given.get(name, spec.default), name)
        except ValueError as error:
            faults.add(dotted(key, name), str(error))
    return values
