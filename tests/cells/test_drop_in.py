"""Code written for torch's recurrent modules, run on OptCell."""

from __future__ import annotations

import io
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from drop_ins import CELLS, RULES, equal, pairs
from torch import Tensor, nn

from optcell_search import OptCell, kernels
from optcell_search.cells import State

every_cell = pytest.mark.parametrize("cell", CELLS)


every_rule = pytest.mark.parametrize("rule", RULES)


def repackage_hidden(h: Any) -> Any:
    """Detach a hidden state, as in torch's language-model example."""
    if isinstance(h, Tensor):
        return h.detach()
    return tuple(repackage_hidden(v) for v in h)


@pairs
def test_a_state_detached_recursively_goes_on(cell: str, rule: str) -> None:
    module = OptCell(3, 4, 2, cell=cell, rule=rule)
    first, second = torch.randn(2, 5, 2, 3)
    _, state = module(first.requires_grad_())
    expected, end = module(second, state)
    detached = repackage_hidden(state)
    assert type(detached) is tuple
    for cut in (detached, state.detach(), [*state.detach()]):
        output, after = module(second, cut)
        equal(output, expected)
        equal(after, end)
    detached_output, _ = module(second, detached)
    if detached_output.requires_grad:
        detached_output.sum().backward()
        assert first.grad is None


def test_a_state_is_detached_moved_and_cast_part_by_part() -> None:
    module = OptCell(3, 4, rule="nesterov")
    _, state = module(torch.randn(5, 2, 3))
    assert state.h.requires_grad
    assert not state.detach().h.requires_grad
    doubled = state.to(torch.float64)
    assert isinstance(doubled, State)
    assert doubled.h.dtype == doubled[0].rule.traces[0].dtype == torch.float64
    assert doubled[0].rule.steps.dtype == torch.int64
    away = state.to("meta")
    assert {away.h.device.type, away[0].rule.steps.device.type} == {"meta"}
    equal(module.double()(torch.ones(1, 2, 3).double(), doubled)[1].h.shape, state.h.shape)


@every_rule
def test_a_state_is_saved_and_loaded_with_weights_only(rule: str) -> None:
    module = OptCell(3, 4, 2, rule=rule, bidirectional=True)
    x = torch.randn(5, 2, 3)
    for one in (x, x[:, 0]):
        _, state = module(one)
        buffer = io.BytesIO()
        torch.save(state, buffer)
        buffer.seek(0)
        loaded = torch.load(buffer, weights_only=True)
        assert type(loaded) is type(state)
        equal(loaded, state)
        equal(module(one, loaded)[0], module(one, state)[0])


def test_a_state_is_loaded_in_another_process(tmp_path: Path) -> None:
    _, state = OptCell(3, 4)(torch.randn(5, 2, 3))
    torch.save(state, tmp_path / "state.pt")
    program = (
        "import sys, torch, optcell_search\n"
        "print(torch.load(sys.argv[1], weights_only=True).h.shape)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "state.pt")],
        capture_output=True, text=True, cwd=Path(__file__).parents[2], check=False,
    )  # fmt: skip
    assert done.stdout.strip() == "torch.Size([1, 2, 4])", done.stderr


def test_a_cell_without_c_says_so() -> None:
    _, state = OptCell(3, 4, cell="gru")(torch.randn(5, 2, 3))
    assert not hasattr(state, "c")


@pairs
def test_an_encoder_hands_its_hidden_state_to_a_decoder_of_another_width(
    cell: str, rule: str
) -> None:
    encoder = OptCell(3, 4, 2, cell=cell, rule=rule)
    decoder = OptCell(7, 4, 2, cell=cell, rule=rule)
    _, state = encoder(torch.randn(5, 2, 3))
    y = torch.randn(6, 2, 7)
    output, end = decoder(y, state.without_traces())
    # The rule starts afresh: with its traces at 0 and no step taken.
    _, fresh = decoder(y[:1])
    zero = State(
        layer._replace(rule=rule_state.rule.__class__(*map(_zeros, rule_state.rule)))
        for layer, rule_state in zip(state, fresh, strict=True)
    )
    equal(decoder(y, zero), (output, end))
    # Only layers above the first could take the traces, too.
    if encoder.rule.linear and fresh[0].rule.traces:
        with pytest.raises(ValueError, match="trace"):
            decoder(y, state)


