"""The nearest of some candidates, besides those that are taken."""

from __future__ import annotations

from optcell_search.space import SearchSpace
from optcell_search.space.nearest import Nearest

SPACE = SearchSpace(
    cells=["rnn"],
    rules=["gd", "heavy_ball"],
    cell={"rnn": {"nonlinearity": "tanh"}},
    rule={
        "gd": {"s": {"low": 0.2, "high": 1.0, "step": 0.2}},
        "heavy_ball": {"mu": 0.6, "s": 0.6},
    },
    model={"hidden_size": {"choices": [8, 16]}},
    training={"lr": 0.01},
)


def test_it_goes_outward_until_nothing_is_left() -> None:
    held = SPACE.grid(10)
    nearest = Nearest(SPACE, held)
    start = next(c for c in held if c.rule == "gd" and c.flat()["gd.s"] == 0.4)
    taken: list[str] = []
    steps = []
    while (found := nearest.besides(start, taken)) is not None:
        taken.append(found.key)
        steps.append((found.rule, found.flat().get("gd.s"), found.flat()["model.hidden_size"]))
    assert len(taken) == len(set(taken)) == len(held) == 12
    size = steps[0][2]
    # Shares of the way: 0.2 of five steps is a quarter; another size is one whole.
    assert steps[0] == ("gd", 0.4, size)
    assert {step[1] for step in steps[1:3]} == {0.2, 0.6}
    assert [step[1] for step in steps[3:5]] == [0.8, 1.0]
    assert all(step[2] == size for step in steps[:5])
    assert [step[0] for step in steps] == ["gd"] * 10 + ["heavy_ball"] * 2


def test_a_held_candidate_stands_for_itself_and_for_what_is_near() -> None:
    held = [c for c in SPACE.grid(10) if c.rule == "gd" and c.flat()["gd.s"] in (0.2, 1.0)]
    nearest = Nearest(SPACE, held)
    for candidate in SPACE.grid(10):
        stands = nearest.of(candidate)
        if candidate in held:
            assert stands == candidate
        elif candidate.rule == "gd":
            assert stands.flat()["gd.s"] == (0.2 if candidate.flat()["gd.s"] < 0.6 else 1.0) or (
                candidate.flat()["gd.s"] == 0.6
            )
            assert stands.model == candidate.model
