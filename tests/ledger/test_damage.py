"""A request or a study that is damaged, or somebody's invention, takes one line."""

from __future__ import annotations

import contextlib
import random
import shutil
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import attacks
import hostile_folders
import hostile_studies
import optuna
import pytest
import tomli_w
from runs import a_request

from optcell_search import results
from optcell_search.dashboard import write_report
from optcell_search.ledger.format import epochs_in, finalized_in, finalized_key
from optcell_search.ledger.opening import make_ledger, open_ledger
from optcell_search.ledger.request import Request
from optcell_search.ledger.trials.attributes import check_record, whole_number
from optcell_search.ledger.trials.trial_record import TrialRecord
from optcell_search.ledger.typed import checker, in_words
from optcell_search.tuning import Run
from optcell_search.tuning.search.budget import Budget


@pytest.fixture(scope="module")
def sound(tiny: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with two trials that are complete and one in training."""
    folder = tmp_path_factory.mktemp("sound") / "run"
    folder.mkdir()
    request = a_request(tiny)
    request.write(folder)
    ledger = make_ledger(request, folder)
    for number in range(3):
        sampler = optuna.samplers.RandomSampler(seed=number)
        trial = ledger.ask(request.search_space, sampler)
        assert trial is not None
        ledger.report(number, 1, {"accuracy": 0.25, "loss": 1.0})
        if number < 2:
            ledger.complete(number, {"accuracy": 0.5, "loss": 1.0}, gradients={1: 0.5})
    ledger.note(finalized_key(0), {"seeds": [1], "validation": {"accuracy": [0.5]},
                             "test": {"accuracy": [0.5]}, "failed": {}, "epochs": 1})  # fmt: skip
    ledger.close()
    return folder


@pytest.fixture
def folder(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "run"))


def in_one_line(call: Callable[[], object]) -> bool:
    """Whether it is refused; then, in one line."""
    said = ""
    try:
        call()
    except (ValueError, FileNotFoundError) as error:
        said = str(error)
    assert "\n" not in said.strip()
    assert len(said) < 1000
    return bool(said)


def look(folder: Path) -> None:
    run = Run.open(folder)
    run.status()
    run.results()
    run.pareto()


def test_the_sound_run_is_read(folder: Path) -> None:
    assert not in_one_line(lambda: look(folder))
    assert Run.open(folder).status()["complete"] == 2


@pytest.mark.parametrize("number", range(len(hostile_studies.CHANGES)))
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_damaged_study_takes_one_line(number: int, seed: int, folder: Path) -> None:
    other = folder.parent
    for name in ("half", "sound"):
        shutil.copytree(folder, other / name)
    hostile_studies.CHANGES[number](folder, random.Random(f"{number}:{seed}"))
    in_one_line(lambda: look(folder))
    in_one_line(lambda: open_ledger(Request.read(folder), folder).close())


@pytest.mark.parametrize("seed", range(40))
def test_a_request_of_wrong_types_takes_one_line(seed: int, folder: Path) -> None:
    chance = random.Random(seed)
    change = hostile_folders.edit_request if seed % 2 else hostile_folders.garble_request
    change(folder, chance)
    in_one_line(lambda: look(folder))


@pytest.mark.parametrize(
    ("key", "value", "valid"),
    [
        ("epochs", "2", "an integer"),
        ("epochs", True, "an integer"),
        ("workers", 1.5, "an integer"),
        ("gpus_per_trial", "0", "a number"),
        ("deterministic", 1, "true or false"),
        ("constraints", "x", "a list, each a text"),
        ("constraints", [1], "a list, each a text"),
        ("space", [], "a table"),
        ("versions", {"torch": 2}, "a table, each value a text"),
        ("objectives", [], "name and direction"),
        ("objectives", [{"name": "accuracy", "direction": "up"}], "minimize or maximize"),
        ("run_id", "../x", "such as"),
        ("run_id", "a/b", "a plain name"),
        ("run_id", "a\0b", "such as"),
        ("format", 99, "this one reads formats"),
    ],
)
def test_what_a_request_may_hold(folder: Path, key: str, value: object, valid: str) -> None:
    data = Request.read(folder).to_dict() | {key: value}
    with pytest.raises(ValueError, match=rf"run\.toml: .*{valid}") as caught:
        Request.from_dict(data, "run.toml")
    assert len(str(caught.value)) < 300


def test_a_request_with_a_password_is_for_its_owner_alone(tiny: str, tmp_path: Path) -> None:
    request = a_request(tiny, study="postgresql://me:secret@127.0.0.1:1/x")
    request.write(tmp_path)
    assert stat.S_IMODE((tmp_path / "run.toml").stat().st_mode) == 0o600
    (tmp_path / "open").mkdir()
    a_request(tiny, study="postgresql://me@127.0.0.1:1/x").write(tmp_path / "open")
    assert stat.S_IMODE((tmp_path / "open" / "run.toml").stat().st_mode) & 0o044


@pytest.mark.parametrize(
    ("hint", "good", "bad"),
    [
        (int, [0, 10**30], [True, 1.0, "1", None]),
        (float, [0, 0.5, float("nan")], [True, "0.5", None]),
        (bool, [True], [0, "true"]),
        (str, ["", "x"], [b"x", 1]),
        (list[int], [[], [1]], [[1.5], [True], "1", {}]),
        (tuple[str, ...], [["a"], ("a",)], [["a", 1], "a"]),
        (dict[str, float], [{}, {"a": 1}], [{"a": "x"}, {1: 1.0}, []]),
        (dict[str, dict[str, Any]], [{"a": {}}], [{"a": []}]),
        (Literal["a", "b"], ["a"], ["c", 1]),
        (int | None, [1, None], ["x"]),
    ],
)
def test_types_down_to_their_elements(hint: Any, good: list[object], bad: list[object]) -> None:
    check = checker(hint)
    assert all(check(value) for value in good)
    assert not any(check(value) for value in bad)
    assert in_words(hint)


@pytest.mark.parametrize("text", ["", "x", "-1", "1_0", "٣", " 1", "9" * 5000, "0x1"])
def test_numbers_in_keys(text: str) -> None:
    assert whole_number("0003", "epoch") == 3
    with pytest.raises(ValueError, match=r"epoch: .* is no number"):
        whole_number(text, "epoch")
    with pytest.raises(ValueError, match="is no number"):
        epochs_in({f"epoch:{text}": {"accuracy": 1.0}})


def test_scores_without_their_seeds_are_refused() -> None:
    record = {"seeds": [1, 2], "validation": {}, "test": {}, "failed": {}, "epochs": 1}
    check_record("finalized:0", record | {"test": {"accuracy": [0.5, 0.5]}})
    for change in ({"test": {"accuracy": [0.5]}}, {"seeds": "x"}, {"failed": {"1": 2}}):
        with pytest.raises(ValueError, match="finalized:0"):
            finalized_in({"finalized:0": record | change})


def test_a_clock_that_goes_back_makes_no_negative_time(folder: Path) -> None:
    connection = sqlite3.connect(folder / "study.db")
    connection.execute("UPDATE trials SET datetime_complete = '2001-01-01 00:00:00.000000'")
    connection.commit()
    connection.close()
    assert (results.frame(results.load(folder))["seconds"].dropna() == 0).all()


def test_a_second_study_is_answered_alike(folder: Path) -> None:
    optuna.create_study(study_name="other", storage=f"sqlite:///{folder / 'study.db'}")
    assert Run.open(folder).status()["complete"] == 2
    assert len(Run.open(folder).results()) == 3
    ledger = open_ledger(Request.read(folder), folder)
    assert ledger.size == 3
    ledger.close()


def test_a_complete_trial_has_its_values() -> None:
    with pytest.raises(ValueError, match="trial 3: complete, without its values"):
        TrialRecord(3, "COMPLETE", (None,), {}, {}, (), 0, None, None)  # type: ignore[arg-type]


def test_a_locked_study_is_called_that(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("optcell_search.ledger.storage.storage.WAIT", 0.1)
    holder = sqlite3.connect(folder / "study.db")
    holder.execute("PRAGMA journal_mode=WAL")
    holder.execute("BEGIN IMMEDIATE")
    holder.execute("UPDATE trials SET number = number")
    try:
        ledger = open_ledger(Request.read(folder), folder)
        with pytest.raises(optuna.exceptions.StorageInternalError) as caught:
            ledger.requeue()
        from optcell_search.ledger.storage.storage import said

        assert said(caught.value) == "database is locked"
        ledger.close()
    finally:
        holder.close()


def test_requests_are_written_as_they_are_read(folder: Path) -> None:
    data = Request.read(folder).to_dict()
    (folder / "run.toml").write_text(tomli_w.dumps(data))
    assert Request.read(folder).to_dict() == data


@pytest.mark.parametrize(
    "content",
    [
        ".".join(["a"] * 100_000) + " = 1\n",
        " . ".join(['"a b"'] * 100_000) + " = 1\n",
        "[" + ".".join(["a"] * 100_000) + "]\n",
        "x = {" + ".".join(["a"] * 100_000) + " = 1}\n",
        "x = " + "[" * 100_000,
        "x = " + "{a = " * 100_000,
    ],
    ids=["key", "quoted", "table", "inline", "brackets", "braces"],
)
def test_a_request_nested_without_end_is_refused(folder: Path, content: str) -> None:
    """Python's reader would take tens of gigabytes for the first of them."""
    (folder / "run.toml").write_text(content)
    with pytest.raises(ValueError, match=r"run\.toml: nested too deeply"):
        Run.open(folder)
    with pytest.raises(ValueError, match=r"run\.toml: nested too deeply"):
        results.load(folder)


def test_an_endless_request_is_refused(folder: Path) -> None:
    with (folder / "run.toml").open("a") as stream:
        stream.write("#" * 10**7)
    with pytest.raises(ValueError, match=r"run\.toml: has 1\d* bytes; valid: 4194304 or less"):
        Run.open(folder)


def edit(folder: Path, statement: str, *values: str) -> None:
    connection = sqlite3.connect(folder / "study.db")
    connection.execute(statement, values)
    connection.commit()
    connection.close()


def test_a_trial_without_a_date_costs_no_page(folder: Path, tmp_path: Path) -> None:
    edit(folder, "UPDATE trials SET datetime_start = NULL, datetime_complete = NULL")
    assert "</html>" in write_report(folder, tmp_path / "page.html").read_text()


@pytest.mark.parametrize(
    ("change", "value", "complaint"),
    [
        ("value_json = ? WHERE key = 'epoch:0001'", '{"number": 1}', "again gives no number"),
        ("key = ? WHERE key = 'epoch:0001'", "epoch:0000", "again gives no accuracy"),
        ("key = ? WHERE key = 'epoch:0001'", "epoch:9999999", "holds epoch 9999999, in a run of"),
    ],
)
def test_what_no_training_gives_is_not_replayed(
    change: str, value: str, complaint: str, folder: Path
) -> None:
    edit(folder, f"UPDATE trial_user_attributes SET {change}", value)
    with pytest.raises(ValueError, match=complaint):
        Run.open(folder).replay(0)


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    """A run of three trained trials that is asked for five."""
    attacks.make_run(tmp_path / "run", asked=5)
    return tmp_path / "run"


def test_a_result_that_somebody_else_put_in_is_nobodys_candidate(trained: Path) -> None:
    study = optuna.load_study(study_name=None, storage=f"sqlite:///{trained}/study.db")
    study.add_trial(optuna.trial.create_trial(values=[0.99] * len(study.directions)))
    with contextlib.closing(open_ledger(Request.read(trained), trained)) as ledger:
        assert not Budget.of(ledger).over
    run = Run.open(trained)
    assert run.best()["number"] < 3
    for ask in (
        lambda: run.finalize(trials=[3]),
        lambda: run.weights(3),
        lambda: run.export(3, trained / "winner"),
    ):
        with pytest.raises(ValueError, match=r"trial 3 (was not made by a search|finished no)"):
            ask()


@pytest.mark.parametrize("content", [b"", b"\0" * 500, b"\x08\0\0\0\0\0\0\0{}"])
def test_weights_that_cannot_be_read_are_trained_anew_and_that_is_said(
    content: bytes, trained: Path
) -> None:
    run = Run.open(trained)
    before = run.weights(0)
    (trained / "checkpoints" / "0" / "model.safetensors").write_bytes(content)
    with pytest.warns(UserWarning, match="cannot be read; trial 0 is trained again"):
        again = run.weights(0)
    assert before.keys() == again.keys()
    assert all((before[name] == again[name]).all() for name in before)
