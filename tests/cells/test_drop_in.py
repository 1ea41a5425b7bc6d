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
from torch import Tensor, nn

from optcell_search import OptCell, kernels
from optcell_search.cells import State

CELLS = ("lstm", "gru", "rnn", "orthogonal", "hippo", "reservoir")
RULES = ("gd", "heavy_ball", "nesterov", "adam", "rmsprop")
every_cell = pytest.mark.parametrize("cell", CELLS)
pairs = pytest.mark.parametrize(
    ("cell", "rule"), [*((cell, "adam") for cell in CELLS), *(("lstm", rule) for rule in RULES[:3])]
)
every_rule = pytest.mark.parametrize("rule", RULES)


def equal(got: Any, expected: Any) -> None:
    torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-6)


# --- the state


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


# --- autocast, quantisation, subclasses


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


# --- exporters


class Outputs(nn.Module):
    """A cell's outputs and last h, as plain tensors."""

    def __init__(self, cell: nn.Module) -> None:
        super().__init__()
        self.cell = cell

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        output, state = self.cell(x)
        return output, state.h


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::torch.jit.TracerWarning")
@pairs
def test_jit_traces_it_and_the_trace_serves_other_inputs(cell: str, rule: str) -> None:
    module = OptCell(3, 4, 2, cell=cell, rule=rule)
    traced = torch.jit.trace(Outputs(module), torch.randn(5, 2, 3))
    x = torch.randn(5, 6, 3)
    output, state = module(x)
    equal(traced(x), (output, state.h))
    buffer = io.BytesIO()
    torch.jit.save(traced, buffer)
    operators = {node.kind().partition("::")[0] for node in traced.inlined_graph.nodes()}
    assert operators <= {"aten", "prim"}
    buffer.seek(0)
    equal(torch.jit.load(buffer)(x)[0], output)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::torch.jit.TracerWarning")
def test_jit_traces_it_alone_with_state_and_starts() -> None:
    module = OptCell(3, 4, rule="adam")
    x, hx = torch.randn(5, 2, 3), (torch.randn(1, 2, 4),) * 2
    output, state = module(x, hx)
    equal(torch.jit.trace(module, (x, hx))(x, hx)[0], output)
    state = state.detach()
    equal(torch.jit.trace(module, (x, state))(x, state)[0], module(x, state)[0])


ONNX = """
import sys, warnings, logging
import torch, onnxruntime
from optcell_search import OptCell
logging.disable(logging.ERROR)
class Outputs(torch.nn.Module):
    def __init__(self, cell):
        super().__init__()
        self.cell = cell
    def forward(self, x):
        output, state = self.cell(x)
        return output, state.h
for dynamo in (True, False):
    for cell, rule, learn in (("lstm", "adam", False), ("gru", "heavy_ball", True),
                              ("rnn", "nesterov", False), ("reservoir", "rmsprop", True)):
        module = OptCell(3, 4, cell=cell, rule=rule, learn_rule=learn).eval()
        x = torch.randn(5, 2, 3)
        path = f"{sys.argv[1]}/{cell}-{dynamo}.onnx"
        torch.onnx.export(Outputs(module), (x,), path, dynamo=dynamo, verbose=False,
                          input_names=["x"])
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        got = session.run(None, {"x": x.numpy()})
        output, state = module(x)
        for have, want in zip(got, (output, state.h)):
            torch.testing.assert_close(torch.from_numpy(have), want, rtol=1e-4, atol=1e-5)
        print(dynamo, cell, rule)
"""


def test_both_exporters_to_onnx_write_what_onnxruntime_runs(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ONNX, str(tmp_path)],
        capture_output=True, text=True, cwd=Path(__file__).parents[2], check=False,
    )  # fmt: skip
    assert len(done.stdout.splitlines()) == 8, done.stdout + done.stderr[-3000:]


@pytest.mark.filterwarnings("ignore")
def test_tensorboard_draws_its_graph(tmp_path: Path) -> None:
    tensorboard = pytest.importorskip(
        "torch.utils.tensorboard", reason="tensorboard is not installed"
    )
    writer = tensorboard.SummaryWriter(str(tmp_path))
    writer.add_graph(OptCell(3, 4, rule="adam"), torch.randn(5, 2, 3))
    writer.close()
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) > 1000


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
