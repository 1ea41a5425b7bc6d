"""A request that cannot be met takes one clear line and leaves nothing behind."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from calling import call
from runs import a_request

from optcell_search.cli import main
from optcell_search.ledger import folder as folders

KEPT = Path(__file__).parents[1] / "data" / "run_0_1_0"
RUN = "run {space} --task {tiny} --trials 3 --out {out}"


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (f"{RUN} --trials 0", "num_trials = 0; valid"),
        (f"{RUN} --trials -3", "num_trials = -3; valid"),
        (f"{RUN} --time soon", "time = soon; valid: a time such as 90s, 30m or 1h30m"),
        (f"{RUN} --trial-time 0", "trial_time = 0; valid"),
        (f"{RUN} --patience -1", "patience = -1; valid"),
        (f"{RUN} --until accuracy=1", "'accuracy=1'; valid: METRIC<=NUMBER"),
        (f"{RUN} --try {{nowhere}}.toml", "nowhere.toml: no such file"),
        ("run {space} --task {tiny} --out {out}", "neither a number of trials nor a time"),
        ("resume {nowhere} --time 1h", "no run here"),
        (f"{RUN} --sampler best", "unknown sampler 'best'; valid: tpe"),
        (f"{RUN} --scheduler best", "unknown scheduler 'best'; valid: auto"),
        (f"{RUN} --objectives speed", "unknown objective 'speed'; valid: accuracy"),
        (f"{RUN} --constraint weight<=2", "unknown metric 'weight'"),
        (f"{RUN} --gpus-per-trial -1", "gpus_per_trial = -1"),
        (f"{RUN} --gpus-per-trial inf", "gpus_per_trial = inf"),
        (f"{RUN} --gpus-per-trial nan", "gpus_per_trial = nan"),
        (f"{RUN} --gpus-per-trial 1e18", "whole GPUs from 1 to 1024"),
        (f"{RUN} --gpus-per-trial 1.5", "whole GPUs from 1 to 1024"),
        (f"{RUN} --study nosuchdb://host/x", "cannot be opened"),
        ("run nowhere --task {tiny} --trials 3 --out {out}", "nowhere"),
        ("run {nowhere}.toml --task {tiny} --trials 3 --out {out}", "nowhere.toml"),
        ("run {broken} --task {tiny} --trials 3 --out {out}", "broken.toml"),
        ("run {space} --task digitz --trials 3 --out {out}", "did you mean 'digits'"),
        ("run {space} --task digits:stepz=rows --trials 3 --out {out}", "stepz"),
        ("run {space} --task {nowhere}.npz --trials 3 --out {out}", "nowhere.npz"),
        ("run {space} --task {cut} --trials 3 --out {out}", "cut.npz"),
        ("run {space} --task mnist --trials 3 --out {out} --data-dir {nowhere}", "nowhere"),
        ("run {space} --task {tiny} --trials 3 --out {full}", "exists and is no empty folder"),
        ("resume {nowhere}", "no run here, run.toml is missing"),
        ("status {nowhere}", "no run here"),
        ("results {nowhere}", "no run here"),
        ("finalize {nowhere}", "no run here"),
        ("replay {nowhere} 0", "no run here"),
        ("dashboard {nowhere}", "no run here"),
        ("export {nowhere} --out {out}", "no run here"),
    ],
)
def test_a_wrong_request_takes_one_line_and_leaves_nothing(
    command: str,
    message: str,
    space: str,
    tiny: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    cluster: None,
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").touch()
    (tmp_path / "broken.toml").write_text("cells = [")
    (tmp_path / "cut.npz").write_bytes(Path(tiny).read_bytes()[:200])
    before = sorted(tmp_path.rglob("*"))
    places = {name: tmp_path / name for name in ("out", "full", "nowhere")}
    files = {"broken": tmp_path / "broken.toml", "cut": tmp_path / "cut.npz"}
    arguments = command.format(space=space, tiny=tiny, **places, **files).split()
    code, output, errors = call(capsys, *arguments)
    assert (code, output) == (2, "")
    assert errors.startswith("optcell-search: ")
    assert errors.count("\n") == 1
    assert message in errors
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("option", "complaint"),
    [
        ("--trials=many", "--trials: 'many' cannot be read; valid: a whole number"),
        ("--population=abc", "--population: 'abc' cannot be read; valid: a whole number, or auto"),
        ("--population=1.5", "--population: '1.5' cannot be read; valid: a whole number, or auto"),
        ("--population=", "--population: '' cannot be read; valid: a whole number, or auto"),
        ("--gpus-per-trial=x", "--gpus-per-trial: 'x' cannot be read; valid: a number, or auto"),
        ("--checkpoint-gib=x", "--checkpoint-gib: 'x' cannot be read; valid: a number"),
    ],
)
def test_what_is_no_number_is_answered_by_what_is_valid(
    option: str, complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        call(capsys, "run", "smoke", "--task", "digits", "--out", "nowhere", option)
    assert ended.value.code == 2
    expected = f"optcell-search run: argument {complaint}; see optcell-search run --help\n"
    assert capsys.readouterr().err == expected


def test_every_fault_of_a_space_has_its_line(
    tiny: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "space.toml"
    path.write_text('cells = ["lstn"]\nrules = []\ncolour = "red"\n')
    code, _, errors = call(
        capsys, "run", str(path), "--task", tiny, "--trials", "1", "--out", str(tmp_path / "run")
    )
    assert code == 2
    assert len(errors.splitlines()) == 3
    assert all(line.startswith(f"optcell-search: {path}: ") for line in errors.splitlines())


def test_of_very_many_faults_the_first_are_told(
    tiny: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "space.toml"
    path.write_text("\n".join(f"[a{i}]" for i in range(3000)))
    code, _, errors = call(
        capsys, "run", str(path), "--task", tiny, "--trials", "1", "--out", str(tmp_path / "run")
    )
    told = errors.splitlines()
    assert code == 2
    assert len(told) == 21
    assert told[-1].startswith("optcell-search: and 29")


def test_a_setting_that_is_given_twice_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    code, output, errors = call(capsys, "enqueue", "nowhere", "0", "lr=0.1", "s=1", "lr=0.2")
    assert (code, output) == (2, "")
    assert errors == "optcell-search: lr: given more than once; valid: one value\n"


@pytest.mark.parametrize(
    "command",
    ["", "ran", "run", "run x --task y --trials many --out z", "replay x", "list colours", "--x"],
)
def test_a_mistyped_command_takes_one_line(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(command.split())
    output, errors = capsys.readouterr()
    assert (caught.value.code, output) == (2, "")
    assert errors.count("\n") == 1
    assert "--help" in errors


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--top 0", "top = 0; valid: integers, 1 or more"),
        ("--seeds 1000000000000000000", "valid: integers, 1000 or less"),
        ("--epochs 0", "epochs = 0; valid: integers, 1 or more"),
        ("--epochs 1000000000000000000", "or less"),
    ],
)
def test_limits_of_finalize(
    option: str, message: str, tiny: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders.make(tmp_path / "run", a_request(tiny))
    code, _, errors = call(capsys, "finalize", str(tmp_path / "run"), *option.split())
    assert code == 2
    assert message in errors


def test_a_digit_that_is_of_no_number_chooses_no_trial(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = shutil.copytree(KEPT, tmp_path / "run")
    code, _, errors = call(capsys, "export", str(run), "--trial", "²", "--out", str(tmp_path / "x"))
    assert (code, errors.count("\n")) == (2, 1)
    assert "unknown choice '²'; valid: best, knee" in errors
