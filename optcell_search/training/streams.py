"""Random streams of a training's own, apart from the process's."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator

import torch


def stream_seed(seed: int, purpose: str, epochs: int) -> int:
    """Return the seed of what is drawn for a purpose after so many epochs."""
    digest = hashlib.sha256(f"{seed}/{purpose}/{epochs}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


@contextlib.contextmanager
def random_stream(device: torch.device, seed: int) -> Iterator[None]:
    """Let torch draw from a fresh stream, and give the global one back as it was."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        # Not torch.manual_seed: it would reseed GPUs whose state was not kept.
        torch.default_generator.manual_seed(seed)
        if device.type == "cuda":
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        yield
