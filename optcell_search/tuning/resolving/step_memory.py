"""Whether a step of training fits into memory: of a long sequence every step is kept."""

from __future__ import annotations

import warnings

from optcell_search.raw import memory
from optcell_search.raw.ragged import Ragged, buckets
from optcell_search.space import SearchSpace
from optcell_search.tasks import LoadedTask

_GIBIBYTE = 2**30
# Pre-activations and their gradients, float32, are most of what a recurrent layer keeps; as many
# of them as it has gates. Measured with 200,000 steps: 8.5 bytes a step and unit for rnn, 24.5 for
# gru, 32.3 for lstm.
_BYTES = 8
_GATES = {"lstm": 4, "gru": 3}


def warn(space: SearchSpace, task: LoadedTask, workers: int, *, here: bool) -> None:
    """Warn where the largest candidates' steps of training need more memory than is free here.

    bytes = workers · sequences · steps · units · layers · directions · gates · 8, at least, where
    sequences and steps are those of the largest batch. It is no error: smaller candidates of the
    same search may do, and one that does not fit fails alone, with that reason.

    Args:
        space: of the search.
        task: what is trained on.
        workers: how many candidates are trained at a time.
        here: whether they are, on this machine's processors; of others nothing is known.
    """
    if not here or "model.hidden_size" not in space.domains:
        return
    sizes = {
        name: max(int(value) for value in space.domains[name].grid(2))
        for name in ("training.batch_size", "model.hidden_size", "model.num_layers")
    }
    directions = 1 + any(space.domains["model.bidirectional"].grid(2))
    sequences, steps = _largest_batch(task, sizes["training.batch_size"])
    units, layers = sizes["model.hidden_size"], sizes["model.num_layers"]
    gates = max(_GATES.get(cell, 1) for cell in space.cells)
    wanted = workers * sequences * steps * units * layers * directions * gates * _BYTES
    there = memory.available()
    if wanted > there:
        warnings.warn(
            f"a step of training keeps {sequences} sequences of {steps} steps at a time: with "
            f"{units} units and {workers} workers about {wanted / _GIBIBYTE:.1f} GiB of memory, "
            f"{there / _GIBIBYTE:.1f} GiB are free; cut long sequences into several, or use fewer "
            "workers, smaller batches or fewer units",
            stacklevel=2,
        )


def _largest_batch(task: LoadedTask, batch_size: int) -> tuple[int, int]:
    """Return the sequences and the steps of the batch with the most of both."""
    inputs = task.train.inputs
    if isinstance(inputs, Ragged):
        lengths = [inputs.lengths[bucket] for bucket in buckets(inputs.lengths)]
        sizes = [(min(batch_size, len(each)), int(each.max())) for each in lengths]
        return max(sizes, key=lambda size: size[0] * size[1])
    steps = int(inputs.shape[1])
    return min(batch_size, len(task.train)), min(steps, task.chunk) if task.chunk else steps
