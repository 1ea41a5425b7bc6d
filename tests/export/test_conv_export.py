"""A convolutional network with feedback leaves as a package of its own and streams there."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from optcell_search.cells.conv import ConvNet
from optcell_search.export import TaskInfo, export, formats
from optcell_search.space import Candidate

FRAME = (1, 8, 8)
TASK = TaskInfo(
    spec="stream_digits",
    input_size=64,
    output_size=10,
    metrics={"accuracy": "maximize"},
    frame=FRAME,
)
# Every frame by itself, in an interpreter that knows the package, torch and safetensors alone.
PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
import torch, winner_cell
from safetensors.torch import load_file, save_file
model, x = winner_cell.load(), load_file(sys.argv[2])["x"]
state, outputs = None, []
with torch.no_grad():
    for t in range(x.shape[1]):
        y, state = model.stream(x[:, t : t + 1], state)
        outputs.append(y)
assert "optcell_search" not in sys.modules
save_file({"y": torch.cat(outputs, 1)}, sys.argv[3])
"""


CANDIDATE = Candidate.from_dict(
    {
        "cell": {"name": "conv_gru", "norm": True, "separable": True, "residual": True},
        "rule": {"name": "nesterov", "restart": 3},
        "model": {"channels": 3, "growth": 2, "feedback_3_1": 3},
    }
)


def trained() -> ConvNet:
    torch.manual_seed(0)
    model = CANDIDATE.build(TASK).eval()
    assert isinstance(model, ConvNet)
    return model


@pytest.mark.slow
def test_the_other_forms_of_a_network_are_written_and_checked(tmp_path: Path) -> None:
    written = formats.write_formats(trained(), TASK.input_size, tmp_path)
    assert {name: outcome["written"] for name, outcome in written.items()} == {
        "model.pt2": True,
        "step.onnx": True,
    }


def test_a_network_with_feedback_streams_frame_by_frame_where_only_torch_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # They take most of an export's time and have a test of their own.
    monkeypatch.setattr(formats, "write_formats", lambda *_: {})
    model = trained()
    target = export(CANDIDATE, model.state_dict(), TASK, {}, tmp_path / "winner")
    config = json.loads((target / "config.json").read_text())
    assert config["frame"] == list(FRAME)
    x = torch.randn(2, 5, 64)
    save_file({"x": x}, tmp_path / "x.safetensors")
    paths = [str(target), str(tmp_path / "x.safetensors"), str(tmp_path / "y.safetensors")]
    subprocess.run([sys.executable, "-I", "-c", PROGRAM, *paths], check=True)
    with torch.no_grad():
        expected, _ = model.stream(x)
    torch.testing.assert_close(load_file(tmp_path / "y.safetensors")["y"], expected)
