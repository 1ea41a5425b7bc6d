"""A run folder that is made anew while it is looked at holds another run, shown from its start."""

from __future__ import annotations

import shutil
from pathlib import Path

import optuna
import pytest
from ledgers import TWO, Ledger, candidate, in_folder, request

from optcell_search.dashboard.content import Contents
from optcell_search.dashboard.read import Board, opening

STEPS = [{"accuracy": 0.4, "loss": 0.6}]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    ledger = in_folder(tmp_path / "run", TWO, run_id="first")
    for i in range(3):
        ledger.add([0.1 + i / 10, 10.0 + i], of=candidate("lstm", "gd"), epochs=STEPS)
    return tmp_path / "run"


def made_anew(folder: Path) -> Ledger:
    """Another run in the place of the first, which has fewer trials so far."""
    shutil.rmtree(folder)
    ledger = in_folder(folder, TWO, run_id="second", task="other")
    ledger.add([0.7, 5.0], of=candidate("gru", "adam"), epochs=[*STEPS, *STEPS])
    return ledger


@pytest.fixture(params=["tables", "optuna"])
def _read(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways of reading."""
    if request.param == "optuna":
        monkeypatch.setattr(opening, "has_known_tables", lambda url: False)


@pytest.mark.usefixtures("_read")
def test_a_board_begins_again(folder: Path) -> None:
    board = Board(folder)
    board.refresh()
    board.curves(range(3))
    ledger = made_anew(folder)
    assert board.refresh()
    assert (board.version, board.begun) == (2, 2)
    assert (board.request["run_id"], board.data.request["task"]) == ("second", "other")
    assert list(board.data.table["accuracy"]) == [0.7]
    assert board.changed == {0: 2}
    assert board.trained == [0]
    assert {number: curve.epochs for number, curve in board.curves(range(3)).items()} == {0: (1, 2)}
    assert not board.refresh()
    ledger.add([0.8, 6.0])
    assert board.refresh()
    assert list(board.data.table["accuracy"]) == [0.7, 0.8]


def test_what_was_known_stays_until_there_is_another_run(folder: Path) -> None:
    board = Board(folder)
    board.refresh()
    shutil.rmtree(folder)
    folder.mkdir()
    url = f"sqlite:///{folder / 'study.db'}"
    # As a search has it for a moment.
    study = optuna.create_study(study_name="second", storage=url, directions=list(TWO.values()))
    for _ in range(2):
        with pytest.raises(ValueError, match="holds no request"):
            board.refresh()
    assert (board.request["run_id"], len(board.data.table), board.version) == ("first", 3, 1)
    study.set_user_attr("request", request(TWO, run_id="second"))
    study.set_user_attr("run_id", "second")
    assert board.refresh()
    assert (board.request["run_id"], len(board.data.table), board.version) == ("second", 0, 2)


def test_the_page_is_told_the_whole_of_it(folder: Path) -> None:
    board = Board(folder)
    board.refresh()
    shown = Contents(board)
    before = shown.whole()
    made_anew(folder)
    board.refresh()
    assert not shown.whole(patient=False).keys() & {"standings", "growth"}, "the first run's"
    news = shown.news(before["version"])
    assert (news["name"], news["since"], news["rows"]["number"]) == ("second", -1, [0])
    assert news["growth"]["finished"] == (1,)
    assert list(news["equations"]["rule"]) == ["adam"]
    assert shown.news(news["version"])["since"] == news["version"]
