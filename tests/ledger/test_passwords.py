"""A password in a URL is in ``run.toml`` alone, its owner's file, and in nothing that is said."""

from __future__ import annotations

import contextlib
import stat
from pathlib import Path

import pytest
from optuna.samplers import RandomSampler
from runs import a_request

from optcell_search.cli import main
from optcell_search.dashboard import write_report
from optcell_search.ledger import folder as folders
from optcell_search.ledger.amending import amend
from optcell_search.ledger.opening import open_ledger
from optcell_search.ledger.request import Request
from optcell_search.tuning.store.file_systems import Location

SECRET = "s3cr/t!"
STORAGE = f"s3://key:{SECRET}@bucket/runs?access_key={SECRET}"


@pytest.fixture
def folder(tiny: str, tmp_path: Path) -> Path:
    folders.make(tmp_path / "run", a_request(tiny, storage=STORAGE))
    return tmp_path / "run"


def test_it_is_in_one_file_and_that_is_its_owners(folder: Path) -> None:
    with contextlib.closing(open_ledger(Request.read(folder), folder)) as ledger:
        trial = ledger.ask(ledger.request.search_space, RandomSampler(seed=0))
        assert trial is not None
        ledger.fail(trial.number, f"no {STORAGE}", f"OSError: {STORAGE}: 403")
        amend(ledger, folder, {"num_trials": 7})
        assert ledger.request.storage == STORAGE
    write_report(f"sqlite:///{folder}/study.db", folder / "report.html")
    with folders.locked(folder):
        pass
    files = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert {folder / "report.html", folder / "study.db"} < set(files)
    telling = [path.name for path, content in files.items() if b"s3cr" in content]
    assert telling == ["run.toml"]
    for path in (folder, folder / "run.toml", folder / "ray"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_a_request_that_was_amended_by_half_keeps_it(folder: Path) -> None:
    before = (folder / "run.toml").read_bytes()
    with contextlib.closing(open_ledger(Request.read(folder), folder)) as ledger:
        amend(ledger, folder, {"num_trials": 7})
    # As if its process had been killed before it came to the file.
    (folder / "run.toml").write_bytes(before)
    open_ledger(Request.read(folder), folder).close()
    again = Request.read(folder)
    assert (again.num_trials, again.storage) == (7, STORAGE)
    assert stat.S_IMODE((folder / "run.toml").stat().st_mode) == 0o600


def test_another_password_is_no_other_run(tiny: str, tmp_path: Path) -> None:
    request = a_request(tiny, storage="s3://key:one@bucket/runs")
    folders.make(tmp_path / "run", request)
    text = (tmp_path / "run" / "run.toml").read_text()
    (tmp_path / "run" / "run.toml").write_text(text.replace(":one@", ":two@"))
    open_ledger(Request.read(tmp_path / "run"), tmp_path / "run").close()
    (tmp_path / "run" / "run.toml").write_text(text.replace("@bucket", "@other"))
    with pytest.raises(ValueError, match=r"storage = .*\*\*\*@other") as caught:
        open_ledger(Request.read(tmp_path / "run"), tmp_path / "run")
    assert "one" not in str(caught.value)


def test_a_place_is_shown_without_it() -> None:
    place = Location(f"file:///tmp/x?token={SECRET}") / "checkpoints"
    assert SECRET not in str(place)
    assert SECRET in place.where


@pytest.mark.parametrize(
    "arguments",
    [
        ["--storage", f"nosuch://key:{SECRET}@host/x"],
        ["--storage", f"s3://key:{SECRET}@bucket/x?region=eu&token={SECRET}"],
        ["--study", f"postgresql://key:{SECRET}@127.0.0.1:1/x"],
        ["--study", f"nosuch://key:{SECRET}@127.0.0.1:1/x"],
        ["--storage", f"s3:/key:{SECRET}@bucket/x"],
        ["--storage", f"key:{SECRET}@bucket/x"],
        ["--study", f"postgresql:/key:{SECRET}@127.0.0.1/x"],
        ["--study", f"postgresql:key:{SECRET}@127.0.0.1/x"],
        ["--study", f"postgresql//key:{SECRET}@127.0.0.1/x"],
        ["--nosuch", f"s3://key:{SECRET}@host/x"],
    ],
)
def test_no_message_holds_it(
    arguments: list[str], tiny: str, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    from optcell_search.tuning.cluster import connection

    monkeypatch.setattr(connection, "connected", lambda *_: contextlib.nullcontext())
    out = tmp_path / "run"
    request = ["run", "smoke", f"--task={tiny}", "--trials=2", f"--out={out}"]
    try:
        code = main([*request, *arguments])
    except SystemExit as end:
        code = int(str(end.code))
    said = "".join(capsys.readouterr())
    assert code == 2
    assert "s3cr" not in said
    assert not out.exists()
