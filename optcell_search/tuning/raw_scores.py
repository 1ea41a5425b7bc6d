"""What an exported predictor must score on the validation part as raw rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from torch import Tensor

from optcell_search.export import Reference
from optcell_search.space import Candidate
from optcell_search.tasks import LoadedTask, Split
from optcell_search.training import examine_together, outputs_on, score_of

# Sums differ with the number of threads in the last digits of float32; on a GPU in some more.
_TOLERANCE = {"cpu": 1e-5}
_ELSEWHERE = 1e-3


def reference(
    task: LoadedTask,
    candidate: Candidate,
    weights: Mapping[str, Tensor] | Sequence[Mapping[str, Tensor]],
    noted: Mapping[str, float] | None,
    device: str,
) -> Reference | None:
    """Return raw rows of the validation part and their scores; None: there are no raw rows.

    Args:
        task: with its data.
        candidate: what has been trained.
        weights: its state dict, or those of several trainings whose answers are averaged.
        noted: the ledger's scores, where they are of these weights alone; None: they are means over
            several trainings, and the weights are evaluated again.
        device: where they were trained.
    """
    raw = task.raw("validation")
    if raw is None:
        return None
    if noted is None:
        each = [weights] if isinstance(weights, Mapping) else weights
        noted, device = _scores(task, candidate, each), "cpu"
    made = task.preprocessing
    inputs = made.inputs(raw)
    split = Split(inputs.values, made.targets(raw, inputs), inputs.lengths, task.validation.drivers)

    def score(pieces: Iterable[Tensor]) -> Mapping[str, float]:
        return score_of(pieces, split, task)

    scores = {name: noted[name] for name in (*task.metrics, "loss") if name in noted}
    return Reference(raw, scores, score, _TOLERANCE.get(device, _ELSEWHERE))


def _scores(
    task: LoadedTask, candidate: Candidate, each: Sequence[Mapping[str, Tensor]]
) -> dict[str, float]:
    """Return the scores on the validation split of one model, or of several as one."""
    answers = []
    for weights in each:
        model = candidate.build(task)
        model.load_state_dict(dict(weights))
        answers.append(outputs_on(model, task.validation, task))
    scores, _ = examine_together(answers, task.validation, task)
    return scores
