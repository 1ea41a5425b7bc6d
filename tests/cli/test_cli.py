"""The command line, from arguments to output and exit code."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from calling import call

from optcell_search.cli import main, tables
from optcell_search.cli.tables import NO_INPUT
from optcell_search.tuning import Run


@pytest.fixture(scope="module")
def run(
    cluster: None, space: str, tiny: str, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, Any]]:
    """A run folder, and what ``run --json`` printed."""
    folder = tmp_path_factory.mktemp("runs") / "first"
    command = f"run {space} --task {tiny} --trials 5 --out {folder} --epochs 2 --workers 2"
    with contextlib.redirect_stdout(io.StringIO()) as output:
        options = ["--objectives", "accuracy,parameters", "--scheduler", "none", "--json"]
        code = main([*command.split(), *options])
    assert code == 0
    return folder, json.loads(output.getvalue())


def test_run_prints_where_it_ended(run: tuple[Path, dict[str, Any]]) -> None:
    folder, printed = run
    assert printed["status"]["complete"] == 5
    assert Path(printed["report"]).is_file()
    assert 1 <= len(printed["pareto"]) <= 5
    assert {"number", "accuracy", "parameters", "rule", "cell"} <= printed["pareto"][0].keys()
    assert str(folder) == printed["status"]["directory"]


def test_resume_of_a_finished_run_shows_it(
    run: tuple[Path, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    code, output, _ = call(capsys, "resume", str(run[0]))
    assert code == 0
    assert "5 of 5" in output
    assert f"report: {run[0] / 'report.html'}" in output


@pytest.mark.usefixtures("cluster")
@pytest.mark.filterwarnings("default:nothing was trained")
def test_a_run_by_time_is_extended_by_resume(
    space: str, tiny: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(tmp_path / "run")
    options = f"--task {tiny} --out {folder} --workers 2 --scheduler none"
    code, output, _ = call(
        capsys, "run", space, *options.split(), "--epochs", "2", "--trials", "2", "--time", "1h"
    )
    assert (code, "2 of 2" in output) == (0, True)
    assert " of 1 h 0 min" in output
    code, _, errors = call(capsys, "resume", folder, "--trials", "3", "--skip", "0")
    assert (code, errors) == (
        2,
        f"optcell-search: {folder}: trial 0 is not open; valid: none\n",
    )
    assert Run.open(folder).request.num_trials == 2, "nothing is changed by what is refused"
    code, output, errors = call(capsys, "resume", folder, "--trials", "3", "--until", "accuracy>=0")
    assert (code, "2 of 3" in output) == (0, True), "any trial is good enough"
    assert errors == (
        "optcell-search: warning: nothing was trained: accuracy>=0 is reached; "
        f"`optcell-search resume {folder} --until ''` goes on\n"
    )
    code, output, _ = call(capsys, "resume", folder, "--until", "", "--patience", "9")
    assert (code, "3 of 3" in output) == (0, True)
    request = Run.open(folder).request
    assert (request.num_trials, request.until, request.patience) == (3, (), 9)


@pytest.mark.usefixtures("cluster")
def test_another_candidate_is_put_into_the_queue_and_trained_by_resume(
    space: str, tiny: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(tmp_path / "run")
    options = f"--task {tiny} --out {folder} --workers 1 --scheduler none --epochs 1 --trials 3"
    assert call(capsys, "run", space, *options.split())[0] == 0
    code, output, _ = call(capsys, "enqueue", folder, "2", "lr=0.0625", "--json")
    assert (code, json.loads(output)) == (0, {"trial": 3})
    code, output, _ = call(capsys, "status", folder)
    assert (code, "0 running, 1 to come" in output) == (0, True)
    assert f"`optcell-search resume {folder}` goes on" in output
    assert call(capsys, "resume", folder)[0] == 0
    added = Run.open(folder).results().iloc[3]
    assert (added["state"], added["training.lr"]) == ("COMPLETE", 0.0625)
    code, _, errors = call(capsys, "enqueue", folder, "2", "training.lr=0.0625")
    assert (code, f"{folder}: trial 3 is that candidate" in errors) == (2, True)
    code, _, errors = call(capsys, "prune", folder, "2")
    assert (code, errors) == (
        2, f"optcell-search: {folder}: trial 2 is not running; valid: none\n"
    )  # fmt: skip


def test_status(run: tuple[Path, Any], capsys: pytest.CaptureFixture[str]) -> None:
    code, output, _ = call(capsys, "status", str(run[0]))
    assert code == 0
    assert "5 complete, 0 pruned, 0 failed" in output
    code, output, _ = call(capsys, "status", str(run[0]), "--json")
    assert json.loads(output)["complete"] == 5


def test_results(run: tuple[Path, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, output, _ = call(capsys, "results", str(run[0]))
    head, *lines = output.splitlines()
    assert code == 0
    assert head.split() == ["trial", "state", "accuracy", "parameters", "candidate"]
    *lines, chance, nothing, gain = lines
    assert (len(lines), nothing) == (5, "")
    assert chance.endswith(NO_INPUT)
    assert "plain rnn (trial " in gain
    assert "gd(s=1)" in output or "heavy_ball(mu=" in output
    _, output, _ = call(capsys, "results", str(run[0]), "--pareto", "--json")
    assert len(json.loads(output)) == len(run[1]["pareto"])
    file = tmp_path / "all.csv"
    code, output, errors = call(capsys, "results", str(run[0]), "--csv", str(file))
    assert (code, output, errors) == (0, "", f"{file}\n")
    assert len(pd.read_csv(file)) == 5


def test_finalize_then_results_show_test_scores(
    run: tuple[Path, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    code, output, _ = call(capsys, "finalize", str(run[0]), "--trial", "1", "--seeds", "2")
    assert code == 0
    over, head, line, chance, _, others, *_, gain = output.splitlines()
    assert chance.endswith(NO_INPUT)
    assert "plain rnn (trial " in gain
    # Folds were trained on together, which leaves no validation.
    assert (over.split(), head.split()[1:3]) == (["accuracy"], ["search", "test"])
    assert line.split()[0] == "1"
    assert line.count("±") == 2
    assert others.split() == ["other", "test", "scores", "1", "no", "input"]
    _, output, _ = call(capsys, "results", str(run[0]))
    assert output.count("±") == 6, "of the folds of each trial, and of one in the test"
    _, output, _ = call(capsys, "results", str(run[0]), "--json")
    tested = [row for row in json.loads(output) if "test_accuracy" in row]
    assert [(row["number"], row["finalized"]) for row in tested] == [(1, 2.0)]
    page = (run[0] / "report.html").read_text()
    assert '"finals":[{"number":1,' in page, "the report is written anew, with the test scores"


def test_finalize_takes_the_best_of_each_rule_and_tells_the_best_first(
    run: tuple[Path, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--best-of-each-rule", "--best-of-each-cell", "--seeds", "1", "--no-refit")
    code, output, _ = call(capsys, "finalize", str(run[0]), *options, "--json")
    rows = json.loads(output)
    table = Run.open(run[0]).results()
    assert code == 0
    assert {row["rule"] for row in rows} == set(table["rule"])
    assert {row["cell"] for row in rows} == set(table["cell"])
    scores = [row["validation_accuracy"] for row in rows]
    assert scores == sorted(scores, reverse=True)
    code, _, errors = call(capsys, "finalize", str(run[0]), "--top", "1", "--best-of-each-cell")
    assert (code, errors.count("\n")) == (2, 1)
    assert "top and best_of_each: each says what to take; valid: one of them" in errors


def test_replay(run: tuple[Path, Any], capsys: pytest.CaptureFixture[str]) -> None:
    code, output, _ = call(capsys, "replay", str(run[0]), "0")
    assert code == 0
    assert "largest difference: 0" in output
    code, output, _ = call(capsys, "replay", str(run[0]), "0", "--json")
    assert json.loads(output)["largest"] == 0


def test_replay_that_differs(
    run: tuple[Path, Any], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from optcell_search.tuning.replay import Replay

    monkeypatch.setattr(Replay, "differences", {"accuracy": 0.25})
    code, output, _ = call(capsys, "replay", str(run[0]), "0")
    assert code == 1
    assert "largest difference: 0.25" in output


def test_dashboard(
    run: tuple[Path, Any],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    served: list[tuple[Any, dict[str, Any]]] = []
    monkeypatch.setattr(
        "optcell_search.dashboard.serve", lambda places, **how: served.append((places, how))
    )
    file = tmp_path / "r.html"
    code, output, _ = call(capsys, "dashboard", str(run[0]), "--html", str(file))
    assert (code, output, served) == (0, f"{file}\n", [])
    assert "<html" in file.read_text()
    call(capsys, "dashboard", str(run[0]), "--study", "sqlite:///s.db", "--port", "81", "--no-open")
    how = {"host": "127.0.0.1", "port": 81, "token": "", "base_path": "", "opened": False}
    assert served == [([str(run[0]), "sqlite:///s.db"], how)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "dashboard: name a run folder, or a study by --study URL"),
        (["{run}", "--host", "0.0.0.0"], "--host 0.0.0.0: other machines can reach this address, "
         "so it needs --token TOKEN"),
        (["{run}/no"], "{run}/no: no run here, study.db is missing"),
        (["{run}", "--json"], "--json: tells where a file was written; valid: with --html FILE"),
        (["--study", "sqlite:///{run}/no.db"], "sqlite:///{run}/no.db: no such file"),
    ],
)  # fmt: skip
def test_a_dashboard_that_cannot_be_is_one_clear_line(
    run: tuple[Path, Any], capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    before = os.nice(0)
    filled = [option.format(run=run[0]) for option in options]
    code, output, errors = call(capsys, "dashboard", *filled)
    assert (code, output) == (2, "")
    assert errors == f"optcell-search: {message.format(run=run[0])}\n"
    assert os.nice(0) == before


def test_export(run: tuple[Path, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "winner"
    code, output, _ = call(capsys, "export", str(run[0]), "--trial", "knee", "--out", str(target))
    assert code == 0
    assert f"pip install {target}" in output
    assert (target / "pyproject.toml").is_file()
    code, _, errors = call(capsys, "export", str(run[0]), "--out", str(target))
    assert (code, errors) == (
        2,
        f"optcell-search: {target}: already exists; name a new folder for the export\n",
    )
    other = str(tmp_path / "other")
    code, _, errors = call(capsys, "export", str(run[0]), "--out", other, "--ensemble")
    assert code == 2
    assert "has no ensemble; valid once `finalize --ensemble` has tested one" in errors
    with pytest.raises(SystemExit, match="2"):
        main(["export", str(run[0]), "--out", other, "--ensemble", "--seed-of", "1"])
    assert "not allowed with argument" in capsys.readouterr().err
    assert tables.origin({"of": "ensemble", "trial": 3, "seeds": [5, 6]}) == (
        "weights: finalized, trial 3, all 2 seeds, answers averaged"
    )


@pytest.mark.parametrize("command", ["status", "results"])
def test_looking_at_a_run_imports_nothing_heavy(run: tuple[Path, Any], command: str) -> None:
    heavy = {"ray", "torch", "optuna", "sqlalchemy", "alembic", "plotly", "sklearn", "rich"}
    program = (
        "import sys; from optcell_search.cli import main\n"
        f"code = main([{command!r}, sys.argv[1]])\n"
        f"print(code, sorted({heavy!r} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(run[0])], capture_output=True, text=True, check=True
    )
    assert done.stderr == "0 []\n"
