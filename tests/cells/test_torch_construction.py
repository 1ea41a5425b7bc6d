"""What torch tests of its own recurrent modules, asked of OptCell: how one is made and kept."""

from __future__ import annotations

import copy
import io
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn
from torch_pairs import MODES, in_every_mode, pair, same, under_every_rule

from optcell_search import OptCell


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
