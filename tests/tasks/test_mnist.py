"""MNIST as its files hold it, whole and damaged."""

from __future__ import annotations

import gzip
import hashlib
import os
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from task_examples import complaint_of

from optcell_search import tasks
from optcell_search.tasks.datasets.idx import read_idx

NAMES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "t10k": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}


def idx(array: np.ndarray) -> bytes:
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return header + array.astype(np.uint8).tobytes()


def write_mnist(folder: Path, count: int = 12, *, zipped: bool = False) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.RandomState(5)
    for names in NAMES.values():
        arrays = random.randint(0, 256, (count, 28, 28)), np.arange(count) % 10
        for name, array in zip(names, arrays, strict=True):
            if zipped:
                (folder / f"{name}.gz").write_bytes(gzip.compress(idx(array)))
            else:
                (folder / name).write_bytes(idx(array))


@pytest.mark.parametrize("place", [".", "mnist", "MNIST/raw", "raw"])
@pytest.mark.parametrize("zipped", [False, True])
def test_files_are_found_where_they_usually_lie(tmp_path: Path, place: str, zipped: bool) -> None:
    write_mnist(tmp_path / place, zipped=zipped)
    task = tasks.load("mnist", tmp_path)
    images = np.random.RandomState(5).randint(0, 256, (12, 28, 28))
    assert torch.equal(task.train.inputs, torch.tensor(images[:10], dtype=torch.float32) / 255)
    # The last sixth of the training file.
    assert task.validation.targets.tolist() == [0, 1]
    assert len(task.unseal()) == 12


def test_the_search_does_not_need_the_test_files(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    for name in NAMES["t10k"]:
        (tmp_path / name).unlink()
    task = tasks.load("mnist", tmp_path)
    with pytest.raises(FileNotFoundError, match="t10k-images-idx3-ubyte"):
        task.unseal()


def test_pixels_and_permutation(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    rows = tasks.load("mnist", tmp_path).train.inputs
    pixels = tasks.load("mnist:steps=pixels", tmp_path).train.inputs
    one, two = (tasks.load(f"mnist:steps=pixels,permuted={n}", tmp_path) for n in (1, 2))
    assert torch.equal(pixels, rows.reshape(10, 784, 1))
    order = np.random.RandomState(1).permutation(784)
    assert torch.equal(one.train.inputs, pixels[:, order])
    assert not torch.equal(one.train.inputs, two.train.inputs)
    whole = tasks.load("mnist:steps=pixels", tmp_path)
    assert torch.equal(one.unseal().inputs, whole.unseal().inputs[:, order])
    with pytest.raises(ValueError, match="steps=pixels"):
        tasks.load("mnist:permuted=1", tmp_path)


def test_fewer_examples_are_the_first_of_the_file_and_leave_the_test_whole(tmp_path: Path) -> None:
    write_mnist(tmp_path, count=60)
    whole = tasks.load("mnist", tmp_path)
    fewer = tasks.load("mnist:examples=12", tmp_path)
    assert torch.equal(fewer.train.inputs, whole.train.inputs[:12])
    assert torch.equal(fewer.train.targets, whole.train.targets[:12])
    # A fifth as many, rounded up, and the last of the file.
    assert torch.equal(fewer.validation.inputs, whole.validation.inputs[-3:])
    assert torch.equal(fewer.validation.targets, whole.validation.targets[-3:])
    assert torch.equal(fewer.unseal().inputs, whole.unseal().inputs)
    all_of_them = tasks.load("mnist:examples=50", tmp_path)
    assert torch.equal(all_of_them.train.inputs, whole.train.inputs)
    assert torch.equal(all_of_them.validation.inputs, whole.validation.inputs)


def test_more_examples_than_there_are_are_refused(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    with pytest.raises(ValueError, match=r"mnist\.examples = 11; valid: up to 10") as caught:
        tasks.load("mnist:examples=11", tmp_path)
    assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match="examples"):
        tasks.load("mnist:examples=50001", tmp_path)


def test_missing_files_say_which_where_and_how(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        tasks.load("mnist", tmp_path / "nowhere")
    message = str(caught.value)
    for part in ("train-images-idx3-ubyte", str(tmp_path / "nowhere"), "OPTCELL_DATA", "download"):
        assert part in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("file", "content", "complaint"),
    [
        (0, b"", "not an IDX file"),
        (0, b"\x00\x00\x08\x03\x00\x00", "not an IDX file"),
        (0, idx(np.zeros((12, 28, 28)))[:-1], "truncated"),
        (0, idx(np.zeros((12, 28, 28))) + b"x", "truncated or damaged"),
        (0, idx(np.zeros((12, 27, 28))), "27, 28"),
        (0, idx(np.zeros((11, 28, 28))), "12 labels for the 11 images"),
        (0, idx(np.zeros(12)), "3 dimensions"),
        (1, idx(np.full(12, 10)), "label 10"),
        (1, idx(np.zeros((12, 1))), "1 dimensions"),
    ],
)
def test_damaged_files_are_refused(
    tmp_path: Path, file: int, content: bytes, complaint: str
) -> None:
    write_mnist(tmp_path)
    path = tmp_path / NAMES["train"][file]
    path.write_bytes(content)
    with pytest.raises(ValueError, match=complaint) as caught:
        tasks.load("mnist", tmp_path)
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("damage", ["cut", "header", "stream", "middle"])
def test_damaged_gzip_is_refused(tmp_path: Path, damage: str) -> None:
    write_mnist(tmp_path, zipped=True)
    path = tmp_path / f"{NAMES['train'][0]}.gz"
    content = bytearray(path.read_bytes())
    if damage == "cut":
        content = content[: len(content) // 2]
    else:
        content[{"header": 0, "stream": 10, "middle": len(content) // 2}[damage]] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"gzip|damaged"):
        tasks.load("mnist", tmp_path)


def test_too_few_images(tmp_path: Path) -> None:
    write_mnist(tmp_path, count=5)
    with pytest.raises(ValueError, match="too few"):
        tasks.load("mnist", tmp_path)


@given(content=st.binary(max_size=64), dimensions=st.sampled_from([1, 3]))
def test_any_bytes_are_an_array_or_a_value_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, dimensions: int
) -> None:
    folder = tmp_path_factory.mktemp("idx")
    for name, data in (("a", bytes((0, 0, 8, dimensions)) + content), ("b.gz", content)):
        path = folder / name
        path.write_bytes(data)
        complaint = complaint_of(lambda path=path: read_idx(path, dimensions=dimensions))
        assert complaint is None or str(path) in complaint


def real_mnist() -> Path:
    beside = Path(__file__).parents[3] / "shared" / "data"
    folder = Path(os.environ.get("OPTCELL_DATA", beside))
    if not any(folder.glob("**/train-images-idx3-ubyte*")):
        pytest.skip(f"no MNIST files under {folder}; set OPTCELL_DATA to the folder that has them")
    return folder


def test_the_real_files() -> None:
    task = tasks.load("mnist", real_mnist())
    assert task.train.inputs.shape == (50_000, 28, 28)
    assert task.validation.inputs.shape == (10_000, 28, 28)
    both = torch.cat([task.train.inputs, task.validation.inputs])
    stored = (both * 255).round().to(torch.uint8).numpy()
    # Header and pixels hash to the md5 that torchvision publishes for this file.
    digest = hashlib.md5(idx(stored), usedforsecurity=False).hexdigest()
    assert digest == "6bbc9ace898e44ae57da46a324031adb"
    assert task.train.targets[:8].tolist() == [5, 0, 4, 1, 9, 2, 1, 3]
