"""How many candidates fit on one GPU: what ``gpus_per_trial = auto`` stands for.

The largest candidates of the space, one for each cell and rule, are trained for two steps on a GPU
of their own. All get the share that the hungriest of them needs.
"""

from __future__ import annotations

import dataclasses
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import ray
import torch

from optcell_search.space import Candidate, SearchSpace
from optcell_search.training import DivergedError, Training

from ...ledger.request import Request
from ..cluster.data_transfer import Source
from .ending import release

# What every process holds on a GPU before it has allocated anything: context and kernels.
CONTEXT_BYTES = 600 * 2**20
# Left free, for memory in pieces too small to be of use.
_RESERVE = 0.1
# Ray counts shares of a GPU in ten-thousandths.
_GRAIN = 10_000
_STEPS = 2
_EVALUATED = 512


class Meter(Protocol):
    """What reads a GPU's memory, in bytes."""

    def start(self) -> None:
        """Forget the peak so far."""

    def peak(self) -> int:
        """Return the most that this process held since `start`."""

    def total(self) -> int:
        """Return what the GPU has."""


class CudaMeter:
    """Reads the GPU that Ray gave this process."""

    def start(self) -> None:
        """Forget the peak so far."""
        release()
        torch.cuda.reset_peak_memory_stats()

    def peak(self) -> int:
        """Return the most that torch reserved: what it allocated, and the gaps between."""
        return torch.cuda.max_memory_reserved()

    def total(self) -> int:
        """Return what the GPU has."""
        return torch.cuda.mem_get_info()[1]


@dataclass(frozen=True)
class Need:
    """What the hungriest candidate held at its peak, and what a GPU has, in bytes."""

    peak: int
    total: int

    def share(self, candidates: int) -> float:
        """Return the share of a GPU for each of so many candidates that are to lie on it.

        No smaller than they need, and no smaller than it has to be.
        """
        fit = int(self.total * (1 - _RESERVE) / (self.peak + CONTEXT_BYTES))
        return math.floor(_GRAIN / max(1, min(fit, candidates))) / _GRAIN


class _Largest:
    """Answers a space as an Optuna trial does: always with the most."""

    def __init__(self, cell: str, rule: str) -> None:
        self._fixed = {"cell": cell, "rule": rule}

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """Return the largest number, and of what has no order the last."""
        if name in self._fixed:
            return self._fixed[name]
        numbers = all(isinstance(choice, int | float) for choice in choices)
        return max(choices) if numbers else choices[-1]

    def suggest_float(self, name: str, low: float, high: float, **_: Any) -> float:
        """Return the upper end."""
        return high

    def suggest_int(self, name: str, low: int, high: int, **_: Any) -> int:
        """Return the upper end."""
        return high


def largest(space: SearchSpace) -> list[Candidate]:
    """Return the largest candidate of each cell and rule."""
    return [space.suggest(_Largest(cell, rule)) for cell in space.cells for rule in space.rules]


def measure(
    candidates: Sequence[dict[str, Any]], source: Source, device: str, meter: Meter
) -> Need:
    """Train each candidate for two steps, evaluate it, and return what the hungriest held.

    One that does not fit into the whole GPU needs all of it.
    """
    loaded = source.load().to(device)
    peak = 0
    for data in candidates:
        candidate = Candidate.from_dict(data)
        few = loaded.beginning(_STEPS * candidate.training.batch_size, _EVALUATED)
        meter.start()
        try:
            Training(candidate, few, seed=0, device=device, epochs=1).epoch()
        except torch.OutOfMemoryError:
            return Need(meter.total(), meter.total())
        except DivergedError:
            # As large as it gets includes the learning rate; it has held its memory all the same.
            pass
        peak = max(peak, meter.peak())
    return Need(peak, meter.total())


def packed(request: Request, source: Source, meter: Meter | None = None) -> Request:
    """Return the request with the share of a GPU that its candidates need, and say what it is.

    Args:
        request: a request for whole GPUs, on a connected cluster that has one.
        source: where its data comes from.
        meter: what reads the memory, by default CUDA.
    """
    candidates = [candidate.to_dict() for candidate in largest(request.search_space)]
    job = ray.remote(measure).options(num_cpus=1, num_gpus=1)
    need: Need = ray.get(job.remote(candidates, source, request.device, meter or CudaMeter()))
    resources = ray.cluster_resources()  # type: ignore[no-untyped-call]
    share = need.share(math.ceil(request.workers / resources["GPU"]))
    print(
        f"gpus_per_trial = {share:g}: the largest candidate holds {_gib(need.peak)} of "
        f"{_gib(need.total)}, and workers are {request.workers}",
        file=sys.stderr,
        flush=True,
    )
    return dataclasses.replace(request, gpus_per_trial=share)


def _gib(size: int) -> str:
    return f"{size / 2**30:.2g} GiB"
