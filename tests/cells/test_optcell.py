"""What OptCell refuses, and how rules are learned."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch

from optcell_search import OptCell, cells, registry, rules
from optcell_search.cells.base import Weights
from optcell_search.hyperparameters import Choice, Real, specification


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"input_size": 0}, "input_size = 0"),
        ({"hidden_size": -3}, "hidden_size = -3"),
        ({"num_layers": 0}, "num_layers = 0"),
        ({"dropout": 1.5}, "dropout = 1.5"),
        ({"cell": "lstmm"}, r"unknown cell 'lstmm' \(did you mean 'lstm'\?\); valid: .*gru"),
        ({"rule": "momentum"}, "unknown rule 'momentum'.*valid: adam, gd, heavy_ball"),
    ],
)
def test_bad_arguments_are_named(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        OptCell(**{"input_size": 3, "hidden_size": 5, **arguments})  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", [(3,), (2, 2, 2, 3), (4, 2, 5)])
def test_input_of_a_wrong_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="input_size = 3"):
        OptCell(3, 5)(torch.zeros(shape))


@pytest.mark.parametrize("rule", registry.rules.names())
def test_fixed_values_are_buffers_outside_the_state_dict(rule: str) -> None:
    module = OptCell(3, 5, rule=rule)
    specs = specification(type(module.rule))
    fields = {key for key, spec in specs.items() if not isinstance(spec, Choice)}
    assert {name.removeprefix("rule_values.") for name, _ in module.named_buffers()} == fields
    assert set(module.state_dict()) == {name for name, _ in torch.nn.LSTM(3, 5).named_parameters()}


@pytest.mark.parametrize("rule", registry.rules.names())
def test_learned_values_move_and_stay_inside_their_ranges(rule: str) -> None:
    torch.manual_seed(0)
    module = OptCell(3, 5, rule=rule, learn_rule=True)
    learned = {
        key: spec
        for key, spec in specification(type(module.rule)).items()
        if isinstance(spec, Real) and spec.learnable
    }
    start = {key: float(value.detach()) for key, value in module.rule_values().items()}
    for key in learned:
        assert start[key] == pytest.approx(getattr(module.rule, key), rel=1e-5)
    optimizer = torch.optim.SGD(module.parameters(), lr=1e4)
    x = torch.randn(6, 4, 3)
    for _ in range(3):
        optimizer.zero_grad()
        module(x)[0].square().sum().backward()
        optimizer.step()
        for key, value in module.rule_values().items():
            if key in learned:
                learned[key].check(key, float(value.detach()))
    end = {key: float(value.detach()) for key, value in module.rule_values().items()}
    assert {key for key in end if end[key] != start[key]} == set(learned)


def test_a_value_at_the_end_of_its_range_can_be_learned() -> None:
    module = OptCell(3, 5, rule=rules.HeavyBall(mu=0.0, s=1.0), learn_rule=True)
    module(torch.randn(4, 2, 3))[0].sum().backward()
    assert module.rule_values.mu.grad is not None
    assert 0 < float(module.rule_values()["mu"].detach()) < 0.01
    assert float(module.rule_values.mu.grad) != 0


def test_a_copy_is_independent() -> None:
    module = OptCell(3, 5)
    other = copy.deepcopy(module)
    other.reset_parameters()
    x = torch.randn(4, 2, 3)
    assert not torch.equal(module(x)[0], other(x)[0])
    other.load_state_dict(module.state_dict())
    assert torch.equal(module(x)[0], other(x)[0])


def test_repr_tells_cell_rule_and_what_is_not_default() -> None:
    text = repr(OptCell(3, 5, rule=rules.HeavyBall(mu=0.5), num_layers=2))
    assert "3, 5, cell=LSTM(), rule=HeavyBall(mu=0.5, s=0.6), num_layers=2" in text
    assert "bidirectional" not in text


@dataclass(frozen=True, kw_only=True)
class Halved(cells.RNN):
    """An rnn that takes half of a weight, under the weight's own name."""

    name: ClassVar[str] = "halved"

    def prepare(self, weights: Weights) -> Weights:
        return {**weights, "weight_hh": weights["weight_hh"] / 2}


@pytest.mark.parametrize("cell", [*registry.cells.names(), Halved()])
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_a_frozen_cell_computes_what_it_computed(cell: str | cells.RNN, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    module = OptCell(3, 4, num_layers=2, bidirectional=True, cell=cell).to(dtype)
    x = torch.randn(6, 2, 3).to(dtype)
    known = {name: value.shape for name, value in module.state_dict().items()}
    with torch.no_grad():
        expected, _ = module(x)
        module.freeze()
        got, _ = module(x)
    assert torch.equal(got, expected)
    assert {name: value.shape for name, value in module.state_dict().items()} == known
