"""What `finalize` found out, as plain text: each metric is named once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from .tables import NO_INPUT, describe, fitted, score, spread, text, without_input

if TYPE_CHECKING:
    import pandas as pd

Chance = Mapping[str, Mapping[str, float]]
# Start of a column → what it holds; the search's own score has no start.
_SPLITS = {
    "": "search",
    "validation_": "validation",
    "test_": "test",
    "ensemble_test_": "ensemble",
    "baseline_test_": "baseline",
}


def finalized_scores(
    table: pd.DataFrame,
    objectives: Sequence[str],
    width: int = 0,
    chance: Mapping[str, Mapping[str, float]] = MappingProxyType({}),
) -> str:
    """Return the scores of finalized trials, in the order of the table.

    The objectives come first, of the search, of the fresh seeds on the validation part, and on the
    test part; below them the other metrics of the test part.

    Args:
        table: as `Run.finalize` returns it.
        objectives: names of the objectives.
        width: of the terminal, see `tables.fitted`.
        chance: as `RunFolder.chance` gives it; a last line and a last column, where there is some.
    """
    parts = [_scores(table, objectives, width, chance), _others(table, objectives, width, chance)]
    return "\n\n".join(part for part in parts if part)


def _scores(table: pd.DataFrame, objectives: Sequence[str], width: int, chance: Chance) -> str:
    over, head, columns = [""], ["trial"], []
    for name in objectives:
        known = [start for start in _SPLITS if _is_known(table, f"{start}{name}")]
        columns += [(start, name) for start in known]
        over += [_plain(name) if len(known) > 1 else "", *[""] * (len(known) - 1)]
        head += [_SPLITS[start] for start in known] if len(known) > 1 else [_plain(name)]
    rows = []
    for row in table.to_dict("records"):
        scores = [
            spread(row[f"{start}{name}"], row[f"{start}{name}_std"]) if start else score(row, name)
            for start, name in columns
        ]
        rows.append([str(row["number"]), *scores, describe(row)])
    if any(cells := without_input(columns, chance)):
        rows.append(["", *cells, NO_INPUT])
    return fitted([[*head, "candidate"], *rows], [*over, ""], width)


def _others(table: pd.DataFrame, objectives: Sequence[str], width: int, chance: Chance) -> str:
    """Return the metrics that are no objectives, one a line, and a column a trial."""
    found = [
        name.removeprefix("test_")
        for name in table.columns
        if name.startswith("test_") and not name.endswith("_std") and _is_known(table, name)
    ]
    # What is trained on is one of the metrics, under that name, too.
    same = "test_loss" in table and any(
        table[f"test_{name}"].equals(table["test_loss"]) for name in found if name != "loss"
    )
    names = [name for name in found if name not in objectives and not (same and name == "loss")]
    if not names:
        return ""
    rows = table.to_dict("records")
    columns = [
        [str(row["number"]), *(spread(row[f"test_{n}"], row[f"test_{n}_std"]) for n in names)]
        for row in rows
    ]
    if any(cells := without_input([("test_", name) for name in names], chance)):
        columns.append(["no input", *cells])
    first = ["other test scores", *map(_plain, names)]
    wide = max(len(cell) for column in columns for cell in column) + 2
    fitting = max(1, (width - max(map(len, first))) // wide) if width else len(columns)
    blocks = [columns[i : i + fitting] for i in range(0, len(columns), fitting)]
    return "\n\n".join(
        text([list(line) for line in zip(first, *block, strict=True)]) for block in blocks
    )


def _is_known(table: pd.DataFrame, column: str) -> bool:
    return column in table and bool(table[column].notna().any())


def _plain(name: str) -> str:
    return name.replace("_", " ")
