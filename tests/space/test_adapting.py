"""The space `auto` becomes one for the data at hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from optcell_search import tasks
from optcell_search.space import AUTO, DataSizes, SearchSpace, adapted, check_fit
from optcell_search.training import check_training, sizes_of
from optcell_search.tuning.resolving.resolve import resolve

SMALL = DataSizes(sequences=40, steps=150, readout="last", classes=2, symbols=False)


def values(space: SearchSpace, name: str) -> list[Any]:
    plain = space.domains[name].plain()
    return plain["choices"] if isinstance(plain, dict) else [plain]


@pytest.fixture(scope="module")
def auto() -> SearchSpace:
    return SearchSpace.load(AUTO)


@pytest.mark.parametrize(
    ("sequences", "batch"), [(1, 8), (40, 8), (241, 16), (1151, 64), (3200, 128), (10**6, 128)]
)
def test_batches_leave_steps_in_an_epoch(auto: SearchSpace, sequences: int, batch: int) -> None:
    space = adapted(auto, replace(SMALL, sequences=sequences))
    assert values(space, "training.batch_size") == [batch]


@pytest.mark.parametrize("steps", [3, 400, 100_000])
def test_the_cells_are_the_same_for_all_lengths(auto: SearchSpace, steps: int) -> None:
    assert adapted(auto, replace(SMALL, steps=steps)).cells == ("gru", "lstm")


def test_sizes_follow_the_number_of_sequences(auto: SearchSpace) -> None:
    few, some, many = (
        values(adapted(auto, replace(SMALL, sequences=count)), "model.hidden_size")
        for count in (499, 500, 10_000)
    )
    assert some == values(auto, "model.hidden_size")
    assert few == [width for width in some if width <= 128]
    assert many == [width for width in some if width >= 64]


@pytest.mark.parametrize(("steps", "largest"), [(150, 12), (32, 8), (21, 5), (8, 3), (1, 3)])
def test_kernels_are_short_beside_the_sequence(auto: SearchSpace, steps: int, largest: int) -> None:
    kernels = values(adapted(auto, replace(SMALL, steps=steps)), "model.front_kernel")
    assert max(kernels) == largest
    assert min(kernels) == 3


@pytest.mark.parametrize(
    ("steps", "strides"),
    [
        (8, [1]),
        (99, [1]),
        (100, [2, 1]),
        (251, [4, 2]),
        (400, [8, 4]),
        (1460, [16, 8]),
        (10**5, [32, 16]),
    ],
)
def test_long_sequences_are_taken_in_strides(
    auto: SearchSpace, steps: int, strides: list[int]
) -> None:
    space = adapted(auto, replace(SMALL, steps=steps))
    assert values(space, "model.front_stride") == strides
    typical = 1 if 1 in strides else strides[0]
    assert {one.model.front_stride for one in space.plain()} == {typical}


def test_nothing_is_read_ahead_or_together_where_every_step_counts(auto: SearchSpace) -> None:
    space = adapted(auto, replace(SMALL, readout="every"))
    assert values(space, "model.bidirectional") == [False]
    assert values(space, "model.readout") == ["last"]
    assert values(space, "training.slicing") == [0.0]
    assert values(space, "model.front_stride") == [1]
    long = adapted(auto, replace(SMALL, steps=5000, readout="every"))
    assert values(long, "model.front_stride") == [1]


def test_symbols_are_not_changed_nor_read_beside(auto: SearchSpace) -> None:
    space = adapted(auto, replace(SMALL, readout="every", symbols=True))
    assert values(space, "model.front") == ["none"]
    assert values(space, "model.bidirectional") == [False]
    for name in ("jitter", "scaling", "slicing"):
        assert values(space, f"training.{name}") == [0.0]


def test_numbers_have_no_labels_to_smooth(auto: SearchSpace) -> None:
    space = adapted(auto, replace(SMALL, classes=0))
    assert values(space, "training.label_smoothing") == [0.0]


def test_a_forecast_is_read_where_the_past_ends(auto: SearchSpace) -> None:
    space = adapted(auto, replace(SMALL, steps=5000, classes=0, forecast=True))
    assert values(space, "model.readout") == ["last", "attention"]
    assert values(space, "model.front") == ["none", "parallel"]
    assert values(space, "model.front_stride") == [1]
    # Of series whose past is no number among the inputs nothing is relative.
    assert values(space, "model.relative_to") == ["none"]
    assert {(one.model.front, one.model.readout_dropout) for one in space.plain()} == {
        ("none", 0.0)
    }


def test_a_file_to_forecast_is_known_for_one(tmp_path: Path) -> None:
    file = tmp_path / "series.csv"
    file.write_text("y\n" + "\n".join(str(i % 7) for i in range(200)) + "\n")
    task = tasks.load(f"forecast:file={file},target=y,window=14,horizon=2")
    assert sizes_of(task).forecast
    wider = SearchSpace.load(AUTO).to_dict()
    wider["training"] |= {key: {"choices": [0.0, 0.1]} for key in ("scaling", "slicing")}
    for given in (SearchSpace.load(AUTO), SearchSpace.from_dict(wider, where="wider")):
        space = adapted(given, sizes_of(task))
        check_fit(space, task)
        check_training(space, task)
    assert sizes_of(task).anchored
    # No rule's merit: the plain cells, by which rules are measured, are tried both ways.
    both = [(one.cell, one.model.relative_to) for one in space.plain()]
    assert both == [(cell, way) for cell in ("gru", "lstm") for way in ("last", "none")]
    assert not sizes_of(tasks.load("adding")).forecast


def test_labels_of_few_sequences_are_smoothed(auto: SearchSpace) -> None:
    few, some, by_loss = (
        values(adapted(auto, replace(SMALL, **changed)), "training.label_smoothing")
        for changed in (
            {"by_answers": True},
            {"by_answers": True, "sequences": 500},
            {"by_answers": False},
        )
    )
    assert few == [0.1]
    assert some == by_loss == values(auto, "training.label_smoothing")


@pytest.mark.parametrize(
    ("objectives", "counted"),
    [
        ([], True),
        (["accuracy", "parameters"], True),
        (["macro_f1", "balanced_accuracy"], True),
        (["cross_entropy"], False),
        (["accuracy", "brier"], False),
        (["loss", "parameters"], False),
        (["roc_auc"], False),
    ],
)
def test_who_asks_how_sure_answers_are_smooths_no_labels_unasked(
    objectives: list[str], counted: bool
) -> None:
    assert sizes_of(tasks.load("digits"), objectives).by_answers == counted


def test_texts_are_judged_by_how_sure_the_next_symbol_is(tmp_path: Path) -> None:
    file = tmp_path / "text.txt"
    file.write_text("the quick brown fox " * 400)
    sizes = sizes_of(tasks.load(str(file)))
    assert not sizes.by_answers
    smoothing = values(adapted(SearchSpace.load(AUTO), sizes), "training.label_smoothing")
    assert 0.0 in smoothing


def test_ranges_and_single_values_stay() -> None:
    space = SearchSpace(
        cells=["gru"],
        rules=["gd"],
        model={"hidden_size": {"low": 16, "high": 512, "log": True}},
        training={"batch_size": 7},
    )
    found = adapted(space, SMALL)
    assert found.domains["model.hidden_size"] == space.domains["model.hidden_size"]
    assert values(found, "training.batch_size") == [7]


def test_the_nearest_stays_where_nothing_is_allowed() -> None:
    space = SearchSpace(cells=["gru"], rules=["gd"], model={"hidden_size": {"choices": [512, 256]}})
    assert values(adapted(space, SMALL), "model.hidden_size") == [256]
    space = SearchSpace(cells=["gru"], rules=["gd"], model={"hidden_size": {"choices": [16, 32]}})
    large = replace(SMALL, sequences=20_000)
    assert values(adapted(space, large), "model.hidden_size") == [32]


def test_a_range_of_batches_stays() -> None:
    batches = {"batch_size": {"low": 8, "high": 64}}
    space = SearchSpace(cells=["gru"], rules=["gd"], training=batches)
    assert adapted(space, SMALL).domains["training.batch_size"].plain() == batches["batch_size"]


def test_a_space_of_ones_own_is_taken_as_it_stands(tmp_path: Path) -> None:
    (tmp_path / "auto.toml").write_text(
        'cells = ["gru"]\nrules = ["gd"]\n[model]\nhidden_size = { choices = [256, 512] }\n'
        "[training]\nbatch_size = { low = 8, high = 64 }\n"
    )
    own = SearchSpace.load(tmp_path / "auto.toml")
    assert own.name == AUTO
    assert resolve(own, "digits", num_trials=2).search_space == own
    assert resolve(AUTO, "digits", num_trials=2).search_space != SearchSpace.load(AUTO)


@pytest.mark.parametrize("spec", ["digits", "copying", "adding", "ucr:name=JapaneseVowels"])
def test_what_comes_out_fits_its_task(auto: SearchSpace, spec: str) -> None:
    task = tasks.load(spec)
    sizes = sizes_of(task)
    assert sizes.sequences == len(task.train)
    assert sizes.steps == task.train.inputs.shape[1]
    assert sizes.classes == len(task.classes) or spec in ("copying",)
    space = adapted(auto, sizes)
    check_fit(space, task)
    check_training(space, task)
    assert SearchSpace.from_dict(space.to_dict()) == space
    assert all(space.sample(seed) in space for seed in range(5))
