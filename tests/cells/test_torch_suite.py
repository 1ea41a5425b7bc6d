"""What torch tests of its own recurrent modules, asked of OptCell: the facts, in our words.

After test/test_nn.py, test/test_modules.py, test/nn/test_packed_sequence.py and
torch/testing/_internal/common_modules.py of PyTorch. Where torch raises RuntimeError or TypeError
for an argument that does not fit, we raise ValueError, as everywhere here."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn.utils.rnn import pack_padded_sequence
from torch_pairs import MODES, RULES, in_every_mode, pair, parts, same, start

from optcell_search import OptCell, registry

SWITCHES = list(itertools.product((True, False), repeat=3))


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
