"""Hyperparameters: values that are checked, in words a user understands."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optcell_search.hyperparameters import (
    Choice,
    Hyperparameters,
    Integer,
    Real,
    choice,
    integer,
    real,
    specification,
)
from optcell_search.space.domains import Fixed
from optcell_search.space.values import declared


@dataclass(frozen=True, kw_only=True)
class Options(Hyperparameters):
    name: ClassVar[str] = "options"

    rate: float = real(0.5, search=(0.1, 0.9), valid=(0.0, 1.0), open_high=True, doc="a rate")
    count: int = integer(3, search=(1, 8), valid=(0, 100))
    mode: str = choice("fast", options=("fast", "slow"))
    flag: bool = choice(False, options=(False, True))


def test_the_specification_is_what_the_fields_declare() -> None:
    spec = specification(Options)
    assert list(spec) == ["rate", "count", "mode", "flag"]
    assert isinstance(spec["rate"], Real)
    assert (spec["rate"].low, spec["rate"].high, spec["rate"].default) == (0.1, 0.9, 0.5)
    assert isinstance(spec["count"], Integer)
    assert spec["mode"] == Choice(default="fast", options=("fast", "slow"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rate": 1.0}, "options.rate = 1.0 is out of range; valid: 0 <= value < 1"),
        ({"rate": -0.1}, "options.rate = -0.1 is out of range; valid: 0 <= value < 1"),
        ({"rate": True}, "options.rate = True is not a number; valid: 0 <= value < 1"),
        ({"count": 101}, "options.count = 101 is out of range; valid: integers, 0 <= value <= 100"),
        ({"count": 2.0}, "options.count = 2.0 is not an integer; valid: integers"),
        ({"mode": "slo"}, "options.mode = 'slo' is not an option; valid: 'fast', 'slow'"),
        ({"flag": 1}, "options.flag = 1 is not an option; valid: False, True"),
        ({"flag": [1]}, "options.flag = a list of 1 is not an option"),
        (
            {"rate": 10**5000},
            "options.rate = an integer of 16610 bits is out of range; valid: 0 <= value < 1",
        ),
        (
            {"count": -(10**5000)},
            "options.count = an integer of 16610 bits is out of range; valid: integers, 0 <= val",
        ),
        ({"count": [10**5000]}, "options.count = a list of 1 is not an integer; valid: integers"),
        (
            {"mode": 10**5000},
            "options.mode = an integer of 16610 bits is not an option; valid: 'fast', 'slow'",
        ),
    ],
)
def test_a_wrong_value_is_named_with_its_range(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match="options") as caught:
        Options(**arguments)
    assert message in str(caught.value)


def test_values_are_read_back_and_integers_become_floats_where_floats_are_meant() -> None:
    options = Options(rate=0, count=7)
    assert options.values() == {"rate": 0.0, "count": 7, "mode": "fast", "flag": False}
    assert isinstance(options.rate, float)


def test_a_zero_of_the_other_sign_is_the_same_zero() -> None:
    assert math.copysign(1.0, Options(rate=-0.0).rate) == 1.0


anything: st.SearchStrategy[Any] = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.integers())
)


@given(rate=anything, count=anything, mode=anything, flag=anything)
def test_any_values_give_valid_options_or_a_value_error(
    rate: Any, count: Any, mode: Any, flag: Any
) -> None:
    try:
        options = Options(rate=rate, count=count, mode=mode, flag=flag)
    except ValueError:
        return
    assert 0 <= options.rate < 1
    assert 0 <= options.count <= 100
    assert options.mode in ("fast", "slow")
    assert options.flag is True or options.flag is False


@pytest.mark.parametrize(
    ("declare", "fault"),
    [
        (
            lambda: integer(1, search=(0, 10), valid=(0, 10), log=True),
            "log = True with search: low = 0; valid: low > 0",
        ),
        (
            lambda: real(0.5, search=(1.0, 0), valid=(0.0, 1.0)),
            "search = (1.0, 0) is upside down; valid: low <= high",
        ),
        (lambda: integer(1, search=(5, 0), valid=(0, 9)), "search = (5, 0) is upside down"),
        (
            lambda: real(0.5, search=(0.0, 2.0), valid=(0.0, 1.0)),
            "search: high = 2.0 is out of range; valid: 0 <= value <= 1",
        ),
        (
            lambda: real(0.5, search=(0.0, 1.0), valid=(0.0, 1.0), open_high=True),
            "search: high = 1.0 is out of range; valid: 0 <= value < 1",
        ),
        (
            lambda: real(0.5, search=(0.0, math.inf), valid=(0.0, math.inf)),
            "search: high = inf is out of range; valid: 0 <= value <= inf",
        ),
        (
            lambda: real(0.0, search=(0.1, 0.9), valid=(0.0, 1.0), open_low=True),
            "default = 0.0 is out of range; valid: 0 < value <= 1",
        ),
        (lambda: integer(0, search=(1, 8.0), valid=(0, 9)), "search: high = 8.0 is not an integer"),  # type: ignore[arg-type]
        (
            lambda: choice(None, options=(None, "a")),
            "options = (None, 'a') cannot be told apart in a file; valid: truth values, finite "
            "numbers and texts, each once",
        ),
        (lambda: choice((1, 2), options=((1, 2), (3, 4))), "options = ((1, 2), (3, 4)) cannot be"),
        (lambda: choice(0, options=(0, False, 1, True)), "options = (0, False, 1, True) cannot be"),
        (lambda: choice(math.nan, options=(math.nan, 1.0)), "options = (nan, 1.0) cannot be"),
        (lambda: choice("a", options=()), "options = () cannot be"),
        (
            lambda: choice("c", options=("a", "b")),
            "default = 'c' is not an option; valid: 'a', 'b'",
        ),
    ],
)
def test_a_declaration_that_cannot_be_searched_is_refused(
    declare: Callable[[], Any], fault: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(fault)):
        declare()


def test_a_search_range_of_one_value_is_that_value() -> None:
    assert declared(Real(default=0.2, low=0.5, high=0.5)) == Fixed(0.5)
    assert declared(Integer(default=2, low=5, high=5)) == Fixed(5)
    both = Choice(default="a", options=("b",), more=lambda: ("a",))
    assert declared(both) == Fixed("b")


def test_an_integer_beyond_all_floats_is_out_of_range() -> None:
    spec = Real(default=1.0, low=0.0, high=1.0)
    with pytest.raises(
        ValueError, match=r"x = an integer .* is out of range; valid: -inf <= value <= inf"
    ):
        spec.check("x", 10**400)
