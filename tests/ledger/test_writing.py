"""What is added to a study from outside is added to the run's own, and to nobody else's."""

from __future__ import annotations

from pathlib import Path

import pytest
from ledgers import TWO, in_folder

from optcell_search.ledger.reading import load
from optcell_search.ledger.writing import study_to_write


@pytest.fixture(autouse=True)
def _nothing_is_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def test_a_study_is_added_to(tmp_path: Path) -> None:
    in_folder(tmp_path / "run", TWO)
    with study_to_write(tmp_path / "run") as study:
        study.set_user_attr("note", "mine")
    assert load(tmp_path / "run").user_attrs["note"] == "mine"


def test_a_strangers_folder_does_not_write_into_the_users_study(tmp_path: Path) -> None:
    in_folder(tmp_path / "mine", TWO, run_id="mine")
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    study = f"sqlite:///{tmp_path / 'mine' / 'study.db'}"
    (theirs / "run.toml").write_text(f'run_id = "mine"\nstudy = "{study}"\n', encoding="utf-8")
    assert load(theirs).study_name == "mine", "it may be looked at"
    with pytest.raises(ValueError, match="names a place outside of it"), study_to_write(theirs):
        pass
    (theirs / "run.toml").unlink()
    (theirs / "study.db").symlink_to(tmp_path / "mine" / "study.db")
    with pytest.raises(ValueError, match="is a link"), study_to_write(theirs):
        pass
