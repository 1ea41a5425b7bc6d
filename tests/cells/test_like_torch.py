"""OptCell with plain gradient descent, s = 1, is torch's module: every argument that matters."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_sequence, pad_packed_sequence

from optcell_search import OptCell, cells, rules
from optcell_search.cells import State

KINDS = {
    "lstm": (nn.LSTM, {}, cells.LSTM()),
    "gru": (nn.GRU, {}, cells.GRU()),
    "rnn_tanh": (nn.RNN, {}, cells.RNN()),
    "rnn_relu": (nn.RNN, {"nonlinearity": "relu"}, cells.RNN(nonlinearity="relu")),
}
FLAGS = [
    dict(zip(("num_layers", "bias", "batch_first", "bidirectional"), values, strict=True))
    for values in itertools.product((1, 2), (True, False), (True, False), (True, False))
]


def pair(kind: str, **arguments: Any) -> tuple[nn.Module, OptCell]:
    torch_class, extra, cell = KINDS[kind]
    torch.manual_seed(0)
    theirs = torch_class(3, 5, dtype=torch.float64, **extra, **arguments)
    ours = OptCell(
        3, 5, cell=cell, rule=rules.GradientDescent(s=1.0), dtype=torch.float64, **arguments
    )
    ours.load_state_dict(theirs.state_dict(), strict=True)
    return theirs, ours


def hidden_of(state: State) -> list[Tensor]:
    """Stack our states as torch stacks them: (layers x directions, B, H) for h (and c)."""
    return [torch.stack(parts) for parts in zip(*(layer.hidden for layer in state), strict=True)]


def their_hidden(final: Tensor | tuple[Tensor, ...]) -> list[Tensor]:
    return [final] if isinstance(final, Tensor) else list(final)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("flags", FLAGS, ids=lambda flags: "-".join(map(str, flags.values())))
def test_outputs_states_and_gradients(kind: str, flags: dict[str, Any]) -> None:
    theirs, ours = pair(kind, **flags)
    x = torch.randn(7, 4, 3, dtype=torch.float64, requires_grad=True)
    expected, final = theirs(x)
    output, state = ours(x)
    torch.testing.assert_close(output, expected, rtol=1e-12, atol=1e-12)
    for got, truth in zip(hidden_of(state), their_hidden(final), strict=True):
        torch.testing.assert_close(got, truth, rtol=1e-12, atol=1e-12)
    probe = torch.randn_like(expected)
    truths = torch.autograd.grad((expected * probe).sum(), [x, *theirs.parameters()])
    gradients = torch.autograd.grad((output * probe).sum(), [x, *ours.parameters()])
    names = ["x", *(name for name, _ in theirs.named_parameters())]
    assert names[1:] == [name for name, _ in ours.named_parameters()]
    for name, gradient, truth in zip(names, gradients, truths, strict=True):
        torch.testing.assert_close(gradient, truth, rtol=1e-11, atol=1e-11, msg=name)


@pytest.mark.parametrize("kind", KINDS)
def test_unbatched_input(kind: str) -> None:
    theirs, ours = pair(kind, num_layers=2, bidirectional=True, batch_first=True)
    x = torch.randn(7, 3, dtype=torch.float64)
    torch.testing.assert_close(ours(x)[0], theirs(x)[0], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("enforce_sorted", [True, False])
def test_packed_sequences(kind: str, enforce_sorted: bool) -> None:
    theirs, ours = pair(kind, num_layers=2, bidirectional=True)
    lengths = (6, 4, 4, 1) if enforce_sorted else (4, 1, 6, 4)
    x = pack_sequence(
        [torch.randn(n, 3, dtype=torch.float64) for n in lengths], enforce_sorted=enforce_sorted
    )
    expected, final = theirs(x)
    output, state = ours(x)
    assert isinstance(output, PackedSequence)
    torch.testing.assert_close(output.data, expected.data, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(output.batch_sizes, expected.batch_sizes)
    ours_padded = pad_packed_sequence(output)
    theirs_padded = pad_packed_sequence(expected)
    torch.testing.assert_close(ours_padded, theirs_padded, rtol=1e-12, atol=1e-12)
    for got, truth in zip(hidden_of(state), their_hidden(final), strict=True):
        torch.testing.assert_close(got, truth, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_a_state_goes_on_where_torch_goes_on(kind: str) -> None:
    theirs, ours = pair(kind, num_layers=2)
    first, second = torch.randn(2, 5, 4, 3, dtype=torch.float64)
    _, final = theirs(first)
    _, state = ours(first)
    torch.testing.assert_close(
        ours(second, state)[0], theirs(second, final)[0], rtol=1e-12, atol=1e-12
    )


def test_initial_weights_are_torchs() -> None:
    torch.manual_seed(3)
    theirs = nn.GRU(3, 5, num_layers=2, bidirectional=True)
    torch.manual_seed(3)
    ours = OptCell(3, 5, cell="gru", num_layers=2, bidirectional=True)
    torch.testing.assert_close(ours.state_dict(), theirs.state_dict(), rtol=0, atol=0)


def test_dropout_acts_between_layers_in_training_only() -> None:
    theirs, ours = pair("lstm", num_layers=2, dropout=1.0)
    x = torch.randn(7, 4, 3, dtype=torch.float64)
    torch.testing.assert_close(ours(x)[0], theirs(x)[0], rtol=1e-12, atol=1e-12)
    trained = ours(x)[0]
    ours.eval(), theirs.eval()
    torch.testing.assert_close(ours(x)[0], theirs(x)[0], rtol=1e-12, atol=1e-12)
    assert not torch.equal(ours(x)[0], trained)


def test_dropout_of_a_single_layer_warns_as_torch_does() -> None:
    with pytest.warns(UserWarning, match="between layers"):
        OptCell(3, 5, dropout=0.5)
