from __future__ import annotations

from pathlib import Path

from optcell_search.tuning.checkpoints import TRAINING, WEIGHTS
from optcell_search.tuning.keeper import Keeper


def checkpoint(folder: Path, number: int, size: int = 100) -> None:
    (folder / str(number)).mkdir()
    (folder / str(number) / WEIGHTS).write_bytes(bytes(size))
    (folder / str(number) / TRAINING).write_bytes(b"state")


def kept(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def weights(*numbers: int) -> set[str]:
    return {f"{number}/{WEIGHTS}" for number in numbers}


def test_only_the_front_stays(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path, ["maximize", "minimize"], limit=10_000)
    for number, values in enumerate([[0.5, 10.0], [0.4, 20.0], [0.9, 50.0]]):
        checkpoint(tmp_path, number)
        keeper.add(number, values)
    assert keeper.front == [2, 0]
    assert kept(tmp_path) == weights(0, 2)
    checkpoint(tmp_path, 3)
    keeper.add(3, [0.95, 5.0])
    assert kept(tmp_path) == weights(3)


def test_what_is_running_is_left_alone(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path, ["maximize"], limit=10_000)
    checkpoint(tmp_path, 8)
    checkpoint(tmp_path, 0)
    keeper.add(0, [0.5])
    assert kept(tmp_path) == weights(0, 8) | {f"8/{TRAINING}"}


def test_a_budget_keeps_the_best(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path, ["maximize", "minimize"], limit=250)
    for number in range(4):
        checkpoint(tmp_path, number)
        keeper.add(number, [float(number), float(number)])
    assert keeper.front == [3, 2, 1, 0]
    assert kept(tmp_path) == weights(3, 2)


def test_no_room_at_all(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path, ["minimize"], limit=0)
    checkpoint(tmp_path, 0)
    keeper.add(0, [1.0])
    assert kept(tmp_path) == set()
