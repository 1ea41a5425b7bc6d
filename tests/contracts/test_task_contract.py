"""What every registered task must keep; a new one is tested unasked."""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from task_examples import shrink

from optcell_search import registry, tasks
from optcell_search.tasks import LoadedTask, Split


def _npz(folder: Path) -> str:
    random = np.random.RandomState(0)
    x = random.randn(40, 6, 2)
    np.savez(folder / "a.npz", x=x, y=np.arange(40) % 3, lengths=random.randint(2, 7, 40))
    return str(folder / "a.npz")


def _table(folder: Path) -> str:
    random = np.random.RandomState(0)
    with open(folder / "a.csv", "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["run", "t", "a", "b", "y"])
        for run in range(20):
            rows.writerows([run, t, *random.randn(2), 0.5 * run] for t in range(3 + run % 3))
    return f"{folder / 'a.csv'}:sequence=run,time=t,target=y"


def _text(folder: Path) -> str:
    random = np.random.RandomState(0)
    (folder / "a.txt").write_text("".join(random.choice(list("abcd "), 4000)))
    return f"{folder / 'a.txt'}:streams=8"


def _series(folder: Path) -> str:
    rows = np.random.RandomState(0).randn(400, 2)
    np.savetxt(folder / "a.csv", rows, delimiter=",", header="load,heat", comments="")
    return f"forecast:file={folder / 'a.csv'},target=load,window=20,horizon=3"


# A task over the user's own files needs a file; any other is loaded as its name alone says.
EXAMPLES: dict[str, Callable[[Path], str]] = {
    "npz": _npz,
    "table": _table,
    "charlm": _text,
    "forecast": _series,
}
DATA = Path(os.environ.get("OPTCELL_DATA", Path(__file__).parents[3] / "shared" / "data"))


@pytest.fixture(params=registry.tasks.names())
def spec(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    name = request.param
    return EXAMPLES[name](tmp_path) if name in EXAMPLES else shrink(name)


@pytest.fixture
def task(spec: str) -> LoadedTask:
    return load(spec)


def load(spec: str) -> LoadedTask:
    try:
        return tasks.load(spec, DATA)
    except FileNotFoundError as missing:
        pytest.skip(str(missing))
    except ValueError as error:
        if "pip install" not in str(error):
            raise
        pytest.skip(str(error))


def tensors(split: Split) -> list[torch.Tensor]:
    return [part for part in (split.inputs, split.targets, split.lengths) if part is not None]


def test_splits_have_the_shapes_that_sizes_and_readout_say(task: LoadedTask) -> None:
    for split in (task.train, task.validation, task.unseal()):
        count, steps, features = split.inputs.shape
        assert count == len(split.targets) > 0
        assert features == task.input_size
        assert split.inputs.dtype == torch.float32
        assert split.inputs.isfinite().all()
        leading = (count, steps) if task.readout == "every" else (count,)
        assert split.targets.shape[: len(leading)] == leading
        if split.targets.is_floating_point():
            assert split.targets.shape == (*leading, task.output_size)
        else:
            assert split.targets.shape == leading
            assert split.targets.max() < task.output_size == len(task.classes)
        if split.lengths is not None:
            assert split.lengths.device.type == "cpu"
            assert split.lengths.min() >= 1
            assert split.lengths.max() <= steps


def test_loading_again_gives_the_same_data(spec: str, task: LoadedTask) -> None:
    again = load(spec)
    assert again.spec == task.spec
    assert load(again.spec).spec == task.spec
    assert again.fingerprint == task.fingerprint
    torch.manual_seed(12345)
    np.random.seed(54321)
    for split in ("train", "validation"):
        for one, two in zip(
            tensors(getattr(task, split)), tensors(getattr(again, split)), strict=True
        ):
            assert torch.equal(one.nan_to_num(7.0), two.nan_to_num(7.0))
    for one, two in zip(tensors(task.unseal()), tensors(again.unseal()), strict=True):
        assert torch.equal(one.nan_to_num(7.0), two.nan_to_num(7.0))


def test_test_split_is_sealed(task: LoadedTask) -> None:
    with pytest.raises(RuntimeError, match="sealed until finalize"):
        _ = task.test
    before = task.fingerprint
    assert task.unseal() is task.test
    assert task.fingerprint == before


def test_no_example_is_in_two_splits(task: LoadedTask) -> None:
    def rows(split: Split) -> set[bytes]:
        return {
            x.numpy().tobytes() + y.numpy().tobytes()
            for x, y in zip(*tensors(split)[:2], strict=True)
        }

    train, validation, test = map(rows, (task.train, task.validation, task.unseal()))
    # Measured data may hold twins of its own; a leak would be a whole split.
    assert len(train & validation) <= 0.01 * len(validation)
    assert len((train | validation) & test) <= 0.01 * len(test)


def test_metrics_have_directions_and_loss_can_be_minimised(task: LoadedTask) -> None:
    assert task.metrics
    assert set(task.metrics.values()) <= {"maximize", "minimize"}
    few = task.train.take(torch.arange(min(4, len(task.train))))
    # A whole text under a large vocabulary would be billions of outputs.
    batch = next(few.pieces(task.chunk))
    leading = batch.inputs.shape[: 2 if task.readout == "every" else 1]
    outputs = torch.zeros(*leading, task.output_size, requires_grad=True)
    loss = task.loss(outputs, batch.targets)
    loss.backward()
    assert outputs.grad is not None
    assert outputs.grad.isfinite().all()
    assert outputs.grad.any()
    scores = task.score(outputs.detach(), batch.targets, batch.drivers)
    assert set(scores) == {*task.metrics, "loss"}
    assert all(math.isfinite(score) for score in scores.values())
    assert scores["loss"] == pytest.approx(float(loss.detach()), rel=1e-5)


def test_class_says_what_it_is(task: LoadedTask) -> None:
    assert task.title
    assert "\n" not in task.title
    assert task.task.__doc__
    assert task.info()["spec"] == task.spec
