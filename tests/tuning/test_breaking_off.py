"""What breaks a finalize off says so in one line, and what is done so far stays."""

from __future__ import annotations

import contextlib
import importlib
from pathlib import Path

import pytest
import sqlalchemy
from ray import exceptions
from runs import a_request

from optcell_search.ledger.opening import make_ledger
from optcell_search.ledger.trials.reasons import RunBrokenError
from optcell_search.tuning.cluster.data_transfer import Source
from optcell_search.tuning.store.checkpoints import location_of

MODULE = importlib.import_module("optcell_search.tuning.finalizing.finalize")


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (exceptions.LocalRayletDiedError(), "raylet"),
        (exceptions.RaySystemError("gone"), "gone"),
        (OSError(28, "No space left on device"), "No space left on device"),
        (
            sqlalchemy.exc.OperationalError("UPDATE", {}, Exception("database or disk is full")),
            "^database or disk is full$",
        ),
    ],
)
def test_finalize_that_cannot_go_on(
    error: Exception, line: str, tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise error

    request = a_request(tiny)
    monkeypatch.setattr(MODULE, "_run", fail)
    with contextlib.closing(make_ledger(request, tmp_path)) as ledger:
        plan, source = MODULE.Plan(seeds=1), Source.of(request, tmp_path)
        with pytest.raises(RunBrokenError, match=line) as caught:
            MODULE.finalize(ledger, [], plan, source, location_of(request, tmp_path))
        assert "\n" not in str(caught.value)
