"""Random streams of a training's own, apart from the process's."""

from __future__ import annotations

import hashlib

import torch


def stream_seed(seed: int, purpose: str, epochs: int) -> int:
    """Return the seed of what is drawn for a purpose after so many epochs."""
    digest = hashlib.sha256(f"{seed}/{purpose}/{epochs}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


class Stream:
    """A random stream; where it is entered, torch draws from it, and it goes on where it was left.

    Outside, the process's own stream is as it was.

    Args:
        device: CPU, or the GPU that is drawn on beside it.
        seed: where it starts.
    """

    def __init__(self, device: torch.device, seed: int) -> None:
        self._device = device
        self._cuda = device.type == "cuda"
        self._states = [torch.Generator().manual_seed(seed).get_state()]
        if self._cuda:
            self._states.append(torch.Generator(device).manual_seed(seed).get_state())
        self._outside: list[torch.Tensor] = []

    def __enter__(self) -> None:
        self._outside = self._swapped(self._states)

    def __exit__(self, *_: object) -> None:
        self._states = self._swapped(self._outside)

    def _swapped(self, states: list[torch.Tensor]) -> list[torch.Tensor]:
        """Set the states of torch's generators; return those before."""
        before = [torch.get_rng_state()]
        torch.set_rng_state(states[0])
        if self._cuda:
            before.append(torch.cuda.get_rng_state(self._device))
            torch.cuda.set_rng_state(states[1], self._device)
        return before
