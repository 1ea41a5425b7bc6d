"""The house rules that can be read off the imports."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "optcell_search"

# What each room may import of the others. Reading down, arrows point up only.
ARROWS: dict[str, set[str]] = {
    "hyperparameters": set(),
    "shapes": set(),
    "registry": set(),
    "kernels": {"shapes"},
    "rules": {"hyperparameters", "shapes", "registry", "kernels"},
    "cells": {"hyperparameters", "shapes", "registry", "kernels", "rules"},
    "objectives": {"hyperparameters", "shapes"},
    "raw": set(),
    "space": {"hyperparameters", "registry", "cells", "tasks"},
    "tasks": {
        "hyperparameters", "shapes", "registry", "kernels", "rules", "cells", "objectives", "raw",
    },
    "training": {
        "hyperparameters", "shapes", "registry", "rules", "cells", "objectives", "tasks", "space",
    },
    "results": {"space"},
    "export": {"hyperparameters", "registry", "kernels", "rules", "cells", "space"},
    "dashboard": {
        "hyperparameters", "registry", "kernels", "rules", "cells", "space", "results", "export",
    },
    "tuning": {
        "hyperparameters", "registry", "cells", "tasks", "space", "training", "results", "export",
        "dashboard",
    },
    "cli": {"registry", "tasks", "space", "training", "results", "export", "dashboard", "tuning"},
}  # fmt: skip

# Packages that only some rooms may import; the rest of the house stays free of them.
GUESTS: dict[str, set[str]] = {
    "ray": {"tuning"},
    "optuna": {"tuning", "results", "dashboard"},
    "plotly": {"dashboard"},
    "dash": {"dashboard"},
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


def test_every_room_is_on_the_plan() -> None:
    assert {room_of(path) for path in FILES} <= set(ARROWS)


def test_importing_the_package_loads_torch_and_nothing_heavier() -> None:
    program = (
        "import sys, optcell_search\n"
        "heavy = {'ray', 'optuna', 'plotly', 'dash', 'pandas', 'sklearn', 'triton', 'numba'}\n"
        "print('torch' in sys.modules, sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=PACKAGE.parent
    )
    assert done.stdout.split() == ["True", "[]"], done.stderr


def test_importing_the_space_does_not_load_torch_by_itself() -> None:
    source = (PACKAGE / "space.py").read_text() if (PACKAGE / "space.py").exists() else ""
    top_level = [
        node for node in ast.parse(source).body if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert "torch" not in ast.unparse(ast.Module(top_level, []))
