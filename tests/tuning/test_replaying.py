"""When a trial that is trained again came to the same."""

from __future__ import annotations

import pytest

from optcell_search.tuning.replay import Replay


@pytest.mark.parametrize(
    ("recorded", "repeated", "same"),
    [
        (0.9, 0.905, True), (0.9, 0.92, False), (0.001, 0.01, False), (0.01, 0.01005, True),
        (300.0, 302.0, True), (300.0, 304.0, False), (2e-6, -3e-6, True),
    ],
)  # fmt: skip
def test_with_company_it_is_the_same_up_to_a_hundredth_of_each_metric(
    recorded: float, repeated: float, same: bool
) -> None:
    found = Replay(0, {1: {"loss": recorded}}, {1: {"loss": repeated}}, {}, company=4)
    assert found.is_same == same
    assert not Replay(0, found.recorded, found.repeated, {}).is_same
