from __future__ import annotations

import math
import statistics

import optuna
import pytest
from optuna.samplers import GPSampler, NSGAIISampler, RandomSampler, TPESampler
from runs import SMALL_SPACE, a_request

from optcell_search.tuning.search.samplers import grid, make_sampler


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("tpe", TPESampler),
        ("gp", GPSampler),
        ("nsga2", NSGAIISampler),
        ("random", RandomSampler),
    ],
)
def test_names(tiny: str, name: str, kind: type) -> None:
    assert isinstance(make_sampler(a_request(tiny, sampler=name), 0), kind)


@pytest.mark.parametrize("name", ["tpe", "gp", "nsga2", "random"])
def test_a_row_is_chosen_by_seed_and_number(tiny: str, name: str) -> None:
    def chosen(seed: int, number: int) -> str:
        request = a_request(tiny, sampler=name, seed=seed)
        study = optuna.create_study(sampler=make_sampler(request, number))
        return str(request.search_space.suggest(study.ask()).key)

    assert chosen(0, 5) == chosen(0, 5)
    assert chosen(0, 5) != chosen(0, 6)
    assert chosen(0, 5) != chosen(1, 5)


def test_the_grid_is_shuffled_by_the_seed(tiny: str) -> None:
    def keys(seed: int) -> list[str]:
        request = a_request(tiny, space=SMALL_SPACE, sampler="grid", seed=seed)
        return [candidate.key for candidate in grid(request)]

    assert keys(0) == keys(0)
    assert keys(0) != keys(1)
    assert set(keys(0)) == set(keys(1))
    assert len(set(keys(0))) == len(keys(0)) == 8


def test_a_refused_suggestion_is_not_made_again(tiny: str) -> None:
    request = a_request(tiny, sampler="random")

    def suggested(attempt: int) -> str:
        study = optuna.create_study(sampler=make_sampler(request, 3, attempt))
        return str(request.search_space.suggest(study.ask()).key)

    assert suggested(2) == suggested(2)
    assert len({suggested(attempt) for attempt in range(4)}) == 4


def test_a_gaussian_process_learns_what_all_candidates_have(tiny: str) -> None:
    """Beside what one rule alone has, with trials that still run, and as a small loss is best."""
    request = a_request(tiny, sampler="gp", num_trials=40)
    study = optuna.create_study()
    rates = []
    for number in range(25):
        study.sampler = make_sampler(request, number)
        trial = study.ask()
        request.search_space.suggest(trial)
        rates.append(math.log10(trial.params["training.lr"]))
        if number != 12:
            study.tell(trial, (rates[-1] + 2) ** 2)
    early, late = (statistics.fmean(abs(r + 2) for r in part) for part in (rates[:10], rates[-10:]))
    assert late < early / 2
