"""What is worth knowing of a model besides its scores: size, speed, and how far gradients reach."""

from __future__ import annotations

import statistics
import time

import torch
from torch import Tensor

from optcell_search.cells import SequenceModel
from optcell_search.cells.building import AnyModel
from optcell_search.tasks import LoadedTask, Split

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
    when a trained model answers one request.
    """
    x = split.inputs[:1, : chunk or None]
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

    with ℓ the loss over the first B <= 64 validation sequences, h_{i,t} the top layer's hidden
    state of sequence i after step t, and T_i its last step. The factor B undoes the mean in the
    loss, so that the numbers do not depend on the size of the batch. The derivatives are total:
    h_1 acts on the loss by all that follows from it (other parts of the state after step 1, such
    as an LSTM's c, held fixed), not by its own read-out alone. Nothing follows h_T but the
    read-out. The ratio of the two is the vanishing of the gradient over T − 1 steps, as in
    figure 3 of Nguyen et al. 2020, arXiv 2006.06919.

    With two directions there is no such first step: the answer is empty.
    """
    if model.cell.bidirectional:
        return {}
    split = task.validation
    batch = split.take(torch.arange(min(_GRADIENT_SEQUENCES, len(split))))
    batch = next(batch.pieces(task.chunk))
    was_training = model.training
    model.eval()
    # cuDNN has no backward in evaluation mode, and training mode would add dropout's noise.
    with torch.enable_grad(), torch.backends.cudnn.flags(enabled=False):
        x = model.embed(batch.inputs) if isinstance(model, SequenceModel) else batch.inputs
        first, hidden = _hidden_from_first(model, x)
        rows, last = _last_steps(batch)
        read = hidden if task.readout == "every" else hidden[rows, last]
        loss = task.loss(model.readout(read), batch.targets)
        # `hidden` is what the read-out sees; the recurrence runs beside it, so the derivative
        # by it holds a step's own read-out only, which at the last step is all there is.
        by_first, by_hidden = torch.autograd.grad(loss, (first, hidden))
    model.train(was_training)
    return {
        "gradient_first": _mean_norm(by_first),
        "gradient_last": _mean_norm(by_hidden[rows, last]),
    }


def _hidden_from_first(model: AnyModel, x: Tensor) -> tuple[Tensor, Tensor]:
    """Return h_1 (B, H) as a leaf of the graph, and from it the whole of h (B, T, H)."""
    with torch.no_grad():
        output, state = model.cell(x[:, :1])
    top = state[-1]
    first = top.hidden[0].detach().requires_grad_()
    # The output itself, which may hold more than h_1, yet depending on h_1 alone.
    pieces = [output + (first - first.detach()).unsqueeze(1)]
    if x.shape[1] > 1:
        state = (*state[:-1], top._replace(hidden=(first, *top.hidden[1:])))
        pieces.append(model.cell(x[:, 1:], state)[0])
    return first, torch.cat(pieces, 1)


def _last_steps(batch: Split) -> tuple[Tensor, Tensor]:
    count, steps = batch.inputs.shape[:2]
    lengths = torch.full((count,), steps) if batch.lengths is None else batch.lengths
    device = batch.inputs.device
    return torch.arange(count, device=device), (lengths - 1).to(device)


def _mean_norm(gradient: Tensor) -> float:
    return float(gradient.flatten(1).norm(dim=1).mean()) * len(gradient)
