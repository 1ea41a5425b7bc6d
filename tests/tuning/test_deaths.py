"""What a ledger is after a power cut at any moment, and who may work on it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from optuna.samplers import RandomSampler
from optuna.trial import TrialState
from runs import SMALL_SPACE, a_request

from optcell_search.ledger import folder as folders
from optcell_search.ledger.ledger import Ledger
from optcell_search.ledger.opening import make_ledger, open_ledger
from optcell_search.ledger.request import Request
from optcell_search.ledger.storage.journal import mend
from optcell_search.ledger.storage.storage import LedgerStorage
from optcell_search.tuning import Run

METRICS = {"accuracy": 0.5, "loss": 1.0, "parameters": 20.0}
ROOT = Path(__file__).parents[2]


def fill(ledger: Ledger, rows: int) -> None:
    """Finish all but the last of so many new rows; that one has an epoch."""
    for _ in range(rows):
        row = ledger.ask(ledger.request.search_space, RandomSampler(seed=ledger.size))
        accuracy = row.number / 8
        ledger.report(row.number, 1, {**METRICS, "accuracy": accuracy}, "host:1")
        if row.number < rows - 1:
            ledger.complete(row.number, {**METRICS, "accuracy": accuracy})


def finish(ledger: Ledger) -> None:
    """Do what a resume does."""
    ledger.requeue()
    while ledger.missing:
        row = ledger.ask(ledger.request.search_space, RandomSampler(seed=ledger.size))
        ledger.complete(row.number, METRICS)


@pytest.mark.parametrize("storage", ["sqlite", "journal"])
def test_a_power_cut_at_any_moment(storage: str, tiny: str, tmp_path: Path) -> None:
    journal = tmp_path / "journal.log"
    study = f"journal://{journal}" if storage == "journal" else ""
    request = a_request(tiny, space=SMALL_SPACE, num_trials=5, study=study)
    first, second = tmp_path / "first", tmp_path / "second"
    folders.make(first, request)
    grows = journal if study else first / "study.db-wal"
    start = journal.stat().st_size if study else 0
    with contextlib.closing(open_ledger(request, first)) as ledger:
        fill(ledger, 4)
        before = {trial.number: trial for trial in ledger.trials()}
        held = {path.name: path.read_bytes() for path in first.iterdir()}
        whole = grows.read_bytes()
    seen = set()
    for share in np.linspace(0.0, 1.0, 25):
        second.mkdir()
        for name, content in held.items():
            (second / name).write_bytes(content)
        grown = journal if study else second / grows.name
        grown.write_bytes(whole[: start + round(share * (len(whole) - start))])
        with contextlib.closing(open_ledger(request, second)) as ledger:
            complete = [t for t in ledger.trials() if t.state == TrialState.COMPLETE]
            seen.add(len(complete))
            for trial in complete:
                assert trial.values == before[trial.number].values
                assert trial.user_attrs == before[trial.number].user_attrs
            finish(ledger)
        # Read anew, for a journal can be spoilt by what is written behind a torn line. And closed:
        # a connection left to the garbage collector deletes SQLite's side files whenever that runs.
        with contextlib.closing(open_ledger(request, second)) as ledger:
            states = [trial.state for trial in ledger.trials()]
        assert states == [TrialState.COMPLETE] * 5
        shutil.rmtree(second)
    assert seen == {0, 1, 2, 3}


def test_only_a_torn_line_is_mended(tmp_path: Path) -> None:
    file = tmp_path / "journal.log"
    line = b'{"op_code": 0, "worker_id": "w"}\n'
    long = b"x" * 10_000
    for content, after in (
        (b"", b""),
        (line * 2, line * 2),
        (line + long, line),
        (line * 2 + b'{"op', line * 2),
    ):
        file.write_bytes(content)
        mend(file)
        assert file.read_bytes() == after
        # What was cut off lies beside it, so that nothing is lost.
        assert [path.read_bytes() for path in tmp_path.glob("journal.log.cut-*")] == (
            [content[len(after) :]] if content != after else []
        )
        for rest in tmp_path.glob("journal.log.cut-*"):
            rest.unlink()
    assert os.listdir(tmp_path) == ["journal.log"]


def test_what_does_not_begin_as_a_journal_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "photo.jpg"
    for content in (b"x" * 10_000, b"a\n" + b"x" * 10_000, b'{"no": "journal"}\n{"half'):
        file.write_bytes(content)
        with pytest.raises(ValueError, match="is no journal of Optuna's"):
            mend(file)
        assert file.read_bytes() == content
    assert os.listdir(tmp_path) == ["photo.jpg"]


def test_there_may_be_no_file_yet(tmp_path: Path) -> None:
    mend(tmp_path / "not there")


def test_a_journal_that_is_damaged_within(tiny: str, tmp_path: Path) -> None:
    file = tmp_path / "journal.log"
    request = a_request(tiny, study=f"journal://{file}")
    make_ledger(request, tmp_path).close()
    file.write_bytes(b'{"op_code":\n' + file.read_bytes())
    with pytest.raises(ValueError, match=r"study journal://.*: cannot be opened: ") as caught:
        open_ledger(request, tmp_path)
    assert "\n" not in str(caught.value)


@pytest.fixture(params=["sqlite", "journal", "postgresql"])
def study(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a ledger outside the run folder."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgresql"))
    kinds = {"sqlite": f"sqlite:///{tmp_path}/all.db", "journal": f"journal://{tmp_path}/all.log"}
    return kinds[request.param]


def test_two_searches_at_one_url_have_a_study_each(study: str, tiny: str, tmp_path: Path) -> None:
    requests = [a_request(tiny, space=SMALL_SPACE, num_trials=n, study=study) for n in (3, 4)]
    for request, name in zip(requests, ("a", "b"), strict=True):
        folders.check_study(study)
        folders.make(tmp_path / name, request)
    with contextlib.ExitStack() as stack:
        a, b = (
            stack.enter_context(contextlib.closing(open_ledger(request, tmp_path)))
            for request in requests
        )
        with a.locked(), b.locked():
            fill(a, 2)
            finish(b)
            finish(a)
    for name, count in (("a", 3), ("b", 4)):
        assert Run.open(tmp_path / name).status()["complete"] == count
    with pytest.raises(ValueError, match="cannot be made"):
        make_ledger(requests[0], tmp_path)


HOLD = (
    "import sys; sys.path.insert(0, sys.argv[1])\n"
    "from pathlib import Path\n"
    "from optcell_search.ledger.opening import open_ledger\n"
    "from optcell_search.ledger.request import Request\n"
    "folder = Path(sys.argv[2])\n"
    "with open_ledger(Request.read(folder), folder).locked():\n"
    "    print('mine', flush=True); sys.stdin.read()\n"
)


def test_a_copied_folder_does_not_get_into_the_study(study: str, tiny: str, tmp_path: Path) -> None:
    run, copy = tmp_path / "run", tmp_path / "copy"
    folders.make(run, a_request(tiny, study=study, num_trials=1))
    shutil.copytree(run, copy)
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(ROOT), str(run)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "mine\n"
        with pytest.raises(ValueError, match="another process is working on"):
            Run.open(copy).drive()
        other.send_signal(signal.SIGKILL)
        other.wait()
    # Killed, it could release nothing.
    with contextlib.closing(open_ledger(Request.read(copy), copy)) as ledger, ledger.locked():
        finish(ledger)


def test_the_ledger_of_another_run_is_no_place_for_a_new_one(tiny: str, tmp_path: Path) -> None:
    other = tmp_path / "other"
    folders.make(other, a_request(tiny))
    with pytest.raises(FileExistsError, match=rf"the ledger of the run in {other}; go on with it"):
        folders.check_study(f"sqlite:///{other}/study.db")


def test_a_ledger_that_is_gone_is_not_begun_anew(study: str, tiny: str, tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    folders.make(inside, a_request(tiny))
    (inside / "study.db").unlink()
    with pytest.raises(ValueError, match=r"the ledger study.db is missing"):
        Run.open(inside).status()
    assert not (inside / "study.db").exists()
    LedgerStorage(study).close()
    outside.mkdir()
    a_request(tiny, study=study).write(outside)
    with pytest.raises(ValueError, match=r"holds no study "):
        Run.open(outside, trust=True).status()


def test_a_password_is_kept_out_of_messages(postgresql: str) -> None:
    url = postgresql.replace("optcell@", "nobody:very%20secret@").replace("/postgres", "/nothing")
    with pytest.raises(ValueError, match=r"study .*nobody:\*\*\*@.*: cannot be opened") as caught:
        LedgerStorage(url)
    assert "secret" not in str(caught.value)


def test_a_reason_that_no_state_came_with_is_dropped(study: str, tiny: str, tmp_path: Path) -> None:
    request = a_request(tiny, study=study, num_trials=1)
    with contextlib.closing(make_ledger(request, tmp_path)) as ledger:
        row = ledger.ask(request.search_space, RandomSampler(seed=0))
        # As `fail` begins; then the driver dies.
        ledger._storage.optuna.set_trial_user_attr(ledger._ids[row.number], "reason", "diverged")
    with contextlib.closing(open_ledger(request, tmp_path)) as ledger:
        finish(ledger)
        assert ledger.trials()[0].user_attrs["reason"] == ""
