"""The mixture of rules: its weights, what takes part, and that what it learns is learned."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from optcell_search import OptCell, registry, rules
from optcell_search.hyperparameters import specification
from optcell_search.rules.mixture import INNER
from optcell_search.space import Candidate, SearchSpace, SpaceError

X = torch.randn(9, 2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def module(rule: str | rules.Rule, **arguments: Any) -> OptCell:
    torch.manual_seed(0)
    return OptCell(3, 5, rule=rule, dtype=torch.float64, **arguments)


def only(*names: str, **values: Any) -> rules.Mixture:
    return rules.Mixture(**dict[str, Any]({name: name in names for name in INNER}), **values)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("name", INNER)
def test_a_mixture_of_one_rule_is_that_rule(name: str, bias: bool) -> None:
    alone, mixed = module(name, bias=bias), module(only(name), bias=bias)
    for given in (alone, mixed):
        output, state = given(X)
        output.sum().backward()
        assert len(state[0].rule.traces) == len(alone(X)[1][0].rule.traces)
    torch.testing.assert_close(mixed(X)[0], alone(X)[0], rtol=1e-12, atol=1e-13)
    for (key, own), (_, other) in zip(
        mixed.named_parameters(), alone.named_parameters(), strict=True
    ):
        torch.testing.assert_close(own.grad, other.grad, rtol=1e-9, atol=1e-12, msg=key)


def test_every_hyperparameter_of_an_inner_rule_is_one_of_the_mixture_over_the_same_range() -> None:
    specs = specification(rules.Mixture)
    left = set(specs) - set(INNER) - {f"{name}_logit" for name in INNER}
    for name, cls in INNER.items():
        assert registry.rules.get(name) is cls
        for key, spec in specification(cls).items():
            own = specs[f"{name}_{key}"]
            left.remove(f"{name}_{key}")
            for bound in ("default", "low", "high", "valid_low", "valid_high"):
                assert getattr(own, bound) == getattr(spec, bound)
            assert own.needs == {name: (True,)}
    assert not left


def test_weights_are_a_softmax_and_renormalised_where_a_rule_is_taken_out() -> None:
    logits = {"gd_logit": 0.5, "heavy_ball_logit": -1.0, "adam_logit": 2.0}

    def weights(rule: rules.Mixture) -> dict[str, float]:
        p = module(rule).rule_values(torch.float64)
        return {part.rule.name: float(part.weight) for part in rule.parts(p)}

    whole = weights(only("gd", "heavy_ball", "adam", **logits))
    assert sum(whole.values()) == pytest.approx(1.0)
    del logits["adam_logit"]
    without = weights(only("gd", "heavy_ball", **logits))
    rest = 1 - whole.pop("adam")
    assert without == {name: pytest.approx(weight / rest) for name, weight in whole.items()}


def test_all_logits_and_values_are_learned_together() -> None:
    given = module("mixture", learn_rule=True)
    learned = dict(given.rule_values.named_parameters())
    assert set(learned) == {
        key for key in specification(rules.Mixture) if key.endswith(("logit", "_mu", "_s", "_beta"))
    }
    given(X)[0].square().sum().backward()
    assert all(value.grad is not None and value.grad.abs() > 0 for value in learned.values())


def test_hardly_any_weight_on_a_rule_leaves_its_traces_as_they_are() -> None:
    rule = rules.Mixture(adam_logit=-10.0, gd_logit=10.0)
    given = module(rule).float()
    whole, end = given(X.float())
    first, state = given(X[:4].float())
    rest, state = given(X[4:].float(), state)
    torch.testing.assert_close(torch.cat([first, rest]), whole)
    torch.testing.assert_close(state[0].rule.traces, end[0].rule.traces)
    # They are those of the rules, whatever these weigh: here Adam's, behind two narrow ones.
    alone = module("adam").float()(X.float())[1][0].rule.traces
    torch.testing.assert_close(state[0].rule.traces[2:4], alone)


def test_a_mixture_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^mixture: no rule takes part; valid: one of gd, heavy"):
        only()


def test_a_space_searches_no_value_of_a_rule_that_takes_no_part() -> None:
    space = SearchSpace(cells=["lstm"], rules=["mixture"], rule={"mixture": {"adam": False}})
    candidate = space.sample(1)
    assert candidate in space
    names = {name for name in candidate.flat() if name.startswith("mixture.")}
    assert {"mixture.heavy_ball_mu", "mixture.gd_logit", "mixture.adam"} <= names
    assert not names & {"mixture.adam_mu", "mixture.adam_s", "mixture.adam_logit"}
    assert (
        dict(candidate.rule_options)["adam_mu"] == specification(rules.Mixture)["adam_mu"].default
    )
    table = candidate.to_dict()
    table["rule"]["adam_mu"] = 0.1
    with pytest.raises(SpaceError, match=r"rule\.adam_mu: 0\.1 needs adam = True"):
        Candidate.from_dict(table)
