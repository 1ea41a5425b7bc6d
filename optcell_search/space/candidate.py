"""One candidate: a cell, a rule and every hyperparameter, as plain data."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from .. import registry
from ..hyperparameters import (
    Specification,
    distinguishing,
    exists,
    in_words,
    specification,
    unmet,
)
from .domains import Value
from .faults import Faults, dotted
from .renamed import NEW, OLD, with_new_names
from .settings import ConvModel, Model, Training, model_settings
from .values import read_table, read_value

if TYPE_CHECKING:
    from ..cells.building import AnyModel

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

    @property
    def frame(self) -> tuple[int, int, int] | None:
        """Channels, height and width, where the features of a step are an image."""

    @property
    def symbols(self) -> bool:
        """Whether a step is the number of a symbol, and symbols are predicted."""

    # A task may also say `embedded`: place and levels of features that are numbers of categories;
    # and `anchors`: where each output finds the past of the series that it forecasts.


@dataclass(frozen=True)
class Candidate:
    """A cell, a rule and the hyperparameters of both, of the model, its training and its loss.

    Plain data: hashable, picklable and equal to every candidate with the same values. Made by a
    `SearchSpace` or by `from_dict`.

    Attributes:
        cell: registered name of the cell.
        rule: registered name of the rule.
        cell_options: hyperparameters of the cell, as (name, value) pairs in declared order.
        rule_options: hyperparameters of the rule, likewise.
        model: size and layout of the network.
        training: how its weights are trained.
        penalties: terms of the loss besides the task's own, as (name, options) by name.
    """

    cell: str
    rule: str
    cell_options: Options
    rule_options: Options
    model: Model | ConvModel
    training: Training
    penalties: tuple[tuple[str, Options], ...] = ()

    @classmethod
    def from_dict(cls, data: Any, where: str = "candidate") -> Candidate:
        """Return the candidate that `data`, laid out as by `to_dict`, describes.

        Args:
            data: tables ``cell`` and ``rule``, each with a ``name`` and hyperparameters,
                ``model``, ``training``, and ``penalty`` with a table for each term of the loss;
                hyperparameters left out take their defaults.
            where: what to call `data` in messages.

        Raises:
            SpaceError: anything does not fit; it lists every fault.
        """
        faults = Faults(where)
        table = read_table(with_new_names(data), "", registry.SECTIONS, faults)
        cell, cell_options = _read_plugin(table, "cell", registry.every_cell, faults)
        rule, rule_options = _read_plugin(table, "rule", registry.rules, faults)
        settings = model_settings(cell)
        model = _read_options(specification(settings), table.get("model", {}), "model", faults)
        training = _read_options(
            specification(Training), table.get("training", {}), "training", faults
        )
        penalties = _read_penalties(table.get("penalty", {}), faults)
        faults.raise_if_any()
        return cls(
            cell=cell,
            rule=rule,
            cell_options=tuple(cell_options.items()),
            rule_options=tuple(rule_options.items()),
            model=settings(**model),
            training=Training(**training),
            penalties=penalties,
        )

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """Return everything as nested plain data, fit for JSON and TOML."""
        penalties = {name: dict(options) for name, options in self.penalties}
        return {
            "cell": {"name": self.cell, **dict(self.cell_options)},
            "rule": {"name": self.rule, **dict(self.rule_options)},
            "model": self.model.values(),
            "training": self.training.values(),
            **({"penalty": penalties} if penalties else {}),
        }

    def flat(self) -> dict[str, Value]:
        """Return what exists by dotted name: ``cell``, ``rule``, ``heavy_ball.mu``, ``model.…``."""
        sections = {
            self.cell: _there(registry.every_cell.get(self.cell), self.cell_options),
            self.rule: _there(registry.rules.get(self.rule), self.rule_options),
            self.model.name: self.model.present(),
            Training.name: self.training.present(),
            **{
                name: _there(registry.penalties.get(name), options)
                for name, options in self.penalties
            },
        }
        names: dict[str, Value] = {"cell": self.cell, "rule": self.rule}
        for section, options in sections.items():
            names.update({f"{section}.{option}": value for option, value in options.items()})
        return names

    @functools.cached_property
    def key(self) -> str:
        """16 hexadecimal digits that equal candidates share, on every machine."""
        # Keys are stored, and a key does not change: of hyperparameters added since, those at their
        # defaults are left out, and penalties bear their first name.
        specs = {
            "cell": specification(registry.every_cell.get(self.cell)),
            "rule": specification(registry.rules.get(self.rule)),
            "model": specification(type(self.model)),
            "training": specification(Training),
        }
        tables = self.to_dict()
        content = {name: distinguishing(specs.get(name, {}), tables[name]) for name in tables}
        if NEW in content:
            content[OLD] = {
                name: distinguishing(specification(registry.penalties.get(name)), options)
                for name, options in content.pop(NEW).items()
            }
        text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()[:_KEY_DIGITS]

    def build(self, task: Sizes | str, *, rule: Any = None) -> AnyModel:
        """Return an untrained model for `task`: recurrent layers or stages, and a read-out.

        Args:
            task: a loaded task, or what `tasks.load` understands, such as ``"digits"``.
            rule: a `rules.Rule` in place of the candidate's own.

        Returns:
            A module from (batch, time, features) to (batch, outputs), or to
            (batch, time, outputs) where the task reads out every step.

        Raises:
            ValueError, FileNotFoundError: `task` is a string that names no task or no data, or
                its steps are not images that a convolutional candidate can take.
        """
        from ..cells.building import build_model
        from ..tasks import load

        sizes = load(task) if isinstance(task, str) else task
        over_images = isinstance(self.model, ConvModel)
        return build_model(
            registry.every_cell.get(self.cell)(**dict(self.cell_options)),
            rule or registry.rules.get(self.rule)(**dict(self.rule_options)),
            self.model.values(),
            input_size=sizes.input_size,
            output_size=sizes.output_size,
            readout=sizes.readout,
            frame=sizes.frame if over_images else None,
            symbols=sizes.symbols,
            embedded=getattr(sizes, "embedded", ()),
            anchors=getattr(sizes, "anchors", ()),
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


def _there(owner: type[Any], options: Options) -> dict[str, Value]:
    """Return those hyperparameters of a plug-in that exist beside the others."""
    values, specs = dict(options), specification(owner)
    return {name: value for name, value in values.items() if exists(specs[name], values)}


def _read_plugin(
    table: Mapping[str, Any],
    key: str,
    plugins: registry.Registry | registry.Registries,
    faults: Faults,
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


def _read_penalties(raw: object, faults: Faults) -> tuple[tuple[str, Options], ...]:
    plugins = registry.penalties
    given = read_table(raw, "penalty", plugins.names(), faults, kind=plugins.kind)
    penalties = []
    for name, options in given.items():
        key = dotted("penalty", name)
        values = _read_options(specification(plugins.get(name)), options, key, faults)
        penalties.append((name, tuple(values.items())))
    return tuple(penalties)


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
    for name in given:
        spec = specs[name]
        if name not in values or values[name] == spec.default or spec.needs.keys() - values.keys():
            continue
        if missing := unmet(spec.needs, values):
            found = " and ".join(f"{other} is {values[other]!r}" for other in missing)
            what = f"{values[name]!r} needs {in_words(missing)}, and {found}"
            faults.add(dotted(key, name), what, repr(spec.default))
    return values
