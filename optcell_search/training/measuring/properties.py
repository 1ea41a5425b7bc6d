"""What is worth knowing of a model besides its scores: size, speed, and how far gradients reach."""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Iterator

import torch
from torch import Tensor

from optcell_search.cells import SequenceModel
from optcell_search.cells.building import AnyModel
from optcell_search.cells.model import Entered
from optcell_search.cells.state import with_layers
from optcell_search.tasks import Batch, LoadedTask, Ragged, Split, buckets

_GRADIENT_SEQUENCES = 64
_WARM_UPS = 2
_TIMED_RUNS = 7


def count_parameters(model: AnyModel) -> int:
    """Return how many numbers training changes."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


@torch.no_grad()
def latency(model: AnyModel, split: Split, chunk: int = 0) -> float:
    """Return the milliseconds from one whole sequence to its outputs.

    The median of seven runs over the first sequence of `split` (its first `chunk` steps, unless
    0), padding included, after two that are not counted; a GPU is waited for. Batch size 1, as
    when a trained model answers one request. Of sequences that are kept without padding it is the
    first one of median length.
    """
    first = torch.tensor([0])
    if isinstance(split.inputs, Ragged):
        lengths = split.inputs.lengths
        first = (lengths == lengths.median()).nonzero()[0]
    x = split.take(first).inputs[:, : chunk or None]
    was_training = model.training
    model.eval()
    seconds = []
    for _ in range(_WARM_UPS + _TIMED_RUNS):
        _wait(x.device)
        start = time.perf_counter()
        model(x)
        _wait(x.device)
        seconds.append(time.perf_counter() - start)
    model.train(was_training)
    return 1000 * statistics.median(seconds[_WARM_UPS:])


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def gradient_norms(model: AnyModel, task: LoadedTask) -> dict[str, float]:
    """Return how strongly the loss depends on the hidden state of the first and the last step.

        gradient_first = mean_i ‖∂ℓ/∂h_{i,1}‖₂ · B,   gradient_last = mean_i ‖∂ℓ/∂h_{i,T_i}‖₂ · B

    with ℓ the loss over the first B <= 64 validation sequences (where they are kept without
    padding, of the lengths, 2^k to 2^(k+1) − 1, that most have), h_{i,t} the top layer's hidden
    state of sequence i after step t, and T_i its last step (steps of what the layers take, where a
    front has a stride). The factor B undoes the mean in the
    loss, so that the numbers do not depend on the size of the batch. The derivatives are total:
    h_1 acts on the loss by all that follows from it (other parts of the state after step 1, such
    as an LSTM's c, held fixed), not by its own read-out alone. Nothing follows h_T but the
    read-out. The ratio of the two is the vanishing of the gradient over T − 1 steps, as in
    figure 3 of Nguyen et al. 2020, arXiv 2006.06919.

    With two directions there is no such first step: the answer is empty.
    """
    if model.cell.bidirectional:
        return {}
    batch = _few(task)
    with _differentiable(model):
        taken, entered = _entered(model, batch.inputs)
        (first,), hidden = _with_cuts(model, taken, [0])
        rows, last = _last_steps(hidden, _lengths(model, batch))
        # `hidden` is what the read-out sees; the recurrence runs beside it, so the derivative
        # by it holds a step's own read-out only, which at the last step is all there is.
        loss = _loss(model, task, batch, hidden, entered)
        by_first, by_hidden = torch.autograd.grad(loss, (first, hidden))
    return {
        "gradient_first": _mean_norm(by_first),
        "gradient_last": _mean_norm(by_hidden[rows, last]),
    }


def gradient_curve(model: AnyModel, task: LoadedTask) -> dict[int, float]:
    """Return how strongly the loss depends on hidden states ever further from the last step.

        g(d) = mean_i ‖∂ℓ/∂h_{i,T−d}‖₂ · B   for the distances d = 0, 1, 2, 4, 8, ... and T − 1

    The names and the derivatives are those of `gradient_norms`, and for sequences of one length so
    are both ends: g(0) is ``gradient_last``, g(T − 1) is ``gradient_first``. Where lengths differ,
    it is measured on the longest ones alone, as a distance needs one end for all. One forward and
    one backward pass give the whole curve.

    With two directions there is no distance from the last step: the answer is empty.
    """
    if model.cell.bidirectional:
        return {}
    batch = _few(task)
    lengths = _lengths(model, batch)
    if lengths is not None:
        batch = batch.take((lengths == lengths.max()).nonzero()[:, 0])
    with _differentiable(model):
        taken, entered = _entered(model, batch.inputs)
        steps = taken.shape[1] if lengths is None else int(lengths.max())
        distances = _distances(steps)
        cuts, hidden = _with_cuts(model, taken, [steps - 1 - d for d in distances])
        gradients = torch.autograd.grad(_loss(model, task, batch, hidden, entered), cuts)
    return {d: _mean_norm(g) for d, g in zip(reversed(distances), reversed(gradients), strict=True)}


def _distances(steps: int) -> list[int]:
    """Return T − 1, ..., 8, 4, 2, 1, 0 for a sequence of T steps."""
    powers = {2**i for i in range(steps.bit_length()) if 2**i < steps}
    return sorted({0, steps - 1, *powers}, reverse=True)


def _few(task: LoadedTask) -> Batch:
    """Return the first validation sequences, or the first piece of each."""
    split = task.validation
    index = torch.arange(len(split))
    if isinstance(split.inputs, Ragged):
        index = max(buckets(split.inputs.lengths), key=len)
    return next(split.take(index[:_GRADIENT_SEQUENCES]).pieces(task.chunk))


@contextlib.contextmanager
def _differentiable(model: AnyModel) -> Iterator[None]:
    """Have the model compute as in evaluation, and so that gradients can be taken."""
    was_training = model.training
    model.eval()
    # cuDNN has no backward in evaluation mode, and training mode would add dropout's noise.
    try:
        with torch.enable_grad(), torch.backends.cudnn.flags(enabled=False):
            yield
    finally:
        model.train(was_training)


def _with_cuts(model: AnyModel, x: Tensor, steps: list[int]) -> tuple[list[Tensor], Tensor]:
    """Return h (B, H) after each of the ascending `steps`, and from them the whole of h (B, T, H).

    Whatever follows a step, its own read-out included, follows from that very tensor. The first one
    is a leaf of the graph: what comes before it is not differentiated.
    """
    cuts: list[Tensor] = []
    pieces: list[Tensor] = []
    state, start = None, 0
    for step in steps:
        with torch.set_grad_enabled(bool(cuts)):
            output, state = model.cell(x[:, start : step + 1], state)
        top = state[-1]
        h = top.hidden[0] if cuts else top.hidden[0].detach().requires_grad_()
        # The output itself, which may hold more than h, yet depending on h alone.
        pieces += [output[:, :-1], output[:, -1:].detach() + (h - h.detach()).unsqueeze(1)]
        state = with_layers(state, (*state[:-1], top._replace(hidden=(h, *top.hidden[1:]))))
        cuts.append(h)
        start = step + 1
    if start < x.shape[1]:
        pieces.append(model.cell(x[:, start:], state)[0])
    return cuts, torch.cat(pieces, 1)


def _entered(model: AnyModel, x: Tensor) -> tuple[Tensor, Entered]:
    """Return what the recurrence takes, and what goes past it beside."""
    if not isinstance(model, SequenceModel):
        return x, Entered(x)
    # What comes before the recurrence is not differentiated.
    with torch.no_grad():
        entered = model.enter(x)
    assert isinstance(entered.taken, Tensor)
    return entered.taken, entered


def _loss(
    model: AnyModel, task: LoadedTask, batch: Batch, hidden: Tensor, entered: Entered
) -> Tensor:
    if isinstance(model, SequenceModel):
        return task.loss(model.read(hidden, entered, _lengths(model, batch)), batch.targets)
    return task.loss(model.head(hidden), batch.targets)


def _lengths(model: AnyModel, batch: Batch) -> Tensor | None:
    """Return how many steps the layers take of each sequence; None: all are of one length."""
    if batch.lengths is None or not isinstance(model, SequenceModel):
        return batch.lengths
    return model.taken(batch.lengths)


def _last_steps(hidden: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor]:
    count, steps = hidden.shape[:2]
    last = torch.full((count,), steps) if lengths is None else lengths
    return torch.arange(count, device=hidden.device), (last - 1).to(hidden.device)


def _mean_norm(gradient: Tensor) -> float:
    return float(gradient.flatten(1).norm(dim=1).mean()) * len(gradient)
