"""The house rules that can be read off the imports."""

from __future__ import annotations

import ast
import statistics
import subprocess
import sys
from collections.abc import Container
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "optcell_search"

# What each room may import of the others. Reading down, arrows point up only.
ARROWS: dict[str, set[str]] = {
    "hyperparameters": set(),
    "shapes": set(),
    "registry": set(),
    "pareto": set(),
    "stages": set(),
    "wording": set(),
    "notebook": set(),
    "kernels": {"shapes"},
    "rules": {"hyperparameters", "shapes", "registry", "kernels"},
    "cells": {"hyperparameters", "shapes", "registry", "kernels", "rules"},
    "penalties": {"hyperparameters", "shapes"},
    "raw": set(),
    "space": {"hyperparameters", "registry", "cells", "tasks"},
    "tasks": {
        "hyperparameters", "shapes", "registry", "kernels", "rules", "cells", "penalties", "raw",
    },
    "training": {
        "hyperparameters", "shapes", "registry", "rules", "cells", "penalties", "tasks", "space",
    },
    "ledger": {"pareto", "space"},
    "results": {"pareto", "space", "ledger"},
    "export": {"hyperparameters", "registry", "kernels", "rules", "cells", "raw", "space"},
    "dashboard": {
        "hyperparameters", "registry", "kernels", "rules", "cells", "space", "ledger", "results",
        "export", "wording",
    },
    "tuning": {
        "hyperparameters", "registry", "pareto", "cells", "raw", "tasks", "space", "training",
        "ledger", "results", "export", "dashboard", "stages", "wording", "notebook",
    },
    "table": {"pareto", "tasks", "space", "training", "ledger", "tuning"},
    "estimators": {"export", "raw", "space", "tuning"},
    "cli": {
        "registry", "tasks", "space", "training", "ledger", "results", "export", "dashboard",
        "tuning", "table", "stages", "wording",
    },
    "testing": {
        "hyperparameters", "registry", "kernels", "rules", "cells", "penalties", "tasks", "space",
        "training",
    },
}  # fmt: skip

# The rooms within `tuning`, which itself stands above them, in the same way.
TUNING_ARROWS: dict[str, set[str]] = {
    "store": set(),
    "cluster": {"store"},
    "worker": {"store", "cluster"},
    "search": {"store", "cluster", "worker"},
    "resolving": {"search"},
    "finalizing": {"store", "cluster", "worker"},
}

