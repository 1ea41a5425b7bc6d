"""OptCell traced, exported to ONNX and drawn, as torch's modules are."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from drop_ins import equal, pairs
from torch import Tensor, nn

from optcell_search import OptCell


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
    torch.manual_seed(0)
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
linear = ("lru", "oscillator", "min_gru", "min_lstm", "delta")
for dynamo in (True, False):
    for cell, rule, learn in (("lstm", "adam", False), ("gru", "heavy_ball", True),
                              ("rnn", "nesterov", False), ("reservoir", "rmsprop", True),
                              *((cell, "adam", False) for cell in linear if not dynamo)):
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
    assert len(done.stdout.splitlines()) == 13, done.stdout + done.stderr[-3000:]


@pytest.mark.filterwarnings("ignore")
def test_tensorboard_draws_its_graph(tmp_path: Path) -> None:
    tensorboard = pytest.importorskip(
        "torch.utils.tensorboard", reason="tensorboard is not installed"
    )
    writer = tensorboard.SummaryWriter(str(tmp_path))
    writer.add_graph(OptCell(3, 4, rule="adam"), torch.randn(5, 2, 3))
    writer.close()
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) > 1000
