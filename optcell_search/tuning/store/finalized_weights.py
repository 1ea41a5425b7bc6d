"""Weights of what `finalize` has trained, a file for each seed of a trial:

    checkpoints/finalized/<trial>/<seed>/model.safetensors

and below ``refit`` instead of ``finalized`` where it was trained on validation data, too.

The worker that has trained and tested a seed writes them, if they are no larger than its share of
what `--checkpoint-gib` has left; `Retention` counts them and deletes none.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from .checkpoints import WEIGHTS, CheckpointError, load_weights, weights_bytes
from .file_systems import Location

FOLDER, REFIT_FOLDER = "finalized", "refit"


def place(checkpoints: Location, number: int, seed: int, refit: bool = False) -> Location:
    """Return the folder for the weights of one seed of a trial."""
    return checkpoints / (REFIT_FOLDER if refit else FOLDER) / str(number) / str(seed)


def save(where: Location, weights: Mapping[str, Tensor], limit: int) -> None:
    """Write the weights of a seed into its folder, unless they take more than `limit` bytes.

    Raises:
        CheckpointError: they cannot be written.
    """
    content = weights_bytes(weights)
    try:
        if len(content) <= limit:
            where.write(WEIGHTS, content)
        else:
            # Those of an earlier training must not stand for this one.
            where.delete(WEIGHTS)
    except OSError as error:
        raise CheckpointError(f"checkpoints {where}: {error}") from error


def load(
    checkpoints: Location, number: int, seed: int, refit: bool = False
) -> dict[str, Tensor] | None:
    """Return the weights of one seed of a trial; None where there are none that can be read."""
    return load_weights(place(checkpoints, number, seed, refit))
