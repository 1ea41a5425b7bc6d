"""How a training ends: what is no result, and what is said of a failure."""

from __future__ import annotations

import gc
import math
import traceback
from collections.abc import Iterable, Mapping

import torch

from optcell_search.training import DivergedError

from ...ledger.trials.reasons import DIVERGED, OUT_OF_MEMORY, unexpected
from ..store.checkpoints import CheckpointError
from .job import Report

_ALLOCATOR = "DefaultCPUAllocator"


def check_objectives(metrics: Mapping[str, float], epoch: int, objectives: Iterable[str]) -> None:
    """Raise DivergedError where an objective is not finite after an epoch."""
    for name in objectives:
        if not math.isfinite(metrics[name]):
            raise DivergedError(f"{name} is {metrics[name]} after epoch {epoch}")


def out_of_memory(error: Exception) -> bool:
    """Return whether a training ended for lack of memory, on the CPU or on a GPU."""
    exhausted = isinstance(error, MemoryError | torch.OutOfMemoryError)
    return exhausted or _ALLOCATOR in str(error)


def release() -> None:
    """Give a GPU back what an ended training held there: other workers may wait for the room.

    To be called when nothing refers to the training any more, the exception it ended with included.
    """
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        gc.collect()
        torch.cuda.empty_cache()


def failure(number: int, error: Exception) -> Report:
    """Turn an exception into the report of a trial that failed."""
    if isinstance(error, CheckpointError):
        return Report(number=number, broken=str(error), done=True)
    if isinstance(error, DivergedError):
        return Report(number=number, reason=DIVERGED, detail=str(error), done=True)
    if out_of_memory(error):
        return Report(number=number, reason=OUT_OF_MEMORY, detail=str(error), done=True)
    return Report(number=number, reason=unexpected(error), detail=traceback.format_exc(), done=True)
