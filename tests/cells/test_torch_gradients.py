"""What torch tests of its own recurrent modules, asked of OptCell: gradients."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.utils.rnn import pack_sequence
from torch_pairs import MODES, RULES, in_every_mode, pair, parts, same, start, under_every_rule

from optcell_search import OptCell


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


@under_every_rule
@pytest.mark.parametrize("learn", [False, True])
def test_training_and_evaluation_compute_the_same(rule: str, learn: bool) -> None:
    module = OptCell(3, 5, rule=rule, learn_rule=learn)
    x = torch.randn(4, 2, 3)
    same(module.train()(x)[0], module.eval()(x)[0])


def test_in_a_sequence_of_modules_gradients_flow_through_a_packed_batch() -> None:
    torch.manual_seed(0)
    module = OptCell(3, 5, cell="gru")
    leaves = [torch.randn(n, 3, requires_grad=True) for n in (4, 2, 1)]
    output, _ = module(pack_sequence(leaves))
    output.data.sum().backward()
    assert all(leaf.grad is not None and leaf.grad.abs().sum() > 0 for leaf in leaves)
