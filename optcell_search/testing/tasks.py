"""What every task must keep."""

from __future__ import annotations

import math
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from .. import registry, tasks
from ..tasks import LoadedTask, Split


class TaskContract:
    """Subclass it and supply the fixture `spec`; few examples make it fast.

    Override `folder` where the task reads files that are not in ``OPTCELL_DATA``.
    """

    @pytest.fixture
    def spec(self) -> str:
        """Return what a user writes for the task, ``name:option=value`` or a file's path."""
        raise NotImplementedError("supply the fixture `spec`")

    @pytest.fixture
    def folder(self) -> Path:
        """Return the folder with the data of tasks that read files."""
        return Path(os.environ.get("OPTCELL_DATA") or "data")

    @pytest.fixture
    def task(self, spec: str, folder: Path) -> LoadedTask:
        """Return the task with its data."""
        return tasks.load(spec, folder)

    def test_class_says_what_it_is(self, task: LoadedTask) -> None:
        assert registry.tasks.get(task.name) is type(task.task)
        assert task.title
        assert "\n" not in task.title
        assert task.task.__doc__
        assert task.info()["spec"] == task.spec

    def test_splits_have_the_shapes_that_sizes_and_readout_say(self, task: LoadedTask) -> None:
        for split in (task.train, task.validation, task.unseal()):
            count, steps, features = split.inputs.shape
            assert count == len(split.targets) > 0
            assert features == task.input_size
            assert split.inputs.dtype == torch.float32
            assert split.unpadded().values.isfinite().all()
            leading = (count, steps) if task.readout == "every" else (count,)
            assert split.targets.shape[: len(leading)] == leading
            if split.known.is_floating_point():
                assert split.targets.shape == (*leading, task.output_size)
            else:
                assert split.targets.shape == leading
                assert split.known.max() < task.output_size == len(task.classes)
            if split.lengths is not None:
                assert split.lengths.device.type == "cpu"
                assert split.lengths.min() >= 1
                assert split.lengths.max() <= steps

    def test_loading_again_gives_the_same_data(
        self, spec: str, folder: Path, task: LoadedTask
    ) -> None:
        again = tasks.load(spec, folder)
        assert again.spec == task.spec
        assert tasks.load(again.spec, folder).spec == task.spec
        assert again.fingerprint == task.fingerprint
        torch.manual_seed(12345)
        np.random.seed(54321)
        pairs = [(getattr(task, split), getattr(again, split)) for split in ("train", "validation")]
        for one, two in (*pairs, (task.unseal(), again.unseal())):
            for left, right in zip(_tensors(one), _tensors(two), strict=True):
                assert torch.equal(left.nan_to_num(7.0), right.nan_to_num(7.0))

    def test_test_split_is_sealed(self, task: LoadedTask) -> None:
        with pytest.raises(RuntimeError, match="sealed until finalize"):
            _ = task.test
        before = task.fingerprint
        assert task.unseal() is task.test
        assert task.fingerprint == before

    def test_no_example_is_in_two_splits(self, task: LoadedTask) -> None:
        train, validation, test = map(_examples, (task.train, task.validation, task.unseal()))
        # Measured data may hold twins of its own; a leak would be a whole split.
        assert len(train & validation) <= 0.01 * len(validation)
        assert len((train | validation) & test) <= 0.01 * len(test)

    def test_metrics_have_directions_and_loss_can_be_minimised(self, task: LoadedTask) -> None:
        assert task.metrics
        assert set(task.metrics.values()) <= {"maximize", "minimize"}
        few = task.train.take(torch.arange(min(4, len(task.train))))
        # A whole text under a large vocabulary would be billions of outputs.
        batch = next(few.pieces(task.chunk))
        leading = batch.inputs.shape[: 2 if task.readout == "every" else 1]
        outputs = torch.zeros(*leading, task.output_size, requires_grad=True)
        loss = task.loss(outputs, batch.targets)
        loss.backward()  # type: ignore[no-untyped-call]
        assert outputs.grad is not None
        assert outputs.grad.isfinite().all()
        assert outputs.grad.any()
        scores = task.score(outputs.detach(), batch.targets, batch.drivers)
        assert set(scores) == {*task.metrics, "loss"}
        assert all(math.isfinite(score) for score in scores.values())
        assert scores["loss"] == pytest.approx(float(loss.detach()), rel=1e-5)


def _tensors(split: Split) -> list[torch.Tensor]:
    parts = (split.unpadded().values, split.known, split.lengths)
    return [part for part in parts if part is not None]


def _examples(split: Split) -> set[bytes]:
    batches = (split.take(torch.tensor([number])) for number in range(len(split)))
    return {one.inputs.numpy().tobytes() + one.targets.numpy().tobytes() for one in batches}
