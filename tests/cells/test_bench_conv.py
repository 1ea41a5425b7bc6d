"""The floor that the benchmark of convolutional cells measures against."""

from __future__ import annotations

import importlib.util
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from optcell_search import tasks
from optcell_search.space import Candidate
from optcell_search.training import count_parameters

SCRIPT = Path(__file__).parents[2] / "scripts" / "benchmarks" / "cells" / "bench_conv.py"


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("bench_conv", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name, value in (("STEPS", 3), ("BATCH", 2), ("CHANNELS", 2), ("SIDE", 4)):
        monkeypatch.setattr(module, name, value)
    return module


def count(function: Any) -> dict[str, int]:
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        function()
    return {event.key: event.count for event in profile.key_averages()}


@pytest.mark.parametrize(("cell", "recurrent"), [("conv_lstm", 1), ("reciprocal_gated", 2)])
def test_the_floor_is_the_convolutions_of_a_step_and_nothing_else(
    bench: ModuleType, cell: str, recurrent: int
) -> None:
    step = bench.training_step(cell, "heavy_ball")
    floor = bench.its_convolutions(step)
    in_step, in_floor = count(step), count(floor)
    for name in ("aten::conv2d", "aten::convolution_backward"):
        # One input projection, and the recurrent filters at each of three steps.
        assert in_step[name] == in_floor[name] == 1 + 3 * recurrent
    assert not {"aten::sigmoid_", "aten::sigmoid", "aten::tanh", "aten::stack"} & set(in_floor)


def test_pairs_take_turns(bench: ModuleType) -> None:
    turns: list[str] = []
    seconds = bench.paired(
        lambda: turns.append("step"), lambda: turns.append("floor"), 3, time.perf_counter
    )
    assert turns == ["step", "floor"] * 5
    assert seconds.shape == (3, 2)


def test_rivals_of_the_best_network(bench: ModuleType) -> None:
    best = Candidate.from_dict(
        {
            "cell": {"name": "conv_gru"},
            "rule": {"name": "adam"},
            "model": {"depth": 4, "feedback_4_1": 3, "channels": 8},
        }
    )
    task = tasks.load("stream_digits:size=16,frames=4,examples=100")
    without, lstm = bench.without_feedback(best), bench.plain_lstm(best, task)
    assert without.model.feedback_4_1 == 0
    assert (without.cell, without.rule, without.model.depth) == ("conv_gru", "adam", 4)
    assert (lstm.cell, lstm.rule, lstm.model.depth) == ("conv_lstm", "gd", 4)
    assert lstm.model.feedback_4_1 == 0
    sizes = [count_parameters(each.build(task)) for each in (lstm, best)]
    assert sizes[0] == pytest.approx(sizes[1], rel=0.2)
    assert bench.spread([0.5, 0.7]) == "0.600 ± 0.141"
