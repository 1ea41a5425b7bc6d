"""What an exported package says about itself: its names, its README, its pyproject.toml."""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import Any, Literal, Protocol

import jinja2
import tomli_w

from ..cells import SequenceModel
from ..cells.conv import ConvNet
from ..cells.model import Averaged, Ensemble
from ..hyperparameters import specification
from ..raw import Preprocessing
from ..registry import every_cell, rules
from ..space import Candidate
from ..space.candidate import Sizes
from . import usage

Model = SequenceModel | ConvNet | Ensemble
# Split ("validation", "test") → metric → one value, or one value a seed.
Scores = Mapping[str, Mapping[str, float | Sequence[float]]]
_AVERAGES: Mapping[Averaged, str] = {
    "outputs": "the numbers that they predict are averaged",
    "classes": "their probabilities of the classes are averaged",
    "labels": "their probabilities of each label are averaged",
}


class TaskDescription(Sizes, Protocol):
    """What an export has to know of a task; a loaded task is one."""

    @property
    def spec(self) -> str:
        """Canonical text of the task."""

    @property
    def metrics(self) -> Mapping[str, str]:
        """Metric → ``"maximize"`` or ``"minimize"``, the primary one first."""

    @property
    def preprocessing(self) -> Preprocessing | None:
        """How raw data become inputs and outputs answers; None: it is not known."""

    @property
    def embedded(self) -> tuple[tuple[int, int], ...]:
        """Place and levels of the features that are numbers of categories."""

    @property
    def anchors(self) -> tuple[tuple[int, float, float], ...]:
        """For each output the place of its series' past, factor and shift; empty: no forecast."""

    @property
    def chunk(self) -> int:
        """Steps of the pieces that sequences are taken in, the state carried on; 0: whole."""

    @property
    def averaged(self) -> Averaged:
        """What is averaged where several models answer as one; see `cells.model.average`."""


@dataclass(frozen=True, kw_only=True)
class TaskInfo:
    """A task described without its data; the fields are those of a loaded task."""

    spec: str
    input_size: int
    output_size: int
    metrics: Mapping[str, str]
    readout: Literal["last", "every"] = "last"
    frame: tuple[int, int, int] | None = None
    symbols: bool = False
    preprocessing: Preprocessing | None = None
    chunk: int = 0
    averaged: Averaged = "outputs"
    chance: Mapping[str, float] = field(default_factory=dict)

    @property
    def embedded(self) -> tuple[tuple[int, int], ...]:
        """Place and levels of the features that are numbers of categories."""
        return () if self.preprocessing is None else self.preprocessing.embedded

    @property
    def anchors(self) -> tuple[tuple[int, float, float], ...]:
        """For each output the place of its series' past, factor and shift; empty: no forecast."""
        return () if self.preprocessing is None else self.preprocessing.anchors


def package_name(target: str) -> str:
    """Return the name of the package in a folder: ``winner`` → ``winner_cell``."""
    words = re.findall(r"[a-z0-9]+", target.lower())
    name = "_".join(words) or "exported"
    name = f"n{name}" if name[0].isdigit() else name
    return name if name.endswith("_cell") else f"{name}_cell"


def pyproject(
    package: str,
    candidate: Candidate,
    requirements: Sequence[str],
    extras: Mapping[str, Sequence[str]],
) -> str:
    """Return the package's ``pyproject.toml``.

    The build back-end is setuptools: torch depends on it, so it is there also without network.
    """
    return tomli_w.dumps(
        {
            "build-system": {
                "requires": ["setuptools>=68"],
                "build-backend": "setuptools.build_meta",
            },
            "project": {
                "name": package.replace("_", "-"),
                "version": "1.0.0",
                "description": f"A trained {candidate.cell} driven through {candidate.rule}",
                "readme": "README.md",
                "requires-python": ">=3.11",
                "dependencies": [*requirements],
                **({"optional-dependencies": extras} if extras else {}),
            },
            "tool": {
                "setuptools": {
                    "packages": {"find": {"include": [f"{package}*"]}},
                    "package-data": {"*": ["*.json", "*.safetensors", "cpu/*"]},
                }
            },
        }
    )


def readme(
    package: str,
    folder: str,
    candidate: Candidate,
    task: TaskDescription,
    config: Mapping[str, Any],
) -> str:
    """Return the package's ``README.md``."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(__package__, "template"),
        # Markdown, not HTML: what comes from data stands in code spans.
        autoescape=False,
        undefined=jinja2.ChainableUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["code"] = _code
    environment.filters["cell"] = _cell
    plugins = {"cell": every_cell.get(candidate.cell), "rule": rules.get(candidate.rule)}
    return environment.get_template("README.md").render(
        package=package,
        folder=folder,
        candidate=candidate,
        task=task,
        scores=_told(config),
        trainings=_trainings(config),
        config=config,
        averages=_AVERAGES[task.averaged],
        **(usage.told(task.preprocessing) if task.preprocessing else {}),
        plugins=plugins,
        options={
            "cell": _options(plugins["cell"], dict(candidate.cell_options)),
            "rule": _options(plugins["rule"], dict(candidate.rule_options)),
        },
    )


def source(name: str) -> str:
    """Return the source of one of the package's own modules, ``init`` or ``main``."""
    template = resources.files(__package__).joinpath("template", f"package_{name}.txt")
    return template.read_text(encoding="utf-8")


def _options(plugin: type, values: Mapping[str, Any]) -> list[tuple[str, Any, str]]:
    specs = specification(plugin)
    return [(name, value, specs[name].doc) for name, value in values.items()]


def _told(config: Mapping[str, Any]) -> list[tuple[str, str, str, int]]:
    """Return (split, metric, "mean ± spread", trainings) of every score."""
    scores: Scores = config["scores"]
    rows = []
    for split, metrics in scores.items():
        for metric, given in metrics.items():
            if isinstance(given, int | float):
                mean, count = given, _trainings(config)
                spread = config.get("spread", {}).get(metric)
            else:
                mean, count = statistics.fmean(given), len(given)
                spread = statistics.stdev(given) if count > 1 and math.isfinite(mean) else None
            text = f"{mean:.4g}" if spread is None else f"{mean:.4g} ± {spread:.2g}"
            rows.append((split, metric, text, count))
    return rows


def _trainings(config: Mapping[str, Any]) -> int:
    """Return over how many trainings a score is the mean that stands as one number."""
    origin = config.get("weights", {})
    return int(origin.get("folds", 1) * origin.get("repeats", 1))


def _cell(text: object) -> str:
    """Return a code span that stands in a table."""
    return _code(text).replace("|", "\\|")


def _code(text: object) -> str:
    """Return a code span of one line that holds the text whatever its characters."""
    line = " ".join(str(text).split())
    longest = max((len(run) for run in re.findall("`+", line)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if longest else ""
    return f"{fence}{pad}{line}{pad}{fence}"
