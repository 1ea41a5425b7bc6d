"""Files that a command writes, and what it says when it is stopped."""

from __future__ import annotations

import gzip
import io
import os
import subprocess
import sys
import threading
from pathlib import Path

import pandas as pd
import pytest
from calling import call
from runs import a_request

from optcell_search.cli import main, tables
from optcell_search.cli.output import csv_compression, output_file
from optcell_search.ledger import folder as folders
from optcell_search.ledger.storage.whole import write_whole
from optcell_search.raw.writing import compression
from optcell_search.tuning import Run

PROGRAM = "import sys; from optcell_search.cli import main; sys.exit(main())"


@pytest.fixture
def folder(tiny: str, tmp_path: Path) -> Path:
    folders.make(tmp_path / "run", a_request(tiny))
    return tmp_path / "run"


def test_a_file_that_is_there_is_replaced_only_by_force(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "thesis.csv"
    file.write_text("mine")
    code, _, errors = call(capsys, "results", str(folder), "--csv", str(file))
    assert (code, file.read_text()) == (2, "mine")
    assert errors == (
        f"optcell-search: --csv {file}: exists already; name another file, or add --force\n"
    )
    code, _, errors = call(capsys, "dashboard", str(folder), "--html", str(file))
    assert (code, file.read_text()) == (2, "mine")
    assert "--html" in errors
    assert call(capsys, "results", str(folder), "--csv", str(file), "--force")[0] == 0
    assert file.read_text().startswith("number,state")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run", "thesis.csv"]


def test_a_table_is_what_its_name_says(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain, packed = tmp_path / "a.csv", tmp_path / "a.csv.gz"
    for file in (plain, packed):
        assert call(capsys, "results", str(folder), "--csv", str(file))[0] == 0
    assert gzip.decompress(packed.read_bytes()) == plain.read_bytes()
    for name in ("a.parquet", "a.tsv.gz", "a.csv.zip", "A.XLSX"):
        code, _, errors = call(capsys, "results", str(folder), "--csv", str(tmp_path / name))
        assert code == 2
        assert errors.endswith(f"{name}: a CSV file is written; valid: a name in .csv or .csv.gz\n")
    assert csv_compression("--csv", "all.json.csv") is compression("--csv", "a.xlsx.csv") is None
    assert csv_compression("--csv", "A.CSV.GZ") == compression("--csv", "a.tar.csv.gz") == "gzip"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "a.csv.gz", "run"]


def test_links_are_files_that_are_there_and_devices_take_anything(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="exists already"):
        output_file("--csv", str(tmp_path / "link"), force=False)
    output_file("--csv", "/dev/null", force=False)
    output_file("--csv", str(tmp_path / "new"), force=False)
    write_whole(Path("/dev/null"), lambda path: None)


@pytest.mark.parametrize("command", ["results --csv", "dashboard --html"])
def test_a_pipe_is_written_to_and_stays_one(
    command: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name, option = command.split()
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    assert call(capsys, name, str(folder), option, str(pipe))[0] == 0
    reader.join()
    assert pipe.is_fifo()
    assert read[0].startswith("number,state" if name == "results" else "<!doctype html>")


@pytest.mark.parametrize("command", ["results --csv", "dashboard --html"])
def test_no_spelling_of_a_name_gets_around_what_is_there(
    command: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name, option = command.split()
    file = tmp_path / "thesis"
    file.write_text("mine")
    link = tmp_path / "link"
    link.symlink_to(file)
    for spelling in (f"{file}/", f"{tmp_path}//thesis", f"{tmp_path}/./thesis/.", str(link)):
        code, _, errors = call(capsys, name, str(folder), option, spelling)
        assert (code, errors.count("\n"), file.read_text()) == (2, 1, "mine"), spelling
    code, _, errors = call(capsys, name, str(folder), f"{option}=")
    assert (code, "is empty" in errors) == (2, True)
    assert call(capsys, name, str(folder), option, str(link), "--force")[0] == 0
    assert link.is_symlink()
    assert file.read_text() != "mine"


@pytest.mark.parametrize("command", ["results --csv", "dashboard --html"])
def test_a_file_in_a_missing_folder_is_refused_before_the_run_is_looked_at(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name, option = command.split()
    (tmp_path / "link").symlink_to(tmp_path / "no" / "such" / "x")
    missing = {str(tmp_path / "no" / "such" / "x"): [], str(tmp_path / "link"): ["--force"]}
    for file, force in missing.items():
        code, _, errors = call(capsys, name, str(tmp_path / "run"), option, file, *force)
        assert (code, errors) == (
            2,
            f"optcell-search: {option} {file}: there is no folder {tmp_path}/no/such\n",
        )
    code, _, errors = call(capsys, name, str(tmp_path / "run"), option, str(tmp_path), "--force")
    assert (code, errors) == (
        2,
        f"optcell-search: {option} {tmp_path}: is a folder; valid: the name of a file\n",
    )
    assert [path.name for path in tmp_path.iterdir()] == ["link"]


def test_what_cannot_be_written_whole_leaves_nothing(tmp_path: Path) -> None:
    file = tmp_path / "all.csv"
    file.write_text("before")

    def half(path: Path) -> None:
        path.write_text("half")
        raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space"):
        write_whole(file, half)
    assert file.read_text() == "before"
    assert list(tmp_path.iterdir()) == [file]


def test_csv_carries_every_digit(tmp_path: Path) -> None:
    value = 0.1 + 0.2
    write_whole(tmp_path / "x.csv", lambda path: pd.DataFrame({"a": [value]}).to_csv(path))
    assert pd.read_csv(tmp_path / "x.csv", float_precision="round_trip")["a"][0] == value


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (False, "stopped; nothing was written"),
        (True, "stopped after 0 of 4 trials; `optcell-search resume"),
    ],
)
def test_ctrl_c_says_how_it_goes_on(
    made: bool,
    words: str,
    space: str,
    tiny: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    target = tmp_path / "run"

    def stop(*_: object, **__: object) -> None:
        if made:
            folders.make(target, a_request(tiny))
        raise KeyboardInterrupt

    monkeypatch.setattr("optcell_search.tuning.start.search", stop)
    command = f"run {space} --task {tiny} --trials 2 --out {target}"
    code, _, errors = call(capsys, *command.split())
    assert code == 130
    assert errors.startswith(f"optcell-search: {words}")


def test_ctrl_c_of_an_export_names_no_run_to_resume(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Run, "export", stop)
    code, _, errors = call(capsys, "export", str(folder), "--out", "winner")
    assert (code, errors) == (130, "optcell-search: stopped; nothing was written\n")


@pytest.mark.parametrize("argument", ["--task=--", "--out=--", "--trials=--"])
def test_an_option_without_its_value(argument: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["run", "x", argument])
    assert caught.value.code == 2
    assert capsys.readouterr().err == (
        f"optcell-search: {argument}: the value of an option is missing\n"
    )


@pytest.mark.parametrize("command", ["status -- --", "replay run -- --"])
def test_two_dashes_twice(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(command.split())
    assert caught.value.code == 2
    assert capsys.readouterr().err == (
        "optcell-search: --: given twice; a file of that name is ./--\n"
    )


def test_an_endless_value_is_not_repeated_whole(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, errors = call(capsys, "status", "x" * 100_000)
    assert code == 2
    assert len(errors) < 2200


def test_ascii_or_no_standard_output_at_all(folder: Path) -> None:
    """A terminal that knows only ASCII, and output that is closed, as under some schedulers."""
    environment = os.environ | {
        "PYTHONIOENCODING": "ascii",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    command = [sys.executable, "-c", PROGRAM, "list", "rules"]
    said = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert said.returncode == 0, said.stderr
    assert b"\\u" in said.stdout or said.stdout.isascii()
    shell = ["sh", "-c", 'exec "$@" >&- 2>&-', "sh", *command]
    assert subprocess.run(shell, env=environment, check=False).returncode == 0


def test_a_candidate_without_hidden_units_names_none() -> None:
    row = {"rule": "gd", "cell": "conv", "gd.s": 1.0, "conv.channels": 8}
    assert tables.describe(row) == "gd(s=1) conv(channels=8)"
    assert tables.describe(row | {"training.lr": 0.5, "model.hidden_size": 3}).endswith(
        ", 3 units, lr 0.5"
    )


def test_output_is_buffered_text(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stderr", stream)
    assert main(["status", "/nowhere/µ"]) == 2
    stream.flush()
    assert b"\\xb5" in stream.buffer.getvalue()  # type: ignore[attr-defined]
