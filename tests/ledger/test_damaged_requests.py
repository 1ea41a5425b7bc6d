"""A request that is damaged, or somebody's invention, takes one line."""

from __future__ import annotations

import random
import stat
from pathlib import Path
from typing import Any, Literal

import hostile_folders
import pytest
import tomli_w
from damage import in_one_line, look
from runs import a_request

from optcell_search import results
from optcell_search.ledger.request import Request
from optcell_search.ledger.typed import checker, in_words
from optcell_search.tuning import Run


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
