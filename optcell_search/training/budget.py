"""How many epochs a candidate is trained where nobody says it."""

from __future__ import annotations

import math

# Steps of the optimizer that a small set's candidates get, and the ends of the range of epochs.
STEPS = 2000
FEWEST, MOST = 10, 1000


def own_epochs(epochs: int, share: float) -> int:
    """Return the epochs of a candidate that takes a share of a budget, rounded up."""
    # A thousandth of a millionth less: 0.1 · 30 is 3.0000000000000004 here.
    return max(1, math.ceil(share * epochs - 1e-9))


def budget_of(own: int, share: float) -> int:
    """Return a budget of which `own_epochs` makes so many epochs for a share."""
    # Rounded down, for those are rounded up; a thousandth of a millionth more as they take it off.
    return math.floor(own / share + 1e-9)


def limits(epochs: int | None, share: float) -> tuple[int | None, float]:
    """Return a candidate's own number of epochs, where it is known, and after how many it ends.

    Args:
        epochs: of the budget; None: nobody knows.
        share: that the candidate takes of it, 1 for a training that ends when nobody goes on.

    Raises:
        ValueError: it takes a share of nobody knows what.
    """
    if epochs is None:
        if share < 1:
            raise ValueError(
                f"training.share = {share} needs to know how many epochs will be trained; "
                "valid: Training(..., epochs=N)"
            )
        return None, math.inf
    own = own_epochs(epochs, share)
    return own, own if share < 1 else math.inf


def automatic_epochs(sequences: int, batch_size: int, pieces: int = 1) -> int:
    """Return the epochs that ``--epochs auto`` stands for.

        epochs = STEPS / (steps an epoch), rounded up, but FEWEST at least and MOST at most

    with STEPS = 2000, FEWEST = 10, MOST = 1000. So a set of 1,000 sequences in batches of 32 is
    seen 63 times, one of 60,000 in batches of 128 ten times (4,690 steps), and one of 40 in batches
    of 8, with 5 steps an epoch, 400 times.

    Args:
        sequences: in the training split.
        batch_size: the largest that a candidate of the search may have, so that every candidate
            gets these steps or more.
        pieces: that a sequence is taken in, each with a step of its own.
    """
    steps = math.ceil(sequences / batch_size) * pieces
    return min(max(math.ceil(STEPS / steps), FEWEST), MOST)
