"""What a model answers, and how it scores on a split."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pack_padded_sequence

from optcell_search.cells import SequenceModel, State
from optcell_search.cells.building import AnyModel
from optcell_search.cells.model import ModelState, average, detached
from optcell_search.penalties.base import Drivers
from optcell_search.tasks import Batch, LoadedTask, Ragged, Split, answered

from .sketches import sketch

# What every candidate costs, whatever the task: objectives that training does not improve.
COSTS = ("parameters", "train_seconds", "latency_ms")
# Those of them that are read off a clock, and so never come out the same twice.
TIMED = ("train_seconds", "latency_ms")
# Enough to fill a processor; a split of any size then fits into memory.
_EVALUATION_BATCH = 512


def predict(model: AnyModel, batch: Batch) -> tuple[Tensor, Tensor]:
    """Return the model's outputs, and the targets they are to be compared with."""
    if batch.lengths is None:
        return model(batch.inputs), batch.targets
    packed = pack_padded_sequence(
        batch.inputs, batch.lengths, batch_first=True, enforce_sorted=False
    )
    outputs = model(packed)
    # Unpacked, time ends with the longest sequence of the batch.
    targets = batch.targets[:, : outputs.shape[1]] if model.reads == "every" else batch.targets
    return outputs, targets


def answer(
    model: AnyModel, batch: Batch, task: LoadedTask, state: State | ModelState | None
) -> tuple[Tensor, Tensor, State | ModelState | None]:
    """Return outputs and targets, and where sequences come in pieces, the state to go on from."""
    if not task.chunk:
        return *predict(model, batch), None
    assert isinstance(model, SequenceModel)
    outputs, after = model.stream(batch.inputs, state)
    return outputs, batch.targets, detached(after)


def evaluate(model: AnyModel, split: Split, task: LoadedTask) -> dict[str, float]:
    """Return the task's metrics and ``loss`` of a model on a split, dropout switched off."""
    return task.finish(_tally(model, split, task))


def examine(
    model: AnyModel, split: Split, task: LoadedTask
) -> tuple[dict[str, float], dict[str, Any]]:
    """Return what `evaluate` does, and what `LoadedTask.diagnose` tells of the same answers.

    Where that names the worst answers, each has its sequence in ``values``, see `sketches.sketch`;
    ``chance`` are the metrics of answering without looking at any input.
    """
    return _examined(_tally(model, split, task), split, task)


def outputs_on(model: AnyModel, split: Split, task: LoadedTask) -> list[Tensor]:
    """Return a model's outputs on a split, on the CPU, batch by batch as `examine_together` does.

    Each is (sequences, ...), of the steps of the longest sequence where there is one a step. Of
    sequences without padding there is one, as `raw.ragged.answered` gives it.
    """
    return [outputs.cpu() for outputs, _, _ in _answers(model, split, task)]


def examine_together(
    each: Sequence[Sequence[Tensor]], split: Split, task: LoadedTask
) -> tuple[dict[str, float], dict[str, Any]]:
    """Return what `examine` does, of several models whose answers are averaged.

    Args:
        each: what `outputs_on` gave for each model.
        split, task: what it was asked for.
    """
    device = split.inputs.device
    means = (
        average([one.to(device) for one in outputs], task.averaged)
        for outputs in zip(*each, strict=True)
    )
    return _examined(_tally_of(means, split, task), split, task)


def _examined(
    tally: list[Tensor], split: Split, task: LoadedTask
) -> tuple[dict[str, float], dict[str, Any]]:
    scores = task.finish(tally)
    # Of outputs that are no numbers there is no answer to tell of.
    found = {} if math.isnan(scores["loss"]) else task.diagnose(tally)
    if found:
        known = task.chance_on(split)
        found["chance"] = {name: value for name, value in known.items() if math.isfinite(value)}
    for one in found.get("worst", ()):
        one["values"] = sketch(split, one["index"])
    return scores, found


def score_of(pieces: Iterable[Tensor], split: Split, task: LoadedTask) -> dict[str, float]:
    """Return what `evaluate` does, of outputs on a split that come as `outputs_on` gives them."""
    return task.finish(_tally_of(pieces, split, task))


def _tally_of(pieces: Iterable[Tensor], split: Split, task: LoadedTask) -> list[Tensor]:
    parts = []
    for outputs, (targets, drivers) in zip(pieces, _asked(split, task), strict=True):
        if task.readout == "every":
            # A packed batch ends with its longest sequence.
            targets = targets[:, : outputs.shape[1]] if outputs.ndim > 2 else targets
        parts.append(task.tally(outputs, targets, drivers))
    return task.merge(parts)


def _tally(model: AnyModel, split: Split, task: LoadedTask) -> list[Tensor]:
    parts = [task.tally(*answered) for answered in _answers(model, split, task)]
    return task.merge(parts)


@torch.no_grad()
def _answers(
    model: AnyModel, split: Split, task: LoadedTask
) -> Iterator[tuple[Tensor, Tensor, Drivers]]:
    """Give outputs, targets and drivers, batch by batch."""
    was_training = model.training
    model.eval()
    if isinstance(split.inputs, Ragged):
        yield answered(model, split.inputs, every=task.readout == "every"), split.known, {}
        model.train(was_training)
        return
    for index in torch.split(torch.arange(len(split)), _EVALUATION_BATCH):
        state: State | ModelState | None = None
        for batch in split.take(index).pieces(task.chunk):
            outputs, targets, state = answer(model, batch, task, state)
            yield outputs, targets, batch.drivers
    model.train(was_training)


def _asked(split: Split, task: LoadedTask) -> Iterator[tuple[Tensor, Drivers]]:
    """Give the targets and drivers of each piece of `_answers`."""
    if isinstance(split.inputs, Ragged):
        yield split.known, {}
        return
    for index in torch.split(torch.arange(len(split)), _EVALUATION_BATCH):
        for batch in split.take(index).pieces(task.chunk):
            yield batch.targets, batch.drivers


def objectives(task: LoadedTask) -> dict[str, str]:
    """Return what a search over `task` can aim at: name → ``"maximize"`` or ``"minimize"``."""
    return {**task.metrics, **dict.fromkeys(COSTS, "minimize")}
