"""What every registered convolutional cell must be under every registered rule, unasked."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
import written_out_conv
from torch import Tensor

from optcell_search import registry
from optcell_search.cells.conv import ConvNet, ConvolutionalCell, OptConvCell
from optcell_search.hyperparameters import Choice, specification
from optcell_search.rules import apply_rule

NAMES = registry.conv_cells.names()
RULES = registry.rules.names()
PAIRS = list(itertools.product(NAMES, RULES))


def variants(name: str) -> list[ConvolutionalCell]:
    """Return the cell with every other option of every choice, one at a time."""
    cls = registry.conv_cells.get(name)
    return [
        cls(**{key: option})
        for key, spec in specification(cls).items()
        if isinstance(spec, Choice)
        for option in spec.options
        if option != spec.default
    ]


# The function phi of cells that have no choice of it.
FIXED = {"conv_gru": "tanh", "conv_lstm": "tanh", "conv_feedforward": "relu"}
VARIANTS = [
    pytest.param(cell, id=f"{name}-{key}={value}")
    for name in NAMES
    for cell in variants(name)
    for key, value in cell.values().items()
    if value != specification(type(cell))[key].default
]


def make(cell: Any, rule: str = "heavy_ball", **arguments: Any) -> OptConvCell:
    torch.manual_seed(0)
    layer = OptConvCell(2, 3, cell=cell, rule=rule, dtype=torch.float64, **arguments)
    with torch.no_grad():
        for parameter in layer.parameters():
            # Biases and gains too, which start at 0 and 1.
            parameter.add_(0.3 * torch.randn_like(parameter))
    return layer


def movie(T: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(T, 2, 2, 4, 6, dtype=torch.float64, generator=generator)


def expected(layer: OptConvCell, x: Tensor, extra: Tensor | None = None) -> Tensor:
    name = layer.cell.name
    if name == "conv_rnn" and layer.cell.gating:
        name = "conv_rnn_gated"
    if name == "reciprocal_gated" and not layer.cell.gating:
        name = "reciprocal_added"
    return written_out_conv.run(
        getattr(written_out_conv, name),
        layer.rule.name,
        x,
        dict(layer.named_parameters()),
        layer.rule_values(),
        channels=layer.channels,
        nonlinearity=layer.cell.values().get("nonlinearity", FIXED.get(name)),
        bypass=layer.cell.bypass,
        residual=layer.cell.residual,
        extra=extra,
    )


def agree(layer: OptConvCell, x: Tensor, extra: Tensor | None = None) -> None:
    """Outputs and gradients of layer and written-out loop are the same."""
    x.requires_grad_()
    inputs = [x, *layer.parameters()]
    results = []
    for y in (layer(x, None, extra)[0], expected(layer, x, extra)):
        weight = torch.linspace(-1, 1, y.numel(), dtype=y.dtype).view(y.shape)
        results.append((y, *torch.autograd.grad((y * weight).sum(), inputs, allow_unused=True)))
    for got, wanted in zip(*results, strict=True):
        assert (got is None) == (wanted is None)
        if got is not None:
            torch.testing.assert_close(got, wanted, rtol=1e-11, atol=1e-10)


@pytest.mark.parametrize("name", NAMES)
def test_it_describes_itself(name: str) -> None:
    cell = registry.conv_cells.get(name)
    assert cell.name == name
    assert all((cell.title, cell.equation, cell.citation, cell.__doc__))
    assert name not in registry.cells.names()
    assert registry.every_cell.get(name) is cell


@pytest.mark.parametrize(("name", "rule"), PAIRS)
def test_it_is_the_written_out_loop(name: str, rule: str) -> None:
    agree(make(name, rule), movie(5))


@pytest.mark.parametrize(("name", "rule"), PAIRS)
def test_a_still_image_is_filtered_as_the_equations_say(name: str, rule: str) -> None:
    still = movie(1).expand(4, -1, -1, -1, -1).clone()
    agree(make(name, rule), still)
    plain = make(name, "gd")
    same = torch.allclose(make(name, rule)(still)[0], plain(still)[0])
    assert same == (rule == "gd")


@pytest.mark.parametrize("cell", VARIANTS)
def test_every_option_is_the_written_out_loop(cell: ConvolutionalCell) -> None:
    extra = torch.randn(3, 2, 3 * cell.projection_gates, 4, 6, dtype=torch.float64)
    agree(make(cell), movie(3), extra)


@pytest.mark.parametrize(("name", "rule"), PAIRS)
def test_any_pieces_give_what_the_whole_gives(name: str, rule: str) -> None:
    layer = make(name, rule)
    x = movie(7)
    state, pieces = None, []
    for start, end in [(0, 1), (1, 4), (4, 7)]:
        y, state = layer(x[start:end], state)
        pieces.append(y)
    torch.testing.assert_close(torch.cat(pieces), layer(x)[0], rtol=0, atol=1e-12)


@pytest.mark.parametrize(("name", "rule"), PAIRS)
def test_filtering_the_input_is_filtering_its_projection(name: str, rule: str) -> None:
    layer = make(name, rule)
    x = movie(4)
    z = layer.cell.input_projection(layer._weights(), x, None)
    rows, _ = apply_rule(layer.rule, layer.rule_values(), z.flatten(2))
    u, _ = layer._filtered(layer._weights(), x, None)
    torch.testing.assert_close(u, rows.view(z.shape), rtol=0, atol=1e-12)


@pytest.mark.parametrize(("name", "rule"), PAIRS)
def test_gradients_of_a_black_movie_are_finite(name: str, rule: str) -> None:
    torch.manual_seed(0)
    layer = OptConvCell(2, 3, cell=name, rule=rule, bias=False)
    x = torch.zeros(5, 2, 2, 4, 4, requires_grad=True)
    layer(x)[0].square().sum().backward()
    assert x.grad is not None
    assert x.grad.isfinite().all()
    for key, parameter in layer.named_parameters():
        assert parameter.grad is None or parameter.grad.isfinite().all(), key


@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_those_of_finite_differences(name: str) -> None:
    layer = make(name, "adam", learn_rule=True)
    x = movie(3)[:, :1, :, :2, :2].clone().requires_grad_()
    names = [key for key, _ in layer.named_parameters()]

    def output(x: Tensor, *parameters: Tensor) -> Tensor:
        weights = dict(zip(names, parameters, strict=True))
        return torch.func.functional_call(layer, weights, (x,))[0]

    values = [parameter.detach().requires_grad_() for parameter in layer.parameters()]
    assert torch.autograd.gradcheck(output, (x, *values))


@pytest.mark.parametrize("name", NAMES)
def test_a_network_of_it_learns_and_streams(name: str) -> None:
    torch.manual_seed(0)
    edges = {(3, 1): 3, (2, 1): 1}
    net = ConvNet((1, 8, 8), 2, cell=name, channels=4, feedback=edges, dtype=torch.float64)
    x = torch.randn(6, 3, 64, dtype=torch.float64)
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-2)
    losses = []
    for _ in range(2):
        loss = torch.nn.functional.mse_loss(net(x), torch.ones(6, 2, dtype=torch.float64))
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert losses[1] < losses[0]
    state = None
    for t in range(3):
        output, state = net.stream(x[:, t : t + 1], state)
    torch.testing.assert_close(output[:, 0], net(x), rtol=0, atol=1e-12)
