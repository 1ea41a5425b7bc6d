"""``optcell-search simulate``: a search on a table, from arguments to a run folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from calling import call
from tables import made_up

from optcell_search.tuning import Run


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("tables") / "some.parquet"
    made_up(path, held=30)
    return str(path)


def test_it_prints_what_a_run_prints_and_leaves_its_folder(
    table: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    options = ["--trials", "12", "--workers", "4", "--objectives", "accuracy,parameters"]
    code, output, _ = call(capsys, "simulate", table, "--out", str(out), *options)
    assert code == 0
    assert "12 of 12" in output
    assert f"report: {out / 'report.html'}" in output
    run = Run.open(out)
    assert len(run.results()) == 12
    assert run.request.workers == 4
    assert run.request.scheduler == "mo-asha"


def test_json_is_the_search_of_the_same_arguments_in_python(
    table: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from optcell_search.table import Table

    options = ["--sampler", "random", "--scheduler", "none", "--seed", "5", "--repeats", "2"]
    options += ["--no-plain", "--constraint", "parameters<=100", "--trials", "9", "--json"]
    code, output, _ = call(capsys, "simulate", table, "--out", str(tmp_path / "run"), *options)
    assert code == 0
    printed = json.loads(output)
    same = Table.load(table).simulate(
        "random",
        "none",
        trials=9,
        seed=5,
        repeats=2,
        plain=False,
        constraints=["parameters<=100"],
    )
    assert printed["status"]["complete"] == 9
    assert [t["number"] for t in printed["pareto"]] == list(same.pareto()["number"])
    assert [t["accuracy"] for t in printed["pareto"]] == list(same.pareto()["accuracy"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("nowhere --out {out}", "unknown table 'nowhere'; valid: digits"),
        ("{nowhere}.parquet --out {out}", "nowhere.parquet: no such file"),
        ("{text} --out {out}", "text.parquet: no sound Parquet file"),
        ("{table} --out {out} --trials 0", "trials = 0; valid: integers, 1 or more"),
        ("{table} --out {out} --workers 0", "workers = 0; valid"),
        ("{table} --out {out} --repeats 9", "repeats = 9; valid: integers, 3 or less"),
        ("{table} --out {out} --sampler best", "unknown sampler 'best'; valid: tpe"),
        ("{table} --out {out} --scheduler best", "unknown scheduler 'best'; valid: auto"),
        ("{table} --out {out} --objectives speed", "unknown objective 'speed'; valid: accuracy"),
        ("{table} --out {out} --constraint weight<=2", "unknown metric 'weight'"),
        ("{table} --out {full}", "exists and is no empty folder"),
    ],
)
def test_a_wrong_request_takes_one_line_and_leaves_nothing(
    arguments: str,
    message: str,
    table: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    text, full, out = tmp_path / "text.parquet", tmp_path / "full", tmp_path / "run"
    text.write_text("no table")
    full.mkdir()
    (full / "something").touch()
    names = {"table": table, "text": text, "full": full, "out": out}
    told = arguments.format(nowhere=tmp_path / "nowhere", **names)
    code, output, errors = call(capsys, "simulate", *told.split())
    assert code == 2
    assert output == ""
    assert message in errors
    assert len(errors.splitlines()) == 1
    assert not out.exists()


@pytest.mark.filterwarnings("always:the report could not be written")
@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (OSError(28, "No space left on device"), 0, "warning: the report could not be written: [E"),
        (KeyboardInterrupt(), 130, "stopped; the search is whole: `optcell-search dashboard {}` "),
    ],
)
def test_a_run_that_is_there_is_told_of_whatever_becomes_of_its_report(
    table: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    code: int,
    said: str,
) -> None:
    def failing(run: Run) -> None:
        raise error

    monkeypatch.setattr(Run, "report", failing)
    out = tmp_path / "run"
    done, output, errors = call(capsys, "simulate", table, "--trials", "5", "--out", str(out))
    assert done == code
    assert said.format(out) in errors
    assert ("5 of 5" in output) == (code == 0)
    assert Run.open(out).status()["missing"] == 0


def test_a_search_without_a_complete_trial_has_failed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = tmp_path / "bad.parquet", tmp_path / "run"
    made_up(path, held=5, diverging=5)
    asked = ("--scheduler", "none", "--trials", "5", "--out", str(out))
    code, output, errors = call(capsys, "simulate", str(path), *asked)
    assert (code, output) == (1, "")
    assert errors == "optcell-search: no candidate could be trained: 5 × diverged\n"
    assert not out.exists()


def test_commands_that_train_are_refused_and_none_is_advised(
    table: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "run")
    said = [call(capsys, "simulate", table, "--trials", "9", "--no-plain", "--out", out)[1]]
    said += [call(capsys, command, out)[1] for command in ("status", "results")]
    assert "simulated on table some: nothing was trained" in said[0]
    assert "gain" in said[0]
    assert not any(word in text for text in said for word in ("finalize", "resume", "replay"))
    winner = ("--out", str(tmp_path / "winner"))
    for words in (
        ("resume", out),
        ("replay", out, "0"),
        ("finalize", out),
        ("export", out, *winner),
    ):
        code, output, errors = call(capsys, *words)
        assert (code, output) == (2, "")
        assert "was simulated on table 'some'" in errors
        assert errors.count("\n") == 1
