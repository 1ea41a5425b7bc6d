"""Every registered convolutional cell keeps the contract and is its loop, written out."""

from __future__ import annotations

import itertools

import pytest
import torch
import written_out_conv
from torch import Tensor

from optcell_search import registry
from optcell_search.cells.conv import ConvolutionalCell, OptConvCell
from optcell_search.testing import ConvolutionalCellContract, variants
from optcell_search.testing.convolution import make, movie

NAMES = registry.conv_cells.names()
RULES = registry.rules.names()
PAIRS = list(itertools.product(NAMES, RULES))


# The function phi of cells that have no choice of it.
FIXED = {"conv_gru": "tanh", "conv_lstm": "tanh", "conv_feedforward": "relu"}
CELLS = [cell for name in NAMES for cell in variants(registry.conv_cells.get(name))]


class TestConvolutionalCells(ConvolutionalCellContract):
    @pytest.fixture(params=NAMES)
    def cell(self, request: pytest.FixtureRequest) -> ConvolutionalCell:
        cell: ConvolutionalCell = registry.conv_cells.get(request.param)()
        return cell


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


@pytest.mark.parametrize("cell", CELLS, ids=repr)
def test_every_option_is_the_written_out_loop(cell: ConvolutionalCell) -> None:
    extra = torch.randn(3, 2, 3 * cell.projection_gates, 4, 6, dtype=torch.float64)
    agree(make(cell), movie(3), extra)
