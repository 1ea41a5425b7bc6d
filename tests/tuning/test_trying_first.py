"""What a user names to be tried first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tomli_w
from runs import SMALL_SPACE, a_request

from optcell_search.ledger.request import Request
from optcell_search.space import Candidate
from optcell_search.tuning import extending
from optcell_search.tuning.resolving.first_candidates import read_first
from optcell_search.tuning.search import samplers

ONE = {
    "description": "Trial 3 of tiny",
    "cells": ["rnn"],
    "rules": ["heavy_ball"],
    "cell": {"rnn": {"nonlinearity": "tanh"}},
    "rule": {"heavy_ball": {"mu": 0.25, "s": 0.6}},
    "model": {"hidden_size": 3},
    "training": {"lr": 0.01},
}
PLAIN: dict[str, Any] = {
    "rules": ["gd"],
    "rule": {"gd": {"s": 1.0}},
    "model": {"hidden_size": 2},
}


def _no_task() -> tasks.LoadedTask:
    raise AssertionError


def write(path: Path, data: dict[str, Any]) -> Path:
    path.write_text(tomli_w.dumps(data))
    return path


def test_candidates_to_try_first_are_read_and_kept(tiny: str, tmp_path: Path) -> None:
    file = write(tmp_path / "one.toml", ONE)
    request = a_request(tiny, first=file)
    one, plain = request.first
    # Behind what the user names comes what all are measured by, once.
    assert plain["rule"] == {"name": "gd", "s": 1.0}
    (found,) = request.search_space.plain()
    assert plain == found.to_dict()
    assert one["rule"] == {"name": "heavy_ball", "mu": 0.25, "s": 0.6}
    assert (one["model"]["hidden_size"], one["training"]["lr"]) == (3, 0.01)
    request.write(tmp_path)
    assert Request.read(tmp_path) == request
    assert a_request(tiny, sampler="grid", first=file).first == (one,)
    named = {"lr": plain["training"]["lr"]}
    again = write(tmp_path / "plain.toml", {**ONE, **PLAIN, "training": named})
    assert a_request(tiny, first=again).first == (plain,)
    other = {**ONE, "training": {"lr": 0.02}}
    file = write(tmp_path / "two.toml", {"candidate": [ONE, other]})
    both = read_first(file, request.search_space)
    assert [one["training"]["lr"] for one in both] == [0.01, 0.02]


def test_what_is_tried_first_takes_no_place_of_the_grid(tiny: str, tmp_path: Path) -> None:
    grid = 2 * 3 + 2 * 3 * 3  # sizes by learning rates, and those by what μ may be
    on = {**ONE, "rule": {"heavy_ball": {"mu": 0.0, "s": 0.6}}}
    file = write(tmp_path / "first.toml", {"candidate": [ONE, on]})
    off = {"sampler": "grid", "first": file}
    assert a_request(tiny, sampler="grid", num_trials=100).num_trials == grid
    request = a_request(tiny, **off, num_trials=100)
    first = {Candidate.from_dict(one).key for one in request.first}
    most = len(first | {one.key for one in samplers.grid(request)})
    assert request.num_trials == most > grid
    assert a_request(tiny, **off, num_trials=None, time="1h").num_trials == most
    assert a_request(tiny, **off, num_trials=5).num_trials == 5
    assert extending.changes(request, _no_task, num_trials=1000) == {"num_trials": most}
    # Of a space that is gone through as a whole, what is tried first is a part.
    small = {**ONE, "rule": {"heavy_ball": {"mu": 0.6, "s": 0.6}}}
    file = write(tmp_path / "small.toml", small)
    assert a_request(tiny, space=SMALL_SPACE, first=file, num_trials=99).num_trials == 8


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            {
                **ONE,
                "rules": ["rmsprop"],
                "rule": {"rmsprop": {"s": 0.6, "beta": 0.9, "eps": 1e-8}},
            },
            "not in the search space: rules = 'rmsprop'; valid: gd, heavy_ball",
        ),
        ({**ONE, "rule": {"heavy_ball": {"s": 0.6}}}, "heavy_ball.mu: left open; valid: one value"),
        ({**ONE, "rules": ["heavy_ball", "gd"]}, "rules: left open"),
        ({**ONE, "model": {"hidden_size": 4}}, "model.hidden_size = 4; valid: {'choices': [2, 3]}"),
        ({**ONE, "cells": ["lstn"]}, "unknown cell 'lstn'"),
        ({"candidate": []}, "valid: one candidate, or each under [[candidate]]"),
        ({"candidate": [ONE, ONE, ONE, ONE, ONE]}, "num_trials = 4; "),
    ],
)
def test_candidates_that_cannot_be_tried(
    tiny: str, tmp_path: Path, data: dict[str, Any], message: str
) -> None:
    file = write(tmp_path / "x.toml", data)
    with pytest.raises(ValueError, match=r"x\.toml") as caught:
        a_request(tiny, first=file)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = " + "[" * 5000 + "]" * 5000, "nested too deeply"),
        ("a" + ".a" * 20_000 + " = 1", "nested too deeply"),
        ("#" * 5_000_000, "has 5000000 bytes; "),
        ("cells = [", "not TOML: "),
    ],
)
def test_a_file_that_cannot_be_read(tiny: str, tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "x.toml"
    file.write_text(text)
    with pytest.raises(ValueError, match=r"x\.toml") as caught:
        a_request(tiny, first=file)
    assert message in str(caught.value)
