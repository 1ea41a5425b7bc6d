"""The model around a cell: read-outs over time, convolutions, norms and residual layers."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from padded import outputs_with
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from optcell_search import cells
from optcell_search.cells import OptCell, SequenceModel
from optcell_search.cells.model import ModelState, detached
from optcell_search.cells.model.stack import Stack
from optcell_search.cells.state import with_layers
from optcell_search.training.recipe.groups import parameter_groups

LENGTHS = torch.tensor([12, 3, 7, 1, 9])
POOLED = ["mean", "max", "mean_max", "attention"]
WHOLE: list[dict[str, Any]] = [
    {"readout": "mean"},
    {"readout": "max", "front": "serial", "front_depth": 3},
    {"readout": "mean_max", "front": "parallel", "norm": "batch"},
    {"readout": "attention", "num_layers": 3, "norm": "layer", "residual": True},
    {"readout": "last", "front": "parallel", "num_layers": 2, "residual": True, "glu": True},
    {"readout": "mean_max", "glu": True},
    {"readout": "every", "front": "serial", "num_layers": 2, "norm": "batch"},
    {"readout": "every", "front": "parallel", "cell": "lstm", "rule": "adam"},
    {"readout": "mean_max", "front": "serial", "front_stride": 3},
    {"readout": "last", "front": "serial", "front_stride": 4, "front_kernel": 2, "norm": "batch"},
]


def model_of(**options: Any) -> SequenceModel:
    torch.manual_seed(0)
    kind = {"cell": "gru", "rule": "heavy_ball", **options}
    model = SequenceModel(3, 4, 6, dtype=torch.float64, **kind)
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        # As after some training: no weight, mean or variance where it started.
        if name.endswith(("query", "running_mean")):
            nn.init.normal_(tensor.data)
        elif name.endswith("running_var"):
            nn.init.uniform_(tensor.data, 0.5, 2.0)
    return model.eval()


def sequences(count: int = 5, steps: int = 12) -> Tensor:
    return torch.randn(count, steps, 3, dtype=torch.float64)


def by_hand(readout: str, model: SequenceModel, hidden: Tensor) -> Tensor:
    """Return the vector that is read of one sequence's outputs (T, H), step by step."""
    steps = list(hidden)
    mean = sum(steps) / len(steps)
    largest = torch.stack([max(feature) for feature in hidden.T])
    if readout == "attention":
        pool = model.pool
        scores = [
            30 * torch.tanh(pool.query @ torch.tanh(pool.key.weight @ h + pool.key.bias) / 30)
            for h in steps
        ]
        weights = [torch.exp(score) for score in scores]
        return sum(w * h for w, h in zip(weights, steps, strict=True)) / sum(weights)
    return {"mean": mean, "max": largest, "mean_max": torch.cat([mean, largest])}[readout]


@pytest.mark.parametrize("readout", POOLED)
def test_a_read_out_over_time_is_what_it_says_and_sees_no_padding(readout: str) -> None:
    model, x = model_of(readout=readout), sequences()
    packed = pack_padded_sequence(x, LENGTHS, batch_first=True, enforce_sorted=False)
    found = model(packed)
    for row, length in enumerate(LENGTHS):
        alone = x[row : row + 1, :length]
        hidden, _ = model.cell(alone)
        expected = model.readout(by_hand(readout, model, hidden[0]))
        torch.testing.assert_close(found[row], expected)
        torch.testing.assert_close(model(alone)[0], expected)


def test_attention_starts_as_the_mean() -> None:
    torch.manual_seed(0)
    attention, mean = (SequenceModel(3, 4, 6, readout=name) for name in ("attention", "mean"))
    mean.load_state_dict({k: v for k, v in attention.state_dict().items() if "pool" not in k})
    x = torch.randn(2, 9, 3)
    torch.testing.assert_close(attention(x), mean(x))


@pytest.mark.parametrize("options", WHOLE, ids=str)
def test_pieces_give_what_the_whole_sequence_up_to_each_step_gives(options: dict[str, Any]) -> None:
    model, x = model_of(**options), sequences()
    whole, state = model.stream(x)
    assert isinstance(state, ModelState)
    start, state = model.stream(x[:, :5])
    step, state = model.stream(x[:, 5:6], state)
    rest, _ = model.stream(x[:, 6:], detached(state))
    torch.testing.assert_close(torch.cat([start, step, rest], 1), whole)
    if options["readout"] == "every":
        torch.testing.assert_close(model(x), whole)
    else:
        up_to = [model(x[:, : t + 1]) for t in range(x.shape[1])]
        torch.testing.assert_close(torch.stack(up_to, 1), whole)


