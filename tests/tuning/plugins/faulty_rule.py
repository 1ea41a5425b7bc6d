"""A rule of another package that goes wrong on demand."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from optcell_search.hyperparameters import integer
from optcell_search.rules.base import Recurrence, Rule, Values

NONE, ERROR, MEMORY, KILL, NAN, SLOW, SHARE = range(7)


def _share() -> float:
    """The share of a GPU that Ray gave this process, all of it outside of a worker."""
    import ray

    if ray.get_runtime_context().worker.mode != ray.WORKER_MODE:
        return 1.0
    resources = ray.get_runtime_context().get_assigned_resources()
    return float(resources.get("GPU", 0.0))


@dataclass(frozen=True, kw_only=True)
class Faulty(Rule):
    """Hand the drive through, or do what `fault` says."""

    name: ClassVar[str] = "faulty"
    title: ClassVar[str] = "goes wrong on demand"
    equation: ClassVar[str] = "u_t = z_t, if it comes to that"
    citation: ClassVar[str] = "none"
    linear: ClassVar[bool] = False

    fault: int = integer(NONE, search=(NONE, SHARE), valid=(NONE, SHARE))

    def traces(self, z: Tensor, t: Tensor, p: Values) -> tuple[Recurrence, ...]:
        return ()

    def emit(self, z: Tensor, q: tuple[Tensor, ...], p: Values) -> Tensor:
        if self.fault == ERROR:
            raise RuntimeError("broken on purpose")
        if self.fault == MEMORY:
            raise torch.OutOfMemoryError("tried to allocate 1 PiB")
        if self.fault == SHARE and _share() < 1:
            raise torch.OutOfMemoryError(f"tried to allocate 1 GiB beside {_share()} of a GPU")
        if self.fault == KILL:
            os.kill(os.getpid(), signal.SIGKILL)
        if self.fault == SLOW:
            time.sleep(0.02)
        return z * float("nan") if self.fault == NAN else z
