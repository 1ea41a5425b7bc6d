"""Every rule on every gated cell against the equations written out, outputs and gradients."""

from __future__ import annotations

import pytest
import torch
import written_out
from torch import Tensor

from optcell_search import OptCell, cells, rules

CELLS = {
    "lstm": cells.LSTM(),
    "gru": cells.GRU(),
    "rnn_tanh": cells.RNN(nonlinearity="tanh"),
    "rnn_relu": cells.RNN(nonlinearity="relu"),
}
RULES = {
    "gd": [rules.GradientDescent(s=0.7)],
    "heavy_ball": [rules.HeavyBall(mu=0.6, s=0.6), rules.HeavyBall(mu=0.0, s=1.3)],
    "nesterov": [rules.Nesterov(s=0.9, restart=F) for F in (0, 1, 2, 5, 40)],
    "adam": [
        rules.Adam(mu=0.6, s=0.6, beta=0.1, eps=1e-8),
        rules.Adam(mu=0.3, s=0.1, beta=0.999, eps=1e-3),
    ],
    "rmsprop": [rules.RMSProp(s=0.6, beta=0.9, eps=1e-8)],
    "mixture": [rules.Mixture(), rules.Mixture(gd_logit=-2.0, adam_logit=1.5, nesterov_restart=3)],
}
PAIRS = [
    pytest.param(cell, rule, id=f"{cell}-{rule.name}-{index}")
    for cell in CELLS
    for name in RULES
    for index, rule in enumerate(RULES[name])
]


def relative(got: Tensor, expected: Tensor) -> float:
    difference = (got - expected).detach().abs().max()
    return float(difference / expected.detach().abs().max().clamp(min=1e-300))


@pytest.mark.parametrize(("cell", "rule"), PAIRS)
def test_outputs_and_gradients_equal_the_written_out_equations(cell: str, rule: rules.Rule) -> None:
    torch.manual_seed(0)
    module = OptCell(3, 5, cell=CELLS[cell], rule=rule, learn_rule=True, dtype=torch.float64)
    x = torch.randn(13, 4, 3, dtype=torch.float64, requires_grad=True)
    probe = torch.randn(13, 4, 5, dtype=torch.float64)
    named = {"x": x, **dict(module.named_parameters())}

    output, _ = module(x)
    gradients = torch.autograd.grad((output * probe).sum(), list(named.values()))
    values = module.rule_values(torch.float64)
    expected = written_out.run(cell, rule.name, x, dict(module.named_parameters()), values)
    truths = torch.autograd.grad((expected * probe).sum(), list(named.values()))

    assert relative(output, expected) < 1e-10
    for name, gradient, truth in zip(named, gradients, truths, strict=True):
        assert relative(gradient, truth) < 1e-10, name


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("rule", ["heavy_ball", "adam"])
def test_gradients_pass_finite_differences(cell: str, rule: str) -> None:
    torch.manual_seed(1)
    module = OptCell(2, 3, cell=CELLS[cell], rule=rule, learn_rule=True, dtype=torch.float64)
    names = [name for name, _ in module.named_parameters()]
    x = torch.randn(4, 2, 2, dtype=torch.float64, requires_grad=True)

    def output(x: Tensor, *parameters: Tensor) -> Tensor:
        overrides = dict(zip(names, parameters, strict=True))
        result, _ = torch.func.functional_call(module, overrides, (x,))
        return result

    assert torch.autograd.gradcheck(output, (x, *module.parameters()))


def test_a_cell_turned_to_double_has_the_exact_hyperparameters() -> None:
    module = OptCell(2, 3, rule=rules.HeavyBall(mu=0.6, s=0.1)).double()
    values = module.rule_values(torch.float64)
    assert {name: float(value) for name, value in values.items()} == {"mu": 0.6, "s": 0.1}
