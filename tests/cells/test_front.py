"""Causal convolutions over time: what they compute, their strides, their statistics."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.functional import conv1d
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from optcell_search.cells.model.front import Front

LENGTHS = torch.tensor([12, 3, 7, 1, 9])


def test_a_front_is_norm_and_relu_of_sums_over_the_past() -> None:
    torch.manual_seed(0)
    front = Front(3, 5, kernel=8, depth=3).eval()
    kernels = [layer.linear.kernel_size[0] for layer in front.layers]
    assert kernels == [8, 5, 3]
    x = torch.randn(2, 20, 3)
    expected = x
    for layer, kernel in zip(front.layers, kernels, strict=True):
        padded = nn.functional.pad(expected.transpose(1, 2), (kernel - 1, 0))
        sums = conv1d(padded, layer.linear.weight)
        expected = (sums / (1 + layer.norm.eps) ** 0.5).relu().transpose(1, 2)
    torch.testing.assert_close(front(x), expected)
    later = x.clone()
    later[:, 11:] += 1
    assert torch.equal(front(later)[:, :11], front(x)[:, :11])


@pytest.mark.parametrize("stride", [1, 3])
def test_in_training_a_front_norms_by_the_steps_that_are_there(stride: int) -> None:
    torch.manual_seed(0)
    front, x = (
        Front(3, 5, kernel=4, depth=2, stride=stride, dtype=torch.float64),
        torch.randn(5, 12, 3).double(),
    )
    rows = [row[:length] for row, length in zip(x, LENGTHS, strict=True)]
    found = front(pack_padded_sequence(x, LENGTHS, batch_first=True, enforce_sorted=False))
    for number, layer in enumerate(front.layers):
        step = stride if number == 0 else 1
        weight = layer.linear.weight
        summed = [
            conv1d(nn.functional.pad(row.T, (weight.shape[2] - 1, 0)), weight, stride=step).T
            for row in rows
        ]
        every = torch.cat(summed)
        mean, variance = every.mean(0), every.var(0, unbiased=False)
        torch.testing.assert_close(layer.norm.running_mean, 0.1 * mean)
        torch.testing.assert_close(layer.norm.running_var, 0.9 + 0.1 * every.var(0))
        rows = [((row - mean) / (variance + layer.norm.eps).sqrt()).relu() for row in summed]
    outputs, lengths = pad_packed_sequence(found, batch_first=True)
    for row, output, length in zip(rows, outputs, lengths, strict=True):
        torch.testing.assert_close(output[:length], row)


def test_short_kernels_stay_short() -> None:
    assert [layer.linear.kernel_size for layer in Front(1, 2, 2, 3).layers] == [(2,)] * 3


@pytest.mark.parametrize("stride", [1, 2, 3, 4, 7])
def test_with_a_stride_a_front_gives_every_so_many_th_output(stride: int) -> None:
    torch.manual_seed(0)
    whole, front = Front(3, 5, 8, depth=1).eval(), Front(3, 5, 8, depth=1, stride=stride).eval()
    front.load_state_dict(whole.state_dict())
    for steps in (1, 4, 12, 13):
        x = torch.randn(2, steps, 3)
        found = front(x)
        torch.testing.assert_close(found, whole(x)[:, ::stride])
        assert front.lengths(torch.tensor(steps)) == found.shape[1]


def test_a_stride_passes_over_no_step() -> None:
    front = Front(1, 4, kernel=3, depth=2, stride=8)
    assert [layer.linear.kernel_size for layer in front.layers] == [(8,), (3,)]
    x = torch.randn(1, 17, 1, requires_grad=True)
    front.eval()(x).sum().backward()
    assert x.grad is not None
    assert (x.grad[0, :, 0] != 0).all()
