"""What every update rule must be."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import Tensor

from .. import registry
from ..cells import OptCell
from ..hyperparameters import Choice, Integer, Real, specification
from ..rules import Rule, RuleState, apply_rule
from ..space import Candidate, SearchSpace
from .cells.making import by_definition
from .pieces import partitions


def numbers(rule: Rule) -> dict[str, Tensor]:
    """Return the hyperparameters that formulas take as tensors: all but the choices."""
    specs = specification(type(rule))
    return {
        key: torch.tensor(value, dtype=torch.float64 if isinstance(value, float) else None)
        for key, value in rule.values().items()
        if not isinstance(specs[key], Choice)
    }


def filtered(rule: Rule, z: Tensor) -> Tensor:
    """Return u from z, all of it at once, under the rule's own values."""
    return apply_rule(rule, numbers(rule), z)[0]


def noise(*shape: int, seed: int = 0) -> Tensor:
    """Return float64 noise, the same at every call."""
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


class RuleContract:
    """Subclass it and supply the fixture `rule`."""

    @pytest.fixture
    def rule(self) -> Rule:
        """Return the rule to test, an object."""
        raise NotImplementedError("supply the fixture `rule`")

    def test_it_describes_itself(self, rule: Rule) -> None:
        assert registry.rules.get(rule.name) is type(rule)
        assert all((rule.title, rule.equation, rule.citation, rule.__doc__))
        assert "Source" in (rule.__doc__ or "")
        assert isinstance(rule.linear, bool)

    def test_it_is_plain_frozen_data_with_declared_ranges(self, rule: Rule) -> None:
        cls = type(rule)
        fields = dataclasses.fields(cls)
        assert set(specification(cls)) == {field.name for field in fields}
        assert cls(**rule.values()) == rule
        assert hash(cls(**rule.values())) == hash(rule)
        with pytest.raises(TypeError):
            cls(0.5)  # type: ignore[call-arg]
        for name in (*specification(cls), "s"):
            with pytest.raises(dataclasses.FrozenInstanceError):
                setattr(rule, name, 0.1)

    def test_every_value_outside_its_range_is_refused_by_name(self, rule: Rule) -> None:
        cls = type(rule)
        for key, spec in specification(cls).items():
            label = rf"{rule.name}\.{key} = "
            if isinstance(spec, Choice):
                for bad in ("no option of it", 10**9, 0.123456789, None):
                    with pytest.raises(ValueError, match=rf"{label}.*is not an option; valid: "):
                        cls(**{key: bad})
                for good in spec.options:
                    assert spec.check(key, good) == good
                continue
            assert spec.valid_low <= spec.low <= spec.high <= spec.valid_high
            for beyond in (spec.valid_low - 1, spec.valid_high + 1):
                with pytest.raises(ValueError, match=rf"{label}{beyond}.*valid: .*<= value"):
                    cls(**{key: beyond})
            for bad in (float("nan"), float("inf"), "0.5", True, None):
                with pytest.raises(ValueError, match=label):
                    cls(**{key: bad})
            for number in (spec.low, spec.high, spec.default):
                assert getattr(cls(**{key: number}), key) == number

    def test_the_claim_of_linearity_holds(self, rule: Rule) -> None:
        x, W = noise(12, 3, 4), noise(5, 4, seed=1)
        commutes = torch.allclose(filtered(rule, x @ W.T), filtered(rule, x) @ W.T, atol=1e-12)
        assert commutes == rule.linear

    def test_in_general_it_is_the_same_filter(self, rule: Rule) -> None:
        z = noise(12, 3, 4)
        for values in ({}, {"restart": 3}, {"mu": 0.9}):
            known = {key: values[key] for key in values.keys() & rule.values().keys()}
            one = dataclasses.replace(rule, **known)
            general = one.general()
            assert general.linear == one.linear
            torch.testing.assert_close(filtered(general, z), filtered(one, z), rtol=0, atol=0)

    def test_it_is_causal(self, rule: Rule) -> None:
        z = noise(10, 2, 3)
        late = z.clone()
        late[6:] += 1
        torch.testing.assert_close(filtered(rule, late)[:6], filtered(rule, z)[:6], rtol=0, atol=0)
        assert not torch.equal(filtered(rule, late)[6], filtered(rule, z)[6])

    def test_any_pieces_give_what_the_whole_gives(self, rule: Rule) -> None:
        z = noise(17, 2, 3)
        whole = filtered(rule, z)
        for bounds in partitions(17, cuts=5, count=100):
            state: RuleState | None = None
            pieces = []
            for start, end in bounds:
                u, state = apply_rule(rule, numbers(rule), z[start:end], state)
                pieces.append(u)
            torch.testing.assert_close(torch.cat(pieces), whole, rtol=1e-12, atol=1e-12)

    @pytest.mark.parametrize("size", [0.0, 1e-30, 1e6])
    def test_outputs_and_gradients_are_finite_for_any_size_of_input(
        self, rule: Rule, size: float
    ) -> None:
        z = size * torch.randn(30, 2, 3, generator=torch.Generator().manual_seed(0))
        z.requires_grad_()
        fixed = numbers(rule)
        p = {k: v.float().requires_grad_() for k, v in fixed.items() if v.is_floating_point()}
        u, _ = apply_rule(rule, {**fixed, **p}, z)
        u.sum().backward()  # type: ignore[no-untyped-call]
        assert u.isfinite().all()
        assert z.grad is not None
        assert z.grad.isfinite().all()
        for key, value in p.items():
            assert value.grad is None or value.grad.isfinite(), key

    def test_packed_sequences_of_unequal_length_go_on_each_from_its_own_step(
        self, rule: Rule
    ) -> None:
        z = noise(9, 2, 3)
        short = torch.cat([z[:3, 1], torch.full((2, 3), 7.0, dtype=torch.float64)])
        first = torch.stack([z[:5, 0], short], 1)
        _, state = apply_rule(rule, numbers(rule), first, lengths=torch.tensor([5, 3]))
        rest = torch.stack([z[5:9, 0], z[3:7, 1]], 1)
        u, _ = apply_rule(rule, numbers(rule), rest, state)
        whole = filtered(rule, z)
        torch.testing.assert_close(u[:, 0], whole[5:9, 0], rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(u[:, 1], whole[3:7, 1], rtol=1e-12, atol=1e-12)

    def test_it_maps_over_stacked_values(self, rule: Rule) -> None:
        z = noise(3, 8, 2, 3)
        p = numbers(rule)
        several = {key: torch.stack([value, value // 2, value * 0]) for key, value in p.items()}
        mapped = torch.func.vmap(lambda z, p: apply_rule(rule, p, z)[0])(z, several)
        for index in range(3):
            one = {key: value[index] for key, value in several.items()}
            torch.testing.assert_close(mapped[index], apply_rule(rule, one, z[index])[0])

    @pytest.mark.parametrize("cell", registry.cells.names())
    @pytest.mark.parametrize("learn", [False, True])
    def test_every_cell_takes_it(self, rule: Rule, cell: str, learn: bool) -> None:
        torch.manual_seed(0)
        module = OptCell(3, 8, cell=cell, rule=rule, learn_rule=learn, dtype=torch.float64).eval()
        x = noise(11, 2, 3).requires_grad_()
        inputs = [x, *module.parameters()]
        outputs = module(x)[0], by_definition(module, x)
        torch.testing.assert_close(*outputs, rtol=1e-11, atol=1e-12)
        gradients = [
            torch.autograd.grad(output.square().sum(), inputs, allow_unused=True)
            for output in outputs
        ]
        for got, expected in zip(*gradients, strict=True):
            torch.testing.assert_close(got, expected, rtol=1e-8, atol=1e-11)

    def test_a_search_space_offers_all_of_it(self, rule: Rule) -> None:
        space = SearchSpace(cells=["lstm"], rules=[rule.name])
        seen: dict[str, set[object]] = {key: set() for key in specification(type(rule))}
        for seed in range(64):
            candidate = space.sample(seed)
            again = Candidate.from_dict(candidate.to_dict())
            assert again == candidate
            assert again.key == candidate.key
            for key, value in candidate.rule_options:
                seen[key].add(value)
        for key, spec in specification(type(rule)).items():
            if isinstance(spec, Real | Integer):
                assert all(spec.low <= value <= spec.high for value in seen[key])  # type: ignore[operator]
            else:
                assert seen[key] == set(spec.options), key
