"""The reservoir cell: against reservoirpy, its radius, what it keeps, its read-out."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import reservoirpy.nodes
import torch
from torch import Tensor

from optcell_search import OptCell, cells, rules
from optcell_search.cells.classic.reservoir import FeatureNorm

WIRINGS = ("dense", "ring", "m_ring")


def module(cell: cells.Reservoir, size: int = 12, **arguments: object) -> OptCell:
    torch.manual_seed(0)
    rule = rules.GradientDescent(s=1.0)
    return OptCell(2, size, cell=cell, rule=rule, dtype=torch.float64, **arguments)  # type: ignore[arg-type]


def matrices(ours: OptCell) -> list[np.ndarray]:
    """Return every reservoir's W, (H, H), in full."""
    assert isinstance(ours.cell, cells.Reservoir)
    if ours.cell.wiring == "dense":
        return [W.numpy() for W in ours.weight_hh_l0]
    H = ours.hidden_size
    found = []
    for weights in ours.weight_hh_l0:
        W = np.zeros((H, H))
        for weight, stride in zip(weights, ours.cell.strides(H), strict=True):
            for i in range(H):
                W[i, (i - stride) % H] += float(weight)
        found.append(W)
    return found


@pytest.mark.parametrize("wiring", WIRINGS)
def test_states_are_those_of_reservoirpy_with_the_same_weights(wiring: str) -> None:
    ours = module(cells.Reservoir(count=3, wiring=wiring, leak=0.3, density=0.4))
    x = torch.randn(20, 1, 2, dtype=torch.float64)
    output, _ = ours(x)
    for k, W in enumerate(matrices(ours)):
        rows = slice(12 * k, 12 * (k + 1))
        theirs = reservoirpy.nodes.Reservoir(
            W=W,
            Win=ours.weight_ih_l0[rows].numpy(),
            bias=ours.bias_ih_l0[rows].numpy(),
            lr=0.3,
        )
        np.testing.assert_allclose(output[:, 0, rows], theirs.run(x[:, 0].numpy()), atol=1e-12)


@pytest.mark.parametrize("wiring", WIRINGS)
@pytest.mark.parametrize("size", [1, 2, 7, 50])
def test_the_spectral_radius_is_what_was_asked_for(wiring: str, size: int) -> None:
    ours = module(cells.Reservoir(wiring=wiring, radius=0.8, density=0.2), size)
    for W in matrices(ours):
        assert np.abs(np.linalg.eigvals(W)).max() == pytest.approx(0.8, rel=1e-6)


@pytest.mark.parametrize("density", [1.0, 0.1, 0.002, 1e-5])
def test_the_radius_of_a_large_dense_reservoir_is_right_within_four_percent(
    density: float,
) -> None:
    ours = module(cells.Reservoir(count=5, radius=0.8, density=density), 1001)
    radii = [float(torch.linalg.eigvals(W).abs().max()) for W in ours.weight_hh_l0]
    assert radii == pytest.approx([0.8] * 5, rel=0.04)
    # Chance moves each of them; their mean shows whether they are drawn around the right one.
    assert sum(radii) / 5 == pytest.approx(0.8, rel=0.015)


def test_density_is_the_share_of_connections() -> None:
    ours = module(cells.Reservoir(count=2, density=0.3), 100)
    assert float((ours.weight_hh_l0 != 0).double().mean()) == pytest.approx(0.3, abs=0.03)


def test_the_input_comes_in_at_the_scale_asked_for() -> None:
    ours = module(cells.Reservoir(input_scale=0.2), 200)
    for weights in (ours.weight_ih_l0, ours.bias_ih_l0):
        assert 0.19 < weights.max() <= 0.2
        assert -0.2 <= weights.min() < -0.19


def test_rings_hold_as_many_numbers_as_they_have_strides() -> None:
    numbers = {
        wiring: sum(
            b.numel() for b in module(cells.Reservoir(wiring=wiring, count=1), 500).buffers()
        )
        for wiring in WIRINGS
    }
    beside = 500 * 2 + 500 + 1  # V, c and the rule's s
    assert numbers == {"dense": 250_000 + beside, "ring": 1 + beside, "m_ring": 4 + beside}
    assert cells.Reservoir(wiring="m_ring", rings=4).strides(500) == (1, 6, 40, 250)


def test_nothing_of_a_reservoir_is_a_parameter_or_has_a_gradient() -> None:
    model = cells.SequenceModel(2, 3, 10, cell=cells.Reservoir(depth=2, width=8))
    assert list(model.cell.parameters()) == []
    before = {name: buffer.clone() for name, buffer in model.cell.named_buffers()}
    model(torch.randn(4, 6, 2)).square().mean().backward()
    assert all(p.grad is not None for p in model.readout.parameters())
    for name, buffer in model.cell.named_buffers():
        assert not buffer.requires_grad
        assert torch.equal(buffer, before[name])


