"""Where Python ends: a tensor that a loop would read otherwise than it is, is refused.

A wrong one gives an error on every way in, never a number, and also without `assert`.
"""

from __future__ import annotations

import copy
import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from optcell_search import cells, kernels, registry
from optcell_search.cells import OptCell, State
from optcell_search.cells.conv import OptConvCell
from optcell_search.kernels.compiled import build

ROOT = Path(__file__).parents[2]
T, B, F, H = 3, 2, 5, 4
NO_COMPILER = pytest.mark.skipif(build.problem() is not None, reason=str(build.problem()))
BACKENDS = ["torch", pytest.param("compiled", marks=NO_COMPILER)]


# In processes of their own, without the suite's checks of shapes, which would refuse most of it
# before the kernels are asked; and without assert.
@pytest.mark.parametrize(
    "program", [["-O", "boundary_fuzz.py", "0", "40"], ["-O", "boundary_loops.py"]]
)
def test_modules_states_and_each_tensor_of_each_loop_end_equal_or_in_an_error(
    program: list[str],
) -> None:
    option, name, *rest = program
    done = subprocess.run(
        [sys.executable, option, "-W", "ignore", f"tests/helpers/{name}", *rest],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ
        | {"PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "tests" / "helpers")))},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "none: equal, " in done.stdout or "refused, " in done.stdout


@pytest.mark.parametrize("rule", ["heavy_ball", "adam"])
@pytest.mark.parametrize("name", ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"])
@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize("backend", ["native", "reference", *BACKENDS])
def test_a_parameter_replaced_by_a_shorter_one_is_refused_by_name(
    backend: str, cell: str, name: str, rule: str
) -> None:
    module = OptCell(F, H, cell=cell, rule=rule)
    short = getattr(module, name).detach()[:1]
    setattr(module, name, torch.nn.Parameter(short))
    message = f"Expected {name.removesuffix('_l0')} size"
    with kernels.backend(backend), pytest.raises(ValueError, match=message):
        module(torch.randn(T, B, F))


@pytest.mark.parametrize("cell", ["lstm", "orthogonal"])
def test_another_dtype_is_refused_in_torchs_words(cell: str) -> None:
    message = r"RNN input dtype \(torch.float64\) does not match weight dtype \(torch.float32\)"
    with pytest.raises(ValueError, match=message):
        OptCell(F, H, cell=cell)(torch.randn(T, B, F).double())


def test_another_device_is_refused_in_torchs_words() -> None:
    with pytest.raises(ValueError, match="tensors are not at the same device, found input tensor"):
        OptCell(F, H, device="meta")(torch.randn(T, B, F))


def test_the_state_of_another_rule_is_refused() -> None:
    x = torch.randn(T, B, F)
    for rule, other in (("rmsprop", "adam"), ("gd", "heavy_ball"), ("heavy_ball", "gd")):
        _, state = OptCell(F, H, rule=other)(x)
        with pytest.raises(ValueError, match="traces; valid here"):
            OptCell(F, H, rule=rule)(x, state)


MOVES: dict[str, Callable[[State], Any]] = {
    "as it is": lambda state: state,
    "detached": State.detach,
    "moved": lambda state: state.to("cpu"),
    "copied": copy.deepcopy,
    "saved": lambda state: _saved(state),
    "mapped": lambda state: torch.func.vmap(lambda s: s.map(torch.clone), 0, 0)(state),
}


def _saved(state: State) -> State:
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)  # type: ignore[no-any-return]


@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize(
    ("other", "cell"),
    [
        ("min_gru", "min_lstm"), ("gru", "min_gru"), ("rnn", "min_lstm"), ("lru", "oscillator"),
        (cells.Oscillator(discretisation="implicit"), "oscillator"),
        (cells.Delta(inner="heavy_ball"), cells.Delta(inner="rmsprop")),
        (cells.Delta(inner="rmsprop"), cells.Delta(inner="nesterov")),
    ],
)  # fmt: skip
def test_the_state_of_another_cell_is_refused(
    other: str | cells.Cell, cell: str | cells.Cell, move: str
) -> None:
    if other == "lru":
        other = cells.LRU(expansion=2)  # as wide as the oscillator's
    x = torch.randn(T, 1, F)
    made, module = (OptCell(F, H, cell=one, rule="gd") for one in (other, cell))
    state = MOVES[move](made(x)[1].detach())
    with pytest.raises(ValueError, match=r"state of a cell .*; valid here: one of"):
        module(x, state)
    made(x, state)
    # Where nobody can tell, it is taken.
    made(x, tuple(tuple(layer) for layer in state))


@pytest.mark.parametrize("wrong", [torch.zeros(3, dtype=torch.int64), torch.zeros(1)])
def test_steps_of_other_sequences_or_no_whole_numbers_are_refused(wrong: Tensor) -> None:
    module, x = OptCell(F, H, rule="nesterov"), torch.randn(T, B, F)
    _, ((hidden, rule),) = module(x)
    state = ((hidden, rule._replace(steps=wrong)),)
    with pytest.raises(ValueError, match="state with steps"):
        module(x, tuple(type(module(x)[1][0])(*layer) for layer in state))


@pytest.mark.parametrize("sizes", [[3, 3, 3], [3, 3, 3, 3]])
def test_a_packing_of_other_sizes_than_its_rows_is_refused(sizes: list[int]) -> None:
    packed = PackedSequence(torch.randn(10, F), torch.tensor(sizes))
    with pytest.raises(ValueError, match=f"PackedSequence of 10 rows.*add up to {sum(sizes)}"):
        OptCell(F, H)(packed)


@pytest.mark.parametrize("rule", ["gd", "heavy_ball", "adam"])
@pytest.mark.parametrize("cell", registry.conv_cells.names())
def test_a_weight_over_maps_that_does_not_fit_is_refused_by_name(cell: str, rule: str) -> None:
    x = torch.randn(T, B, 2, 4, 4)
    for name, weight in OptConvCell(2, 3, cell=cell, rule=rule).named_parameters():
        for other in (weight.detach()[:1], weight.detach().double()):
            module = OptConvCell(2, 3, cell=cell, rule=rule)
            setattr(module, name, torch.nn.Parameter(other))
            message = f"{name} size" if other.dtype == x.dtype else f"weight dtype.*of {name}"
            with pytest.raises(ValueError, match=message):
                module(x)


def test_nothing_that_is_given_beside_maps_is_broadcast() -> None:
    module, x = OptConvCell(2, 3, rule="gd"), torch.randn(T, B, 2, 4, 4)
    with pytest.raises(ValueError, match="state of"):
        module(x, module(x[:, :1])[1])
    with pytest.raises(ValueError, match="extra of shape"):
        module(x, None, torch.randn(T, B, 1, 4, 4))
    for wrong in (x[:0], torch.randn(T, B, 3, 4, 4)):
        with pytest.raises(ValueError, match="input of shape"):
            module(wrong)


def test_a_value_of_the_rule_that_is_complex_is_refused_by_name() -> None:
    module = OptCell(F, H, rule="adam")
    module.rule_values.mu = torch.tensor(0.5 + 1j)
    with pytest.raises(ValueError, match=r"mu of torch.complex64"):
        module(torch.randn(T, B, F))


def test_a_view_that_is_read_with_the_other_sign_is_read_so() -> None:
    """The imaginary part of a conjugate is in memory with the wrong sign."""
    module = OptCell(F, H)
    x = torch.randn(T, B, F, dtype=torch.complex64).conj().imag
    assert x.is_neg()
    assert torch.equal(module(x)[0], module(x.clone())[0])


@NO_COMPILER
def test_a_storage_taken_away_under_its_tensor_is_refused() -> None:
    module = OptCell(F, H)
    loss = module(torch.randn(T, B, F))[0].sum()
    for weight in module.parameters():
        weight.untyped_storage().resize_(0)
    with pytest.raises((ValueError, RuntimeError), match=r"in memory|storage"):
        loss.backward()
