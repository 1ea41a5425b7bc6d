"""Candidates that are read off trained mixtures of rules: a warm start. No Ray."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from optuna.trial import FrozenTrial

from optcell_search.space import Candidate, SearchSpace, read_off

from ...ledger.format import MIXTURE, READ_OFF
from ...ledger.ledger import Ledger
from ...ledger.trials.ending import was_cut


class WarmStart:
    """The mixtures that a search begins with, and what is read off them.

    It remembers nothing that the ledger does not hold: a mixture that is complete has in its trial
    what is to be read.

    Args:
        ledger: of the run.
        space: that is searched.
    """

    def __init__(self, ledger: Ledger, space: SearchSpace) -> None:
        self._ledger = ledger
        self._space = space
        each = [Candidate.from_dict(one) for one in ledger.request.warm_start]
        self.mixtures = {candidate.key: candidate for candidate in each}
        self._found: tuple[Candidate, ...] | None = None if each else ()

    @property
    def in_training(self) -> bool:
        """Whether a mixture has begun and not ended: what is to come next hangs on it."""
        return self._found is None and not all(one.state.is_finished() for one in self._trials())

    @property
    def candidates(self) -> Sequence[Candidate]:
        """What has been read off, the strongest rule of each cell first; nothing before all ended.

        A mixture that failed, or that was stopped, tells nothing.
        """
        if self._found is None:
            trials = self._trials()
            ended = {trial.user_attrs["key"] for trial in trials if trial.state.is_finished()}
            if ended == self.mixtures.keys():
                self._found = tuple(self._read(trials))
        return self._found or ()

    def keeps(self, key: str) -> bool:
        """Whether the candidate of a key is a part of the warm start.

        These are trained to their end: what is read off a mixture is judged by what its candidates
        come to.
        """
        return key in self.mixtures or any(key == one.key for one in self.candidates)

    def _trials(self) -> list[FrozenTrial]:
        """Return the trials of mixtures, without those that ended because the search did."""
        mine = [t for t in self._ledger.trials() if t.user_attrs.get("key") in self.mixtures]
        return [trial for trial in mine if not was_cut(trial)]

    def _read(self, trials: Sequence[FrozenTrial]) -> list[Candidate]:
        each = []
        for trial in trials:
            if told := trial.user_attrs.get(MIXTURE):
                found = read_off(self._space, self.mixtures[trial.user_attrs["key"]], told)
                keys = {candidate.rule: candidate.key for candidate in found}
                self._ledger.note(f"{READ_OFF}{trial.number}", keys)
                each.append(found)
        ranks = itertools.zip_longest(*each)
        return [candidate for rank in ranks for candidate in rank if candidate is not None]
