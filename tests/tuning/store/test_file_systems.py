from __future__ import annotations

import os
from pathlib import Path

import pytest

from optcell_search.tuning.store.file_systems import Location


@pytest.fixture(params=["path", "file", "fsspec"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Location:
    """A folder by its path, by a URI of pyarrow's, and by one that only fsspec can open."""
    where = {"path": f"{tmp_path}", "file": f"file://{tmp_path}", "fsspec": f"local://{tmp_path}"}
    return Location(where[request.param]) / "run"


def test_what_is_written_can_be_read(place: Location) -> None:
    assert place.read("0/state") is None
    assert place.sizes() == {}
    (place / "0").write("state", b"first")
    place.write("0/state", b"second")
    assert place.read("0/state") == b"second"
    assert (place / "0").read("state") == b"second"
    assert place.sizes() == {"0/state": 6}


def test_files_and_folders_are_deleted(place: Location) -> None:
    for name in ("0/a", "0/b", "1/a"):
        place.write(name, b"x")
    place.delete("0/a")
    assert set(place.sizes()) == {"0/b", "1/a"}
    place.delete("0")
    place.delete("nothing")
    assert set(place.sizes()) == {"1/a"}


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    place = Location(str(tmp_path))
    (tmp_path / "name").mkdir()
    (tmp_path / "name" / "in the way").touch()
    with pytest.raises(OSError, match="name"):
        place.write("name", b"x")
    assert os.listdir(tmp_path) == ["name"]


@pytest.mark.parametrize("where", ["nosuch://bucket/run", "relative/path://x"])
def test_a_uri_that_nothing_can_open(where: str) -> None:
    with pytest.raises(ValueError, match=r"storage .*: cannot be opened") as caught:
        Location(where)
    assert "\n" not in str(caught.value)


def test_in_a_path_no_sign_is_special(tmp_path: Path) -> None:
    name = "a?b #1 %20 {x}\né — 日本"
    place = Location(str(tmp_path / name)) / "r?n" / "checkpoints"
    place.write("model", b"whole")
    assert (tmp_path / name / "r?n" / "checkpoints" / "model").read_bytes() == b"whole"
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_in_a_uri_what_follows_the_question_mark_stays_behind() -> None:
    assert (Location("memory://runs?token=x") / "a").where == "memory://runs/a?token=x"
