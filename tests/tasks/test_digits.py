"""The embedded task: real digits, dealt out evenly."""

from __future__ import annotations

import torch

from optcell_search import tasks


def test_every_image_is_in_one_split_and_scaled() -> None:
    task = tasks.load("digits")
    splits = (task.train, task.validation, task.unseal())
    assert [len(split) for split in splits] == [1151, 287, 359]
    images = torch.cat([split.inputs for split in splits]).flatten(1)
    from sklearn.datasets import load_digits

    originals = torch.tensor(load_digits().data / 16, dtype=torch.float32)
    together = {tuple(image.tolist()) for image in images}
    assert together == {tuple(image.tolist()) for image in originals}
    assert images.min() == 0
    assert images.max() == 1


def test_labels_stay_with_their_images() -> None:
    from sklearn.datasets import load_digits

    digits = load_digits()
    label_of = {
        tuple(x): y for x, y in zip((digits.data / 16).tolist(), digits.target, strict=True)
    }
    task = tasks.load("digits")
    for split in (task.train, task.validation, task.unseal()):
        for image, label in zip(split.inputs.flatten(1).tolist(), split.targets, strict=True):
            assert label_of[tuple(image)] == label


def test_each_digit_has_its_share_of_every_split() -> None:
    task = tasks.load("digits")
    for split, share in ((task.train, 0.64), (task.validation, 0.16), (task.unseal(), 0.2)):
        shares = torch.bincount(split.targets, minlength=10) / (1797 / 10)
        assert ((shares - share).abs() < 0.03).all()


def test_pixels_are_the_rows_in_reading_order() -> None:
    rows, pixels = tasks.load("digits"), tasks.load("digits:steps=pixels")
    assert pixels.train.inputs.shape == (1151, 64, 1)
    assert torch.equal(pixels.train.inputs.reshape(-1, 8, 8), rows.train.inputs)
