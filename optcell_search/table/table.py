"""A table of trained candidates on which searches can be simulated."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .trained import TrainedCandidates

if TYPE_CHECKING:
    from ..tuning import Run


class Table(TrainedCandidates):
    """Candidates of one search space, each trained on one task with several seeds.

    See `trained.TrainedCandidates` for asking it.
    """

    def simulate(
        self,
        sampler: str = "tpe",
        scheduler: str = "auto",
        workers: int = 1,
        trials: int = 100,
        seed: int = 0,
        *,
        objectives: Sequence[str] | None = None,
        constraints: Sequence[str] = (),
        repeats: int = 1,
        plain: bool = True,
        out: str | Path | None = None,
    ) -> Run:
        """Search the table as `search` does, without training anything; return the run.

        The searcher, the scheduler and the ledger are those of a real search; what a trial scores
        and how many seconds it takes are read from the table, and the clock is simulated. The same
        arguments give the same trials. What the table does not hold is stood for by what is nearest
        (`nearest`), and no candidate is tried twice, so there are no more trials than the table
        has candidates.

        Args:
            sampler, scheduler, seed, objectives, constraints: as `search` takes them.
            workers: candidates in training at once.
            trials: how many candidates to try; a warning says where the table has fewer.
            repeats: with how many of the table's seeds each is trained.
            plain: begin with the plain cells, as a search does.
            out: folder for the run; it must not exist, or be empty. None: a folder for temporary
                files, which is deleted with the run.

        Returns:
            The run; ``report.html`` is written by `Run.report`.

        Raises:
            ValueError, FileExistsError: the request cannot be carried out; nothing is written.
            RunFailedError: no candidate is complete, or the first eight all failed in the same way;
                nothing is written.
        """
        from .simulate import Asked, simulate

        asked = Asked(
            sampler=sampler,
            scheduler=scheduler,
            workers=workers,
            trials=trials,
            seed=seed,
            objectives=objectives,
            constraints=constraints,
            repeats=repeats,
            plain=plain,
        )
        return simulate(self, asked, out)
