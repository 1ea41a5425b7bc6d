"""Ways to cut a sequence into pieces."""

from __future__ import annotations

import itertools
import random


def partitions(length: int, cuts: int, count: int) -> list[list[tuple[int, int]]]:
    """Return `count` ways to cut a sequence, each as the (start, end) of its pieces.

    The first cuts it into single steps, the second leaves it whole; the others are random, the
    same at every call, with `cuts` cuts at most.
    """
    stream = random.Random(0)
    places = [
        list(range(1, length)),
        [],
        *(stream.choices(range(1, length), k=stream.randint(1, cuts)) for _ in range(count - 2)),
    ]
    return [list(itertools.pairwise(sorted({0, *each, length}))) for each in places]