@pytest.mark.parametrize("options", WHOLE, ids=str)
@pytest.mark.parametrize("training", [False, True])
def test_packed_sequences_give_what_each_alone_gives(
    options: dict[str, Any], training: bool
) -> None:
    model, x = model_of(**options).train(training), sequences()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}

    def outputs(padding: float) -> Tensor:
        return outputs_with(model, before, x, LENGTHS, padding)

    found = outputs(0.0)
    # Statistics of a batch, in training, are those of the steps that are there.
    assert torch.equal(found, outputs(1e6))
    if not training:
        for row, length in enumerate(LENGTHS):
            alone = model(x[row : row + 1, :length])[0]
            kept = found[row, :length] if options["readout"] == "every" else found[row]
            torch.testing.assert_close(kept, alone)


@pytest.mark.parametrize("pieces", [[1] * 11, [5, 1, 2, 3], [2, 9], [11]])
def test_between_the_outputs_of_a_front_a_stream_stays_as_it_is(pieces: list[int]) -> None:
    model, x = model_of(readout="mean", front="serial", front_stride=4), sequences(steps=11)
    found, state = [], None
    for piece in torch.split(x, pieces, 1):
        outputs, state = model.stream(piece, state)
        found.append(outputs)
    outputs = torch.cat(found, 1)
    for t in range(11):
        torch.testing.assert_close(outputs[:, t], model(x[:, : t + 1]))
    assert torch.equal(outputs[:, 4], outputs[:, 7])
    assert not torch.equal(outputs[:, 7], outputs[:, 8])


@pytest.mark.parametrize(("front", "width"), [("serial", 5), ("parallel", 3)])
def test_a_front_stands_before_or_beside_the_recurrence(front: str, width: int) -> None:
    model, x = model_of(front=front, front_width=5, readout="mean"), sequences()
    assert model.cell.input_size == width
    made = model.front(x)
    if front == "serial":
        expected = model.readout(model.cell(made)[0].mean(1))
    else:
        expected = model.readout(torch.cat([model.cell(x)[0].mean(1), made.mean(1)], -1))
    torch.testing.assert_close(model(x), expected)


@pytest.mark.parametrize("norm", ["none", "layer", "batch"])
@pytest.mark.parametrize("residual", [False, True])
def test_layers_take_what_is_normed_and_add_to_what_is_below(norm: str, residual: bool) -> None:
    model, x = model_of(num_layers=3, norm=norm, residual=residual), sequences()
    if norm == "none" and not residual:
        assert isinstance(model.cell, OptCell)
        return
    assert isinstance(model.cell, Stack)
    h, _ = model.cell.layers[0](x)
    for layer, normed in zip(list(model.cell.layers)[1:], model.cell.norms, strict=True):
        above, _ = layer(normed(h))
        h = h + above if residual else above
    torch.testing.assert_close(model.cell(x)[0], h)
    torch.testing.assert_close(model(x), model.readout(model.norm(h[:, -1])))


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("layers", [1, 2])
def test_a_gated_linear_unit_stands_behind_each_layer(layers: int, bidirectional: bool) -> None:
    how: dict[str, Any] = {"num_layers": layers, "norm": "layer", "residual": True}
    model, x = model_of(glu=True, bidirectional=bidirectional, **how), sequences()
    h = x
    for number, (layer, gate) in enumerate(zip(model.cell.layers, model.cell.gates, strict=True)):
        above = layer(model.cell.norms[number - 1](h) if number else h)[0]
        inner = above * 0.5 * (1 + torch.erf(above / 2**0.5))
        v, w = (inner @ gate.linear.weight.T + gate.linear.bias).chunk(2, -1)
        above = v / (1 + torch.exp(-w))
        h = h + above if number else above
    torch.testing.assert_close(model.cell(x)[0], h)
    assert isinstance(model_of(**how).cell, Stack if layers > 1 else OptCell)


def test_the_layers_of_a_stack_keep_their_own_learning_rates_and_order() -> None:
    model = model_of(cell="orthogonal", rule="gd", num_layers=2, norm="layer")
    named = {weight: name for name, weight in model.cell.named_parameters()}
    usual, slow = parameter_groups(model, 1.0)
    assert (usual["lr"], slow["lr"]) == (1.0, 0.1)
    assert {named[weight] for weight in slow["params"]} == {"layers.0.skew_l0", "layers.1.skew_l0"}
    model.after_step()
    assert [int(layer.optimizer_steps_l0) for layer in model.cell.layers] == [1, 1]


def test_both_directions_of_unequal_lengths_are_stacked() -> None:
    model = model_of(num_layers=2, norm="layer", residual=True, bidirectional=True)
    x = sequences()
    packed = pack_padded_sequence(x, LENGTHS, batch_first=True, enforce_sorted=False)
    hidden = pad_packed_sequence(model.cell(packed)[0], batch_first=True)[0]
    for row, length in enumerate(LENGTHS):
        alone, _ = model.cell(x[row : row + 1, :length])
        torch.testing.assert_close(hidden[row, :length], alone[0])


