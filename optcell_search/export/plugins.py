"""Carries along a rule or cell that another package brought."""

from __future__ import annotations

import ast
import importlib.metadata
import importlib.util
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

OURS = __package__.partition(".")[0]
ROOM = "plugins"


@dataclass(frozen=True)
class Carried:
    """What was carried along: names of top-level packages, and what they need installed."""

    packages: frozenset[str]
    requirements: tuple[str, ...]


def location(plugin: type) -> str:
    """Return where an exported package finds a class: ``.rules.adam:Adam``."""
    top, _, rest = plugin.__module__.partition(".")
    module = rest if top == OURS else f"{ROOM}.{plugin.__module__}"
    return f".{module}:{plugin.__qualname__}"


def carry(classes: Iterable[type], home: Path) -> Carried:
    """Copy the packages of foreign classes into the exported package.

    Imports of optcell_search become imports of the exported package, and imports of the carried
    package those of its copy.

    Args:
        classes: of the cell and the rule.
        home: folder of the exported package.
    """
    foreign = {plugin.__module__.partition(".")[0] for plugin in classes} - {OURS}
    renamed = {OURS: home.name} | {top: f"{home.name}.{ROOM}.{top}" for top in foreign}
    for top in sorted(foreign):
        for path in _copy(top, home / ROOM):
            path.write_text(rename(path.read_text(encoding="utf-8"), renamed), encoding="utf-8")
    requirements = sorted({need for top in foreign for need in _requirements(top)})
    return Carried(frozenset(foreign), tuple(requirements))


def _copy(top: str, room: Path) -> list[Path]:
    room.mkdir(exist_ok=True)
    (room / "__init__.py").write_text('"""Brought by other packages."""\n', encoding="utf-8")
    spec = importlib.util.find_spec(top)
    assert spec is not None, f"{top} is imported, so it can be found"
    if spec.submodule_search_locations:
        source = Path(spec.submodule_search_locations[0])
        shutil.copytree(source, room / top, ignore=shutil.ignore_patterns("__pycache__"))
        return sorted((room / top).rglob("*.py"))
    assert spec.origin is not None
    return [Path(shutil.copyfile(spec.origin, room / f"{top}.py"))]


def rename(source: str, names: Mapping[str, str]) -> str:
    """Return Python source in which top-level packages have other names.

    A name counts where an import statement begins with it, and, if ``import`` binds it, where an
    attribute is taken of it.
    """
    tree = ast.parse(source)
    imports = [
        alias for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    ]
    bound = {_top(alias.name) for alias in imports if alias.asname is None}
    places = [(alias.lineno, alias.col_offset, _top(alias.name)) for alias in imports]
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            places.append((node.lineno, node.col_offset + len("from "), _top(node.module)))
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            name = node.value
            if name.id in bound:
                places.append((name.lineno, name.col_offset, name.id))
    # ast counts columns in bytes.
    lines = source.encode().splitlines(keepends=True)
    for row, column, old in sorted(places, reverse=True):
        line = lines[row - 1]
        if old in names:
            end = column + len(old)
            lines[row - 1] = line[:column] + names[old].encode() + line[end:]
    return b"".join(lines).decode()


def _top(module: str) -> str:
    return module.partition(".")[0]


def _requirements(top: str) -> list[str]:
    distributions = importlib.metadata.packages_distributions().get(top, [])
    needs = [
        need for name in set(distributions) for need in importlib.metadata.requires(name) or []
    ]
    skipped = (OURS.replace("_", "-"), OURS, "torch", "safetensors")
    return [need for need in needs if "extra ==" not in need and _name(need) not in skipped]


def _name(requirement: str) -> str:
    """Return the name of a requirement, which ends at the first character no name holds."""
    allowed = "-_."
    end = next(
        (i for i, c in enumerate(requirement) if not (c.isalnum() or c in allowed)),
        len(requirement),
    )
    return requirement[:end].lower()
