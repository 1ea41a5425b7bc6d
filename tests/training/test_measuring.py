"""The measured gradients are those of the loss by the hidden states."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from optcell_search import tasks
from optcell_search.cells import SequenceModel
from optcell_search.registry import cells
from optcell_search.tasks import LoadedTask, Split
from optcell_search.training import count_parameters, gradient_curve, gradient_norms, latency


def model_for(task: LoadedTask, **options: Any) -> SequenceModel:
    torch.manual_seed(0)
    options = {"readout": task.readout, **options}
    model = SequenceModel(task.input_size, task.output_size, 5, dtype=torch.float64, **options)
    # As in evaluation throughout, so that a norm does not learn from being measured.
    return model.eval()


def task_of(folder: Path, *, every: bool, lengths: bool, steps: int = 4) -> LoadedTask:
    random = np.random.RandomState(0)
    arrays = {"x": random.randn(20, steps, 2)}
    arrays["y"] = random.randn(20, steps, 1) if every else random.randn(20)
    if lengths:
        arrays["lengths"] = random.randint(2, steps + 1, 20)
    np.savez(folder / "a.npz", **arrays)
    task = tasks.load(str(folder / "a.npz"))
    for split in (task._train, task._validation):
        object.__setattr__(split, "inputs", split.inputs.double())
        object.__setattr__(split, "targets", split.targets.double())
    return task


def loss_after_push(
    model: SequenceModel, task: LoadedTask, push: torch.Tensor, step: list[int]
) -> float:
    """Return the loss when `push` (B, H) is added to h after the given step of each sequence.

    Written with streaming, one step after the other, apart from the code under test.
    """
    split = task.validation
    count, steps = split.inputs.shape[:2]
    lengths = [steps] * count if split.lengths is None else split.lengths.tolist()
    # The loss is in units of the targets' own spread.
    truth = (split.targets - task.goal.offset[0]) / task.goal.scale[0]
    squares, numbers = 0.0, 0
    with torch.no_grad():
        for i in range(count):
            state = None
            hidden = []
            entered = model.enter(split.inputs[i : i + 1, : lengths[i]])
            for t in range(entered.taken.shape[1]):
                _, state = model.cell(entered.taken[:, t : t + 1], state)
                if t == step[i]:
                    top = state[-1]
                    moved = (top.hidden[0] + push[i], *top.hidden[1:])
                    state = (*state[:-1], top._replace(hidden=moved))
                hidden.append(state[-1].hidden[0])
            outputs = model.read(torch.cat(hidden).unsqueeze(0), entered)
            if task.readout == "last":
                error = outputs - truth[i : i + 1]
            else:
                error = outputs - truth[i, : lengths[i]]
            squares += float(error.square().sum())
            numbers += error.numel()
    return squares / numbers


def norm_by_differences(model: SequenceModel, task: LoadedTask, step: list[int]) -> float:
    count, width, nudge = len(task.validation), 5, 1e-5
    gradient = torch.zeros(count, width, dtype=torch.float64)
    for i in range(count):
        for j in range(width):
            push = torch.zeros(count, width, dtype=torch.float64)
            push[i, j] = nudge
            up, down = (loss_after_push(model, task, sign * push, step) for sign in (1, -1))
            gradient[i, j] = (up - down) / (2 * nudge)
    return float(gradient.norm(dim=1).mean()) * count


@pytest.mark.parametrize("every", [False, True])
@pytest.mark.parametrize("lengths", [False, True])
@pytest.mark.parametrize(
    "options",
    [
        {"cell": "lstm", "rule": "heavy_ball"},
        {"cell": "gru", "rule": "adam", "num_layers": 2},
        {"cell": "rnn", "rule": "nesterov"},
    ],
)
def test_gradient_norms_agree_with_differences(
    tmp_path: Path, every: bool, lengths: bool, options: dict[str, Any]
) -> None:
    task = task_of(tmp_path, every=every, lengths=lengths)
    model = model_for(task, **options)
    found = gradient_norms(model, task)
    count, steps = task.validation.inputs.shape[:2]
    ends = [steps] * count if task.validation.lengths is None else task.validation.lengths.tolist()
    first = norm_by_differences(model, task, [0] * count)
    last = norm_by_differences(model, task, [end - 1 for end in ends])
    assert found["gradient_first"] == pytest.approx(first, rel=1e-6)
    assert found["gradient_last"] == pytest.approx(last, rel=1e-6)


@pytest.mark.parametrize("lengths", [False, True])
@pytest.mark.parametrize(
    "options",
    [
        {"readout": "mean_max", "front": "serial", "front_depth": 1},
        {"readout": "attention", "front": "parallel", "norm": "layer"},
        {"readout": "mean", "front": "serial", "front_stride": 3},
    ],
)
def test_gradient_norms_of_whole_models_agree_with_differences(
    tmp_path: Path, lengths: bool, options: dict[str, Any]
) -> None:
    task = task_of(tmp_path, every=False, lengths=lengths)
    model = model_for(task, cell="gru", rule="heavy_ball", **options)
    if options["readout"] == "attention":
        torch.nn.init.normal_(model.pool.query)
    count, steps = task.validation.inputs.shape[:2]
    ends = [steps] * count if task.validation.lengths is None else task.validation.lengths.tolist()
    stride = options.get("front_stride", 1)
    ends = [-(-end // stride) for end in ends]
    found = gradient_norms(model, task)
    first = norm_by_differences(model, task, [0] * count)
    last = norm_by_differences(model, task, [end - 1 for end in ends])
    assert found["gradient_first"] == pytest.approx(first, rel=1e-5)
    assert found["gradient_last"] == pytest.approx(last, rel=1e-5)


@pytest.mark.parametrize(
    ("every", "lengths", "options"),
    [
        (False, False, {"cell": "lstm", "rule": "heavy_ball"}),
        (True, True, {"cell": "gru", "rule": "adam", "num_layers": 2}),
        (False, True, {"cell": "gru", "rule": "gd", "readout": "mean", "front": "serial"}),
    ],
)
def test_the_gradient_curve_agrees_with_differences(
    tmp_path: Path, every: bool, lengths: bool, options: dict[str, Any]
) -> None:
    task = task_of(tmp_path, every=every, lengths=lengths, steps=6)
    model = model_for(task, **options)
    found = gradient_curve(model, task)
    if task.validation.lengths is not None:
        # Written out on the longest ones alone, without their padding.
        longest = int(task.validation.lengths.max())
        index = (task.validation.lengths == longest).nonzero()[:, 0]
        kept = task.validation.take(index)
        inputs = kept.inputs[:, :longest]
        targets = kept.targets[:, :longest] if every else kept.targets
        task._validation = Split(inputs, targets)
    count, steps = task.validation.inputs.shape[:2]
    assert list(found) == sorted({0, steps - 1} | {d for d in (1, 2, 4) if d < steps})
    for distance, norm in found.items():
        expected = norm_by_differences(model, task, [steps - 1 - distance] * count)
        assert norm == pytest.approx(expected, rel=1e-6), distance


@pytest.mark.parametrize("cell", cells.names())
def test_both_ends_of_the_curve_are_the_gradient_norms(tmp_path: Path, cell: str) -> None:
    for every in (False, True):
        task = task_of(tmp_path, every=every, lengths=False, steps=9)
        # Heads have to divide the hidden size.
        kind = cells.get(cell)(heads=1) if cell == "delta" else cells.get(cell)()
        model = model_for(task, cell=kind, rule="heavy_ball")
        curve, ends = gradient_curve(model, task), gradient_norms(model, task)
        assert list(curve) == [0, 1, 2, 4, 8]
        assert curve[0] == pytest.approx(ends["gradient_last"], rel=1e-9)
        assert curve[8] == pytest.approx(ends["gradient_first"], rel=1e-9)


def test_one_step_is_first_and_last(tmp_path: Path) -> None:
    task = task_of(tmp_path, every=False, lengths=False, steps=1)
    found = gradient_norms(model_for(task), task)
    assert found["gradient_first"] == found["gradient_last"] > 0
    assert gradient_curve(model_for(task), task) == {0: pytest.approx(found["gradient_last"])}


def test_a_forgetful_cell_has_a_vanishing_first_gradient(tmp_path: Path) -> None:
    task = task_of(tmp_path, every=False, lengths=False, steps=6)
    model = model_for(task, cell="rnn", rule="gd")
    with torch.no_grad():
        model.cell.weight_hh_l0.mul_(1e-2)
    found = gradient_norms(model, task)
    assert found["gradient_first"] < 1e-8 * found["gradient_last"]


def test_measuring_changes_nothing(tmp_path: Path) -> None:
    task = task_of(tmp_path, every=False, lengths=False)
    model = model_for(task, num_layers=2, dropout=0.5)
    model.train()
    assert gradient_norms(model, task) == gradient_norms(model, task)
    assert gradient_curve(model, task) == gradient_curve(model, task)
    assert latency(model, task.validation) > 0
    assert model.training
    assert all(p.grad is None for p in model.parameters())


def test_two_directions_have_no_first_step(tmp_path: Path) -> None:
    task = task_of(tmp_path, every=False, lengths=False)
    assert gradient_norms(model_for(task, bidirectional=True), task) == {}
    assert gradient_curve(model_for(task, bidirectional=True), task) == {}


def test_parameters_that_are_not_trained_do_not_count(tmp_path: Path) -> None:
    task = task_of(tmp_path, every=False, lengths=False)
    model = model_for(task, cell="rnn")
    assert count_parameters(model) == 5 * (2 + 5 + 2) + 5 + 1
    model.readout.bias.requires_grad_(False)
    assert count_parameters(model) == 5 * (2 + 5 + 2) + 5
    assert count_parameters(model_for(task, cell="rnn", rule="heavy_ball", learn_rule=True)) > (
        5 * (2 + 5 + 2) + 5 + 1
    )


def test_latency_is_the_median_in_milliseconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = task_of(tmp_path, every=False, lengths=False)
    # Start and end of two warm-ups, then of seven runs.
    durations = [50.0, 50.0, 3.0, 1.0, 2.0, 9.0, 8.0, 4.0, math.pi]
    ticks = iter([tick for d in durations for tick in (0.0, d)])
    monkeypatch.setattr("time.perf_counter", lambda: next(ticks))
    assert latency(model_for(task), task.validation) == 1000 * math.pi
