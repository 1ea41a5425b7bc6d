"""One pass of a training over its data: which sequences come when, and what they came to."""

from __future__ import annotations

import torch
from torch import Tensor

from optcell_search.space import Training
from optcell_search.tasks import Batch, LoadedTask
from optcell_search.training import batches
from optcell_search.training.recipe.augmentation import Augmentation
from optcell_search.training.streams import Stream, stream_seed


class Pass:
    """One epoch of a training, batch by batch.

    Its order of sequences and what is drawn while it lasts are functions of (seed, epochs).

    Args:
        settings: of the candidate.
        task: what it is trained on.
        seed: of the training.
        epochs: trained before.
        augmentation: what changes the sequences; None: nothing does.

    Attributes:
        split: what is trained on.
        order: the numbers of the sequences, batch by batch.
        stream: what dropout and augmentation draw from.
        augments: whether batches are drawn, too.
    """

    def __init__(
        self,
        settings: Training,
        task: LoadedTask,
        seed: int,
        epochs: int,
        augmentation: Augmentation | None,
    ) -> None:
        self._augmentation = augmentation
        self.augments = augmentation is not None
        self.split = task.train
        if epochs < settings.pretrain_epochs:
            assert task.pretraining is not None
            self.split = task.pretraining
        shuffle = torch.Generator().manual_seed(stream_seed(seed, "order", epochs))
        self.order = batches.shuffled(self.split, settings.batch_size, shuffle)
        self.stream = Stream(task.device, stream_seed(seed, "dropout", epochs))
        self._total = torch.zeros((), dtype=torch.float64, device=task.device)

    def batch(self, number: int) -> Batch:
        """Return a batch as it is trained on; to be asked for once, inside `stream`."""
        batch = self.split.take(self.order[number])
        return batch if self._augmentation is None else self._augmentation(batch)

    def note(self, loss: Tensor, batch: Batch, piece: Batch) -> None:
        """Take in the loss of a piece of a batch."""
        share = piece.inputs.shape[1] / batch.inputs.shape[1]
        self._total += loss.double() * len(batch) * share

    @property
    def loss(self) -> float:
        """The mean loss over all sequences, as they were met."""
        return float(self._total) / len(self.split)