def saved_bytes(run: Callable[[], object]) -> int:
    """Return the bytes that autograd keeps for the backward pass of what `run` computes."""
    kept: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        kept[tensor.data_ptr()] = tensor.numel() * tensor.element_size()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        run()
    return sum(kept.values())


@pytest.mark.parametrize("wiring", WIRINGS)
def test_training_keeps_no_graph_of_the_trajectory(wiring: str) -> None:
    model = cells.SequenceModel(2, 3, 10, cell=cells.Reservoir(wiring=wiring), num_layers=2)
    kept = {T: saved_bytes(lambda T=T: model(torch.randn(4, T, 2))) for T in (5, 50)}
    assert kept[50] == kept[5] > 0
    assert not model.cell(torch.randn(4, 5, 2))[0].requires_grad


def test_gradients_pass_through_where_they_are_asked_for() -> None:
    """A reservoir behind a trained embedding, or a learned rule, needs the graph, and gets it."""
    ours = module(cells.Reservoir(), learn_rule=True)
    x = torch.randn(4, 2, 2, dtype=torch.float64, requires_grad=True)
    ours(x)[0].sum().backward()
    assert x.grad is not None
    assert x.grad.any()
    assert all(p.grad is not None for p in ours.parameters())


def test_states_forget_where_they_started() -> None:
    ours = module(cells.Reservoir(radius=0.9, leak=0.8))
    x = torch.randn(300, 1, 2, dtype=torch.float64)
    _, state = ours(torch.randn(20, 1, 2, dtype=torch.float64))
    assert (ours(x)[0][-1] - ours(x, state)[0][-1]).abs().max() < 1e-6


@pytest.mark.parametrize("depth", [0, 2])
def test_the_read_out_is_batch_norm_linear_relu(depth: int) -> None:
    torch.manual_seed(0)
    model = cells.SequenceModel(2, 3, 5, cell=cells.Reservoir(count=2, depth=depth, width=7))
    x = torch.randn(6, 4, 2)
    value = model.cell(x)[0][:, -1]
    *layers, last = model.readout
    assert len(layers) == 1 + 3 * depth
    for layer in layers:
        if isinstance(layer, FeatureNorm):
            mean, variance = value.mean(0), value.var(0, unbiased=False)
            value = (value - mean) / torch.sqrt(variance + layer.eps)
        else:
            value = layer(value)
    torch.testing.assert_close(model(x), last(value), rtol=1e-4, atol=1e-5)


def test_a_batch_of_one_sequence_trains() -> None:
    model = cells.SequenceModel(2, 3, 5, cell="reservoir").train()
    statistics = model.readout[0].running_mean.clone()
    model(torch.randn(1, 4, 2)).sum().backward()
    assert torch.equal(model.readout[0].running_mean, statistics)
    model(torch.randn(2, 4, 2))
    assert not torch.equal(model.readout[0].running_mean, statistics)


def test_padding_does_not_enter_the_statistics_of_the_read_out() -> None:
    torch.manual_seed(0)
    model = cells.SequenceModel(2, 3, 5, cell="reservoir", readout="every").train()
    long, short = torch.randn(6, 2), torch.randn(2, 2)
    packed = torch.nn.utils.rnn.pack_sequence([long, short])
    model(packed)
    hidden = torch.cat([model.cell(x)[0] for x in (long, short)])
    expected = 0.1 * hidden.mean(0)
    torch.testing.assert_close(model.readout[0].running_mean, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("radius", [0.0, 1.6])
def test_a_radius_at_which_it_explodes_is_refused(radius: float) -> None:
    with pytest.raises(ValueError, match=r"reservoir\.radius = .* valid: 0 < value <= 1\.5"):
        cells.Reservoir(radius=radius)


@pytest.mark.parametrize("wiring", WIRINGS)
def test_stacked_modules_map_like_separate_ones(wiring: str) -> None:
    cell = cells.Reservoir(wiring=wiring, count=2, width=6)
    models = [cells.SequenceModel(3, 2, 8, cell=cell).train() for _ in range(3)]
    weights, buffers = torch.func.stack_module_state(models)  # type: ignore[arg-type]
    x = torch.randn(4, 5, 3)

    def run(weights: dict[str, Tensor], buffers: dict[str, Tensor]) -> Tensor:
        output: Tensor = torch.func.functional_call(models[0], (weights, buffers), (x,))
        return output

    mapped = torch.func.vmap(run)(weights, buffers)
    expected = torch.stack([one(x) for one in models])
    torch.testing.assert_close(mapped, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("wiring", WIRINGS)
def test_a_model_is_traced_for_batches_of_any_size(wiring: str) -> None:
    model = cells.SequenceModel(3, 2, 4, cell=cells.Reservoir(count=2, wiring=wiring)).eval()
    sizes = ({0: torch.export.Dim("batch")},)
    program = torch.export.export(model, (torch.randn(3, 2, 3),), dynamic_shapes=sizes)
    x = torch.randn(5, 2, 3)
    torch.testing.assert_close(program.module()(x), model(x))
