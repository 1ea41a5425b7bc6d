"""Checkpoints in the run folder: who writes what, and what is kept.

    checkpoints/<row>/training.pt        all it takes to go on training; while a row runs
    checkpoints/<row>/model.safetensors  the weights after the last epoch

Workers write them, each file whole or not at all; the driver's `Keeper` deletes what is no longer
needed.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

FOLDER = "checkpoints"
TRAINING = "training.pt"
WEIGHTS = "model.safetensors"


def save_training(folder: Path, state: Mapping[str, Any]) -> None:
    """Write ``training.pt``."""
    _write(folder / TRAINING, lambda path: torch.save(dict(state), path))


def load_training(folder: Path, device: str) -> dict[str, Any] | None:
    """Read ``training.pt``; None where there is none that can be read."""
    path = folder / TRAINING
    if not path.is_file():
        return None
    try:
        state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
    except (RuntimeError, EOFError, OSError, pickle.UnpicklingError):
        # A file that a power cut left unwritten costs the epochs it held and nothing else.
        return None
    return state


def save_weights(folder: Path, weights: Mapping[str, Tensor]) -> None:
    """Write ``model.safetensors``."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
    _write(folder / WEIGHTS, lambda path: safetensors.torch.save_file(tensors, path))


def load_weights(folder: Path) -> dict[str, Tensor] | None:
    """Read ``model.safetensors``; None where there is none."""
    path = folder / WEIGHTS
    return safetensors.torch.load_file(path) if path.is_file() else None


def _write(path: Path, save: Callable[[Path], None]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    save(temporary)
    os.replace(temporary, path)
