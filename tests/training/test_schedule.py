"""The learning rate over a training, and how many steps and epochs that has."""

from __future__ import annotations

import pytest
import torch

from optcell_search import tasks
from optcell_search.space import Candidate, Training
from optcell_search.tasks import LoadedTask
from optcell_search.training import automatic_epochs
from optcell_search.training import trainer as trained
from optcell_search.training.recipe.schedule import factor


@pytest.fixture(scope="module")
def digits() -> LoadedTask:
    return tasks.load("digits")


def candidate(**training: object) -> Candidate:
    return Candidate.from_dict(
        {
            "cell": {"name": "rnn"},
            "rule": {"name": "gd"},
            "model": {"hidden_size": 4},
            "training": {"batch_size": 200, "lr": 0.01, **training},
        }
    )


@pytest.mark.parametrize(
    ("settings", "values"),
    [
        ({}, {0.0: 1, 0.5: 1, 1.0: 1}),
        ({"warmup": 0.2}, {0.0: 0, 0.1: 0.5, 0.2: 1, 1.0: 1}),
        ({"schedule": "cosine"}, {0.0: 1, 0.5: 0.5, 1.0: 0}),
        ({"schedule": "cosine", "warmup": 0.5}, {0.25: 0.5, 0.5: 1, 0.75: 0.5, 1.0: 0}),
        ({"schedule": "one_cycle"}, {0.0: 0.04, 0.15: 0.52, 0.3: 1, 0.65: 0.5, 1.0: 0}),
    ],
)
def test_the_factor_of_the_learning_rate(
    settings: dict[str, object], values: dict[float, float]
) -> None:
    for done, expected in values.items():
        assert factor(Training(**settings), done) == pytest.approx(expected, abs=1e-12)


def test_one_cycle_is_torchs(digits: LoadedTask) -> None:
    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([weight], lr=1.0)
    theirs = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=1.0, total_steps=101, cycle_momentum=False, final_div_factor=1e9
    )
    for step in range(101):
        # It counts to its last step, so that its peak lies a step before 0.3 of all.
        place = step / 29.3 * 0.3 if step <= 29.3 else 0.3 + (step - 29.3) / (100 - 29.3) * 0.7
        assert optimizer.param_groups[0]["lr"] == pytest.approx(
            factor(Training(schedule="one_cycle"), place), abs=1e-6
        )
        optimizer.step()
        theirs.step()


def rates(training: trained.Training, epochs: int) -> list[float]:
    seen: list[float] = []
    original = training.optimizer.step

    def step() -> None:
        seen.append(training.optimizer.param_groups[0]["lr"])
        original()

    training.optimizer.step = step  # type: ignore[method-assign]
    for _ in range(epochs):
        training.epoch()
    return seen


def test_a_training_follows_its_schedule_also_after_an_interruption(digits: LoadedTask) -> None:
    chosen = candidate(schedule="cosine", warmup=0.25)
    straight = rates(trained.Training(chosen, digits, seed=0, epochs=3), 3)
    # 1,151 sequences in batches of 200: six steps an epoch.
    expected = [0.01 * factor(chosen.training, (step + 0.5) / 18) for step in range(18)]
    assert straight == pytest.approx(expected)
    first = trained.Training(chosen, digits, seed=0, epochs=3)
    first.epoch()
    second = trained.Training(chosen, digits, seed=0, epochs=3)
    second.load_state_dict(first.state_dict())
    assert rates(second, 3)[:12] == pytest.approx(expected[6:])
    # Past the budget the rate stays at its end.
    assert second.optimizer.param_groups[0]["lr"] == pytest.approx(0, abs=1e-12)


def test_groups_keep_their_own_rates(digits: LoadedTask) -> None:
    data = candidate(schedule="cosine").to_dict()
    data["cell"] = {"name": "orthogonal", "rate": 0.1}
    training = trained.Training(Candidate.from_dict(data), digits, seed=0, epochs=1)
    training.epoch()
    slow, fast = sorted(group["lr"] for group in training.optimizer.param_groups)
    assert 0 < slow == pytest.approx(0.1 * fast)


def test_a_schedule_needs_a_budget(digits: LoadedTask) -> None:
    with pytest.raises(ValueError, match=r"'one_cycle', .* valid: Training\(\.\.\., epochs=N\)"):
        trained.Training(candidate(schedule="one_cycle"), digits, seed=0)
    trained.Training(candidate(), digits, seed=0)


@pytest.mark.parametrize(
    ("sequences", "batch", "pieces", "epochs"),
    [(40, 8, 1, 400), (1000, 32, 1, 63), (60_000, 128, 1, 10), (1, 1, 1, 1000), (20, 10, 100, 10)],
)
def test_small_sets_get_many_epochs(sequences: int, batch: int, pieces: int, epochs: int) -> None:
    assert automatic_epochs(sequences, batch, pieces) == epochs
