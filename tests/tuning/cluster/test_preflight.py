"""What is asked before a search begins."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

import optcell_search
from optcell_search.tuning.cluster import preflight
from optcell_search.tuning.store.file_systems import Location


def test_on_a_system_that_is_not_posix_a_search_says_so_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preflight, "os", SimpleNamespace(name="nt"))
    out = tmp_path / "run"
    with pytest.raises(ValueError, match=r"^a search needs Linux or macOS .*; valid .*[^\n]$"):
        optcell_search.search("smoke", "digits", 1, out)
    assert not out.exists()


def test_a_store_is_asked_before_anything_is_started(tmp_path: Path) -> None:
    store = Location(f"local://{tmp_path}/store")
    preflight.check_storage(store)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match=r"^storage .*/file/x: cannot be written: [^\n]+$"):
        preflight.check_storage(Location(f"local://{tmp_path}/file/x"))


def test_a_folder_that_cannot_be_written_is_no_storage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Location(str(tmp_path / "a" / "b"))
    preflight.check_storage(place)
    monkeypatch.setattr("os.access", lambda path, _: Path(path) != tmp_path)
    with pytest.raises(ValueError, match=f"^storage {tmp_path}: cannot be written$"):
        preflight.check_storage(place)


def test_a_search_that_cannot_keep_its_weights_starts_no_ray(
    tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("started")

    monkeypatch.setattr("ray.init", refuse)
    (tmp_path / "file").touch()
    store = f"local://{tmp_path}/file/x"
    with pytest.raises(ValueError, match="cannot be written"):
        optcell_search.search("smoke", tiny, num_trials=1, out=tmp_path / "run", storage=store)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
