"""What a model's outputs mean: classes, labels, numbers in their unit, the next symbol."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from torch import Tensor

from .plain import tuples
from .reading.columns import Floats, listed, row, shown

Kind = Literal["classes", "labels", "numbers", "symbols"]
Per = Literal["sequence", "step"]
# How a target that is not there is marked: this among classes, NaN among numbers.
IGNORED = -100
# As it is written in whole numbers, and in others.
MARKS = (str(IGNORED), f"{IGNORED}.0")


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """How the outputs of a model become answers, and targets the numbers that it is compared with.

        classes, symbols: probability = softmax(output), one output for each class
        labels:           probability = sigmoid(output), one output for each of `names`
        numbers:          value = offset + scale · output, one output for each of `names`

    Args:
        kind: what is answered.
        per: whether there is an answer for each sequence or for each step.
        names: columns that are answered: one; several for labels and numbers.
        classes: names of classes or symbols by number.
        offset, scale: of numbers, in the unit of their column, one for each of `names`.
    """

    kind: Kind
    per: Per
    names: tuple[str, ...]
    classes: tuple[str, ...] = ()
    offset: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Outputs:
        """Return what `dataclasses.asdict` has written, through JSON or not."""
        return cls(**tuples(data))

    @property
    def size(self) -> int:
        """Outputs that the model has."""
        return len(self.classes if self.kind in ("classes", "symbols") else self.names)

    @property
    def precise(self) -> bool:
        """Whether float32 would round changes of the numbers off, so that targets are float64."""
        return any(
            abs(offset) * 2.0**-24 > 1e-4 * scale
            for offset, scale in zip(self.offset, self.scale, strict=True)
        )

    def lost(self, outputs: Tensor) -> Tensor:
        """Return (...) of which outputs (..., outputs) there is no answer, as they are not finite.

        The first class would be the likeliest of them, and no label would hold.
        """
        if self.kind == "numbers":
            return ~outputs.isfinite().all(-1)
        shares = outputs.sigmoid() if self.kind == "labels" else outputs.softmax(-1)
        return shares.isnan().any(-1)

    def probabilities(self, outputs: Tensor) -> Floats:
        """Return (..., outputs): the probability of each class, label or symbol."""
        if self.kind == "numbers":
            raise ValueError("numbers are predicted here, which have no probabilities")
        outputs = outputs.detach().double()
        found = outputs.sigmoid() if self.kind == "labels" else outputs.softmax(-1)
        return np.asarray(found.cpu().numpy())

    def labels(self, outputs: Tensor) -> npt.NDArray[Any]:
        """Return (...) names of the likeliest classes; of labels (..., labels) 0 or 1."""
        if self.kind == "numbers":
            raise ValueError("numbers are predicted here, no classes")
        if self.kind == "labels":
            return (outputs.detach().cpu() > 0).numpy().astype(np.int64)
        best = outputs.detach().argmax(-1).cpu().numpy()
        names: npt.NDArray[Any] = np.array(self.classes, dtype=object)
        return np.asarray(names[best])

    def numbers(self, outputs: Tensor) -> Floats:
        """Return (..., outputs): the predicted numbers in their unit."""
        if self.kind != "numbers":
            raise ValueError(f"{self.kind} are predicted here, no numbers")
        return np.asarray(in_unit(outputs.detach().double(), self.offset, self.scale).cpu().numpy())

    def class_numbers(
        self, texts: list[str | None], where: str, called: Callable[[int], str] = row
    ) -> npt.NDArray[np.int64]:
        """Return the number of each class, `IGNORED` for None.

        Args:
            texts: the classes as they are written.
            where: what they are called in messages.
            called: what messages call the place of each.

        Raises:
            ValueError: a class is none that the model knows.
        """
        place: dict[str | None, int] = {name: number for number, name in enumerate(self.classes)}
        place[None] = IGNORED
        if self.per == "step":
            for mark in MARKS:
                place.setdefault(mark, IGNORED)
        for number, text in enumerate(texts):
            if text not in place:
                raise ValueError(
                    f"{where}, {called(number)}: class {shown(text)} is not in the training data; "
                    f"valid: {listed(self.classes)}"
                )
        return np.array([place[text] for text in texts], dtype=np.int64)


def refuse_lost(lost: Tensor, where: str, called: Callable[[int], str]) -> None:
    """Refuse to answer where there is no answer.

    Args:
        lost: (answers,), see `Outputs.lost`.
        where: what the data are called.
        called: what messages call each answer.

    Raises:
        ValueError: some are lost; the message names the first.
    """
    numbers = lost.nonzero().flatten().tolist()
    if numbers:
        raise ValueError(
            f"{where}: the model's output for {called(numbers[0])} is no finite number"
            f"{f' ({len(numbers)} such outputs)' if len(numbers) > 1 else ''}; valid: values "
            "nearer to those that it was trained on"
        )


def in_unit(outputs: Tensor, offset: tuple[float, ...], scale: tuple[float, ...]) -> Tensor:
    """Return ``offset + scale · outputs`` over the last dimension, in the type of the outputs."""
    if len(set(offset)) == 1 and len(set(scale)) == 1:
        return offset[0] + scale[0] * outputs
    return outputs.new_tensor(offset) + outputs.new_tensor(scale) * outputs
