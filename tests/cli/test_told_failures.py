"""No command ends with an exit code of failure and nothing said about it."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attacks
import pytest
from calling import call

from optcell_search.cli.output import print_json
from optcell_search.ledger.trials.reasons import RunFailedError
from optcell_search.tuning.replay import Replay
from optcell_search.tuning.run_folder import RunFolder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run of one trained trial."""
    attacks.make_run(tmp_path / "run", trained=1, asked=1)
    return tmp_path / "run"


def change_record(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    connection = sqlite3.connect(folder / "study.db")
    where = "FROM trial_user_attributes WHERE key = 'epoch:0001'"
    (held,) = connection.execute(f"SELECT value_json {where}").fetchone()
    metrics = json.loads(held)
    change(metrics)
    connection.execute(
        "UPDATE trial_user_attributes SET value_json = ? WHERE key = 'epoch:0001'",
        [json.dumps(metrics)],
    )
    connection.commit()
    connection.close()


def test_a_replay_that_differs_says_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(capsys, "replay", str(folder), "0")[0] == 0
    change_record(folder, lambda metrics: metrics.update(accuracy=metrics["accuracy"] + 2))
    code, output, errors = call(capsys, "replay", str(folder), "0")
    assert (code, errors) == (
        1,
        "optcell-search: trial 0: trained again it comes to other numbers than the study holds, "
        "accuracy differs by up to 2\n",
    )
    assert "largest difference: 2" in output
    code, output, errors = call(capsys, "replay", str(folder), "0", "--json")
    assert (code, json.loads(output)["largest"], errors.count("\n")) == (1, 2.0, 1)


@pytest.mark.parametrize(("company", "others"), [(2, "1 other"), (4, "3 others")])
def test_a_replay_says_with_how_many_others_it_was_trained(
    folder: Path, capsys: pytest.CaptureFixture[str], company: int, others: str
) -> None:
    change_record(folder, lambda metrics: metrics.update(population=company))
    code, output, _ = call(capsys, "replay", str(folder), "0")
    assert code == 0
    assert f"it was trained beside {others}, equal up to rounding\n" in output


def test_a_replay_with_nothing_to_compare_says_so(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    connection = sqlite3.connect(folder / "study.db")
    connection.execute("DELETE FROM trial_user_attributes WHERE key = 'epoch:0002'")
    connection.commit()
    connection.close()
    change_record(folder, lambda metrics: metrics.clear())
    code, _, errors = call(capsys, "replay", str(folder), "0")
    assert (code, errors) == (
        2,
        "optcell-search: trial 0 finished no epoch, so there is nothing to replay\n",
    )


def test_what_is_not_finite_differs_from_what_is() -> None:
    nan, inf = math.nan, math.inf
    recorded = {"a": nan, "b": inf, "c": nan, "d": 1.0, "e": inf}
    repeated = {"a": nan, "b": inf, "c": 1.0, "d": nan, "e": -inf}
    found = Replay(0, {1: recorded}, {1: repeated}, {}).differences
    assert found == {"a": 0.0, "b": 0.0, "c": inf, "d": inf, "e": inf}


def test_json_has_no_number_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"a": [math.nan, {"b": -math.inf}], "c": (1, 0.5)})
    assert json.loads(capsys.readouterr().out) == {"a": ["nan", {"b": "-inf"}], "c": [1, 0.5]}


@pytest.mark.parametrize("error", [ValueError, OSError, RunFailedError])
def test_an_error_without_words_is_named(
    error: type[Exception],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(RunFolder, "status", fail)
    code, _, errors = call(capsys, "status", str(folder))
    assert code == (1 if error is RunFailedError else 2)
    assert errors == f"optcell-search: {error.__name__}\n"


def test_a_predictor_that_is_killed_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("optcell_search.export.run_package", lambda *_: -9)
    code, _, errors = call(capsys, "predict", "winner", "x.csv", "--out", "y.csv")
    assert (code, errors.count("\n")) == (1, 1)
    assert "winner: its predictor was ended by SIGKILL" in errors
