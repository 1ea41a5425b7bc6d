"""Every fault of a space is reported, all of them at once, with key and what would be valid."""

from __future__ import annotations

import datetime
import pickle
from typing import Any

import pytest

from optcell_search.registry import cells, rules
from optcell_search.space import SearchSpace, SpaceError

NAN, INF = float("nan"), float("inf")
# Other packages may add cells and rules, so no message is expected to list just ours.
CELLS, RULES = (", ".join(registry.names()) for registry in (cells, rules))
GOOD: dict[str, Any] = {"cells": ["rnn", "lstm"], "rules": ["gd", "nesterov", "heavy_ball"]}


def faults_of(data: Any) -> tuple[str, ...]:
    with pytest.raises(SpaceError) as caught:
        SearchSpace.from_dict(data, "my.toml")
    return caught.value.faults


def mu(value: Any) -> dict[str, Any]:
    return {**GOOD, "rule": {"heavy_ball": {"mu": value}}}


def restart(value: Any) -> dict[str, Any]:
    return {**GOOD, "rule": {"nesterov": {"restart": value}}}


MU = "my.toml: rule.heavy_ball.mu: "
RESTART = "my.toml: rule.nesterov.restart: "
CASES: list[tuple[Any, str]] = [
    # the document
    ([], "my.toml: a list of 0 is not a table; valid: a table with name, description, cells"),
    ({**GOOD, "modle": {}}, "my.toml: modle: unknown key 'modle' (did you mean 'model'?); valid:"),
    ({**GOOD, "a b": 1}, "my.toml: 'a b': unknown key 'a b'; valid: name, description, cells"),
    ({**GOOD, 3: 1}, "my.toml: 3: unknown key 3; valid: name,"),
    ({**GOOD, "description": 3}, "my.toml: description: 3 is not one line of text; valid: a str"),
    ({**GOOD, "description": "a\nb"}, "my.toml: description: 'a\\nb' is not one line of text"),
    ({**GOOD, "name": "\ud800"}, "my.toml: name: '\\ud800' is not one line of text; valid:"),
    # names
    ({"cells": ["rnn"]}, f"my.toml: rules: missing; valid: a list of {RULES}"),
    ({**GOOD, "cells": []}, f"my.toml: cells: the list is empty; valid: a list of {CELLS}"),
    ({**GOOD, "cells": "lstm"}, f"my.toml: cells: 'lstm' is no list; valid: a list of {CELLS}"),
    ({**GOOD, "cells": ["lsmt"]}, "my.toml: cells: unknown cell 'lsmt' (did you mean 'lstm'?); va"),
    ({**GOOD, "cells": [["lstm"]]}, f"my.toml: cells: unknown cell a list of 1; valid: {CELLS}"),
    ({**GOOD, "cells": ["rnn", "rnn"]}, "my.toml: cells: 'rnn' appears more than once; valid: ea"),
    # tables
    ({**GOOD, "rule": 3}, f"my.toml: rule: 3 is not a table; valid: a table with {RULES}"),
    ({**GOOD, "rule": {"gd": 3}}, "my.toml: rule.gd: 3 is not a table; valid: a table with s"),
    ({**GOOD, "rule": {"gdd": {}}}, "my.toml: rule.gdd: unknown rule 'gdd' (did you mean 'gd'?)"),
    (
        {**GOOD, "rule": {"adam": {}}},
        "my.toml: rule.adam: 'adam' is not in rules; valid: a table for one of gd, nesterov, ",
    ),
    ({**GOOD, "cell": {"gru": {}}}, "my.toml: cell.gru: 'gru' is not in cells; valid: a table f"),
    (
        {**GOOD, "rule": {"gd": {"mu": 0.5}}},
        "my.toml: rule.gd.mu: unknown hyperparameter 'mu'; valid: s",
    ),
    (
        {**GOOD, "training": {"lrr": 0.1}},
        "my.toml: training.lrr: unknown hyperparameter 'lrr' (did you mean 'lr'?); valid: optim",
    ),
    # single values
    (mu("a"), MU + "mu = 'a' is not a number; valid: 0 <= value < 1"),
    (mu(True), MU + "mu = True is not a number; valid: 0 <= value < 1"),
    (mu(1), MU + "mu = 1 is out of range; valid: 0 <= value < 1"),
    (mu(NAN), MU + "mu = nan is out of range; valid: 0 <= value < 1"),
    (mu(None), MU + "mu = None is not a valid value; valid: 0 <= value < 1"),
    (mu(datetime.date(2020, 1, 1)), MU + "mu = datetime.date(2020, 1, 1) is not a valid value"),
    (mu(10**400), MU + "mu = an integer of 1329 bits is not a valid value; valid: 0 <= value <"),
    (mu([0.1]), MU + "a list of 1 is not a value; valid: a value, { choices = [...] } or { low ="),
    (restart(2.0), RESTART + "restart = 2.0 is not an integer; valid: integers, 0 <= value <="),
    (restart(True), RESTART + "restart = True is not an integer; valid: integers,"),
    ({**GOOD, "model": {"hidden_size": INF}}, "my.toml: model.hidden_size: hidden_size = inf is"),
    ({**GOOD, "model": {"learn_rule": 1}}, "my.toml: model.learn_rule: learn_rule = 1 is not an"),
    ({**GOOD, "training": {"lr": 0}}, "my.toml: training.lr: lr = 0 is out of range; valid: 0 <"),
    (
        {**GOOD, "cell": {"rnn": {"nonlinearity": "tan"}}},
        "my.toml: cell.rnn.nonlinearity: nonlinearity = 'tan' is not an option; valid: 'tanh', ",
    ),
    # choices
    (mu({"choices": []}), MU + "the list of choices is empty; valid: { choices = [...] } of 0 <="),
    (mu({"choices": 0.1}), MU + "has no list of choices; valid: { choices = [...] } of 0 <= val"),
    (mu({"choices": [0.1, "x"]}), MU + "choices[1] = 'x' is not a number; valid: 0 <= value <"),
    (mu({"choices": [0.1, INF]}), MU + "choices[1] = inf is out of range; valid: 0 <= value <"),
    (mu({"choices": [0, 0.0]}), MU + "choices[1] = 0.0 is a repeat; valid: each value once"),
    (mu({"choices": [0.1], "low": 0}), MU[:-2] + ".low: unknown key 'low'; valid: choices"),
    # ranges
    (mu({"low": 0.9, "high": 0.1}), MU + "low = 0.9, high = 0.1 is upside down; valid: low < "),
    (mu({"low": 0.5, "high": 0.5}), MU + "low = 0.5, high = 0.5 is empty; valid: low < high, or"),
    (mu({"low": 0.1}), MU + "high is missing; valid: { low = ..., high = ... } in 0 <= value < 1"),
    (mu({"low": 0.0, "high": 1.0}), MU + "high = 1.0 is out of range; valid: 0 <= value < 1"),
    (mu({"low": 0.0, "high": NAN}), MU + "high = nan is out of range; valid: 0 <= value < 1"),
    (mu({"low": False, "high": 0.9}), MU + "low = False is not a number; valid: 0 <= value < 1"),
    (
        mu({"low": 0, "high": 0.9, "log": True}),
        MU + "log = true with low = 0.0; valid: low > 0 on a log scale",
    ),
    (
        mu({"low": 0.1, "high": 0.9, "log": 1}),
        MU + "log = 1 is not an option; valid: False, True",
    ),
    (
        mu({"low": 0.1, "high": 0.9, "logg": True}),
        MU[:-2] + ".logg: unknown key 'logg' (did you mean 'log'?); valid: low, high, log, step",
    ),
    (
        mu({"low": 0.1, "high": 0.9, "step": 0}),
        MU + "step = 0 is out of range; valid: 0 < value",
    ),
    (
        mu({"low": 0.1, "high": 0.9, "step": 0.3}),
        MU + "steps of 0.3 from low = 0.1 do not end at high = 0.9; valid: a step that divides",
    ),
    (
        mu({"low": 0.1, "high": 0.9, "step": 0.1, "log": True}),
        MU + "log and step exclude each other; valid: one of them",
    ),
    (
        restart({"low": 0, "high": 8, "step": 1.0}),
        RESTART + "step = 1.0 is not an integer; valid: integers, 1 <= value",
    ),
    (
        restart({"low": 0, "high": 8, "step": 16}),
        RESTART + "steps of 16 from low = 0 do not end at high = 8; valid: a step that divides",
    ),
    (
        {**GOOD, "model": {"learn_rule": {"low": 0, "high": 1}}},
        "my.toml: model.learn_rule.low: unknown key 'low'; valid: choices",
    ),
]


