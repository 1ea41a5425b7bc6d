"""The files of a task on their way to workers that do not see them."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from runs import SPACE, write_tiny_data

import optcell_search
from optcell_search import tasks
from optcell_search.tasks.carrying import carried
from optcell_search.tuning import Run
from optcell_search.tuning.cluster import data_transfer
from optcell_search.tuning.cluster.data_transfer import DataChangedError, Source
from optcell_search.tuning.store.file_systems import Location


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What is fetched in this process lies in a folder of the test."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def write_table(folder: Path, name: str = "measured.csv") -> Path:
    folder.mkdir(exist_ok=True)
    random = np.random.default_rng(0)
    table = pd.DataFrame(random.normal(size=(400, 2)), columns=["flow", "level"])
    path = folder / name
    table.to_csv(path)
    return path


def write_digits(folder: Path) -> None:
    """Write MNIST's files with a few images, and one that is not of them."""
    folder.mkdir()
    random = np.random.default_rng(0)
    for part, count in (("train", 200), ("t10k", 20)):
        images = random.integers(0, 255, (count, 28, 28), dtype=np.uint8)
        labels = (np.arange(count) % 10).astype(np.uint8)
        for kind, content, magic in (("images-idx3", images, 3), ("labels-idx1", labels, 1)):
            head = bytes([0, 0, 8, magic]) + b"".join(
                size.to_bytes(4, "big") for size in content.shape
            )
            (folder / f"{part}-{kind}-ubyte").write_bytes(head + content.tobytes())
    (folder / "films.bin").write_bytes(bytes(1000))


def test_files_that_options_name_and_files_of_the_folder(tmp_path: Path) -> None:
    table = write_table(tmp_path / "far")
    near, far = "forecast:file=measured.csv,target=flow", f"forecast:file={table},target=flow"
    for spec, folder in ((near, str(table.parent)), (far, "data")):
        loaded = tasks.load(spec, folder)
        moved, files = carried(loaded.task, loaded.folder)
        assert files == {"file/measured.csv": table}
        assert moved == "forecast:file=file/measured.csv,target=flow"
    write_digits(tmp_path / "data")
    loaded = tasks.load("mnist", tmp_path / "data")
    moved, files = carried(loaded.task, loaded.folder)
    assert moved == "mnist"
    assert len(files) == 4
    assert all(tmp_path / "data" / name == path for name, path in files.items())


def test_what_is_not_seen_is_fetched_once(tmp_path: Path, temporary: Path) -> None:
    path = write_tiny_data(tmp_path)
    here = tasks.load(path)
    place = Location(str(tmp_path / "data_transfer"))
    source = Source(task=here.spec, data_dir="", fingerprint=here.fingerprint, transfer=str(place))
    data_transfer.send(here, place)
    # Where it is seen nothing is fetched.
    source.load()
    assert list(temporary.iterdir()) == []
    Path(path).unlink()
    assert source.load().fingerprint == here.fingerprint
    shutil.rmtree(tmp_path / "data_transfer" / "files")
    there = source.load()
    assert there.fingerprint == here.fingerprint
    assert len(there.unseal()) > 0


def test_other_data_under_the_same_path(tmp_path: Path) -> None:
    path = write_tiny_data(tmp_path)
    here = tasks.load(path)
    place = Location(str(tmp_path / "data_transfer"))
    source = Source(task=path, data_dir="", fingerprint=here.fingerprint, transfer=str(place))
    arrays = dict(np.load(path))
    np.savez(path, x=arrays["x"][::-1], y=arrays["y"])
    with pytest.raises(DataChangedError, match="is not that of the run"):
        source.load()
    data_transfer.send(here, place)
    # It was changed before it was sent.
    with pytest.raises(DataChangedError):
        source.load()
    np.savez(path, **arrays)
    data_transfer.send(here, place)
    Path(path).unlink()
    assert source.load().fingerprint == here.fingerprint


def test_what_cannot_be_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = Location(str(tmp_path / "data_transfer"))
    with pytest.raises(ValueError, match="it is not in files that could be sent"):
        data_transfer.send(tasks.load("digits", tmp_path / "nothing"), place)
    monkeypatch.setattr(data_transfer, "LIMIT", 100)
    task = tasks.load(write_tiny_data(tmp_path))
    with pytest.raises(ValueError, match=r"its files have .* GiB, and no more than .* under one p"):
        data_transfer.send(task, place)
    assert not (tmp_path / "data_transfer").exists()


@pytest.fixture
def seen_by_this_process_alone(tmp_path: Path) -> Iterator[Path]:
    """A folder under a path that leads somewhere in this process, and nowhere in any other."""
    if not Path("/proc/self/fd").is_dir():
        pytest.skip("no /proc here, so nothing can be hidden from a worker")
    folder = tmp_path / "secret"
    folder.mkdir()
    first = os.open(folder, os.O_RDONLY)
    number = fcntl.fcntl(first, fcntl.F_DUPFD_CLOEXEC, 900)
    os.close(first)
    yield Path(f"/proc/self/fd/{number}")
    os.close(number)


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
def test_a_search_whose_workers_do_not_see_the_data(
    seen_by_this_process_alone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_tiny_data(seen_by_this_process_alone)
    folder = tmp_path / "run"
    options = {"epochs": 1, "workers": 2, "threads": 1, "seed": 1}
    with monkeypatch.context() as patch:
        patch.setattr(data_transfer, "LIMIT", 100)
        with pytest.raises(ValueError, match=r"worker on .*: the data cannot be read there: .* se"):
            optcell_search.search(SPACE, path, 2, folder, **options)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["secret", "tmp"]

    run = optcell_search.search(SPACE, path, 2, folder, **options)
    assert run.status()["complete"] == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run", "secret", "tmp"]
    table = run.finalize(top=1, seeds=1)
    assert table["finalized"].tolist() == [1]

    # As on another machine, from the run folder alone.
    os.unlink(path)
    assert set(Run.open(folder).replay(0).differences.values()) == {0.0}
