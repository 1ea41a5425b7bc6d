"""Whether training side by side pays, by what was measured."""

from __future__ import annotations

from optcell_search.space import Candidate
from optcell_search.space.settings import Model
from optcell_search.tasks import LoadedTask

from .forms import alone

# scripts/benchmarks/results/population.md: what a step takes beside its arithmetic is shared by all
# slots. Beyond so many multiplications a step the arithmetic is all, and beyond so many slots
# nothing more is gained.
_LARGEST_STEP = 50_000_000
_MOST = 16


def paying(candidate: Candidate, task: LoadedTask) -> int:
    """Return how many trainings of a candidate's form to take side by side: 1 or 16.

    By a rule from measurements, not by a clock, so that a trial comes to the same numbers again:
    16 on a CPU, where units² · gates · steps · batch size is no more than 50 million; else 1.
    """
    if task.device.type != "cpu" or alone(task) or not isinstance(candidate.model, Model):
        return 1
    steps = task.chunk or int(task.train.inputs.shape[1])
    layers = candidate.model.num_layers * (2 if candidate.model.bidirectional else 1)
    units = candidate.model.hidden_size
    batch = min(candidate.training.batch_size, len(task.train))
    # Four gates, as an LSTM has: the largest of the cells.
    return _MOST if 4 * units**2 * layers * steps * batch <= _LARGEST_STEP else 1