# Packages that only some rooms may import; the rest of the house stays free of them.
GUESTS: dict[str, set[str]] = {
    "ray": {"tuning", "table"},
    "optuna": {"ledger", "tuning", "results", "dashboard", "table"},
    "sklearn": {"estimators", "tasks"},
    "plotly": {"dashboard"},
    "dash": {"dashboard"},
    "pytest": {"testing"},
}
TORCH_AND_STANDARD_LIBRARY = {"rules", "cells", "kernels", "registry", "hyperparameters", "shapes"}
ACCELERATORS = {"triton", "numba", "jaxtyping", "numpy"}


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> set[tuple[int, str]]:
    """Return every import of a file, wherever in it, as (line, absolute dotted name)."""
    package = ("optcell_search", *path.relative_to(PACKAGE).parts[:-1])
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {(node.lineno, alias.name) for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = list(package[: len(package) - node.level + 1]) if node.level else []
            base += (node.module or "").split(".") if node.module else []
            found |= {(node.lineno, ".".join([*base, alias.name])) for alias in node.names}
    return found


FILES = [path for path in sorted(PACKAGE.rglob("*.py")) if room_of(path) != "__init__"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_one_way(path: Path) -> None:
    room = room_of(path)
    for line, name in imports(path):
        first, *rest = name.split(".")
        if first == "optcell_search":
            target = rest[0] if rest else ""
            allowed = target in ARROWS[room] | {room, "__version__"}
            assert allowed, f"{path.name}:{line}: {room} must not import {target}"
        elif first in GUESTS:
            assert room in GUESTS[first], f"{path.name}:{line}: {room} must not import {first}"
        elif room in TORCH_AND_STANDARD_LIBRARY:
            known = sys.stdlib_module_names | {"torch"} | ACCELERATORS
            assert first in known, f"{path.name}:{line}: {room} must not import {first}"
        elif room == "raw":
            known = sys.stdlib_module_names | {"torch", "numpy", "pandas"}
            assert first in known, f"{path.name}:{line}: an export carries {room} along"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_the_rooms_of_tuning_point_one_way_too(path: Path) -> None:
    parts = path.relative_to(PACKAGE).parts
    if parts[0] != "tuning" or len(parts) < 3:
        return
    for line, name in imports(path):
        if name.startswith("optcell_search.tuning."):
            target = name.split(".")[2]
            allowed = TUNING_ARROWS[parts[1]] | {parts[1]}
            assert target in allowed, f"{path.name}:{line}: {parts[1]} must not import {target}"


def test_no_files_import_each_other_in_a_circle() -> None:
    """Also where the import stands inside a function, or is made for the type checker alone."""
    names = {module_name(path): path for path in PACKAGE.rglob("*.py")}
    graph = {
        name: {target for _, full in imports(path) for target in targets(full, names)} - {name}
        for name, path in names.items()
        # The package's own head names what is loaded on first use, which comes after all imports.
        if name != "optcell_search"
    }
    try:
        list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def module_name(path: Path) -> str:
    parts = ("optcell_search", *path.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(parts).removesuffix(".__init__")


def targets(full: str, names: Container[str]) -> set[str]:
    """Return the file that an imported name comes from: the module, or the one that defines it."""
    found = next((name for name in (full, full.rpartition(".")[0]) if name in names), None)
    return set() if found in (None, "optcell_search") else {found}


def test_every_room_is_on_the_plan() -> None:
    assert {room_of(path) for path in FILES} <= set(ARROWS)


def test_no_file_is_long_and_most_are_short() -> None:
    """The package, the tests, the scripts and what makes the site alike."""
    lines = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for room in ("optcell_search", "search_spaces", "tests", "scripts", "docs")
        for path in (ROOT / room).rglob("*.py")
    }
    assert len(lines) > 700
    assert [f"{name}: {count}" for name, count in lines.items() if count > 300] == []
    assert statistics.median(lines.values()) <= 120


def test_a_cell_loads_torch_and_nothing_heavier() -> None:
    program = (
        "import sys, optcell_search\n"
        "print('torch' in sys.modules)\n"
        "optcell_search.OptCell, optcell_search.cells, optcell_search.rules\n"
        "heavy = {'ray', 'optuna', 'plotly', 'dash', 'pandas', 'sklearn', 'triton', 'numba'}\n"
        "print('torch' in sys.modules, sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=PACKAGE.parent
    )
    assert done.stdout.split() == ["False", "True", "[]"], done.stderr


def test_importing_a_space_does_not_load_what_trains_it() -> None:
    """A space is plain data: what reads one, such as `--help` or a page, waits for no training."""
    heavy = {
        "ray",
        "optuna",
        "optcell_search.tasks",
        "optcell_search.training",
        "sklearn",
        "pandas",
    }
    program = f"import sys, optcell_search.space\nprint(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=PACKAGE.parent
    )
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_help_waits_for_nothing() -> None:
    heavy = {"torch", "numpy", "pandas", "optuna", "ray", "sqlalchemy", "rich"}
    program = (
        "import sys\nfrom optcell_search.cli import main\ntry:\n    main(['run', '--help'])\n"
        f"except SystemExit:\n    print(sorted({heavy} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=PACKAGE.parent
    )
    assert done.stdout.splitlines()[-1] == "[]", done.stdout + done.stderr


@pytest.mark.parametrize("command", ["status", "results"])
def test_looking_at_a_run_waits_for_nothing_that_trains(command: str) -> None:
    program = (
        "import sys\nfrom optcell_search.cli import main\n"
        f"assert main(['{command}', 'tests/data/run_0_1_0']) == 0\n"
        "print(sorted({'torch', 'ray', 'sklearn', 'optcell_search.tasks'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=PACKAGE.parent
    )
    assert done.stdout.splitlines()[-1] == "[]", done.stdout + done.stderr