@pytest.mark.parametrize("place", ["input_dropout", "readout_dropout"])
def test_dropout_acts_in_training_alone(place: str) -> None:
    plain, model, x = model_of(), model_of(**{place: 0.5}), sequences()
    model.load_state_dict(plain.state_dict())
    assert torch.equal(model(x), plain(x))
    model.train()
    assert not torch.equal(model(x), model(x))
    if place == "input_dropout":
        assert torch.equal(model(0 * x), plain(0 * x))
    else:
        assert torch.equal(model.cell(x)[0], plain.cell(x)[0])


def test_without_any_of_it_a_model_is_a_cell_and_a_linear_map() -> None:
    model, x = model_of(num_layers=2), sequences()
    names = [f"{name}_l{layer}" for layer in (0, 1) for name in ("weight_ih", "weight_hh")]
    names += [f"{name}_l{layer}" for layer in (0, 1) for name in ("bias_ih", "bias_hh")]
    expected = {f"cell.{name}" for name in names} | {"readout.weight", "readout.bias"}
    assert set(model.state_dict()) == expected
    assert torch.equal(model(x), model.readout(model.cell(x)[0][:, -1]))
    assert not isinstance(model.stream(x)[1], ModelState)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"readout": "first"}, r"readout = 'first' is not an option; valid: last, mean"),
        ({"front": "beside"}, r"front = 'beside' is not an option; valid: none, serial"),
        ({"norm": "group"}, r"norm = 'group' is not an option; valid: none, layer, batch"),
        ({"front": "serial", "front_kernel": 0}, r"front_kernel = 0 is out of range"),
        ({"symbols": True, "front": "parallel"}, r"front = 'parallel' widens the read-out"),
        ({"front": "serial", "front_stride": 0}, r"front_stride = 0 is out of range"),
        ({"front_stride": 2}, r"front_stride = 2 with front = 'none'"),
        ({"front": "parallel", "front_stride": 2}, r"with front = 'parallel'; valid: 1"),
        ({"front": "serial", "front_stride": 2, "readout": "every"}, r"every step is read"),
    ],
)
def test_what_is_no_option_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SequenceModel(3, 4, 6, **options)


def test_symbols_go_through_a_front() -> None:
    model = model_of(symbols=True, readout="every", front="serial", front_width=5)
    x = torch.randint(4, (2, 7, 1))
    whole, _ = model.stream(x)
    start, state = model.stream(x[:, :3])
    rest, _ = model.stream(x[:, 3:], state)
    torch.testing.assert_close(torch.cat([start, rest], 1), whole)
    assert whole.shape == (2, 7, 4)


@pytest.mark.parametrize("front", ["none", "serial"])
def test_a_step_without_its_dimension_of_time_does_not_pass_for_a_sequence(front: str) -> None:
    model = SequenceModel(3, 2, 4, front=front)
    for take in (model, model.stream):
        with pytest.raises(ValueError, match=r"input of shape \(5, 3\); valid: \(batch, steps"):
            take(torch.randn(5, 3))


@pytest.mark.parametrize("norm", ["none", "layer"])
def test_a_state_of_another_cell_is_refused_by_stacks_of_blocks_too(norm: str) -> None:
    def model(discretisation: str) -> SequenceModel:
        cell = cells.Oscillator(discretisation=discretisation)
        layout: dict[str, Any] = {"num_layers": 2, "norm": norm, "residual": norm != "none"}
        return SequenceModel(3, 2, 8, cell=cell, rule="gd", **layout)

    x = torch.randn(4, 6, 3)
    _, state = model("implicit").stream(x)
    with pytest.raises(ValueError, match=r"^state of .*implicit.*; valid here: "):
        model("implicit_explicit").stream(x, state)


def test_a_stack_takes_plain_tuples_of_its_state_as_an_optcell_does() -> None:
    layout: dict[str, Any] = {"num_layers": 2, "norm": "layer", "residual": True}
    model = SequenceModel(3, 2, 8, cell="lru", rule="heavy_ball", **layout)
    x = torch.randn(4, 6, 3)
    whole, _ = model.cell(x)
    first, state = model.cell(x[:, :2])
    rest, _ = model.cell(x[:, 2:], tuple(state))
    torch.testing.assert_close(torch.cat([first, rest], 1), whole)


def test_other_layers_of_a_state_are_of_the_same_cell() -> None:
    _, state = OptCell(3, 4, cell="lru", rule="gd")(torch.randn(5, 2, 3))
    again = with_layers(state, state[:1])
    assert (type(again), again.cell) == (type(state), state.cell)
    assert state.cell
    assert type(with_layers(tuple(state), state[:1])) is tuple
