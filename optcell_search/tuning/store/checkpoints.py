"""Checkpoints of a run: who writes what.

    checkpoints/<trial>/training.pt        all it takes to go on training; while a trial runs
    checkpoints/<trial>/model.safetensors  the weights after the last epoch
    checkpoints/finalized/                 see `finalized_weights`

Workers write them, each file whole or not at all; the driver's `Retention` deletes what is no
longer needed.
"""

from __future__ import annotations

import io
import json
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from optcell_search.training.keeping import apart

from ...ledger.request import Request
from .file_systems import Location

FOLDER = "checkpoints"
TRAINING = "training.pt"
WEIGHTS = "model.safetensors"
# In the metadata of the weights: the fold that they were trained in, counted from 0, and the epochs
# of what is finalized.
FOLD, EPOCHS = "fold", "epochs"


class CheckpointError(RuntimeError):
    """A checkpoint cannot be written or read: the disk is full, the location out of reach."""


def location_of(request: Request, folder: Path) -> Location:
    """Return where a run's checkpoints lie: in its folder, or where its request says."""
    if request.storage:
        return Location(request.storage) / request.run_id / FOLDER
    return Location(str(folder.absolute() / FOLDER))


def training_bytes(state: Mapping[str, Any]) -> bytes:
    """Return the content of ``training.pt``."""
    buffer = io.BytesIO()
    torch.save(dict(state), buffer)
    return buffer.getvalue()


def load_training(trial: Location, device: str) -> dict[str, Any] | None:
    """Read ``training.pt``; None where there is none that can be read."""
    content = trial.read(TRAINING)
    if content is None:
        return None
    try:
        state: dict[str, Any] = torch.load(
            io.BytesIO(content), map_location=device, weights_only=True
        )
    except (RuntimeError, EOFError, OSError, ValueError, KeyError, pickle.UnpicklingError):
        # A file that a power cut left unwritten costs the epochs it held and nothing else.
        return None
    return state if isinstance(state, dict) else None


def weights_bytes(weights: Mapping[str, Tensor], notes: Mapping[str, int]) -> bytes:
    """Return the content of ``model.safetensors``, which says what is noted of it."""
    # In a population weights are parts of larger tensors.
    tensors = {name: apart(tensor.cpu()) for name, tensor in weights.items()}
    said = {name: str(value) for name, value in notes.items() if value}
    return safetensors.torch.save(tensors, said or None)


def load_weights(trial: Location) -> dict[str, Tensor] | None:
    """Read ``model.safetensors``; None where there is none that can be read."""
    found = load_weights_and(FOLD, trial)
    return None if found is None else found[0]


def load_weights_and(note: str, trial: Location) -> tuple[dict[str, Tensor], int] | None:
    """Return what `load_weights` does, and what is noted of it: `FOLD` or `EPOCHS`.

    It is 0 where the file does not say: earlier versions kept the first fold's, and noted no
    epochs.
    """
    content = trial.read(WEIGHTS)
    if content is None:
        return None
    try:
        return safetensors.torch.load(content), _noted(note, content)
    except (SafetensorError, ValueError):
        return None


def _noted(note: str, content: bytes) -> int:
    # The format: eight bytes with the length of a header, then that, in JSON.
    size = int.from_bytes(content[:8], "little")
    metadata = json.loads(content[8 : 8 + size]).get("__metadata__", {})
    return int(metadata.get(note, 0))
