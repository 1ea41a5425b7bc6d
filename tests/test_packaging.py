"""The wheel holds all that a user without a clone needs."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built and unpacked as pip unpacks it."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_the_shipped_spaces_are_found_outside_the_clone(installed: Path, tmp_path: Path) -> None:
    program = (
        f"import sys; sys.path.insert(0, {str(installed)!r})\n"
        "import optcell_search, search_spaces\n"
        "from optcell_search import SearchSpace\n"
        "print(optcell_search.__file__); print(search_spaces.__file__)\n"
        "print([SearchSpace.load(name).name for name in SearchSpace.names()])"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", program], cwd=tmp_path, capture_output=True, text=True
    )
    package, spaces, names = done.stdout.splitlines()
    assert package.startswith(str(installed)), done.stderr
    assert spaces.startswith(str(installed))
    assert {"optimizer_cells", "momentum_lstm", "smoke"} <= set(eval(names))


def test_everything_tracked_in_the_rooms_is_in_the_wheel(installed: Path) -> None:
    for room in ("optcell_search", "search_spaces"):
        for path in (ROOT / room).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                assert (installed / path.relative_to(ROOT)).is_file(), path


def test_it_is_typed_licensed_and_has_its_command(installed: Path) -> None:
    assert (installed / "optcell_search/py.typed").is_file()
    (info,) = installed.glob("optcell_search-*.dist-info")
    assert "Apache License" in (info / "licenses/LICENSE").read_text()
    commands = (info / "entry_points.txt").read_text()
    assert "optcell-search = optcell_search.cli:main" in commands
