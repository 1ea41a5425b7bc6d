"""What every registered rule must be, unasked."""

from __future__ import annotations

import dataclasses
import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from optcell_search import registry
from optcell_search.hyperparameters import Choice, specification
from optcell_search.rules import Rule, RuleState, apply_rule

RULES = registry.rules.names()


def values(rule: Rule) -> dict[str, Tensor]:
    return {
        key: torch.tensor(value, dtype=torch.float64 if isinstance(value, float) else None)
        for key, value in rule.values().items()
    }


def filtered(rule: Rule, z: Tensor) -> Tensor:
    return apply_rule(rule, values(rule), z)[0]


@pytest.mark.parametrize("name", RULES)
def test_it_describes_itself(name: str) -> None:
    rule = registry.rules.get(name)
    assert rule.name == name
    assert all((rule.title, rule.equation, rule.citation, rule.__doc__))
    assert "Source" in (rule.__doc__ or "")
    assert isinstance(rule.linear, bool)


@pytest.mark.parametrize("name", RULES)
def test_it_is_plain_frozen_data_with_declared_ranges(name: str) -> None:
    cls = registry.rules.get(name)
    rule = cls()
    assert set(specification(cls)) == {field.name for field in dataclasses.fields(cls)}
    assert cls(**rule.values()) == rule
    with pytest.raises(TypeError):
        cls(0.5)
    with pytest.raises(dataclasses.FrozenInstanceError):
        rule.s = 0.1


@pytest.mark.parametrize("name", RULES)
def test_every_value_outside_its_range_is_refused_by_name(name: str) -> None:
    cls = registry.rules.get(name)
    for key, spec in specification(cls).items():
        assert not isinstance(spec, Choice), "extend this test for choices"
        assert spec.valid_low <= spec.low <= spec.high <= spec.valid_high
        for bad in (spec.valid_low - 1, spec.valid_high + 1):
            with pytest.raises(ValueError, match=rf"{name}\.{key} = {bad}.*valid: .*<= value"):
                cls(**{key: bad})
        for bad in (float("nan"), float("inf"), "0.5", True, None):
            with pytest.raises(ValueError, match=rf"{name}\.{key} = "):
                cls(**{key: bad})
        for good in (spec.low, spec.high, spec.default):
            assert getattr(cls(**{key: good}), key) == good


@pytest.mark.parametrize("name", RULES)
def test_the_claim_of_linearity_holds(name: str) -> None:
    rule = registry.rules.get(name)()
    x = torch.randn(12, 3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    W = torch.randn(5, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    commutes = torch.allclose(filtered(rule, x @ W.T), filtered(rule, x) @ W.T, atol=1e-12)
    assert commutes == rule.linear


@pytest.mark.parametrize("name", RULES)
def test_it_is_causal(name: str) -> None:
    rule = registry.rules.get(name)()
    z = torch.randn(10, 2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    late = z.clone()
    late[6:] += 1
    torch.testing.assert_close(filtered(rule, late)[:6], filtered(rule, z)[:6], rtol=0, atol=0)
    assert not torch.equal(filtered(rule, late)[6], filtered(rule, z)[6])


@pytest.mark.parametrize("name", RULES)
@given(cuts=st.lists(st.integers(0, 17), max_size=5))
def test_any_pieces_give_what_the_whole_gives(name: str, cuts: list[int]) -> None:
    rule = registry.rules.get(name)()
    z = torch.randn(17, 2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    bounds = sorted({0, *cuts, 17})
    state: RuleState | None = None
    pieces = []
    for start, end in itertools.pairwise(bounds):
        u, state = apply_rule(rule, values(rule), z[start:end], state)
        pieces.append(u)
    torch.testing.assert_close(torch.cat(pieces), filtered(rule, z), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("size", [0.0, 1e-30, 1e6])
def test_outputs_and_gradients_are_finite_for_any_size_of_input(name: str, size: float) -> None:
    rule = registry.rules.get(name)()
    z = size * torch.randn(30, 2, 3, generator=torch.Generator().manual_seed(0))
    z.requires_grad_()
    p = {k: v.float().requires_grad_() for k, v in values(rule).items() if v.is_floating_point()}
    u, _ = apply_rule(rule, {**values(rule), **p}, z)
    u.sum().backward()
    assert u.isfinite().all()
    assert z.grad is not None
    assert z.grad.isfinite().all()
    for key, value in p.items():
        assert value.grad is None or value.grad.isfinite(), key


@pytest.mark.parametrize("name", RULES)
def test_packed_sequences_of_unequal_length_go_on_each_from_its_own_step(name: str) -> None:
    rule = registry.rules.get(name)()
    z = torch.randn(9, 2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    first = torch.stack([z[:5, 0], torch.cat([z[:3, 1], torch.full((2, 3), 7.0).double()])], 1)
    _, state = apply_rule(rule, values(rule), first, lengths=torch.tensor([5, 3]))
    rest = torch.stack([z[5:9, 0], z[3:7, 1]], 1)
    u, _ = apply_rule(rule, values(rule), rest, state)
    torch.testing.assert_close(u[:, 0], filtered(rule, z)[5:9, 0], rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(u[:, 1], filtered(rule, z)[3:7, 1], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", RULES)
def test_it_maps_over_stacked_values(name: str) -> None:
    rule = registry.rules.get(name)()
    z = torch.randn(3, 8, 2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    p = values(rule)
    several = {key: torch.stack([value, value // 2, value * 0]) for key, value in p.items()}
    mapped = torch.func.vmap(lambda z, p: apply_rule(rule, p, z)[0])(z, several)
    for index in range(3):
        one = {key: value[index] for key, value in several.items()}
        torch.testing.assert_close(mapped[index], apply_rule(rule, one, z[index])[0])
