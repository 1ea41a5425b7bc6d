"""What a plug-in's hyperparameters need: in chains, of penalties, and what is not declared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

from optcell_search import registry
from optcell_search.hyperparameters import Hyperparameters, choice, integer, specification
from optcell_search.penalties import Penalty
from optcell_search.penalties.base import Drivers
from optcell_search.rules import GradientDescent
from optcell_search.space import Candidate, SearchSpace, SpaceError, from_flat


@dataclass(frozen=True, kw_only=True)
class Chain(GradientDescent):
    """Each needs the one before it; `deep` is beside the default of `kind`, where there is one."""

    name: ClassVar[str] = "chain"

    on: bool = choice(False, options=(False, True))
    kind: str = choice("x", options=("x", "y"), needs={"on": (True,)})
    deep: int = choice(0, options=(0, 1, 2), needs={"kind": ("x",)})


@dataclass(frozen=True, kw_only=True)
class Softened(Penalty):
    """Has an option that exists only beside another."""

    name: ClassVar[str] = "softened"
    title: ClassVar[str] = "of this test"
    unit: ClassVar[str] = "m"
    needs: ClassVar[tuple[str, ...]] = ("flow",)

    hard: bool = choice(False, options=(False, True))
    soft: str = choice("a", options=("a", "b"), needs={"hard": (True,)})

    def violations(self, predictions: Any, drivers: Drivers) -> Any:
        return predictions


@pytest.fixture(autouse=True)
def plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    for room, plugin in ((registry.rules, Chain), (registry.penalties, Softened)):
        room.names()
        monkeypatch.setitem(room._plugins, plugin.name, plugin)


CHAIN: dict[str, Any] = {"cells": ["gru"], "rules": ["chain"], "rule": {"chain": {"s": 1.0}}}


def test_what_is_needed_by_the_needed_is_needed() -> None:
    space = SearchSpace(**CHAIN)
    grid = space.grid()
    # off; on with x and three depths; on with y
    assert space.size == len(grid) == len(set(grid)) == 1 + 3 + 1
    assert {space.sample(seed) for seed in range(60)} == set(grid)
    for candidate in grid:
        own = {n.removeprefix("chain."): v for n, v in candidate.flat().items() if "chain." in n}
        assert own.keys() == {"s", "on"} | ({"kind"} if own["on"] else set()) | (
            {"deep"} if own.get("kind") == "x" else set()
        )
        assert candidate in space
        assert from_flat(candidate.flat()) == candidate
    with pytest.raises(ValueError, match=r"chain\.deep = 1 needs chain\.on = True, which is Fal"):
        Chain(deep=1)
    rule = {"name": "chain", "deep": 1}
    with pytest.raises(SpaceError, match="1 needs on = True, and on is False; valid: 0"):
        Candidate.from_dict({"cell": {"name": "gru"}, "rule": rule})
    unconditional = {"cell": "gru", "rule": "chain", "chain.on": False, "chain.deep": 1}
    assert from_flat(unconditional).to_dict()["rule"]["deep"] == 0


@dataclass(frozen=True, kw_only=True)
class Twice(Hyperparameters):
    """The needs of the needed narrow those of a field: of each kind."""

    count: int = integer(1, search=(1, 9), valid=(1, 9))
    kind: str = choice("a", options=("a", "b", "c"))
    more: int = integer(0, search=(0, 9), valid=(0, 9), needs={"count": 3, "kind": ("a", "b")})
    size: int = integer(
        0, search=(0, 9), valid=(0, 9), needs={"more": 1, "count": 2, "kind": ("b", "c")}
    )
    last: int = integer(0, search=(0, 9), valid=(0, 9), needs={"size": 1, "count": (2, 3, 4)})


def test_needs_of_one_and_the_same_are_met_together() -> None:
    specs = specification(Twice)
    assert specs["size"].needs == {"more": 1, "count": 3, "kind": ("b",)}
    assert specs["last"].needs == {"size": 1, "count": (3, 4), "more": 1, "kind": ("b",)}


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"late": ("b",), "b": ()}, "Wrong: late needs 'b'; valid: .* declared before it, s$"),
        ({"b": ("zz",)}, "Wrong: b needs 'zz'; valid: fields that are declared before it, s$"),
    ],
)
def test_a_need_of_what_is_not_declared_before_is_refused(
    fields: dict[str, tuple[str, ...]], fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    body: dict[str, Any] = {"name": "wrong", "__annotations__": dict.fromkeys(fields, bool)}
    for name, others in fields.items():
        needs = dict.fromkeys(others, (True,))
        body[name] = choice(False, options=(False, True), needs=needs)
    wrong = dataclass(frozen=True, kw_only=True)(type("Wrong", (GradientDescent,), body))
    monkeypatch.setitem(registry.rules._plugins, "wrong", wrong)
    with pytest.raises(ValueError, match=fault):
        SearchSpace(cells=["gru"], rules=["wrong"])


def test_options_of_penalties_exist_beside_what_they_need() -> None:
    space = SearchSpace(
        cells=["gru"], rules=["gd"], rule={"gd": {"s": 1.0}}, penalty={"softened": {"weight": 0.1}}
    )
    grid = space.grid()
    assert space.size == len(grid) == len(set(grid)) == 1 + 2
    assert {space.sample(seed) for seed in range(60)} == set(grid)
    for candidate in grid:
        flat = candidate.flat()
        assert ("softened.soft" in flat) == flat["softened.hard"]
        assert candidate in space
        assert from_flat(flat) == candidate
    plain = next(candidate for candidate in grid if not candidate.flat()["softened.hard"])
    assert from_flat({**plain.flat(), "softened.soft": "b"}) == plain
    with pytest.raises(SpaceError, match=r"penalty\.softened\.soft: needs softened\.hard = True, "):
        SearchSpace(cells=["gru"], rules=["gd"], penalty={"softened": {"hard": False, "soft": "b"}})
