"""How many candidates a worker trains side by side."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from optcell_search.tuning.resolving.slots import slots_of


@pytest.mark.parametrize(
    ("asked", "changes", "slots"),
    [
        ("auto", {}, 1),
        (1, {}, 1),
        (8, {}, 8),
        (8, {"trials": 10}, 5),
        (8, {"trials": 0}, 8),
        (8, {"trainings": 5}, 1),
    ],
)
def test_what_is_taken(asked: int | Literal["auto"], changes: dict[str, Any], slots: int) -> None:
    options: dict[str, Any] = {"trainings": 1, "trials": 200, "workers": 2}
    assert slots_of(asked, **{**options, **changes}) == slots
