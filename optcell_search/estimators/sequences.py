"""Sequences in the forms that people have them in, as one array and lengths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from optcell_search.raw.reading.columns import listed

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Sequences:
    """A batch of sequences.

    Args:
        x: (sequences, steps, features); where they are not equally long (steps of all sequences,
            features), one sequence after the other.
        lengths: (sequences,) steps of each; None: all are as long.
    """

    x: Array
    lengths: npt.NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.x if self.lengths is None else self.lengths)

    def arrays(self) -> dict[str, Array]:
        """Return the arrays as a ``.npz`` file of the task ``npz`` names them."""
        return {"x": self.x} | ({} if self.lengths is None else {"lengths": self.lengths})


def is_flat(X: Any, *, of_arrays: bool = False) -> bool:
    """Whether X is a matrix: a row a sequence, a column a step, one feature.

    Args:
        X: what may be one.
        of_arrays: whether a list of arrays (steps,) is one where they are equally long. Else it is
            none, so that its form does not change with the lengths that its members happen to have.
    """
    if is_nested(X):
        return False
    if hasattr(X, "shape"):
        return len(X.shape) != 3 and not (len(X.shape) == 1 and X.dtype == object)
    if not isinstance(X, list | tuple) or not X:
        return True
    if not of_arrays and all(hasattr(one, "shape") and len(one.shape) == 1 for one in X):
        return False
    shapes = {np.shape(one) if hasattr(one, "__len__") else () for one in _tried(X)}
    dimensions = {len(shape) for shape in shapes}
    return dimensions == {0} or (dimensions == {1} and len(shapes) == 1)


def _tried(X: Sequence[Any]) -> list[Any]:
    """Return the members as arrays, of object type where they have no shape of their own."""
    made = []
    for one in X:
        try:
            made.append(np.asarray(one))
        except ValueError:
            made.append(np.empty((1, 1, 1)))
    return made


def is_nested(X: Any) -> bool:
    """Whether X is a frame with a sequence in each cell: a row a sequence, a column a feature."""
    if not (hasattr(X, "iloc") and hasattr(X, "columns")) or 0 in X.shape:
        return False
    return hasattr(X.iloc[0, 0], "__len__") and not isinstance(X.iloc[0, 0], str | bytes)


def gathered(X: Any, *, features_first: bool) -> Sequences:
    """Return sequences from whatever X is, if it is not flat.

    Args:
        X: an array (sequences, steps, features), a list of arrays (steps, features) or (steps,) of
            any lengths, or a nested frame.
        features_first: whether features stand before steps, in arrays and in lists of them.

    Raises:
        ValueError: it is nothing of the kind, or does not fit together; the message says where.
    """
    if is_nested(X):
        return _joined([_of_row(row, number) for number, row in enumerate(X.to_numpy())])
    if hasattr(X, "shape") and len(X.shape) == 3:
        x = np.asarray(X)
        return Sequences(x.transpose(0, 2, 1) if features_first else x)
    parts = []
    for number, one in enumerate(X):
        part = np.asarray(one)
        if part.ndim == 1:
            part = part[:, None]
        elif features_first:
            part = part.T
        if part.ndim != 2:
            raise ValueError(
                f"X[{number}] has shape {np.shape(one)}; valid: (steps,), or "
                f"{'(features, steps)' if features_first else '(steps, features)'}"
            )
        parts.append(part)
    return _joined(parts)


def naming(X: Any, *, features_first: bool) -> Any:
    """Return a frame whose columns are the features of X; None: nothing there names them.

    Args:
        X: as in `gathered`.
        features_first: likewise.

    Raises:
        ValueError: of a list of frames (steps, features) one has other columns than the first.
    """
    if is_nested(X):
        return X
    if features_first or (hasattr(X, "shape") and len(X.shape) == 3):
        return None
    frames = {number: one for number, one in enumerate(X) if hasattr(one, "columns")}
    first = next(iter(frames), None)
    if first is None:
        return None
    expected = list(frames[first].columns)
    for number, frame in frames.items():
        if (found := list(frame.columns)) != expected:
            raise ValueError(
                f"X[{number}] has columns {listed(found)}, but X[{first}] has {listed(expected)}; "
                "valid: the same in each, in the same order"
            )
    return frames[first]


def _of_row(row: Array, number: int) -> Array:
    """Return (steps, features) from the cells of a row of a nested frame."""
    cells = [np.asarray(cell) for cell in row]
    shapes = {cell.shape for cell in cells}
    if len(shapes) != 1 or len(next(iter(shapes))) != 1:
        raise ValueError(
            f"X, row {number}: cells of shapes {', '.join(map(str, sorted(shapes)))}; valid: "
            "sequences of numbers, all columns of a row as long"
        )
    return np.stack(cells, axis=1)


def _joined(parts: list[Array]) -> Sequences:
    lengths = np.array([len(part) for part in parts], dtype=np.int64)
    widths = {part.shape[1] for part in parts}
    if len(widths) != 1 or not lengths.all():
        raise ValueError(
            f"X holds sequences of {', '.join(map(str, sorted(widths)))} features and "
            f"{lengths.min()} steps or more; valid: as many features in each, and 1 step or more"
        )
    if (lengths == lengths[0]).all():
        return Sequences(np.stack(parts))
    # Padded, one long sequence among many short ones would not fit into memory.
    return Sequences(np.concatenate(parts), lengths)


def refuse_unchanging(y: Array, name: str) -> None:
    """Refuse numbers (examples,) or (examples, targets) of which a target is always the same."""
    columns = y.reshape(len(y), -1)
    same = (columns == columns[0]).all(0)
    if len(columns) > 1 and same.any():
        place = int(same.argmax())
        which = name if y.ndim == 1 else f"{name}[:, {place}]"
        raise ValueError(
            f"{which} is {columns[0, place]:g} everywhere, so there is nothing to learn; valid: "
            "numbers that change"
        )