@pytest.mark.parametrize(("data", "expected"), CASES, ids=[line[9:60] for _, line in CASES])
def test_a_fault_names_file_key_and_what_is_valid(data: Any, expected: str) -> None:
    lines = [line for line in faults_of(data) if line.startswith(expected)]
    assert len(lines) == 1, faults_of(data)
    assert "; valid: " in lines[0]
    assert "\n" not in lines[0]


def test_a_single_fault_is_a_single_line() -> None:
    singles = [case for case in CASES if isinstance(case[0], dict) and "cells" in case[0]]
    more_than_one = [
        expected
        for data, expected in singles
        if len(faults_of(data)) > 1 and ".low:" not in expected
    ]
    assert more_than_one == []


def test_all_faults_are_reported_at_once_in_the_order_of_the_file() -> None:
    data = {
        "cells": ["rnn", "lsmt"],
        "rules": ["adam"],
        "rule": {"adam": {"mu": 2.0, "beta": {"low": 0.9, "high": 0.1}}, "gd": {"s": -1}},
        "model": {"hidden_size": 0},
        "training": {"lr": "fast"},
    }
    keys = [line.split(": ")[1] for line in faults_of(data)]
    assert keys == [
        "cells",
        "rule.gd",
        "rule.adam.mu",
        "rule.adam.beta",
        "rule.gd.s",
        "model.hidden_size",
        "training.lr",
    ]


def test_the_message_has_one_line_a_fault_also_after_pickling() -> None:
    with pytest.raises(SpaceError, match="rules: missing") as caught:
        SearchSpace.from_dict({})
    assert isinstance(caught.value, ValueError)
    again = pickle.loads(pickle.dumps(caught.value))
    assert str(again).splitlines() == list(again.faults) == list(caught.value.faults)
    assert len(again.faults) == 2


def test_a_cell_and_a_rule_of_one_name_are_kept_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "gd" not in cells.names()
    monkeypatch.setitem(cells._plugins, "gd", cells.get("rnn"))
    assert faults_of({"cells": ["gd"], "rules": ["gd"]}) == (
        "my.toml: rules: gd is also in cells, and their hyperparameters would mix; "
        "valid: cells and rules of different names",
    )


def test_the_constructor_reports_faults_too() -> None:
    with pytest.raises(SpaceError, match=r"^SearchSpace: rule\.heavy_ball\.mu: mu = 2 is out of"):
        SearchSpace(cells=["rnn"], rules=["heavy_ball"], rule={"heavy_ball": {"mu": 2}})
