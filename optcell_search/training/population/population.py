"""A population: many candidates trained side by side, each as if it were alone."""

from __future__ import annotations

import copy
from contextlib import nullcontext

import torch

from optcell_search.cells.dropping import drawing_from
from optcell_search.training.divergence import DivergedError
from optcell_search.training.trainer import Training

from .bank import Bank
from .forms import alone, family, form, same_kind
from .mapped import Mapped
from .stack import Stack

Outcome = dict[str, float] | DivergedError


class Population:
    """Trains candidates of one form side by side, as one network with a dimension in front.

    Every slot holds a `Training`, and what that computes is what it would compute alone, up to
    rounding: seed, rule, learning rate and its schedule, weight decay, clip, count of steps, order
    of examples, dropout, augmentation, fold, loss, age and patience are each one's own. A slot
    whose training diverges ends alone and changes no digit of the others.

    Linear rules with one trace, among them gradient descent, heavy ball and Nesterov momentum, are
    one batch, Adam's and RMSProp's another; any other rule is a batch of its own. A batch of one
    is trained as ever, and so are those that cannot be mapped; `reasons` says which and why.

    Args:
        size: of slots.

    Source: the idea of training arrays of models as one: Wang et al., Horizontally Fused Training
    Array, MLSys 2021, arXiv 2102.02344. Here slots differ in their recurrence's rule and are
    refilled while others go on.

    Raises:
        ValueError: `size` is below 1.
    """

    def __init__(self, size: int) -> None:
        if size < 1:
            raise ValueError(f"size = {size} is out of range; valid: integers >= 1")
        self.size = size
        self.trainings: list[Training] = []
        self._banks: list[Bank] = []
        self._reasons: dict[tuple[object, ...], str] = {}
        self._filled = 0
        self._offered = 0

    @property
    def free(self) -> int:
        """Slots without a training."""
        return self.size - len(self.trainings)

    @property
    def occupancy(self) -> float:
        """Share of the slots that held a training, over the epochs so far; 0 before the first."""
        return self._filled / self._offered if self._offered else 0.0

    def add(self, training: Training) -> None:
        """Put a training, new or with some epochs behind it, into a free slot.

        Raises:
            ValueError: no slot is free, or it is of another form or another kind of task.
        """
        if not self.free:
            raise ValueError(f"all {self.size} slots are taken; valid: remove a training first")
        if self.trainings:
            one = self.trainings[0]
            have, here = form(training.candidate), form(one.candidate)
            if have != here:
                raise ValueError(f"candidate of {have}; valid in this population: {here}")
            if not same_kind(training.task, one.task):
                raise ValueError(
                    f"task {training.task.spec!r} is not of the kind of {one.task.spec!r}; valid: "
                    "the same task, or another fold of it"
                )
        self.trainings.append(training)

    def remove(self, training: Training) -> None:
        """Take a training out of its slot; it can be continued alone, or saved."""
        self.trainings.remove(training)
        self._settle([bank for bank in self._banks if training not in bank.trainings])

    def release(self) -> None:
        """Take all trainings out of their slots."""
        self.trainings.clear()
        self._settle([])

    def epoch(self) -> list[Outcome]:
        """Train one epoch of every training.

        Returns:
            For each, in the order of `trainings`, what `Training.epoch` returns, or the error that
            it raises. One with an error is out of its slot from then on.
        """
        trainings = list(self.trainings)
        self._filled += len(trainings)
        self._offered += self.size
        self._arrange()
        losses: dict[int, float | DivergedError] = {}
        for bank in self._banks:
            losses |= zip(map(id, bank.trainings), bank.epoch(), strict=True)
        outcomes = [_judged(training, losses.get(id(training))) for training in trainings]
        for training, outcome in zip(trainings, outcomes, strict=True):
            if isinstance(outcome, DivergedError):
                self.remove(training)
        return outcomes

    @property
    def reasons(self) -> dict[str, str]:
        """Why trainings are trained one by one, by the name of their rule; empty: none is."""
        return {
            training.candidate.rule: reason
            for training in self.trainings
            if (reason := self._why_alone(training))
        }

    @property
    def companies(self) -> list[int]:
        """With how many each training takes the steps of its next epoch, itself included."""
        sizes = {id(one): len(group) for group in self._groups() for one in group}
        return [sizes.get(id(training), 1) for training in self.trainings]

    def _groups(self) -> list[list[Training]]:
        """Return the trainings that are to take their steps at once."""
        groups: dict[object, list[Training]] = {}
        for training in self.trainings:
            if not training.exhausted:
                groups.setdefault(family(training.candidate), []).append(training)
        return [
            group for group in groups.values() if len(group) > 1 and not self._why_alone(group[0])
        ]

    def _arrange(self) -> None:
        """Have banks of these groups, those that stand already as they are."""
        wanted = self._groups()
        kept = [bank for bank in self._banks if bank.trainings in wanted]
        self._settle(kept)
        known = [bank.trainings for bank in kept]
        self._banks += [Bank(group) for group in wanted if group not in known]

    def _settle(self, banks: list[Bank]) -> None:
        for bank in self._banks:
            if bank not in banks:
                bank.release()
        self._banks = banks

    def _why_alone(self, training: Training) -> str:
        key = (family(training.candidate), form(training.candidate))
        if key not in self._reasons:
            self._reasons[key] = alone(training.task) or _unmapped(training)
        return self._reasons[key]


def _judged(training: Training, loss: float | DivergedError | None) -> Outcome:
    if isinstance(loss, DivergedError):
        return loss
    try:
        return training.epoch() if loss is None else training.judged(loss)
    except DivergedError as error:
        return error


def _unmapped(training: Training) -> str:
    """Return why torch cannot map over a training's model, as a try of it says; empty: it can.

    Whatever is raised is the reason: what a cell does wrong it does, and says, alone as well.
    """
    with torch.random.fork_rng(devices=[]), drawing_from([nullcontext()]):
        model = copy.deepcopy(training.live)
        mapped, stack = Mapped([training]), Stack([model])
        split = training.task.train
        batch = next(split.take(torch.arange(min(2, len(split)))).pieces(training.task.chunk))
        mapped.model.train()
        try:
            outputs, _ = mapped({**stack.weights, **stack.others}, batch.inputs.unsqueeze(0))
            weights = list(stack.weights.values())
            torch.autograd.grad(outputs.square().sum(), weights, allow_unused=True)
        except Exception as error:
            first, *_ = str(error).splitlines() or [type(error).__name__]
            return f"torch.func.vmap: {first}"
    return ""
