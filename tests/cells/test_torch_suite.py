"""What torch tests of its own recurrent modules, asked of OptCell: the facts, in our words.

After test/test_nn.py, test/test_modules.py, test/nn/test_packed_sequence.py and
torch/testing/_internal/common_modules.py of PyTorch. Where torch raises RuntimeError or TypeError
for an argument that does not fit, we raise ValueError, as everywhere here.
"""

from __future__ import annotations

import copy
import io
import itertools
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pack_sequence

from optcell_search import OptCell, cells, registry, rules
from optcell_search.cells import State

MODES = {
    "rnn_tanh": (nn.RNN, {}, {"cell": "rnn"}),
    "rnn_relu": (nn.RNN, {"nonlinearity": "relu"}, {"cell": cells.RNN(nonlinearity="relu")}),
    "gru": (nn.GRU, {}, {"cell": "gru"}),
    "lstm": (nn.LSTM, {}, {"cell": "lstm"}),
}
SWITCHES = list(itertools.product((True, False), repeat=3))
in_every_mode = pytest.mark.parametrize("mode", MODES)
RULES = ("gd", "heavy_ball", "nesterov", "adam", "rmsprop")
under_every_rule = pytest.mark.parametrize("rule", RULES)


def pair(mode: str, *args: Any, **arguments: Any) -> tuple[nn.Module, OptCell]:
    """Return torch's module and ours with its weights, computing what it computes."""
    theirs_of, their_own, our_own = MODES[mode]
    arguments = {"dtype": torch.float64, **arguments}
    torch.manual_seed(0)
    theirs = theirs_of(*args, **arguments, **their_own)
    ours = OptCell(*args, rule=rules.GradientDescent(s=1.0), **arguments, **our_own)
    ours.load_state_dict(theirs.state_dict())
    return theirs, ours


def start(mode: str, *shape: int, **kwargs: Any) -> Any:
    h, c = torch.randn(2, *shape, dtype=torch.float64).unbind()
    h, c = (part.clone().requires_grad_(bool(kwargs)) for part in (h, c))
    return (h, c) if mode == "lstm" else h


def parts(hidden: Any) -> list[Tensor]:
    if isinstance(hidden, State):
        hidden = hidden.without_traces()
    return [hidden] if isinstance(hidden, Tensor) else list(hidden)


def same(got: Any, expected: Any) -> None:
    torch.testing.assert_close(got, expected, rtol=1e-11, atol=1e-12)


# --- construction


@in_every_mode
def test_arguments_by_position_stand_in_torchs_order(mode: str) -> None:
    # input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional
    args = (3, 5, 2, False, True, 0.25, True)
    theirs_of, their_own, our_own = MODES[mode]
    if mode.startswith("rnn"):
        theirs = theirs_of(*args[:3], their_own.get("nonlinearity", "tanh"), *args[3:])
    else:
        theirs = theirs_of(*args)
    ours = OptCell(*args, **our_own)
    for name in ("input_size", "hidden_size", "num_layers", "bias", "batch_first", "dropout"):
        assert getattr(ours, name) == getattr(theirs, name)
    assert ours.bidirectional == theirs.bidirectional
    assert {k: v.shape for k, v in ours.state_dict().items()} == {
        k: v.shape for k, v in theirs.state_dict().items()
    }
    assert [[w.shape for w in layer] for layer in ours.all_weights] == [
        [w.shape for w in layer] for layer in theirs.all_weights
    ]


# In a process of its own: the suite's checks of annotated types come before ours.
CONSTRUCTION_ERRORS = {
    "hidden_size=0": "hidden_size must be greater than zero",
    "num_layers=0": "num_layers must be greater than zero",
    "input_size=10.0": "input_size should be of type int, got: float",
    "hidden_size='5'": "hidden_size should be of type int, got: str",
    "num_layers=True": "num_layers should be of type int, got: bool",
    "bias=0": "bias should be of type bool, got: int",
    "bias=1": "bias should be of type bool, got: int",
    "bias='True'": "bias should be of type bool, got: str",
    "batch_first=0": "batch_first should be of type bool, got: int",
    "batch_first='False'": "batch_first should be of type bool, got: str",
    "bidirectional=1": "bidirectional should be of type bool, got: int",
    "learn_rule=1": "learn_rule should be of type bool, got: int",
    "dropout=1.5": "dropout = 1.5 is out of range",
    "dropout=True": "dropout = True is out of range",
    "dropout='0.5'": "dropout = '0.5' is out of range",
    "proj_size=2": "proj_size = 2 is not offered",
    "nonlinearity='relu'": "nonlinearity = 'relu' is not an argument",
    "bias='relu'": "cells.RNN(nonlinearity",
}
CONSTRUCTION = """
import sys
from optcell_search import OptCell
for text in sys.argv[1:]:
    try:
        OptCell(**{"input_size": 3, "hidden_size": 5, **eval(f"dict({text})")})
        print("nothing")
    except ValueError as error:
        print(error)
"""


