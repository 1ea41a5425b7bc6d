"""In a population a candidate computes what it computes alone, whoever its neighbours are."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from optcell_search import tasks
from optcell_search.cells.memory.hippo import HiPPO
from optcell_search.space import Candidate
from optcell_search.tasks import LoadedTask
from optcell_search.tasks.folds import fold
from optcell_search.testing.side_by_side import every_rule, in_double, largest_gap, noise_task
from optcell_search.training import DivergedError, Population, Training, form
from optcell_search.training.population.paying import paying

TIMES = ("train_seconds", "latency_ms")
RULES = ("gd", "heavy_ball", "nesterov", "adam", "rmsprop")


def candidate(rule: str = "heavy_ball", cell: str = "lstm", **sections: Any) -> Candidate:
    known: dict[str, Any] = {"nesterov": {"restart": 3}, "adam": {"mu": 0.4, "beta": 0.8}}
    values = known.get(rule, {})
    model: dict[str, Any] = {"hidden_size": 6, **sections.get("model", {})}
    training = {"batch_size": 10, "lr": 0.003, **sections.get("training", {})}
    return Candidate.from_dict(
        {"cell": {"name": cell, **sections.get("options", {})}, "model": model}
        | {"rule": {"name": rule, **values}, "training": training}
    )


def without_times(metrics: Any) -> dict[str, float]:
    assert isinstance(metrics, dict), metrics
    return {key: value for key, value in metrics.items() if key not in TIMES}


def filled(candidates: list[Candidate], task: LoadedTask, size: int = 0) -> Population:
    population = Population(size or len(candidates))
    for seed, one in enumerate(candidates):
        population.add(Training(one, task, seed=seed, epochs=4))
    return population


@pytest.mark.parametrize("optimizer", ["rmsprop", "adam", "adamw"])
def test_each_slot_has_its_own_rule_rate_schedule_decay_clip_and_average(optimizer: str) -> None:
    candidates = [
        candidate(
            RULES[i % 5],
            training={
                "optimizer": optimizer,
                "lr": 0.001 * (i + 1),
                "weight_decay": 0.02 * (i % 2),
                "clip": (0.0, 0.1, 1.0)[i % 3],
                "schedule": ("constant", "cosine", "one_cycle")[i % 3],
                "averaging": 0.9 * (i % 2),
                "weights": ("last", "best")[i % 2],
                "patience": (0, 1)[i % 2],
            },
        )
        for i in range(7)
    ]
    with in_double():
        gap, population = largest_gap(candidates, [noise_task()] * 7, epochs=3)
    assert gap < 1e-10
    assert population.reasons == {}


AROUND = {
    "dropout": {"num_layers": 2, "dropout": 0.3, "input_dropout": 0.1, "readout_dropout": 0.2},
    "norms": {"num_layers": 2, "norm": "batch", "residual": True, "dropout": 0.2},
    "gates": {"num_layers": 2, "norm": "layer", "glu": True},
    "front": {"front": "parallel", "front_width": 4, "readout": "attention"},
    "stride": {"front": "serial", "front_width": 4, "front_stride": 3, "readout": "max"},
    "directions": {"bidirectional": True, "readout": "mean_max"},
}


@pytest.mark.parametrize("around", AROUND)
def test_each_slot_draws_its_own_dropout_and_augmentation(around: str) -> None:
    candidates = [
        candidate(rule, model=AROUND[around], training={"jitter": 0.1 * (i % 2), "slicing": 0.1})
        for i, rule in enumerate(RULES)
    ]
    with in_double():
        gap, _ = largest_gap(candidates, [noise_task(sequences=35)] * 5, epochs=2)
    assert gap < 1e-9


def test_learned_rules_and_groups_of_learning_rates() -> None:
    with in_double():
        learned = [candidate("adam", model={"learn_rule": True})] * 3
        assert largest_gap(learned, [noise_task()] * 3, epochs=2)[0] < 1e-10
        for averaging in (0.0, 0.9):
            apart = {"options": {"rebase": 3}, "training": {"averaging": averaging}}
            orthogonal = [candidate(rule, "orthogonal", **apart) for rule in RULES]
            assert largest_gap(orthogonal, [noise_task()] * 5, epochs=2)[0] < 1e-10


def test_fifty_steps_in_single_precision() -> None:
    candidates = every_rule("gru", {}, {"hidden_size": 8})
    task = noise_task(sequences=100)
    gap, _ = largest_gap(candidates, [task] * len(candidates), epochs=2)
    assert gap < 1e-5


def test_folds_of_unequal_size_are_trained_side_by_side() -> None:
    with in_double():
        whole = noise_task(sequences=60)
        folds = [fold(whole, number, 5, 0) for number in range(5)]
        assert len({len(one.train) for one in folds}) > 1
        gap, _ = largest_gap([candidate(training={"batch_size": 9})] * 5, folds, epochs=3)
    assert gap < 1e-10


@pytest.mark.parametrize("readout", ["last", "mean"])
def test_states_go_from_piece_to_piece(tmp_path: Path, readout: str) -> None:
    (tmp_path / "text.txt").write_text("to be or not to be that is the question " * 40)
    task = tasks.load(f"{tmp_path}/text.txt:streams=4,chunk=8")
    assert task.chunk
    model = {"front": "serial", "front_width": 4} if readout == "mean" else {}
    gap, _ = largest_gap([candidate(rule, model=model) for rule in RULES], [task] * 5, epochs=2)
    assert gap < 1e-4


@pytest.mark.parametrize("cell", ["lstm", "orthogonal", "min_gru"])
def test_a_slot_that_diverges_ends_alone_and_no_digit_of_others_changes(
    cell: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = noise_task()
    candidates = [candidate(rule, cell) for rule in ("gd", "nesterov", "heavy_ball")]
    healthy = filled(candidates, task)
    expected = [list(map(without_times, healthy.epoch())) for _ in range(2)]

    sick = filled(candidates, task)
    victim, calls = sick.trainings[1], 0
    original = victim.loss

    def loss(outputs: torch.Tensor, *rest: Any) -> torch.Tensor:
        nonlocal calls
        calls += 1
        return original(outputs, *rest) * (math.nan if calls == 4 else 1)

    monkeypatch.setattr(victim, "loss", loss)
    first = sick.epoch()
    assert isinstance(first[1], DivergedError)
    assert str(first[1]) == "loss is not finite at epoch 1, step 4"
    assert victim not in sick.trainings
    for k in (0, 2):
        assert without_times(first[k]) == expected[0][k]
    second = sick.epoch()
    assert [without_times(one) for one in second] == [expected[1][0], expected[1][2]]


def test_a_free_slot_is_refilled_from_a_checkpoint_and_who_leaves_goes_on_alone() -> None:
    task = noise_task()
    chosen = [candidate(rule, training={"optimizer": "adamw"}) for rule in RULES]

    def saved(training: Training) -> dict[str, Any]:
        file = io.BytesIO()
        torch.save(training.state_dict(), file)
        # A slot's tensors are rows of larger ones, which no checkpoint takes along.
        assert len(file.getvalue()) < 200_000
        file.seek(0)
        state: dict[str, Any] = torch.load(file, weights_only=True)
        return state

    with in_double():
        task = noise_task()
        alone = [Training(one, task, seed=7, epochs=4) for one in chosen]
        expected = [[without_times(one.epoch()) for _ in range(4)] for one in alone]
        population = Population(3)
        for one in chosen[:3]:
            population.add(Training(one, task, seed=7, epochs=4))
        assert population.free == 0
        with pytest.raises(ValueError, match="all 3 slots are taken"):
            population.add(Training(chosen[3], task, seed=7))
        population.epoch()
        leaving, state = population.trainings[0], saved(population.trainings[1])
        population.remove(leaving)
        late = Training(chosen[3], task, seed=7, epochs=4)
        late.epoch()
        joining = Training(chosen[3], task, seed=7, epochs=4)
        joining.load_state_dict(saved(late))
        population.add(joining)
        found = population.epoch()
        restored = Training(chosen[1], task, seed=7, epochs=4)
        restored.load_state_dict(state)
    assert population.occupancy == 1.0
    for got, k, epoch in [
        (leaving.epoch(), 0, 1), (leaving.epoch(), 0, 2), (found[0], 1, 1), (found[1], 2, 1),
        (found[2], 3, 1), (restored.epoch(), 1, 1), (restored.epoch(), 1, 2),
    ]:  # fmt: skip
        assert without_times(got) == pytest.approx(expected[k][epoch], rel=1e-9)
    moments = restored.optimizer.state[next(restored.live.parameters())].values()
    tensors = [*leaving.live.parameters(), *moments]
    assert all(t.untyped_storage().nbytes() == t.numel() * t.element_size() for t in tensors)
    steps = [state["step"] for state in leaving.optimizer.state.values()]
    assert len({step.data_ptr() for step in steps}) == len(steps)
    assert {float(step) for step in steps} == {12.0}


def test_what_does_not_fit_is_refused_and_what_cannot_be_mapped_runs_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = noise_task()
    population = filled([candidate()], task, size=4)
    for other in (
        candidate("gd", "gru"), candidate(model={"hidden_size": 7}),
        candidate(training={"batch_size": 11}), candidate(training={"optimizer": "adam"}),
    ):  # fmt: skip
        assert form(other) != form(candidate())
        with pytest.raises(ValueError, match="valid in this population: Form"):
            population.add(Training(other, task, seed=0))
    assert form(candidate("adam", training={"lr": 0.1, "clip": 3.0})) == form(candidate())
    with pytest.raises(ValueError, match="is not of the kind of"):
        population.add(Training(candidate(), noise_task(features=4), seed=0))
    with pytest.raises(ValueError, match="size = 0 is out of range"):
        Population(0)
    population.epoch()
    assert population.occupancy == 0.25

    random = np.random.RandomState(0)
    x, lengths = random.randn(40, 6, 2), random.randint(1, 7, 40)
    np.savez(tmp_path / "a.npz", x=x, y=lengths % 2, lengths=lengths)
    unequal = tasks.load(str(tmp_path / "a.npz"))
    gap, several = largest_gap([candidate()] * 2, [unequal] * 2, epochs=1)
    assert gap == 0
    assert "of several lengths" in several.reasons["heavy_ball"]

    original = HiPPO.step

    def branching(self: HiPPO, weights: Any, u: torch.Tensor, hidden: Any) -> Any:
        return original(self, weights, u * 2 if bool(u.sum() > 1e9) else u, hidden)

    monkeypatch.setattr(HiPPO, "loop", None)
    monkeypatch.setattr(HiPPO, "step", branching)
    gap, alone = largest_gap([candidate(cell="hippo")] * 2, [task] * 2, epochs=1)
    assert gap == 0
    assert alone.reasons["heavy_ball"].startswith("torch.func.vmap: ")


@pytest.mark.skipif(
    not torch.cuda.is_available(),
    reason="needs a CUDA GPU: run scripts/test on a machine that has one",
)
@pytest.mark.parametrize("optimizer", ["rmsprop", "adam", "adamw"])
def test_on_a_gpu_who_leaves_goes_on_alone(optimizer: str) -> None:
    one = candidate("gd", training={"optimizer": optimizer})
    alone = Training(one, noise_task(), seed=0, device="cuda", epochs=2)
    expected = [without_times(alone.epoch()) for _ in range(2)][-1]
    population = Population(2)
    for seed in (0, 1):
        population.add(Training(one, noise_task(), seed=seed, device="cuda", epochs=2))
    leaving = population.trainings[0]
    population.epoch()
    population.remove(leaving)
    assert without_times(leaving.epoch()) == pytest.approx(expected, rel=1e-3)


def test_auto_takes_side_by_side_what_was_measured_to_pay() -> None:
    digits = tasks.load("digits")
    assert paying(candidate(model={"hidden_size": 64}), digits) > 1
    # 128 units, 128 sequences: the arithmetic is all of a step.
    wide = candidate(model={"hidden_size": 128}, training={"batch_size": 128})
    assert paying(wide, digits) == 1
