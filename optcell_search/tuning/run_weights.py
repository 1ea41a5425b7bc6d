"""A run's trained weights: found or trained again, and made a package."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from optcell_search import results
from optcell_search.space import Candidate, trial_seed
from optcell_search.stages import LOGGER
from optcell_search.training import DivergedError

from ..ledger.format import METRICS, REFIT, SPREAD, finalized_in
from ..ledger.trials.reasons import RunFailedError
from ..ledger.trials.scores import NO_RECORD, side_by_side
from ..pareto import Direction
from . import task_file
from .finalizing.finalized_choice import FinalizedSeed, choose_ensemble, choose_seed
from .replay import Replay, company_of, replay, trained
from .run_data import RunData
from .searched_weights import SearchedWeights
from .store import checkpoints, finalized_weights
from .worker.final_training import final_epochs, warn_of_early_end

if TYPE_CHECKING:
    from optcell_search.export import Reference, TaskDescription


class RunWeights(RunData):
    """What can be done with the weights of a run's trials on this machine, without Ray."""

    def replay(self, number: int, *, data_dir: str | Path | None = None) -> Replay:
        """Train a trial again, alone, outside the tuner.

        Args:
            number: of the trial.
            data_dir: as `Run.resume` takes it; nothing is written.

        Raises:
            ValueError: there is no such trial, or it finished no epoch.
        """
        moved = self._moved(data_dir)
        self._check_data(moved)
        return replay(self.request, self._trial(number), self._source_at(moved))

    def weights(self, number: int, *, data_dir: str | Path | None = None) -> dict[str, Tensor]:
        """Return a trial's trained weights, from its checkpoint or else by training it again.

        Of several repeats they are those of the first, of several folds those of the last where
        the task is a forecast, else of the first; earlier versions kept the first fold's always. A
        file of weights that cannot be read is warned of.
        """
        return self._searched(number, data_dir).weights

    def _searched(self, number: int, data_dir: str | Path | None) -> SearchedWeights:
        place = self._checkpoints / str(number)
        counts = self.request.folds, self.request.repeats
        saved = checkpoints.load_weights_and(checkpoints.FOLD, place)
        if saved is not None:
            return SearchedWeights(number, *saved, *counts)
        if checkpoints.WEIGHTS in place.sizes():
            warnings.warn(
                f"{place}: {checkpoints.WEIGHTS} cannot be read; trial {number} is trained again",
                stacklevel=2,
            )
        again = self.replay(number, data_dir=data_dir)
        return SearchedWeights(number, again.weights, again.fold, *counts)

    def _keeps(self, number: int) -> bool:
        return checkpoints.load_weights(self._checkpoints / str(number)) is not None

    def finalized_weights(
        self, number: int, seed: int, *, data_dir: str | Path | None = None
    ) -> dict[str, Tensor]:
        """Return what `finalize` has trained with one seed, kept or else trained again.

        Args:
            number: of the trial.
            seed: one of its finalized seeds.
            data_dir: as `Run.resume` takes it; nothing is written.

        Raises:
            ValueError: nothing was finalized with that seed.
        """
        record = self._finalized(number)
        if seed not in record["seeds"]:
            valid = ", ".join(map(str, record["seeds"])) or "none"
            raise ValueError(f"{self.directory}: trial {number} has no seed {seed}; valid: {valid}")
        refit, epochs = record.get(REFIT, False), record["epochs"]
        saved = finalized_weights.load(self._checkpoints, number, seed, epochs, refit)
        if saved is not None:
            return saved
        moved = self._moved(data_dir)
        self._check_data(moved)
        source = self._source_at(moved)
        together = side_by_side(record, seed)
        seeds = [seed, *(one for one in together if one != seed)]
        return trained(self.request, self._trial(number), seeds, epochs, source, refit=refit)

    def refitted_weights(
        self, number: int, *, place: int = 0, data_dir: str | Path | None = None
    ) -> dict[str, Tensor]:
        """Return what a trial comes to on training and validation data together.

        It is trained here, for the epochs that `finalize` with `refit` would take; nothing is
        tested and nothing written.

        Args:
            number: of the trial.
            place: which of the seeds that `finalize` would take, counted from 0.
            data_dir: as `Run.resume` takes it.

        Raises:
            ValueError: there is no such trial, or it did not complete.
            RunFailedError: it diverges on these data.
        """
        number = self._completed(self.results(), number)
        moved = self._moved(data_dir)
        self._check_data(moved)
        trial, request = self._trial(number), self.request
        seed = trial_seed(request.seed, trial.user_attrs["key"], request.trainings + place)
        epochs = final_epochs(trial, request, refit=True)
        warn_of_early_end(trial, epochs)
        source = self._source_at(moved)
        try:
            return trained(request, trial, [seed], epochs, source, refit=True)
        except DivergedError as error:
            raise RunFailedError(
                f"trial {number}, trained on all data but the test split: {error}"
            ) from error

    def export(
        self,
        which: str | int,
        out: str | Path,
        *,
        seed_of: int | None = None,
        ensemble: bool = False,
        data_dir: str | Path | None = None,
    ) -> Path:
        """Make a trained candidate a package that needs torch alone.

        Of a trial that `finalize` has trained again the weights are those of its best seed by
        validation, of any other those of the search, as `weights` has them; in folds these were
        trained on a part of the data, and the scores are means over all folds. With `ensemble` the
        package holds the weights of all its seeds, and averages what they answer, as `finalize` has
        tested it. The package's README and its ``config.json``, under ``weights``, say which.

        Where the task has a raw form of its data, the package's predictor must have on the
        validation part, as raw rows, the scores that the ledger has for these weights. Where the
        data are not there, that is left out with a warning, and weights that were kept are exported
        all the same.

        Args:
            which: number of a trial, or what `best` takes; ``"best"`` is the best of the finalized
                trials by the validation of fresh seeds, once the search's own best is among them.
            out: folder of the package; it must not exist.
            seed_of: take the weights of this one of the trial's finalized seeds, counted from 1.
            ensemble: take all of them; `finalize` must have tested their average.
            data_dir: as `Run.resume` takes it; nothing is written.

        Returns:
            The folder.

        Raises:
            ValueError: there is no such candidate, seed or ensemble, or both of these are asked
                for.
            FileExistsError: `out` exists.
            RunFailedError: the package does not compute what the candidate does; nothing is left.
        """
        from optcell_search.export import ExportError, export

        self._require_training()
        if Path(out).exists():
            raise FileExistsError(f"{out}: already exists; name a new folder for the export")
        if ensemble and seed_of is not None:
            raise ValueError(f"seed_of = {seed_of} and ensemble: valid: one seed, or all of them")
        number, candidate = self.candidate(self._best_tested() if which == "best" else which)
        moved = self._moved(data_dir)
        weights: Mapping[str, Tensor] | Sequence[Mapping[str, Tensor]]
        noted: Mapping[str, float] | None
        scores = self._scores(number)
        spread: Mapping[str, float] = {}
        if ensemble:
            together = choose_ensemble(number, self._finalized(number), str(self.directory))
            weights = [
                self.finalized_weights(number, seed, data_dir=data_dir) for seed in together.seeds
            ]
            origin, scores = together.to_dict(), dict(together.scores)
            noted = together.scores.get("validation")
        elif (chosen := self._finalized_seed(number, seed_of)) is not None:
            weights = self.finalized_weights(number, chosen.seed, data_dir=data_dir)
            origin, noted = chosen.to_dict(), chosen.validation or None
        else:
            searched = self._searched(number, data_dir)
            weights, origin = searched.weights, searched.to_dict()
            known = self._trial(number).user_attrs
            spread = known.get(SPREAD) or {}
            # Of several trainings the ledger has the means, and the weights are those of one.
            single = self.request.trainings == 1
            # What had company in the search and is trained again alone comes near its scores only.
            kept = company_of(self._trial(number)) == 1 or self._keeps(number)
            noted = known[METRICS] if single and kept else None
        described, compared, unchecked = self._described(moved, candidate, weights, noted)
        if unchecked:
            warnings.warn(f"the predictor's scores are not checked: {unchecked}", stacklevel=2)
        try:
            return export(
                candidate,
                weights,
                described,
                scores,
                out,
                compared,
                origin=origin,
                spread=spread,
                unchecked=unchecked,
            )
        except ExportError as error:
            raise RunFailedError(str(error)) from error

    def _best_tested(self) -> int:
        """Return the best trial: by fresh seeds, where those have judged the search's best, too."""
        found = int(self.best()["number"])
        first = next(iter(self._objectives))
        tested = results.eligible(self.finalized(), self._objectives)
        known = (
            tested.dropna(subset=[name])
            if (name := f"validation_{first}") in tested
            else tested[:0]
        )
        if found not in set(known["number"]):
            return found
        chosen = int(known["number"].iloc[0])
        LOGGER.info(
            "exporting trial %d, of %d finalized ones the best in %s by the validation of fresh "
            "seeds%s",
            chosen,
            len(known),
            first,
            "" if chosen == found else f"; the best of the search is trial {found}",
        )
        return chosen

    def _described(
        self,
        moved: Mapping[str, Any],
        candidate: Candidate,
        weights: Mapping[str, Tensor] | Sequence[Mapping[str, Tensor]],
        noted: Mapping[str, float] | None,
    ) -> tuple[TaskDescription, Reference | None, str]:
        """Return the task, what its predictor is to score, and why that cannot be known.

        Where the data are not there, the task is described by what the run folder keeps.
        """
        from .raw_scores import reference

        try:
            task = self._check_data(moved)
        except (OSError, ValueError) as error:
            stored = None if moved else task_file.read(self.directory, self.request)
            if stored is None:
                raise
            return stored, None, str(error).splitlines()[0]
        return task, reference(task, candidate, weights, noted, self.request.device), ""

    def _finalized(self, number: int) -> Mapping[str, Any]:
        return finalized_in(self._study.user_attrs).get(number, NO_RECORD)

    def _finalized_seed(self, number: int, place: int | None) -> FinalizedSeed | None:
        record = self._finalized(number)
        # Where costs alone are aimed at, the loss is what tells seeds apart.
        judged: dict[str, Direction] = {**self.request.objectives, "loss": "minimize"}
        return choose_seed(number, record, judged, place, str(self.directory))
