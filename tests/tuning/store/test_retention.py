from __future__ import annotations

from pathlib import Path

from optcell_search.results import Direction
from optcell_search.tuning.store.checkpoints import TRAINING, WEIGHTS
from optcell_search.tuning.store.file_systems import Location
from optcell_search.tuning.store.finalized_weights import place
from optcell_search.tuning.store.retention import Retention


def keeper_of(folder: Path, directions: list[Direction], limit: int) -> Retention:
    return Retention(Location(str(folder)), directions, limit)


def checkpoint(retention: Retention, number: int, size: int = 100, state: int = 5) -> None:
    """Write what a worker writes, and tell the retention as the worker's report does."""
    row = retention.location / str(number)
    files = {WEIGHTS: size, TRAINING: state}
    for name, length in files.items():
        row.write(name, bytes(length))
    retention.wrote(number, files)


def kept(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def weights(*numbers: int) -> set[str]:
    return {f"{number}/{WEIGHTS}" for number in numbers}


def test_only_the_front_stays(tmp_path: Path) -> None:
    retention = keeper_of(tmp_path, ["maximize", "minimize"], limit=10_000)
    for number, values in enumerate([[0.5, 10.0], [0.4, 20.0], [0.9, 50.0]]):
        checkpoint(retention, number)
        retention.add(number, values)
    assert retention.front == [2, 0]
    assert kept(tmp_path) == weights(0, 2)
    checkpoint(retention, 3)
    retention.add(3, [0.95, 5.0])
    assert kept(tmp_path) == weights(3)


def test_what_is_running_is_left_alone(tmp_path: Path) -> None:
    retention = keeper_of(tmp_path, ["maximize"], limit=10_000)
    checkpoint(retention, 8)
    checkpoint(retention, 0)
    retention.add(0, [0.5])
    assert kept(tmp_path) == weights(0, 8) | {f"8/{TRAINING}"}


def test_a_budget_keeps_the_best(tmp_path: Path) -> None:
    retention = keeper_of(tmp_path, ["maximize", "minimize"], limit=250)
    for number in range(4):
        checkpoint(retention, number)
        retention.add(number, [float(number), float(number)])
    assert retention.front == [3, 2, 1, 0]
    assert kept(tmp_path) == weights(3, 2)


def test_no_room_at_all(tmp_path: Path) -> None:
    retention = keeper_of(tmp_path, ["minimize"], limit=0)
    checkpoint(retention, 0)
    retention.add(0, [1.0])
    assert kept(tmp_path) == set()


def test_what_can_resume_comes_before_the_front(tmp_path: Path) -> None:
    retention = keeper_of(tmp_path, ["maximize", "minimize"], limit=260)
    for number in range(2):
        checkpoint(retention, number, 100)
        retention.add(number, [float(number), float(number)])
    assert retention.stored == 200
    (retention.location / "2").write(TRAINING, bytes(150))
    retention.wrote(2, {TRAINING: 150})
    assert kept(tmp_path) == weights(1) | {f"2/{TRAINING}"}
    assert retention.stored == 250


def test_what_dead_processes_left_is_swept(tmp_path: Path) -> None:
    first = keeper_of(tmp_path, ["maximize"], limit=10_000)
    for number in range(4):
        checkpoint(first, number)
    (first.location / "0").write(f".{TRAINING}.12345678", b"half a file")
    (first.location / "9").write(f".{WEIGHTS}.12345678", b"half a file")
    retention = keeper_of(tmp_path, ["maximize"], limit=10_000)
    retention.add(1, [0.5])
    retention.sweep({2})
    assert kept(tmp_path) == weights(1, 2) | {f"2/{TRAINING}"}
    assert {path.name for path in tmp_path.iterdir()} == {"1", "2"}
    assert retention.stored == sum(path.stat().st_size for path in tmp_path.rglob("*.*"))


def test_what_finalize_trained_stays_and_counts(tmp_path: Path) -> None:
    retention = keeper_of(tmp_path, ["maximize", "minimize"], limit=250)
    place(retention.location, 0, 2**62, False).write(WEIGHTS, bytes(100))
    # Of a worker that died.
    place(retention.location, 0, 7, False).write(f".{WEIGHTS}.0123abcd", bytes(5))
    retention.location.write("finalized/notes.txt", b"somebody's own")
    retention.sweep(set())
    assert kept(tmp_path) == {f"finalized/0/{2**62}/{WEIGHTS}", "finalized/notes.txt"}
    assert retention.stored == 100
    for number in range(3):
        checkpoint(retention, number)
        retention.add(number, [float(number), float(number)])
    # Room for one more: the front gives way, and a trial that is let go leaves its seeds.
    assert kept(tmp_path) & weights(0, 1, 2) == weights(2)
    retention.drop(0)
    assert (tmp_path / "finalized" / "0" / str(2**62) / WEIGHTS).is_file()


def test_what_was_cut_makes_way_for_the_first_that_was_not(tmp_path: Path) -> None:
    retention = keeper_of(tmp_path, ["maximize", "minimize"], limit=10_000)
    for number, whole, expected in ((0, False, {0}), (1, True, {1}), (2, False, {1})):
        checkpoint(retention, number)
        # What was cut dominates: it had fewer seconds of training, say.
        retention.add(number, [0.5, 20.0] if whole else [0.9, 10.0], whole=whole)
        assert kept(tmp_path) == weights(*expected)
    assert retention.front == [1]