def test_construction_errors() -> None:
    said = run_alone(CONSTRUCTION, *CONSTRUCTION_ERRORS).splitlines()
    assert len(said) == len(CONSTRUCTION_ERRORS)
    for line, (arguments, wanted) in zip(said, CONSTRUCTION_ERRORS.items(), strict=True):
        assert wanted in line, (arguments, line)


def run_alone(program: str, *args: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program, *args],
        capture_output=True, text=True, cwd=Path(__file__).parents[2], check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@under_every_rule
@pytest.mark.parametrize("learn", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_factory_arguments_reach_parameters_and_buffers(
    rule: str, learn: bool, dtype: torch.dtype, device: str
) -> None:
    for cell in ("lstm", "orthogonal", "hippo", "reservoir"):
        module = OptCell(3, 4, cell=cell, rule=rule, learn_rule=learn, device=device, dtype=dtype)
        for tensor in (*module.parameters(), *module.buffers()):
            assert tensor.device.type == device
            assert not tensor.is_floating_point() or tensor.dtype == dtype


# --- forward


@in_every_mode
@pytest.mark.parametrize(("bias", "batch_first", "bidirectional"), SWITCHES)
@pytest.mark.parametrize("given", [False, True])
def test_a_single_sequence_is_a_batch_of_one_squeezed(
    mode: str, bias: bool, batch_first: bool, bidirectional: bool, given: bool
) -> None:
    switches = {"bias": bias, "batch_first": batch_first, "bidirectional": bidirectional}
    theirs, ours = pair(mode, 2, 3, 2, **switches)
    x = torch.randn(4, 2, dtype=torch.float64)
    hx = start(mode, 4 if bidirectional else 2, 3) if given else None
    expected, final = theirs(x, hx)
    output, state = ours(x, hx)
    same(output, expected)
    same(parts(state), parts(final))
    same(state.h, parts(final)[0])
    batch = 0 if batch_first else 1
    one = None if hx is None else tuple(part.unsqueeze(1) for part in parts(hx))
    again, end = ours(x.unsqueeze(batch), one)
    same(again.squeeze(batch), output)
    same(end.h.squeeze(1), state.h)
    # Fed in pieces.
    first, between = ours(x[:1], hx)
    if not bidirectional:
        same(torch.cat([first, ours(x[1:], between)[0]]), output)


@in_every_mode
def test_zeros_are_the_start_where_none_is_given(mode: str) -> None:
    our_own = MODES[mode][2]
    for rule in RULES:
        module = OptCell(30, 20, 2, rule=rule, **our_own)
        x = torch.randn(10, 32, 30)
        zeros = torch.zeros(2, 32, 20)
        hx = (zeros, zeros) if mode == "lstm" else zeros
        output, state = module(x, hx)
        expected, end = module(x)
        same(output, expected)
        same(state, end)


@in_every_mode
@pytest.mark.parametrize("bidirectional", [False, True])
def test_a_start_of_tensors_and_its_gradients_are_torchs(mode: str, bidirectional: bool) -> None:
    theirs, ours = pair(mode, 3, 5, 2, bidirectional=bidirectional)
    x = torch.randn(7, 4, 3, dtype=torch.float64)
    hx = start(mode, 4 if bidirectional else 2, 4, 5, requires_grad=True)
    expected, final = theirs(x, hx)
    for output, state in (ours(x, hx), ours(x, hx=hx), ours(input=x, state=hx)):
        same(output, expected)
        same(parts(state), parts(final))
        if mode == "lstm":
            same(state.c, final[1])
        loss = sum(part.square().sum() for part in (output, *parts(state)))
        truth = sum(part.square().sum() for part in (expected, *parts(final)))
        wanted = [*parts(hx), *ours.parameters()]
        same(
            torch.autograd.grad(loss, wanted),
            torch.autograd.grad(truth, [*parts(hx), *theirs.parameters()], retain_graph=True),
        )


@in_every_mode
@pytest.mark.parametrize("enforce_sorted", [True, False])
def test_packed_sequences_with_a_start(mode: str, enforce_sorted: bool) -> None:
    theirs, ours = pair(mode, 3, 5, 2, bidirectional=True)
    lengths = [5, 3, 3, 2, 1] if enforce_sorted else [3, 5, 1, 3, 2]
    padded = torch.randn(5, 5, 3, dtype=torch.float64)
    packed = pack_padded_sequence(padded, torch.tensor(lengths), enforce_sorted=enforce_sorted)
    hx = start(mode, 4, 5, 5)
    expected, final = theirs(packed, hx)
    output, state = ours(packed, hx)
    same(output.data, expected.data)
    assert torch.equal(output.batch_sizes, expected.batch_sizes)
    same(parts(state), parts(final))
    # torch pads each sequence; one by one they are the same.
    for index, length in enumerate(lengths):
        alone, _ = ours(padded[:length, index], tuple(part[:, index] for part in parts(hx)))
        end = state.h[-2:, index]
        same(end[0], alone[-1, :5])
        same(end[1], alone[0, 5:])


@in_every_mode
def test_an_empty_batch_gives_an_empty_batch(mode: str) -> None:
    _, ours = pair(mode, 3, 4)
    output, state = ours(torch.zeros(5, 0, 3, dtype=torch.float64))
    assert output.shape == (5, 0, 4)
    assert state.h.shape == (1, 0, 4)


@in_every_mode
def test_arguments_of_wrong_sizes_are_refused(mode: str) -> None:
    _, ours = pair(mode, 3, 5, 2)
    x = torch.randn(4, 6, 3, dtype=torch.float64)
    good = start(mode, 2, 6, 5)
    ours(x, good)
    for bad in (x[..., :2], x[0, 0], x.unsqueeze(0), x[:0]):
        with pytest.raises(ValueError, match=r"input"):
            ours(bad, good)
    for shape in ((1, 6, 5), (3, 6, 5), (2, 5, 5), (2, 1, 5), (2, 6, 4), (2, 6, 6)):
        with pytest.raises(ValueError, match=r"valid here|Expected hidden size"):
            ours(x, start(mode, *shape))
    with pytest.raises(ValueError, match="For batched 3-D input, hx should also be 3-D but got 2-"):
        ours(x, start(mode, 2, 5))
    with pytest.raises(ValueError, match="For unbatched 2-D input, hx should also be 2-D but got"):
        ours(x[:, 0], good)
    with pytest.raises(ValueError, match=r"float32"):
        ours(x, tuple(part.float() for part in parts(good)))
    with pytest.raises(ValueError, match="valid here"):
        ours(x, parts(good)[0] if mode == "lstm" else (good, good))
    with pytest.raises(ValueError, match="valid: what the call before returned"):
        ours(x, ("h", "c"))
    with pytest.raises(ValueError, match="state and hx"):
        ours(x, good, hx=good)


@pytest.mark.parametrize("cell", registry.cells.names())
@pytest.mark.parametrize(
    "bad",
    [
        lambda x: x.double(),
        lambda x: x.half(),
        lambda x: x.long(),
        lambda x: x > 0,
        lambda x: x.to_sparse(),
        lambda x: x.to("meta"),
        lambda x: torch.quantize_per_tensor(x, 0.1, 0, torch.qint8),
        lambda x: torch.nested.nested_tensor([x[:, 0], x[:2, 1]]),
    ],
)
@pytest.mark.filterwarnings("ignore:.*prototype", "ignore:.*quantiz")
def test_input_of_another_kind_is_refused(cell: str, bad: Callable[[Tensor], Tensor]) -> None:
    ours = OptCell(5, 8, cell=cell)
    x = torch.zeros(3, 2, 5)
    ours(x)
    with pytest.raises(ValueError, match=r"input|Input"):
        ours(bad(x))


@in_every_mode
@pytest.mark.parametrize("p", [0.0, 0.276, 0.731, 1.0])
@pytest.mark.parametrize("training", [True, False])
def test_dropout_is_torchs_draw_for_draw_and_can_be_changed(
    mode: str, p: float, training: bool
) -> None:
    theirs, ours = pair(mode, 3, 10, 2, dropout=0.5, bidirectional=True)
    x = torch.randn(4, 6, 3, dtype=torch.float64)
    for module in (theirs, ours):
        module.train(training)
        module.dropout = p
    torch.manual_seed(1)
    expected, _ = theirs(x)
    torch.manual_seed(1)
    same(ours(x)[0], expected)


# --- gradients


@in_every_mode
def test_backward_twice_over_a_kept_graph_gives_the_same(mode: str) -> None:
    for rule in RULES:
        module = OptCell(10, 20, 2, rule=rule, **MODES[mode][2])
        x = torch.randn(5, 6, 10, requires_grad=True)
        output, _ = module(x)
        found = []
        for _ in range(2):
            module.zero_grad()
            x.grad = None
            output.sum().backward(retain_graph=True)
            found.append([x.grad, *(p.grad for p in module.parameters())])
        assert all(map(torch.equal, *found))


@under_every_rule
@pytest.mark.parametrize("mode", ["rnn_tanh", "gru", "lstm"])
def test_gradients_agree_with_finite_differences(mode: str, rule: str) -> None:
    module = OptCell(2, 3, 2, rule=rule, dtype=torch.float64, **MODES[mode][2])
    x = torch.randn(4, 2, 2, dtype=torch.float64, requires_grad=True)
    hx = start(mode, 2, 2, 3, requires_grad=True)

    def run(x: Tensor, *hx: Tensor) -> tuple[Tensor, ...]:
        output, state = module(x, hx)
        return output, state.h

    assert torch.autograd.gradcheck(run, (x, *parts(hx)))


@in_every_mode
def test_inputs_that_are_not_contiguous_give_what_contiguous_ones_give(mode: str) -> None:
    _, ours = pair(mode, 3, 5, 2, batch_first=True)
    x = torch.randn(7, 3, 4, dtype=torch.float64).permute(2, 0, 1)[:, ::2]
    hx = tuple(part.transpose(0, 1) for part in parts(start(mode, 4, 2, 5)))
    assert not x.is_contiguous()
    want = ours(x.contiguous(), tuple(part.contiguous() for part in hx))
    got = ours(x, hx)
    same(got[0], want[0])
    same(parts(got[1]), parts(want[1]))
    seed = torch.randn(5, 4, 4, dtype=torch.float64).permute(2, 1, 0)  # of the output's shape
    names = [
        torch.autograd.grad(output, list(ours.parameters()), grad)
        for output, grad in ((got[0], seed), (want[0], seed.contiguous()))
    ]
    same(*names)


# --- modules


@under_every_rule
@pytest.mark.parametrize("learn", [False, True])
def test_training_and_evaluation_compute_the_same(rule: str, learn: bool) -> None:
    module = OptCell(3, 5, rule=rule, learn_rule=learn)
    x = torch.randn(4, 2, 3)
    same(module.train()(x)[0], module.eval()(x)[0])


@under_every_rule
@pytest.mark.parametrize("learn", [False, True])
def test_pickled_copied_saved_and_loaded_it_is_the_same(rule: str, learn: bool) -> None:
    module = OptCell(3, 5, 2, rule=rule, learn_rule=learn)
    x = torch.randn(4, 2, 3)
    buffer = io.BytesIO()
    torch.save(module, buffer)
    buffer.seek(0)
    fresh = OptCell(3, 5, 2, rule=rule, learn_rule=learn)
    fresh.load_state_dict(module.state_dict())
    for other in (
        pickle.loads(pickle.dumps(module)),
        copy.deepcopy(module),
        torch.load(buffer, weights_only=False),
        fresh,
    ):
        same(other(x), module(x))
        same(other.rule_values(), module.rule_values())
        assert repr(other) == repr(module)


@pytest.mark.parametrize("apply", ["old", "parametrization"])
def test_weight_norm_changes_no_output_and_no_name(apply: str) -> None:
    module = OptCell(3, 5, dtype=torch.float64)
    x = torch.randn(4, 2, 3, dtype=torch.float64)
    before, _ = module(x)
    if apply == "old":
        with pytest.warns(FutureWarning):
            nn.utils.weight_norm(module, "weight_hh_l0")
        assert {"weight_hh_l0_g", "weight_hh_l0_v"} <= {n for n, _ in module.named_parameters()}
    else:
        nn.utils.parametrizations.weight_norm(module, "weight_hh_l0")
    same(module(x)[0], before)
    module(x)[0].sum().backward()
    assert all(p.grad is not None for p in module.parameters())
    if apply == "old":
        nn.utils.remove_weight_norm(module, "weight_hh_l0")
    else:
        nn.utils.parametrize.remove_parametrizations(module, "weight_hh_l0")
    same(module(x)[0], before)
    assert {n for n, _ in module.named_parameters()} == {
        n for n, _ in OptCell(3, 5).named_parameters()
    }


@in_every_mode
def test_flatten_parameters_is_accepted_and_data_parallel_code_with_it(mode: str) -> None:
    _, ours = pair(mode, 3, 5)
    x = torch.randn(4, 2, 3, dtype=torch.float64)
    before = ours(x)
    assert ours.flatten_parameters() is None
    same(ours(x), before)


def test_in_a_sequence_of_modules_gradients_flow_through_a_packed_batch() -> None:
    torch.manual_seed(0)
    module = OptCell(3, 5, cell="gru")
    leaves = [torch.randn(n, 3, requires_grad=True) for n in (4, 2, 1)]
    output, _ = module(pack_sequence(leaves))
    output.data.sum().backward()
    assert all(leaf.grad is not None and leaf.grad.abs().sum() > 0 for leaf in leaves)
