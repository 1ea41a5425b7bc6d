"""What a run may use is changed in its study and in run.toml, whatever happens in between."""

from __future__ import annotations

import contextlib
import warnings
from pathlib import Path

import pytest
from runs import a_run

from optcell_search.ledger import amending
from optcell_search.ledger.amending import amend
from optcell_search.ledger.opening import open_ledger
from optcell_search.ledger.request import Request


@pytest.fixture
def folder(tiny: str, tmp_path: Path) -> Path:
    return a_run(tmp_path / "run", tiny)


def test_both_are_changed(folder: Path) -> None:
    before = Request.read(folder)
    with contextlib.closing(open_ledger(before, folder)) as ledger:
        amend(ledger, folder, {"num_trials": 9, "time_limit": 60.0, "until": ("accuracy>=1",)})
        assert ledger.request.num_trials == 9
    after = Request.read(folder)
    assert (after.num_trials, after.time_limit, after.until) == (9, 60.0, ("accuracy>=1",))
    assert after.run_id == before.run_id
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        open_ledger(after, folder).close()
    assert {path.name for path in folder.iterdir()} >= {"run.toml", "study.db"}
    assert not list(folder.glob(".*"))


def test_a_crash_in_between_is_put_right(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(*_: object) -> None:
        raise KeyboardInterrupt

    before = Request.read(folder)
    with (
        contextlib.closing(open_ledger(before, folder)) as ledger,
        monkeypatch.context() as patch,
    ):
        patch.setattr(amending, "_rewrite", die)
        with pytest.raises(KeyboardInterrupt):
            amend(ledger, folder, {"num_trials": 9})
    assert Request.read(folder).num_trials == 4
    with contextlib.closing(open_ledger(before, folder)) as ledger:
        assert ledger.request.num_trials == 9
    assert Request.read(folder).num_trials == 9


def test_an_edited_number_of_trials_is_refused_also_after_that(folder: Path) -> None:
    with contextlib.closing(open_ledger(Request.read(folder), folder)) as ledger:
        amend(ledger, folder, {"num_trials": 9})
    path = folder / "run.toml"
    path.write_text(path.read_text().replace("num_trials = 9", "num_trials = 12"))
    with pytest.raises(ValueError, match="num_trials = 12, but the run was made with 9"):
        open_ledger(Request.read(folder), folder)


def test_what_may_not_change_is_still_refused(folder: Path) -> None:
    path = folder / "run.toml"
    path.write_text(path.read_text().replace("epochs = 2", "epochs = 3"))
    with pytest.raises(ValueError, match="epochs = 3, but the run was made with 2"):
        open_ledger(Request.read(folder), folder)
