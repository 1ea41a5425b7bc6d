"""Movies of digits: what they show, what they hide, and still images for convolutional cells."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from optcell_search import tasks
from optcell_search.space import Candidate, SearchSpace
from optcell_search.training import Training, count_parameters, feedforward_baseline

DATA = Path(os.environ.get("OPTCELL_DATA", Path(__file__).parents[3] / "shared" / "data"))
CLEAN = "stream_digits:noise=0,examples=20,size=16"


def frames(spec: str) -> torch.Tensor:
    task = tasks.load(spec, DATA)
    assert task.frame is not None
    return task.train.inputs.unflatten(2, task.frame)[:, :, 0]


def test_a_digit_moves_at_a_constant_speed_and_stays_in_the_frame() -> None:
    movies = frames(f"{CLEAN},hidden=0,frames=16")
    whole = movies[:, :1].sum((2, 3))
    torch.testing.assert_close(movies.sum((2, 3)), whole.expand(-1, 16))
    rows = (movies.sum(3) > 0).int().argmax(2)
    assert (rows.diff(dim=1).abs() <= 2).all()
    assert (rows != rows[:, :1]).any()


def test_each_frame_hides_a_half_and_together_they_show_all() -> None:
    whole, parts = frames(f"{CLEAN},hidden=0,frames=16"), frames(f"{CLEAN},frames=16")
    shown = parts.sum((2, 3)) / whole.sum((2, 3))
    assert (shown < 0.95).all()
    assert shown.mean() == pytest.approx(0.5, abs=0.05)
    hidden = (whole > 0) & (parts == 0)
    assert hidden.any((2, 3)).all()
    # Nothing is moved or brightened by being hidden.
    assert ((parts == whole) | (parts == 0)).all()


def test_noise_is_as_strong_as_asked_and_the_same_at_every_load() -> None:
    noisy, clean = frames("stream_digits:examples=20,size=16"), frames(CLEAN)
    assert (noisy - clean).std() == pytest.approx(0.2, rel=0.02)
    assert torch.equal(noisy, frames("stream_digits:examples=20,size=16"))


def test_images_are_used_again_with_another_movement() -> None:
    task = tasks.load("stream_digits:examples=2400,size=16,frames=2,noise=0,hidden=0")
    assert len(task.train) == 2400
    assert len(task.validation) == len(task.unseal()) == 600
    first, again = task.train.inputs[0], task.train.inputs[1151]
    assert task.train.targets[0] == task.train.targets[1151]
    torch.testing.assert_close(first.sum(), again.sum())
    assert not torch.equal(first, again)


def test_views_show_all_frames_at_once_or_the_last() -> None:
    movie = tasks.load(CLEAN).train.inputs
    stack, last = tasks.load(f"{CLEAN},view=stack"), tasks.load(f"{CLEAN},view=last")
    assert stack.frame == (8, 16, 16)
    assert torch.equal(stack.train.inputs[:, 0], movie.flatten(1))
    assert last.frame == (1, 16, 16)
    assert torch.equal(last.train.inputs, movie[:, -1:])


def test_movies_of_mnist() -> None:
    try:
        task = tasks.load("stream_digits:source=mnist,examples=12,noise=0,hidden=0", DATA)
        small = tasks.load("stream_digits:source=mnist,examples=12,size=16", DATA)
    except FileNotFoundError as missing:
        pytest.skip(str(missing))
    assert task.frame == (1, 32, 32)
    assert task.train.inputs.shape == (12, 8, 1024)
    lit = (task.train.inputs.view(12, 8, 32, 32) > 0).any(2).sum(2)
    assert lit.max() <= 14
    assert small.frame == (1, 16, 16)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("stream_digits:frames=0", r"stream_digits.frames = 0 is out of range; valid: integers, 1"),
        ("stream_digits:size=28", r"stream_digits.size = '28' is not an option; valid: 16, 32"),
        ("stream_digits:hidden=1", r"stream_digits.hidden = 1.0 is out of range"),
        ("stream_digits:noise=-1", r"stream_digits.noise = -1.0 is out of range"),
        ("stream_digits:examples=3", r"stream_digits.examples = 3 is out of range"),
    ],
)
def test_options_out_of_range_are_refused(spec: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        tasks.load(spec)
    assert "\n" not in str(caught.value)


def test_movies_of_the_user(tmp_path: Path) -> None:
    x = np.random.RandomState(0).randn(20, 3, 2, 4, 8).astype(np.float32)
    y = np.arange(20) % 2
    np.savez(tmp_path / "a.npz", x=x, y=y)
    task = tasks.load(str(tmp_path / "a.npz"))
    assert task.frame == (2, 4, 8)
    assert task.train.inputs.shape[1:] == (3, 64)
    assert candidate("conv_rnn").build(task)(task.train.inputs).shape[1:] == (2,)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": np.zeros((20, 0, 1, 8, 8))}, "has no frames; valid: .movies, frames, channels"),
        ({"x": np.zeros((20, 2, 1, 8, 8)), "lengths": np.ones(20, int)}, "all movies equally long"),
        (
            {
                "x": np.zeros((20, 2, 1, 8, 4)),
                "x_validation": np.zeros((20, 2, 1, 4, 8)),
                "y_validation": np.arange(20) % 2,
            },
            r"frames of \(1, 4, 8\); in training there were 32, of \(1, 8, 4\)",
        ),
    ],
)
def test_movies_that_cannot_be_used_are_refused(
    arrays: dict[str, np.ndarray], message: str, tmp_path: Path
) -> None:
    np.savez(tmp_path / "a.npz", y=np.arange(20) % 2, **arrays)
    with pytest.raises(ValueError, match=message) as caught:
        tasks.load(str(tmp_path / "a.npz"))
    assert "\n" not in str(caught.value)


def candidate(cell: str, **model: int) -> Candidate:
    return Candidate.from_dict(
        {
            "cell": {"name": cell},
            "rule": {"name": "heavy_ball"},
            "model": model,
            "training": {"optimizer": "adam", "lr": 5e-3},
        }
    )


@pytest.mark.parametrize("steps", ["rows", "pixels"])
def test_convolutional_candidates_refuse_what_is_no_image(steps: str) -> None:
    with pytest.raises(ValueError, match="cell 'conv_gru' needs images"):
        candidate("conv_gru").build(f"digits:steps={steps}")


def test_still_digits_are_learned() -> None:
    task = tasks.load("digits:steps=image")
    assert task.frame == (1, 8, 8)
    training = Training(candidate("conv_rnn", channels=8, steps=2, feedback_3_1=1), task, seed=0)
    scores = [training.epoch() for _ in range(5)]
    assert scores[-1]["accuracy"] > 0.5
    assert scores[-1]["gradient_first"] > 0


def test_still_mnist_fills_a_frame_that_halves() -> None:
    try:
        task = tasks.load("mnist:steps=image", DATA)
    except FileNotFoundError as missing:
        pytest.skip(str(missing))
    rows = tasks.load("mnist", DATA)
    assert task.frame == (1, 32, 32)
    image = task.train.inputs[:5].view(5, 32, 32)
    assert torch.equal(image[:, 2:-2, 2:-2], rows.train.inputs[:5])
    assert not image[:, :2].any()


def test_the_same_seed_trains_to_the_same_numbers_also_after_an_interruption() -> None:
    task = tasks.load("stream_digits:examples=32,size=16,frames=3")
    chosen = candidate("reciprocal_gated", channels=4, feedback_3_1=3)
    whole = Training(chosen, task, seed=3)
    whole.epoch()
    expected = whole.epoch()
    first = Training(chosen, task, seed=3)
    first.epoch()
    second = Training(chosen, task, seed=3)
    second.load_state_dict(first.state_dict())
    got = second.epoch()
    for name in ("accuracy", "loss", "train_loss", "gradient_first", "gradient_last"):
        assert got[name] == expected[name], name
    assert got["gradient_first"] != got["gradient_last"]


@pytest.mark.parametrize("cell", ["conv_gru", "reciprocal_gated"])
def test_the_baseline_has_as_many_parameters_and_no_memory(cell: str) -> None:
    task = tasks.load("stream_digits:examples=12,size=16,frames=4")
    chosen = candidate(cell, channels=12, feedback_3_1=3)
    baseline, stacked = feedforward_baseline(chosen, task)
    wanted = count_parameters(chosen.build(task))
    model = baseline.build(stacked)
    assert count_parameters(model) == pytest.approx(wanted, rel=0.1)
    assert baseline.cell == "conv_feedforward"
    assert baseline.training == chosen.training
    assert stacked.train.inputs.shape == (12, 1, 4 * 256)
    assert model(stacked.train.inputs).shape == (12, 10)


def test_only_movies_have_a_baseline() -> None:
    with pytest.raises(ValueError, match="has no movies; valid: stream_digits"):
        feedforward_baseline(candidate("conv_gru"), tasks.load("digits:steps=image"))
    plain = Candidate.from_dict({"cell": {"name": "lstm"}, "rule": {"name": "gd"}})
    with pytest.raises(ValueError, match="cell 'lstm' is not convolutional"):
        feedforward_baseline(plain, tasks.load(CLEAN))


def test_the_space_holds_what_it_is_for() -> None:
    space = SearchSpace.load("conv_recurrent")
    assert set(space.cells) == {"conv_rnn", "conv_gru", "conv_lstm", "reciprocal_gated"}
    assert len(space.rules) == 5
    assert len([name for name in space.domains if name.startswith("model.feedback_")]) == 15
    task = tasks.load("stream_digits:examples=10,frames=2")
    for seed in range(3):
        chosen = space.sample(seed)
        edges = {name for name in chosen.flat() if "feedback_" in name}
        model = chosen.to_dict()["model"]
        depth = model["depth"] if model["feedback"] else 0
        assert len(edges) == depth * (depth - 1) // 2
        assert chosen.build(task)(task.train.inputs[:1]).shape == (1, 10)
