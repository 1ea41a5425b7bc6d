"""Checkpoints of a run: who writes what.

    checkpoints/<row>/training.pt        all it takes to go on training; while a row runs
    checkpoints/<row>/model.safetensors  the weights after the last epoch

Workers write them, each file whole or not at all; the driver's `Keeper` deletes what is no longer
needed.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from ...ledger.request import Request
from .file_systems import Place

FOLDER = "checkpoints"
TRAINING = "training.pt"
WEIGHTS = "model.safetensors"


class CannotSave(RuntimeError):  # noqa: N818 - it says what happened
    """A checkpoint cannot be written or read: the disk is full, the place out of reach."""


def place_of(request: Request, folder: Path) -> Place:
    """Return where a run's checkpoints lie: in its folder, or where its request says."""
    if request.storage:
        return Place(request.storage) / request.run_id / FOLDER
    return Place(str(folder.absolute() / FOLDER))


def training_bytes(state: Mapping[str, Any]) -> bytes:
    """Return the content of ``training.pt``."""
    buffer = io.BytesIO()
    torch.save(dict(state), buffer)
    return buffer.getvalue()


def load_training(row: Place, device: str) -> dict[str, Any] | None:
    """Read ``training.pt``; None where there is none that can be read."""
    content = row.read(TRAINING)
    if content is None:
        return None
    try:
        state: dict[str, Any] = torch.load(
            io.BytesIO(content), map_location=device, weights_only=True
        )
    except (RuntimeError, EOFError, OSError, pickle.UnpicklingError):
        # A file that a power cut left unwritten costs the epochs it held and nothing else.
        return None
    return state


def weights_bytes(weights: Mapping[str, Tensor]) -> bytes:
    """Return the content of ``model.safetensors``."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
    return safetensors.torch.save(tensors)


def load_weights(row: Place) -> dict[str, Tensor] | None:
    """Read ``model.safetensors``; None where there is none."""
    content = row.read(WEIGHTS)
    return None if content is None else safetensors.torch.load(content)
