"""Whatever is given as a space: an answer or a ValueError, never anything else."""

from __future__ import annotations

import datetime
import string
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from optcell_search import registry
from optcell_search.hyperparameters import specification
from optcell_search.space import Candidate, Model, SearchSpace, SpaceError, Training
from optcell_search.space.files import parse

WORDS = st.sampled_from(
    [
        *("name", "description", "cells", "rules", "cell", "rule", "model", "training"),
        *("choices", "low", "high", "log", "step", "mu", "s", "beta", "eps", "restart"),
        *registry.rules.names(),
        *registry.cells.names(),
        *specification(Model),
        *specification(Training),
    ]
)
NUMBERS = (
    st.sampled_from([0, 1, 2, 8, 0.1, 0.5, 1e-3, -0.0, -1, 2**63, 10**400, float("nan")])
    | st.integers()
    | st.floats()
)
SCALARS = st.none() | st.booleans() | NUMBERS | WORDS | st.text() | st.binary() | st.dates()
KEYS = WORDS | st.text() | st.integers() | st.none()
NESTED = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=25,
)
VALUES = (
    NUMBERS
    | st.fixed_dictionaries({"choices": st.lists(NUMBERS, max_size=4)})
    | st.fixed_dictionaries(
        {"low": NUMBERS, "high": NUMBERS}, optional={"log": st.booleans(), "step": NUMBERS}
    )
    | NESTED
)


def tables(*names: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=dict.fromkeys(names, VALUES))


# Close to a space, so that the deeper checks are reached.
ALMOST = st.fixed_dictionaries(
    {
        "cells": st.sampled_from([["rnn"], ["lstm", "gru"], ["rnn", "rnn"]]) | NESTED,
        "rules": st.sampled_from([["gd"], ["adam", "nesterov"], ["heavy_ball"]]) | NESTED,
    },
    optional={
        "rule": st.fixed_dictionaries(
            {},
            optional={
                "gd": tables("s"),
                "heavy_ball": tables("mu", "s"),
                "nesterov": tables("s", "restart"),
                "adam": tables("mu", "s", "beta", "eps"),
            },
        )
        | NESTED,
        "cell": st.fixed_dictionaries({}, optional={"rnn": tables("nonlinearity")}) | NESTED,
        "model": tables("hidden_size", "num_layers", "dropout", "learn_rule") | NESTED,
        "training": tables("optimizer", "lr", "batch_size", "clip") | NESTED,
        "description": st.text(),
        "name": NESTED,
    },
)


def well_formed_range(
    numbers: st.SearchStrategy[Any], log: bool
) -> st.SearchStrategy[dict[str, Any]]:
    ends = st.lists(numbers, min_size=2, max_size=2, unique=True).map(sorted)
    return ends.map(lambda pair: {"low": pair[0], "high": pair[1], "log": log and pair[0] > 0})


REAL = (
    st.floats(0, 1, exclude_max=True)
    | well_formed_range(st.floats(0, 1, exclude_max=True), log=False)
    | well_formed_range(st.floats(1e-12, 1, exclude_max=True), log=True)
    | st.fixed_dictionaries(
        {"choices": st.lists(st.floats(0, 0.99), min_size=1, max_size=4, unique=True)}
    )
)
INTEGER = (
    st.integers(1, 64)
    | well_formed_range(st.integers(1, 64), log=True)
    | well_formed_range(st.integers(1, 64), log=False)
    | st.builds(
        lambda low, step, count: {"low": low, "high": low + step * count, "step": step},
        st.integers(1, 9),
        st.integers(1, 9),
        st.integers(1, 6),
    )
)
GOOD = st.fixed_dictionaries(
    {
        "cells": st.lists(st.sampled_from(["rnn", "lstm", "gru"]), min_size=1, unique=True),
        "rules": st.lists(st.sampled_from(["gd", "heavy_ball", "adam"]), min_size=1, unique=True),
    },
    optional={
        "model": st.fixed_dictionaries(
            {},
            optional={
                "hidden_size": INTEGER,
                "num_layers": INTEGER,
                "dropout": REAL,
                "learn_rule": st.booleans() | st.just({"choices": [True, False]}),
            },
        ),
        "training": st.fixed_dictionaries(
            {}, optional={"clip": REAL, "weight_decay": REAL, "batch_size": INTEGER}
        ),
    },
)


