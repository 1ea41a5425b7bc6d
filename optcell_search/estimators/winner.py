"""The best candidate of a search as plain data that predicts, in any process."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import safetensors.torch
from torch import Tensor

from optcell_search.export import TaskInfo, trained_model
from optcell_search.raw.predictor import Predictor
from optcell_search.space import Candidate
from optcell_search.tuning import task_file

if TYPE_CHECKING:
    from optcell_search.tuning import Run


@dataclass(frozen=True)
class Winner:
    """A trained candidate with all that it takes from raw data to answers; it can be pickled.

    Args:
        candidate: as `Candidate.to_dict` gives it.
        task: what it was trained for, without data.
        weights: as safetensors has them, of each model whose answers are averaged.
    """

    candidate: dict[str, Any]
    task: TaskInfo
    weights: tuple[bytes, ...]

    @classmethod
    def of(cls, run: Run, which: str, *, refit: bool, ensemble: int = 1) -> Winner:
        """Return the best candidate of a run, by `RunFolder.best`.

        Args:
            run: a search that has ended.
            which: of its candidates.
            refit: whether it is trained again, on what the search judged by, too.
            ensemble: how many times that is done, each with another seed.
        """
        number, candidate = run.candidate(which)
        task = task_file.read(run.directory, run.request)
        assert task is not None, "a run that has just been made describes its task"
        if refit:
            found = [run.refitted_weights(number, place=place) for place in range(ensemble)]
        else:
            found = [run.weights(number)]
        return cls(candidate.to_dict(), task, tuple(map(_saved, found)))

    @functools.cached_property
    def predictor(self) -> Predictor:
        """What answers raw data, as that of an exported package does."""
        each = [safetensors.torch.load(weights) for weights in self.weights]
        given = each if len(each) > 1 else each[0]
        model = trained_model(Candidate.from_dict(self.candidate), given, self.task)
        assert self.task.preprocessing is not None
        return Predictor(model, self.task.preprocessing, self.task.chunk)

    def __getstate__(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("candidate", "task", "weights")}


def _saved(weights: Mapping[str, Tensor]) -> bytes:
    return safetensors.torch.save({name: one.cpu().contiguous() for name, one in weights.items()})
