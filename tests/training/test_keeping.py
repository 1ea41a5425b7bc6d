"""Which epoch counts as the best."""

from __future__ import annotations

import math

from optcell_search.tasks import load
from optcell_search.training.keeping import Record


def test_a_metric_that_is_undefined_at_first_holds_nothing_up() -> None:
    record = Record(load("digits"))
    better = [
        record.take({"accuracy": accuracy, "loss": 1.0}, epoch, counted=True)
        for epoch, accuracy in enumerate((math.nan, math.nan, 0.5, math.nan, 0.9), 1)
    ]
    assert better == [True, False, True, False, True]
    assert (record.epoch, record.since) == (5, 0)