T = TypeVar("T")


def attempt(make: Callable[[], T]) -> T | SpaceError:
    try:
        return make()
    except SpaceError as error:
        return error


def usable(space: SearchSpace) -> None:
    assert SearchSpace.from_dict(space.to_dict()) == space
    candidate = space.sample(seed=1)
    assert candidate in space
    assert Candidate.from_dict(candidate.to_dict()) == candidate
    assert space.summary.isprintable()


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(NESTED | ALMOST)
@example({"cells": ["rnn"], "rules": ["gd"], "rule": {"gd": {"s": [10**5000]}}})
@example({"cells": [[[[[10**5000]]]]], "rules": {10**5000}})
def test_any_nested_data_is_a_space_or_a_list_of_faults(data: Any) -> None:
    outcome = attempt(lambda: SearchSpace.from_dict(data))
    if isinstance(outcome, SpaceError):
        assert outcome.faults
        assert all(line.isprintable() and len(line) < 1000 for line in outcome.faults)
    else:
        usable(outcome)


@settings(max_examples=200)
@given(NESTED | st.fixed_dictionaries(dict.fromkeys(("cell", "rule", "model"), NESTED)))
def test_any_nested_data_is_a_candidate_or_a_list_of_faults(data: Any) -> None:
    outcome = attempt(lambda: Candidate.from_dict(data))
    if isinstance(outcome, SpaceError):
        assert outcome.faults
    else:
        assert Candidate.from_dict(outcome.to_dict()).key == outcome.key


@settings(max_examples=100)
@given(GOOD, st.integers(0, 2**64))
def test_every_well_formed_space_can_be_used(data: dict[str, Any], seed: int) -> None:
    space = SearchSpace.from_dict(data)
    usable(space)
    assert space.sample(seed) in space
    grid = space.grid(points=1)
    assert len({candidate.key for candidate in grid}) == len(grid)
    assert all(candidate in space for candidate in grid)


TOML_TEXT = st.text(alphabet=string.printable) | st.lists(
    WORDS
    | st.sampled_from(["=", "[", "]", "{", "}", ",", ".", '"', "\n", "[[", "0x", "1e400", "nan"])
    | st.sampled_from(["true", "1979-05-27", '"lstm"', '"gd"', "'''", "#", "\r\n", "\ufeff"]),
).map(" ".join)


@settings(max_examples=300)
@given(st.binary() | TOML_TEXT.map(str.encode))
@example(b"a = " + b"[" * 20_000)
@example(b"a." * 20_000 + b"a = 1")
@example(b"a = 0x" + b"f" * 20_000)
@example(b'cells = ["rnn"]\nrules = ["gd"]\nmodel.hidden_size = 0x' + b"f" * 5000)
def test_any_bytes_are_a_space_or_a_list_of_faults(raw: bytes) -> None:
    outcome = attempt(lambda: SearchSpace.from_dict(parse(raw, "x.toml"), "x.toml"))
    if isinstance(outcome, SpaceError):
        assert all(line.startswith("x.toml: ") for line in outcome.faults)
        assert all(line.isprintable() for line in outcome.faults)
    else:
        usable(outcome)


@pytest.mark.parametrize("value", [datetime.date(2020, 1, 1), datetime.time(1, 2)])
def test_dates_of_toml_are_refused(tmp_path: Path, value: Any) -> None:
    path = tmp_path / "x.toml"
    path.write_text(f'cells = ["rnn"]\nrules = ["gd"]\ntraining.lr = {value.isoformat()}\n')
    with pytest.raises(SpaceError, match=r"training\.lr: lr = datetime\.\w+\(.*; valid: 0 < value"):
        SearchSpace.load(path)
