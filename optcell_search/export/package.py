"""Writes an exported package: whole and checked, or not at all."""

from __future__ import annotations

import json
import math
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor

from .. import __version__
from ..cells.model import Ensemble
from ..raw import Preprocessing
from ..registry import every_cell, rules
from ..space import Candidate
from . import description, formats, plugins
from .description import Model, Scores, TaskDescription
from .raw_check import Reference, compare
from .verify import verify

FORMAT = 1
# Carried along as they are. They import nothing but torch and the standard library.
ROOMS = ("rules", "cells", "kernels", "hyperparameters")
MODULES = ("registry", "shapes")
# Where the task knows its raw data: from them to tensors, and from outputs to answers.
RAW = "raw"
# The versions that this package itself asks for: its rooms have been tried with no others.
REQUIREMENTS = ("torch>=2.11,<2.15", "safetensors>=0.5")
PREDICT = ("numpy>=1.26", "pandas>=2.2", "pyarrow>=17")


def export(
    candidate: Candidate,
    weights: Mapping[str, Tensor] | Sequence[Mapping[str, Tensor]],
    task: TaskDescription,
    scores: Scores,
    target: str | Path,
    reference: Reference | None = None,
    *,
    origin: Mapping[str, Any] = MappingProxyType({}),
    spread: Mapping[str, float] = MappingProxyType({}),
    unchecked: str = "",
) -> Path:
    """Write a trained candidate as a package that ``pip install`` takes.

    Layout: ``pyproject.toml``, ``README.md``, ``config.json``, and the package ``NAME_cell`` with
    ``load()``, the weights and the code they need; ``model.pt2`` and ``step.onnx`` where torch can
    write them (``config.json`` says why not). The package is loaded in a new interpreter without
    optcell_search, and its outputs are compared, before it appears under `target`.

    Where the task knows how raw data become tensors, the package also holds that, as
    ``preprocessing.json`` and the code that reads it, and has ``predictor()``.

    Args:
        candidate: cell, rule and their hyperparameters.
        weights: state dict of the model that ``candidate.build(task)`` gives; several: ``load()``
            gives the `cells.model.Ensemble` of such models.
        task: sizes and name of the task; a loaded task, or a `TaskInfo`.
        scores: split → metric → value, or values of several seeds; what is no metric of the task,
            such as times, stays behind.
        target: the folder to make; its last part gives the package its name.
        reference: raw data and what the predictor must score on them; None: that is not checked.
        origin: which training the weights are of, as plain data; ``config.json`` has it under
            ``weights``, and the README tells of it.
        spread: standard deviation of each validation score, where these are means over trainings
            whose single ones are not known.
        unchecked: why there is no reference; empty: there is no raw form of the task's data.

    Returns:
        The folder.

    Raises:
        FileExistsError: `target` exists; it is not touched.
        ValueError: the weights do not fit the candidate.
        ExportError: the package does not do what the model does; nothing is left.
    """
    folder = Path(target).absolute()
    if folder.exists() or folder.is_symlink():
        raise FileExistsError(f"{target}: already exists; name a new folder for the export")
    model = trained_model(candidate, weights, task)
    # Beside the target, so that the finished folder can be renamed into place.
    beside = next(parent for parent in folder.parents if parent.is_dir())
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".part", dir=beside))
    try:
        draft.chmod(0o755)
        known = {name: spread[name] for name in task.metrics if name in spread}
        told = {"weights": dict(origin), "spread": known, "unchecked": unchecked}
        _write(draft, folder.name, candidate, model, task, scores, reference, told)
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return folder


def trained_model(
    candidate: Candidate,
    weights: Mapping[str, Tensor] | Sequence[Mapping[str, Tensor]],
    task: TaskDescription,
) -> Model:
    """Return a candidate with its weights, in evaluation mode; of several, what averages them.

    Raises:
        ValueError: the weights do not fit the candidate.
    """
    each = [weights] if isinstance(weights, Mapping) else weights
    # What the random initial weights would take from the caller's generator is given back.
    with torch.random.fork_rng(devices=[]):
        models = [candidate.build(task) for _ in each]
    try:
        for model, known in zip(models, each, strict=True):
            model.load_state_dict(dict(known))
    except RuntimeError as error:
        said = " ".join(str(error).split())
        raise ValueError(f"the weights do not fit the candidate: {said}") from error
    one = models[0] if isinstance(weights, Mapping) else Ensemble(models, task.averaged)
    return one.eval()


