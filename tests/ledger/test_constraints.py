from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optcell_search.ledger.constraints import Constraint

VALID = ("accuracy", "parameters")


def test_a_bound_from_above() -> None:
    constraint = Constraint.parse("parameters<=50000", VALID)
    assert constraint.violation({"parameters": 50000.0}) == 0
    assert constraint.violation({"parameters": 50001.0}) == 1
    assert constraint.violation({"parameters": 40000.0}) == -10000


def test_a_bound_from_below() -> None:
    constraint = Constraint.parse(" accuracy >= 0.5 ", VALID)
    assert constraint.violation({"accuracy": 0.25}) == 0.25
    assert constraint.violation({"accuracy": 0.75}) == -0.25


def test_what_is_not_a_number_keeps_no_bound() -> None:
    constraint = Constraint.parse("parameters<=1", VALID)
    assert constraint.violation({"parameters": math.nan}) == math.inf


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("parameters<5", "valid: METRIC<=NUMBER or METRIC>=NUMBER"),
        ("parameters", "valid: METRIC<=NUMBER"),
        ("size<=5", "unknown metric 'size'; valid: accuracy, parameters"),
        ("parameters<=many", "'many' is not a finite number"),
        ("parameters<=inf", "'inf' is not a finite number"),
    ],
)
def test_what_is_wrong_is_said(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=r"constraint '") as caught:
        Constraint.parse(text, VALID)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.text())
def test_any_text_is_a_constraint_or_a_value_error(text: str) -> None:
    try:
        constraint = Constraint.parse(text, VALID)
    except ValueError:
        return
    assert constraint.metric in VALID
    assert math.isfinite(constraint.bound)


@given(st.sampled_from(["<=", ">="]), st.floats(allow_nan=False, allow_infinity=False))
def test_what_it_prints_reads_back(relation: str, bound: float) -> None:
    constraint = Constraint("parameters", relation, float(f"{bound:g}"))
    assert Constraint.parse(str(constraint), VALID) == constraint
