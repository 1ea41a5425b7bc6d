"""Handwritten digits as short movies: moving, partly hidden and noisy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch

from optcell_search.hyperparameters import choice, integer, real
from optcell_search.tasks.base import Data, Split, Task
from optcell_search.tasks.datasets.digits import Digits
from optcell_search.tasks.datasets.mnist import MNIST
from optcell_search.tasks.goals import Classification

Images = npt.NDArray[np.float32]
# A digit moves by up to this many pixels a frame, along each axis.
_SPEED = 2
_TRAIN, _VALIDATION, _TEST = range(3)


@dataclass(frozen=True, kw_only=True)
class StreamDigits(Task):
    """Movies of the images of `digits` or `mnist`, to be classified after the last frame.

    A digit of about half the frame's side starts anywhere, moves at a constant speed of up to two
    pixels a frame and turns at the border. In each frame a share `hidden` of it, from a side
    chosen anew (left, right, top, bottom), is blank; then normal noise of standard deviation
    `noise` is added to grey levels in [0, 1]. So a single frame shows half a digit, and what the
    frames show together has to be put together over time.

    The images of a split are those of `digits` and `mnist`, in turn, each time with another
    movement; everything drawn comes from fixed seeds, one for each split. Metric: accuracy;
    chance is 0.1.

    With ``view=stack`` a model sees all frames at once as channels of a single step, with
    ``view=last`` the last frame alone: what a feed-forward network is given for comparison.
    """

    name: ClassVar[str] = "stream_digits"
    title: ClassVar[str] = "handwritten digits as movies: moving, half hidden, noisy (generated)"

    source: str = choice("digits", options=("digits", "mnist"), doc="the images: see these tasks")
    frames: int = integer(8, search=(4, 16), valid=(1, 256), doc="frames of a movie")
    size: int = choice(32, options=(16, 32), doc="height and width of a frame, pixels")
    noise: float = real(
        0.2, search=(0.0, 1.0), valid=(0.0, 10.0), doc="standard deviation of the noise"
    )
    hidden: float = real(
        0.5, search=(0.0, 0.8), valid=(0.0, 1.0), open_high=True, doc="share hidden in each frame"
    )
    view: str = choice(
        "movie", options=("movie", "stack", "last"), doc="frame by frame, all at once, or the last"
    )
    examples: int = integer(
        2000,
        search=(1000, 50_000),
        valid=(10, 10**6),
        doc="training movies; a quarter of that for validation and for test",
    )

    def search_data(self, folder: Path) -> Data:
        """Make training and validation movies; ``source=mnist`` reads `folder`."""
        images = self._source.search_data(folder)
        channels = self.frames if self.view == "stack" else 1
        return Data(
            train=self._movies(images.train, _TRAIN),
            validation=self._movies(images.validation, _VALIDATION),
            goal=Classification(classes=10),
            readout="last",
            classes=images.classes,
            frame=(channels, self.size, self.size),
        )

    def files(self, folder: Path) -> list[Path]:
        """Return the files that the digits are read from."""
        return self._source.files(folder)

    def test_data(self, folder: Path) -> Split:
        """Make the test movies; ``source=mnist`` reads `folder`."""
        return self._movies(self._source.test_data(folder), _TEST)

    @property
    def _source(self) -> Digits | MNIST:
        return Digits() if self.source == "digits" else MNIST()

    def _movies(self, images: Split, part: int) -> Split:
        count = self.examples if part == _TRAIN else self.examples // 4
        random = np.random.RandomState(part)
        chosen = np.resize(random.permutation(len(images)), count)
        taken = images.take(torch.from_numpy(chosen))
        sprites = self._sprites(taken.inputs.numpy())
        movies = self._film(sprites, random)
        movies += self.noise * random.randn(*movies.shape).astype(np.float32)
        flat = torch.from_numpy(movies).flatten(2)
        if self.view == "stack":
            flat = flat.flatten(1).unsqueeze(1)
        elif self.view == "last":
            flat = flat[:, -1:].contiguous()
        return Split(flat, taken.targets)

    def _sprites(self, images: Images) -> Images:
        """Return images (N, S, S) of half a frame's side: 8 x 8 repeated, 28 x 28 averaged."""
        side, whole = images.shape[1], self.size // 2
        if side <= whole:
            return images.repeat(whole // side, 1).repeat(whole // side, 2)
        by = side // whole + 1
        blocks = images.reshape(len(images), side // by, by, side // by, by)
        small: Images = blocks.mean((2, 4), dtype=np.float32)
        return small

    def _film(self, sprites: Images, random: np.random.RandomState) -> Images:
        """Return (N, T, size, size): each sprite on its way, partly hidden, without noise."""
        count, side = sprites.shape[:2]
        room = self.size - side
        start = random.randint(0, room + 1, size=(count, 2))
        speed = random.randint(-_SPEED, _SPEED + 1, size=(count, 2))
        turned = (start[:, None] + np.arange(self.frames)[:, None] * speed[:, None]) % (2 * room)
        places = np.where(turned > room, 2 * room - turned, turned)
        sides = random.randint(4, size=(count, self.frames))
        shown = sprites[:, None] * _blinds(side, self.hidden)[sides]
        movies = np.zeros((count, self.frames, self.size, self.size), np.float32)
        for movie, frame in np.ndindex(count, self.frames):
            top, left = places[movie, frame]
            movies[movie, frame, top : top + side, left : left + side] = shown[movie, frame]
        return movies


def _blinds(side: int, hidden: float) -> Images:
    """Return four masks (4, S, S), 0 where the left, right, top or bottom of a digit is hidden."""
    depth = round(hidden * side)
    left = np.ones((side, side), np.float32)
    left[:, :depth] = 0
    return np.stack([left, left[:, ::-1], left.T, left.T[::-1]])