def _is_defined(scores: float | Sequence[float]) -> bool:
    """Return whether no score is NaN, as it is where a split leaves a metric undefined."""
    each = scores if isinstance(scores, Sequence) else [scores]
    return not any(map(math.isnan, each))


def _write(
    draft: Path,
    folder: str,
    candidate: Candidate,
    model: Model,
    task: TaskDescription,
    scores: Scores,
    reference: Reference | None,
    told: Mapping[str, Any],
) -> None:
    package = description.package_name(folder)
    home = draft / package
    _copy_rooms(home)
    extras = {}
    if task.preprocessing is not None:
        _copy_preprocessing(home, task.preprocessing)
        extras = {"predict": PREDICT}
    classes = {"cell": every_cell.get(candidate.cell), "rule": rules.get(candidate.rule)}
    carried = plugins.carry(classes.values(), home)
    config: dict[str, Any] = {
        "format": FORMAT,
        "optcell_search": __version__,
        "torch": torch.__version__,
        "candidate": candidate.to_dict(),
        "key": candidate.key,
        "task": task.spec,
        "metrics": dict(task.metrics),
        "input_size": task.input_size,
        "output_size": task.output_size,
        "readout": task.readout,
        "frame": task.frame,
        "symbols": task.symbols,
        "embedded": task.embedded,
        "anchors": task.anchors,
        "chunk": task.chunk,
        # Models whose answers are averaged, and how; of one there is nothing to average.
        "members": len(model.members) if isinstance(model, Ensemble) else 1,
        "averaged": task.averaged,
        "predictor": task.preprocessing is not None,
        # Whether its scores on raw validation data have been compared with those of the search.
        "compared": reference is not None,
        **told,
        "parameters": sum(p.numel() for p in model.parameters() if p.requires_grad),
        "scores": {
            split: {n: found[n] for n in task.metrics if n in found and _is_defined(found[n])}
            for split, found in scores.items()
        },
        "code": {kind: plugins.location(plugin) for kind, plugin in classes.items()},
        "plugins": sorted(carried.packages),
        "files": formats.write_formats(model, task.input_size, draft),
    }
    tensors = {name: tensor.cpu().contiguous() for name, tensor in model.state_dict().items()}
    (home / "model.safetensors").write_bytes(save(tensors))
    text = json.dumps(config, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    # One for people beside the README, one that is installed with the package.
    for path in (draft / "config.json", home / "config.json"):
        path.write_text(text, encoding="utf-8")
    (home / "__init__.py").write_text(description.source("init"), encoding="utf-8")
    requirements = [*REQUIREMENTS, *carried.requirements]
    (draft / "pyproject.toml").write_text(
        description.pyproject(package, candidate, requirements, extras), encoding="utf-8"
    )
    (draft / "README.md").write_text(
        description.readme(package, folder, candidate, task, config), encoding="utf-8"
    )
    verify(draft, package, model, task.input_size, carried.packages)
    if reference is not None:
        compare(draft, package, reference, carried.packages)


def _copy_rooms(home: Path) -> None:
    source = Path(__file__).parents[1]
    for room in ROOMS:
        _copy_room(room, home)
    for module in MODULES:
        shutil.copyfile(source / f"{module}.py", home / f"{module}.py")


def _copy_room(room: str, home: Path) -> None:
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(__file__).parents[1] / room, home / room, ignore=ignored)


def _copy_preprocessing(home: Path, preprocessing: Preprocessing) -> None:
    _copy_room(RAW, home)
    text = json.dumps(preprocessing.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)
    (home / "preprocessing.json").write_text(text + "\n", encoding="utf-8")
    (home / "__main__.py").write_text(description.source("main"), encoding="utf-8")
