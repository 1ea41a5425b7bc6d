"""A task of very unequal sequences gives without padding what it gives with it."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from optcell_search import tasks
from optcell_search.raw import ragged
from optcell_search.raw.predictor import Predictor
from optcell_search.space import Candidate
from optcell_search.tasks import LoadedTask, Ragged
from optcell_search.tasks.folds import fold
from optcell_search.tasks.joining import joined, whole_task
from optcell_search.training import (
    Training,
    evaluate,
    examine,
    examine_together,
    gradient_curve,
    gradient_norms,
    latency,
    outputs_on,
)
from optcell_search.training.batches import count, shuffled
from optcell_search.training.measuring.sketches import sketch
from optcell_search.training.recipe.augmentation import Augmentation
from optcell_search.training.recipe.losses import balanced
from optcell_search.training.recipe.schedule import steps_in

LONG, COUNT = 300, 40


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    random = np.random.RandomState(3)
    parts = []
    for number in range(COUNT):
        steps = LONG if number % 20 == 7 else random.randint(2, 12)
        label = number % 2
        parts.append(
            pd.DataFrame(
                {
                    "id": f"s{number:02}",
                    "a": random.randn(steps) + label,
                    "b": random.randn(steps),
                    "kind": "up" if label else "down",
                    "tag": random.choice(["x", "y", "z"], steps),
                    "level": random.randn(steps).round(3),
                    "whole": round(float(random.randn()), 3),
                }
            )
        )
    path = tmp_path_factory.mktemp("unequal") / "table.csv"
    pd.concat(parts).sample(frac=1, random_state=1).sort_index(kind="stable").to_csv(
        path, index=False
    )
    return path


TARGETS = {"sequence": "kind", "step": "tag", "numbers": "whole", "numbers-step": "level"}
FEATURES = "columns='a,b'"


def loaded(
    table: Path, target: str, monkeypatch: pytest.MonkeyPatch, *, unpadded: bool
) -> LoadedTask:
    with monkeypatch.context() as patch:
        patch.setattr(ragged, "LEAST", 0 if unpadded else 2**40)
        patch.setattr(ragged, "TIMES", 1)
        task = tasks.load(f'"{table}":sequence=id,target={target},columns="a,b"')
        task.unseal()
    return task


@pytest.fixture(params=TARGETS)
def both(
    request: pytest.FixtureRequest, table: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[LoadedTask, LoadedTask]:
    target = TARGETS[request.param]
    return tuple(loaded(table, target, monkeypatch, unpadded=u) for u in (False, True))  # type: ignore[return-value]


def candidate(**changes: Any) -> Candidate:
    training = {"batch_size": 8, "lr": 0.01, **changes.pop("training", {})}
    model = {"hidden_size": 6, **changes.pop("model", {})}
    return Candidate.from_dict(
        {
            "cell": {"name": changes.pop("cell", "lstm")},
            "rule": {"name": "adam", "mu": 0.6, "s": 0.6, "beta": 0.99, "eps": 1e-8},
            "model": model,
            "training": training,
        }
    )


def exact(task: LoadedTask) -> LoadedTask:
    """The same task in float64."""

    def double(split: tasks.Split) -> tasks.Split:
        inputs = split.inputs
        wide = (
            dataclasses.replace(inputs, values=inputs.values.double())
            if isinstance(inputs, Ragged)
            else inputs.double()
        )
        return dataclasses.replace(split, inputs=wide)

    return task.split_anew(double(task.train), double(task.validation))


def test_the_sequences_are_the_same(both: tuple[LoadedTask, LoadedTask]) -> None:
    padded, unpadded = both
    for name in ("train", "validation", "test"):
        one, two = getattr(padded, name), getattr(unpadded, name)
        assert isinstance(one.inputs, torch.Tensor)
        assert isinstance(two.inputs, Ragged)
        everything = torch.arange(len(one))
        left, right = one.take(everything), two.take(everything)
        steps = int(two.lengths.max())
        assert torch.equal(left.inputs[:, :steps], right.inputs)
        each = left.targets[:, :steps] if padded.readout == "every" else left.targets
        assert torch.equal(each.nan_to_num(9), right.targets.nan_to_num(9))
        assert left.lengths.tolist() == right.lengths.tolist()
    again = tasks.load(padded.spec)
    assert again.fingerprint == padded.fingerprint != unpadded.fingerprint
    assert padded.chance == pytest.approx(unpadded.chance)
    known, less = padded.info(), unpadded.info()
    assert less["steps"] == LONG
    assert {**known, "chance": 0} == {**less, "chance": 0}


VARIANTS: tuple[dict[str, Any], ...] = (
    {},
    {"model": {"bidirectional": True, "num_layers": 2}},
    {"model": {"norm": "layer", "residual": True, "num_layers": 2}},
    {"model": {"glu": True}},
    {"cell": "gru", "model": {"front": "serial"}},
    {"cell": "gru", "model": {"front": "parallel"}},
    {"cell": "gru", "model": {"front": "serial", "front_stride": 3}},
)


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_scores_and_outputs_are_the_same(
    both: tuple[LoadedTask, LoadedTask], variant: dict[str, Any]
) -> None:
    padded, unpadded = map(exact, both)
    torch.manual_seed(0)
    if padded.readout == "every" and variant.get("model", {}).get("front_stride", 1) > 1:
        with pytest.raises(ValueError, match="every step is read"):
            candidate(**variant).build(padded)
        return
    model = candidate(**variant).build(padded).double()
    one, two = (evaluate(model, task.train, task) for task in (padded, unpadded))
    assert one == pytest.approx(two, rel=1e-11)
    (left,), (right,) = (outputs_on(model, task.train, task) for task in (padded, unpadded))
    if padded.readout == "every":
        lengths = padded.train.lengths
        assert lengths is not None
        left = ragged.ragged(left, lengths).values
    torch.testing.assert_close(left, right, rtol=0, atol=1e-12)
    (one, told), (two, same) = (examine(model, t.train, t) for t in (padded, unpadded))
    assert one == pytest.approx(two, rel=1e-11)
    if "worst" in told:
        assert [w["index"] for w in told["worst"]] == [w["index"] for w in same["worst"]]
        assert [w["values"] for w in told["worst"]] == [w["values"] for w in same["worst"]]
    together, _ = examine_together([[right], [right]], unpadded.train, unpadded)
    # A mean of equal answers is rounded, which parts what was tied.
    assert together == pytest.approx(two, rel=1e-6)


def test_a_batch_of_alike_length_trains_alike(both: tuple[LoadedTask, LoadedTask]) -> None:
    """The same batch gives the same gradient, whatever it was padded to."""
    index = torch.tensor([0, 1, 2, 3, 4])
    found = []
    for task in map(exact, both):
        torch.manual_seed(0)
        model = candidate().build(task).double()
        batch = task.train.take(index)
        from optcell_search.training import predict

        task.loss(*predict(model, batch)).backward()  # type: ignore[no-untyped-call]
        found.append([p.grad for p in model.parameters()])
    for left, right in zip(*found, strict=True):
        torch.testing.assert_close(left, right, rtol=1e-10, atol=1e-12)


def test_an_epoch_takes_every_sequence_once_in_batches_of_alike_length(
    both: tuple[LoadedTask, LoadedTask],
) -> None:
    padded, unpadded = both
    split, size = unpadded.train, 4
    made = shuffled(split, size, torch.Generator().manual_seed(5))
    assert sorted(torch.cat(made).tolist()) == list(range(len(split)))
    assert len(made) == count(split, size)
    assert split.lengths is not None
    for index in made:
        lengths = split.lengths[index].tolist()
        assert max(lengths).bit_length() == min(lengths).bit_length()
    again = shuffled(split, size, torch.Generator().manual_seed(5))
    assert [i.tolist() for i in made] == [i.tolist() for i in again]
    other = shuffled(split, size, torch.Generator().manual_seed(6))
    assert [i.tolist() for i in made] != [i.tolist() for i in other]
    # Padded ones are the permutation that they always were.
    plain = shuffled(padded.train, size, torch.Generator().manual_seed(5))
    drawn = torch.randperm(len(split), generator=torch.Generator().manual_seed(5))
    assert torch.cat(plain).tolist() == drawn.tolist()
    assert steps_in(candidate().training, unpadded, 3) == 3 * count(split, 8)


def test_training_and_measuring_work(both: tuple[LoadedTask, LoadedTask]) -> None:
    padded, unpadded = both
    settings = {"schedule": "one_cycle", "jitter": 0.1, "scaling": 0.1}
    if unpadded.readout == "last":
        settings["slicing"] = 0.2
    one = candidate(training=settings)
    told = []
    for _ in range(2):
        training = Training(one, unpadded, seed=1, epochs=2)
        training.epoch()
        told.append(training.epoch())
    fixed = [{k: v for k, v in t.items() if k not in ("train_seconds", "latency_ms")} for t in told]
    assert fixed[0] == fixed[1]
    assert all(math.isfinite(value) for value in told[0].values())
    assert latency(training.model, unpadded.validation) > 0
    assert gradient_norms(training.model, unpadded).keys() == {"gradient_first", "gradient_last"}
    curve = gradient_curve(training.model, unpadded)
    assert all(math.isfinite(value) for value in curve.values())
    assert sketch(unpadded.train, 3) == sketch(padded.train, 3)
    if unpadded.classes:
        counts = [balanced(task.train, len(task.classes)) for task in both]
        assert torch.equal(*counts)
        assert torch.equal(padded.class_weights, unpadded.class_weights)
    spread = [Augmentation(one.training, task.train)._spread for task in both]
    torch.testing.assert_close(*spread, rtol=1e-6, atol=0)


def test_folds_are_the_same_sequences(both: tuple[LoadedTask, LoadedTask]) -> None:
    padded, unpadded = both
    for made in (lambda t: fold(t, 1, 3, 0), whole_task):
        one, two = made(padded), made(unpadded)
        assert isinstance(two.train.inputs, Ragged)
        for name in ("train", "validation"):
            left, right = getattr(one, name), getattr(two, name)
            everything = torch.arange(len(left))
            left, right = left.take(everything), right.take(everything)
            steps = right.inputs.shape[1]
            assert torch.equal(left.inputs[:, :steps], right.inputs)
            if one.readout == "last":
                assert torch.equal(left.targets, right.targets)
    mixed = joined(padded.train, unpadded.validation)
    same = joined(unpadded.train, unpadded.validation)
    assert isinstance(mixed.inputs, Ragged)
    assert torch.equal(mixed.inputs.values, same.inputs.values)  # type: ignore[union-attr]
    assert torch.equal(mixed.known.nan_to_num(9), same.known.nan_to_num(9))


def test_a_predictor_answers_alike(
    both: tuple[LoadedTask, LoadedTask], monkeypatch: pytest.MonkeyPatch
) -> None:
    padded, _ = both
    torch.manual_seed(0)
    predictor = Predictor(candidate().build(padded).eval(), padded.preprocessing)
    raw = padded.raw("validation")
    whole = predictor.predict(raw)
    monkeypatch.setattr(ragged, "LEAST", 0)
    monkeypatch.setattr(ragged, "TIMES", 1)
    found = predictor.predict(raw)
    assert isinstance(padded.preprocessing.inputs(raw).values, Ragged)
    numeric = whole.select_dtypes("number").columns
    assert (found.index == whole.index).all()
    assert (found.drop(columns=numeric) == whole.drop(columns=numeric)).all(axis=None)
    np.testing.assert_allclose(found[numeric], whole[numeric], rtol=1e-4, atol=1e-5)
