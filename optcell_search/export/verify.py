"""Loads an exported package where optcell_search cannot be imported, and compares outputs."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterable
from importlib import resources
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from .description import Model

# What the check hides: ourselves, and all that the search needs and a cell must not.
HIDDEN = ("optcell_search", "search_spaces", "ray", "optuna", "pandas", "plotly", "dash", "sklearn")
_BATCH, _STEPS = 3, 7
# The same code on the same machine: what differs is at most the order of sums in threads.
_TOLERANCE = 1e-5


class ExportError(RuntimeError):
    """An exported package does not load or does not compute what the model does."""


def verify(
    folder: Path,
    package: str,
    model: Model,
    input_size: int,
    plugins: Iterable[str] = (),
) -> None:
    """Compare an exported package in a new interpreter with the model it was made from.

    Args:
        folder: holds the package.
        package: its name.
        model: the trained model, in evaluation mode.
        input_size: features per step.
        plugins: packages that were carried along and must not be found either.

    Raises:
        ExportError: it does not load, or an output differs.
    """
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(_BATCH, _STEPS, input_size, generator=generator)
    with tempfile.TemporaryDirectory() as scratch:
        given, made = Path(scratch, "given.safetensors"), Path(scratch, "made.safetensors")
        save_file({"x": x}, given)
        in_new_interpreter("check.txt", folder, package, (*HIDDEN, *plugins), given, made)
        outputs = load_file(made)
    _compare(_expected(model, x), outputs)


def in_new_interpreter(
    program: str, folder: Path, package: str, hidden: Iterable[str], given: Path, made: Path
) -> None:
    """Run one of the templates' programs apart from everything that this process can import.

    Args:
        program: its file.
        folder: holds the package.
        package: its name.
        hidden: packages that it must not find.
        given: what it reads.
        made: where it writes.

    Raises:
        ExportError: it ended with an error.
    """
    templates = resources.files(__package__).joinpath("template")
    parts = [
        templates.joinpath(name).read_text(encoding="utf-8") for name in ("alone.txt", program)
    ]
    arguments = [str(folder), package, ",".join(hidden), str(given), str(made)]
    # -I: neither the current folder nor PYTHONPATH lends it anything.
    done = subprocess.run(
        [sys.executable, "-I", "-c", "".join(parts), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise ExportError(f"the exported package does not work by itself: {last}")


def _expected(model: Model, x: Tensor) -> dict[str, Tensor]:
    with torch.no_grad():
        outputs = {"forward": model(x)}
        return outputs | {"stream": model.stream(x)[0]} if model.streams else outputs


def _compare(expected: dict[str, Tensor], outputs: dict[str, Tensor]) -> None:
    for name, tensor in expected.items():
        other = outputs[name]
        if other.shape != tensor.shape:
            found = f"{tuple(other.shape)} instead of {tuple(tensor.shape)}"
            raise ExportError(f"the exported package's {name} has shape {found}")
        limit = _TOLERANCE * max(1.0, float(tensor.abs().max()))
        difference = float((other - tensor).abs().max())
        # Written so that NaN fails.
        if not difference <= limit:
            raise ExportError(f"the exported package's {name} differs by {difference:.3g}")
