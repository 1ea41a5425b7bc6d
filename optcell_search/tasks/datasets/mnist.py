"""MNIST from its IDX files, read by rows, pixels, or pixels in a fixed random order."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch

from optcell_search.hyperparameters import choice, integer
from optcell_search.tasks.base import Batch, Data, Split, Task
from optcell_search.tasks.datasets.idx import read_idx
from optcell_search.tasks.goals import Classification

_PLACES = (".", "mnist", "MNIST/raw", "raw")


@dataclass(frozen=True, kw_only=True)
class MNIST(Task):
    """60,000 + 10,000 images of handwritten digits, 28×28; grey levels in [0, 1].

    Reads ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte`` and the two ``t10k`` files,
    gzipped or not, from the data folder, its ``mnist``, or torchvision's ``MNIST/raw``.

    Split: validation is the last sixth of the training file (10,000 images), test the ``t10k``
    files. With `examples`, training are the first so many images of the file and validation the
    last fifth as many; test stays whole. Metric: accuracy; chance is 0.1.

    Source: Y. LeCun et al., Gradient-based learning applied to document recognition, 1998; pixels
    one at a time and permuted: Q. V. Le et al., arXiv 1504.00941, section 4.2.
    """

    name: ClassVar[str] = "mnist"
    title: ClassVar[str] = "70,000 handwritten 28x28 digits, from IDX files in the data folder"

    steps: str = choice(
        "rows",
        options=("rows", "pixels", "image"),
        doc="what one step sees: a row of 28 pixels (28 steps), one pixel (784 steps), or the "
        "whole image in a frame of 32 x 32 with a black border, which halves five times",
    )
    permuted: int = integer(
        0,
        search=(0, 1),
        valid=(0, 2**31),
        doc="0: pixels in reading order; else the seed of one fixed random order of the pixels",
    )
    examples: int = integer(
        0,
        search=(1000, 50_000),
        valid=(0, 50_000),
        doc="training images, with a fifth as many for validation; 0: all 50,000 and 10,000",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.permuted and self.steps != "pixels":
            raise ValueError("mnist.permuted orders single pixels; valid: with steps=pixels")

    def search_data(self, folder: Path) -> Data:
        """Read the ``train`` files and split off the validation images."""
        whole = self._read(folder, "train")
        held_out = len(whole) // 6
        if not held_out:
            raise ValueError(f"{folder}: too few MNIST training images: {len(whole)}")
        most = len(whole) - held_out
        if self.examples > most:
            raise ValueError(
                f"mnist.examples = {self.examples}; valid: up to {most}, as many as the training "
                f"file in {folder} has beside its validation images"
            )
        taken = self.examples or most
        if self.examples:
            held_out = min(held_out, -(-self.examples // 5))
        return Data(
            train=Split(whole.inputs[:taken], whole.targets[:taken]),
            validation=Split(whole.inputs[-held_out:], whole.targets[-held_out:]),
            goal=Classification(classes=10),
            readout="last",
            classes=tuple("0123456789"),
            frame=(1, 32, 32) if self.steps == "image" else None,
        )

    def test_data(self, folder: Path) -> Split:
        """Read the ``t10k`` files."""
        return self._read(folder, "t10k")

    def files(self, folder: Path) -> list[Path]:
        """Return the files of images and labels that are there."""
        names = [name for part in ("train", "t10k") for name in _names(part)]
        return [path for name in names if (path := _look(folder, name)) is not None]

    def _read(self, folder: Path, part: str) -> Batch:
        images_path, labels_path = (_find(folder, name) for name in _names(part))
        images = read_idx(images_path, dimensions=3)
        labels = read_idx(labels_path, dimensions=1)
        if images.shape[1:] != (28, 28):
            raise ValueError(f"{images_path}: images of {images.shape[1:]}, valid: (28, 28)")
        if len(images) != len(labels):
            raise ValueError(
                f"{labels_path}: {len(labels)} labels for the {len(images)} images beside it"
            )
        if labels.max(initial=0) > 9:
            raise ValueError(f"{labels_path}: label {labels.max()}, valid: 0 to 9")
        inputs = torch.tensor(images, dtype=torch.float32) / 255
        if self.steps == "pixels":
            inputs = inputs.reshape(len(inputs), 784, 1)
        elif self.steps == "image":
            inputs = torch.nn.functional.pad(inputs, (2, 2, 2, 2)).reshape(len(inputs), 1, 1024)
        if self.permuted:
            order = np.random.RandomState(self.permuted).permutation(784)
            inputs = inputs[:, torch.tensor(order)]
        return Batch(inputs, torch.tensor(labels, dtype=torch.int64))


def _names(part: str) -> tuple[str, str]:
    return f"{part}-images-idx3-ubyte", f"{part}-labels-idx1-ubyte"


def _look(folder: Path, name: str) -> Path | None:
    for place in _PLACES:
        for path in (folder / place / name, folder / place / f"{name}.gz"):
            if path.is_file():
                return path
    return None


def _find(folder: Path, name: str) -> Path:
    if (path := _look(folder, name)) is not None:
        return path
    looked = ", ".join(str(folder / place) for place in _PLACES)
    raise FileNotFoundError(
        f"MNIST file {name} (or {name}.gz) not found in {looked}; point --data-dir or OPTCELL_DATA "
        f"at the folder that has it, or fetch it with "
        f"torchvision.datasets.MNIST({str(folder)!r}, download=True)"
    )
