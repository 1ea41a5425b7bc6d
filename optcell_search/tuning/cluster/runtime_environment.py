"""What the workers of a cluster need of this machine: the package as it is here, and plug-ins."""

from __future__ import annotations

import contextlib
import importlib.util
import tempfile
from collections.abc import Iterator
from importlib.metadata import Distribution, entry_points
from pathlib import Path
from typing import Any

from optcell_search import registry

_PACKAGE = Path(__file__).parents[2]
_REGISTRIES = (*registry.every_cell.members, registry.rules, registry.tasks, registry.penalties)
# What makes a folder of files an installed distribution, as far as entry points go.
_TELLING = ("METADATA", "entry_points.txt")


@contextlib.contextmanager
def runtime_environment() -> Iterator[dict[str, Any]]:
    """Give the Ray runtime environment that brings this package and all plug-ins to the workers.

    Torch and the other packages that these need have to be installed there; Ray carries no
    more than what is a few files. Good until `ray.init` has returned.
    """
    plugins = {entry for known in _REGISTRIES for entry in entry_points(group=known.group)}
    modules = {_PACKAGE}
    modules |= {_location(entry.module) for entry in plugins}
    distributions = {entry.dist.name: entry.dist for entry in plugins if entry.dist is not None}
    with tempfile.TemporaryDirectory() as folder:
        modules |= {_copy(each, Path(folder)) for each in distributions.values()}
        yield {
            "py_modules": sorted(str(path) for path in modules),
            "excludes": ["__pycache__"],
        }


def _location(module: str) -> Path:
    """Return the folder of the package that a module is in, or its only file."""
    top = module.partition(".")[0]
    spec = importlib.util.find_spec(top)
    # The registry has imported it.
    assert spec is not None, top
    if spec.submodule_search_locations:
        return Path(next(iter(spec.submodule_search_locations)))
    assert spec.origin is not None, top
    return Path(spec.origin)


def _copy(distribution: Distribution, folder: Path) -> Path:
    target = folder / f"{distribution.name.replace('-', '_')}-{distribution.version}.dist-info"
    target.mkdir()
    for name in _TELLING:
        (target / name).write_text(distribution.read_text(name) or "", encoding="utf-8")
    return target
