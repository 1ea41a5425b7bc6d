"""What is asked of a search while it goes on."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import optuna

from optcell_search.tuning.search.wishes import Wishes


def test_a_trial_is_pruned_once_somebody_wishes_it_and_no_other() -> None:
    study = optuna.create_study()
    now = [0.0]
    wishes = Wishes(SimpleNamespace(study=study), lambda: now[0])  # type: ignore[arg-type]
    assert not wishes.prune(7)
    study.set_user_attr("prune:7", True)
    study.set_user_attr("prune:8", False)
    assert not wishes.prune(7), "it looks once a second"
    now[0] = 1.0
    assert [wishes.prune(number) for number in (7, 8, 77)] == [True, False, False]


def test_looking_is_rare() -> None:
    looks: list[Any] = []

    class Study:
        @property
        def user_attrs(self) -> dict[str, Any]:
            looks.append(1)
            return {}

    now = [0.0]
    wishes = Wishes(SimpleNamespace(study=Study()), lambda: now[0])  # type: ignore[arg-type]
    for _ in range(100):
        wishes.prune(1)
        now[0] += 0.05
    assert len(looks) == 5


def test_new_limits_are_told_once_each_time_they_are_looked_for() -> None:
    study = optuna.create_study()
    now = [0.0]
    wishes = Wishes(SimpleNamespace(study=study), lambda: now[0])  # type: ignore[arg-type]
    study.set_user_attr("extend", {"num_trials": 9})
    assert wishes.extension() == {"num_trials": 9}
    assert wishes.extension() == {}
    study.set_user_attr("extend", "nothing that a command writes")
    now[0] = 1.0
    assert wishes.extension() == {}
