"""Weights of what `finalize` has trained, a file for each seed of a trial:

    checkpoints/finalized/<trial>/<seed>/model.safetensors

and below ``refit`` instead of ``finalized`` where it was trained on validation data, too. Where a
seed is trained for other numbers of epochs, the file is of those it was trained for last.

The worker that has trained and tested a seed writes them, if they are no larger than its share of
what `--checkpoint-gib` has left; `Retention` counts them and deletes none.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from .checkpoints import EPOCHS, WEIGHTS, CheckpointError, load_weights_and, weights_bytes
from .file_systems import Location

FOLDER, REFIT_FOLDER = "finalized", "refit"


def place(checkpoints: Location, number: int, seed: int, refit: bool = False) -> Location:
    """Return the folder for the weights of one seed of a trial."""
    return checkpoints / (REFIT_FOLDER if refit else FOLDER) / str(number) / str(seed)


def save(where: Location, weights: Mapping[str, Tensor], epochs: int, limit: int) -> None:
    """Write the weights of a seed into its folder, unless they take more than `limit` bytes.

    Args:
        where: the folder.
        weights: what the seed came to.
        epochs: the budget that it was trained with, which the file says.
        limit: as above.

    Raises:
        CheckpointError: they cannot be written.
    """
    content = weights_bytes(weights, {EPOCHS: epochs})
    try:
        if len(content) <= limit:
            where.write(WEIGHTS, content)
        else:
            # Those of an earlier training must not stand for this one.
            where.delete(WEIGHTS)
    except OSError as error:
        raise CheckpointError(f"checkpoints {where}: {error}") from error


def load(
    checkpoints: Location, number: int, seed: int, epochs: int, refit: bool = False
) -> dict[str, Tensor] | None:
    """Return the weights of one seed of a trial; None where there are none that can be read.

    There are none, either, where those kept are of another number of epochs. Earlier versions did
    not say: what they left was of the epochs that they had in the ledger.
    """
    found = load_weights_and(EPOCHS, place(checkpoints, number, seed, refit))
    return found[0] if found is not None and found[1] in (0, epochs) else None