def _zeros(part: Any) -> Any:
    return torch.zeros_like(part) if isinstance(part, Tensor) else tuple(map(_zeros, part))


@pytest.mark.parametrize("rule", ["heavy_ball", "adam"])
def test_under_autocast_starts_and_inputs_of_lower_precision_are_taken(rule: str) -> None:
    module, linear = OptCell(4, 4, 2, rule=rule), nn.Linear(3, 4)
    x = torch.randn(5, 2, 3)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        z = linear(x)
        assert z.dtype == torch.bfloat16
        h = z[:2]
        output, state = module(z, (h, h))
        assert output.dtype == torch.float32
        again, _ = module(z, state)
        output.sum().backward()
    equal(output, module(z.float(), (h.float(), h.float()))[0])
    equal(again, module(z.float(), state)[0])
    assert linear.weight.grad is not None


class Doubling(OptCell):
    """Returns twice its outputs, and counts."""

    calls = 0

    def forward(self, input: Tensor, state: Any = None) -> Any:
        self.calls += 1
        output, state = super().forward(input, state)
        return 2 * output, state


def test_a_cell_without_memory_tells_the_shapes_of_its_outputs() -> None:
    module = OptCell(5, 8, num_layers=2, device="meta")
    output, state = module(torch.empty(4, 2, 5, device="meta"))
    assert output.shape == (4, 2, 8)
    assert state.h.shape == (2, 2, 8)


def test_a_subclass_is_applied_once_under_autocast() -> None:
    module = Doubling(3, 5)
    x = torch.randn(4, 2, 3)
    plain, _ = module(x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast, _ = module(x)
    assert module.calls == 2
    equal(cast, plain)


@pytest.mark.filterwarnings("ignore:torch.ao.quantization")
@pytest.mark.filterwarnings("ignore:.*quantize.*deprecated")
def test_quantisation_passes_it_over_aloud_or_refuses_it() -> None:
    quantize = torch.ao.quantization.quantize_dynamic
    model = nn.Sequential(OptCell(3, 5), nn.Linear(5, 2))
    with pytest.warns(UserWarning, match="OptCell is not quantised"):
        around = quantize(model, {nn.Linear})
    assert type(around[0]) is OptCell
    assert type(around[1]) is not nn.Linear
    x = torch.randn(4, 2, 3)
    equal(around[0](x), model[0](x))
    with pytest.warns(UserWarning, match="OptCell is not quantised"):
        quantize(model, {nn.LSTM, nn.GRU})
    with pytest.raises(ValueError, match=r"OptCell cannot be quantised; valid: .*nn\.Linear"):
        quantize(model, {OptCell})


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_reason_for_the_plain_path_is_on_record() -> None:
    said: list[kernels.Choice] = []

    class Telling(OptCell):
        def forward(self, input: Tensor) -> Any:
            said.append(self.backend)
            return super().forward(input)[0]

    module, x = Telling(3, 4), torch.randn(5, 2, 3)
    twice = torch.func.grad(lambda y: torch.func.grad(lambda x: module(x).sum())(y).sum())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.trace(module, x, check_trace=False)
    torch.export.export(module, (x,))
    torch.func.jvp(module, (x,), (x,))
    twice(x)
    words = ("trace", "exported", "forward-mode", "differentiated once")
    for choice, word in zip(said, words, strict=True):
        assert choice == "reference"
        assert all(word in reason for reason in choice.skipped.values())
        assert set(choice.skipped) == set(kernels.FAST)
    assert module.backend != "reference"
