"""What every convolutional cell must be under every registered rule."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from .. import registry
from ..cells.conv import ConvNet, ConvolutionalCell, OptConvCell
from ..rules import apply_rule


def make(cell: ConvolutionalCell | str, rule: str = "heavy_ball", **arguments: Any) -> OptConvCell:
    """Return a float64 layer of two channels to three, none of its weights 0 or 1."""
    torch.manual_seed(0)
    layer = OptConvCell(2, 3, cell=cell, rule=rule, dtype=torch.float64, **arguments)
    with torch.no_grad():
        for parameter in layer.parameters():
            # Biases and gains too, which start at 0 and 1.
            parameter.add_(0.3 * torch.randn_like(parameter))
    return layer


def movie(T: int, seed: int = 0) -> Tensor:
    """Return (T, 2, 2, 4, 6) float64 noise: two movies of two channels."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(T, 2, 2, 4, 6, dtype=torch.float64, generator=generator)


class ConvolutionalCellContract:
    """Subclass it and supply the fixture `cell`; every test runs under every registered rule."""

    @pytest.fixture
    def cell(self) -> ConvolutionalCell:
        """Return the convolutional cell to test, an object."""
        raise NotImplementedError("supply the fixture `cell`")

    @pytest.fixture(params=registry.rules.names())
    def rule(self, request: pytest.FixtureRequest) -> str:
        """Return the name of a registered rule."""
        name: str = request.param
        return name

    def test_it_describes_itself(self, cell: ConvolutionalCell) -> None:
        assert registry.conv_cells.get(cell.name) is type(cell)
        assert all((cell.title, cell.equation, cell.citation, cell.__doc__))
        assert cell.name not in registry.cells.names()
        assert registry.every_cell.get(cell.name) is type(cell)

    def test_any_pieces_give_what_the_whole_gives(self, cell: ConvolutionalCell, rule: str) -> None:
        layer = make(cell, rule)
        x = movie(7)
        state, pieces = None, []
        for start, end in [(0, 1), (1, 4), (4, 7)]:
            y, state = layer(x[start:end], state)
            pieces.append(y)
        torch.testing.assert_close(torch.cat(pieces), layer(x)[0], rtol=0, atol=1e-12)

    def test_filtering_the_input_is_filtering_its_projection(
        self, cell: ConvolutionalCell, rule: str
    ) -> None:
        layer = make(cell, rule)
        x = movie(4)
        z = layer.cell.input_projection(layer._weights(), x, None)
        rows, _ = apply_rule(layer.rule, layer.rule_values(), z.flatten(2))
        u, _ = layer._filtered(layer._weights(), layer.rule_values(), x, None)
        torch.testing.assert_close(u, rows.view(z.shape), rtol=0, atol=1e-12)

    def test_gradients_of_a_black_movie_are_finite(
        self, cell: ConvolutionalCell, rule: str
    ) -> None:
        torch.manual_seed(0)
        layer = OptConvCell(2, 3, cell=cell, rule=rule, bias=False)
        x = torch.zeros(5, 2, 2, 4, 4, requires_grad=True)
        layer(x)[0].square().sum().backward()
        assert x.grad is not None
        assert x.grad.isfinite().all()
        for key, parameter in layer.named_parameters():
            assert parameter.grad is None or parameter.grad.isfinite().all(), key

    def test_gradients_are_those_of_finite_differences(self, cell: ConvolutionalCell) -> None:
        layer = make(cell, "adam", learn_rule=True)
        x = movie(3)[:, :1, :, :2, :2].clone().requires_grad_()
        names = [key for key, _ in layer.named_parameters()]

        def output(x: Tensor, *parameters: Tensor) -> Tensor:
            weights = dict(zip(names, parameters, strict=True))
            result: Tensor = torch.func.functional_call(layer, weights, (x,))[0]
            return result

        values = [parameter.detach().requires_grad_() for parameter in layer.parameters()]
        # Along one random direction each: of all entries it would take a minute a cell.
        assert torch.autograd.gradcheck(output, (x, *values), fast_mode=True)

    def test_a_network_of_it_learns_and_streams(self, cell: ConvolutionalCell) -> None:
        torch.manual_seed(0)
        edges = {(3, 1): 3, (2, 1): 1}
        net = ConvNet((1, 8, 8), 2, cell=cell, channels=4, feedback=edges, dtype=torch.float64)
        x = torch.randn(6, 3, 64, dtype=torch.float64)
        optimizer = torch.optim.SGD(net.parameters(), lr=1e-2)
        losses = []
        for _ in range(2):
            loss = torch.nn.functional.mse_loss(net(x), torch.ones(6, 2, dtype=torch.float64))
            losses.append(loss.item())
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        assert losses[1] < losses[0]
        state = None
        for t in range(3):
            output, state = net.stream(x[:, t : t + 1], state)
        torch.testing.assert_close(output[:, 0], net(x), rtol=0, atol=1e-12)
