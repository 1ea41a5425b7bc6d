"""The wheel holds all that a user without a clone needs, and says what is true."""

from __future__ import annotations

import ast
import email
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

import optcell_search
from optcell_search.export.package import REQUIREMENTS

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
PYTHONS = ("3.11", "3.12", "3.13", "3.14")


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


def test_the_version_stands_in_one_place(installed: Path) -> None:
    (info,) = installed.glob("optcell_search-*.dist-info")
    metadata = email.message_from_string((info / "METADATA").read_text())
    assert metadata["Version"] == optcell_search.__version__
    assert "version" not in PROJECT
    places = [
        path.relative_to(ROOT)
        for path in ROOT.joinpath("optcell_search").rglob("*.py")
        if f'"{optcell_search.__version__}"' in path.read_text()
    ]
    assert places == [Path("optcell_search/__init__.py")]


def test_metadata_link_to_the_project(installed: Path) -> None:
    (info,) = installed.glob("optcell_search-*.dist-info")
    metadata = email.message_from_string((info / "METADATA").read_text())
    links = dict(link.split(", ") for link in metadata.get_all("Project-URL"))
    assert {"Documentation", "Source", "Issues", "Changelog"} <= set(links)
    assert all(link.startswith("https://") for link in links.values())
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["repository-code"] == links["Source"]
    assert citation["url"] == links["Documentation"]
    assert citation["title"] == PROJECT["name"]
    assert citation["license"] == PROJECT["license"]
    assert "version" not in citation, "it stands in one place"


def test_all_say_the_same_of_python() -> None:
    classifiers = [line.rpartition(" :: ")[2] for line in PROJECT["classifiers"] if ":: 3." in line]
    assert tuple(classifiers) == PYTHONS
    allowed = SpecifierSet(PROJECT["requires-python"])
    assert [f"3.{minor}" for minor in range(30) if f"3.{minor}" in allowed] == list(PYTHONS)
    assert "on Python 3.11 to 3.14." in (ROOT / "scripts/constraints.txt").read_text()


def test_every_requirement_is_pinned_for_every_python() -> None:
    pins = {
        canonicalize_name(name): version
        for name, version in re.findall(
            r"^([\w.-]+)==(\S+)$", (ROOT / "scripts/constraints.txt").read_text(), re.MULTILINE
        )
    }
    for text in (*PROJECT["dependencies"], *(line for lines in EXTRAS.values() for line in lines)):
        requirement = Requirement(text)
        if requirement.name != PROJECT["name"]:
            assert pins[canonicalize_name(requirement.name)] in requirement.specifier, text


def test_everything_imported_is_declared() -> None:
    declared = {
        canonicalize_name(Requirement(text).name)
        for text in (*PROJECT["dependencies"], *(x for lines in EXTRAS.values() for x in lines))
    }
    brought_by = packages_distributions()
    for path in (ROOT / "optcell_search").rglob("*.py"):
        for name in imported(path):
            found = {canonicalize_name(each) for each in brought_by.get(name, [name])}
            assert found & declared, f"{path.relative_to(ROOT)} imports {name}"


def imported(path: Path) -> set[str]:
    """Return the top-level packages of others that a file imports, wherever in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
    tops = {name.partition(".")[0] for name in names}
    return tops - sys.stdlib_module_names - {"optcell_search", "search_spaces"}


def test_an_exported_package_asks_for_the_torch_that_was_tried() -> None:
    declared = {Requirement(text).name: text for text in PROJECT["dependencies"]}
    assert [declared[Requirement(text).name] for text in REQUIREMENTS] == list(REQUIREMENTS)


def choose(python: str, version: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Ask environment.sh on a machine that has one Python, of this name and version."""
    program = folder / python
    pretended = f"import sys; sys.version_info = ({version.replace('.', ', ')})"
    program.write_text(f"#!/bin/sh\nexec {sys.executable} -c '{pretended}\n'\"$2\"\n")
    program.chmod(0o755)
    return subprocess.run(
        ["/bin/bash", "-euc", ". scripts/environment.sh; python_with_venv"],
        cwd=ROOT,
        env={"PATH": str(folder)},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("version", PYTHONS)
def test_scripts_take_the_python_that_is_there(version: str, tmp_path: Path) -> None:
    for name in (f"python{version}", "python3"):
        (tmp_path / name).mkdir()
        assert choose(name, f"{version}.1", tmp_path / name).stdout == f"{name}\n"


@pytest.mark.parametrize("version", ["3.10.9", "3.15.0"])
def test_scripts_say_which_python_they_need(version: str, tmp_path: Path) -> None:
    done = choose("python3", version, tmp_path)
    assert done.returncode == 2
    assert not done.stdout
    assert done.stderr.startswith("no Python 3.11 to 3.14 with the venv module was found")
    assert len(done.stderr.splitlines()) == 1
