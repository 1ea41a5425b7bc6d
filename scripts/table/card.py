"""What is said of a table for those who use it."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
from pathlib import Path

from optcell_search.space import SearchSpace
from optcell_search.table import Table


def versions() -> dict[str, str]:
    """Return the versions that the numbers of a training depend on."""
    names = ("torch", "numpy", "scikit-learn")
    return {"python": platform.python_version()} | {
        name: importlib.metadata.version(name) for name in names
    }


def this_machine() -> dict[str, str | int]:
    """Return what seconds, and last digits, depend on."""
    model = platform.processor() or platform.machine()
    described = Path("/proc/cpuinfo")
    if described.is_file():
        lines = described.read_text(encoding="utf-8").splitlines()
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
        model = names[0] if names else model
    return {"system": platform.system(), "processor": model, "cores": os.cpu_count() or 1}


def data_card(table: Table, size: int) -> str:
    """Return the data card in Markdown.

    Args:
        table: what it is of.
        size: bytes of the Parquet file.
    """
    head, space = table.head, table.space
    rows = range(len(table))
    failed = sum(bool(table.rows.failure(row)[0]) for row in rows)
    held, count = len(table.candidates), space.size
    assert count is not None
    whole = "all of them" if held == count else f"{held / count:.0%} of the space"
    searched = [f"`{name}`: {_values(space, name)}" for name in _open_names(space)]
    by_rule = ", ".join(
        f"{rule} {sum(c.rule == rule for c in table.candidates)}" for rule in space.rules
    )
    by_cell = ", ".join(
        f"{cell} {sum(c.cell == cell for c in table.candidates)}" for cell in space.cells
    )
    digest = hashlib.sha256(repr(sorted(table.rows.index)).encode()).hexdigest()[:16]
    machine = ", ".join(f"{name} {value}" for name, value in head["machine"].items())
    made = ", ".join(f"{name} {value}" for name, value in head["versions"].items())
    return f"""# Table `{table.name}`

{held} of {count} candidates ({whole}) × {len(table.seeds)} seeds = {len(table)} trainings on
`{table.task}`, {table.epochs} epochs each, every one noted. {failed} of them diverged; they are
rows like any other.

- **Space**: `{space.name}`: {", ".join(space.cells)} under {", ".join(space.rules)}.
{chr(10).join(f"    - {line}" for line in searched)}
- **Which candidates**: the plain cells (of every width and rate) and the points of an unscrambled
  Sobol sequence (`optcell_search.table.order`), in the order in which they were trained.
  By rule: {by_rule}. By cell: {by_cell}.
- **A row**: candidate and key, seed; per epoch loss and metrics on the training and the validation
  split, `train_loss` as the batches were met, processor seconds, `train_seconds` by the clock,
  gradient measures; parameters, latency; after the last epoch loss and metrics on the test split
  and norms of gradients by distance; or why it failed.
- **Seeds**: 0 to {len(table.seeds) - 1}; a training is that of a search with this seed, so
  `optcell_search.space.trial_seed` gives its own.
- **Data**: fingerprint `{head["fingerprint"]}` of what a search sees.
- **Made**: {head["made"][0]} to {head["made"][1]}; {machine}; one thread a training; {made}.
- **Cost**: {head["processor_hours"]:.2f} processor hours; {size / 1e6:.2f} MB. Keys and seeds hash
  to `{digest}`.
- **Made anew** by `python scripts/table/make_table.py train PART --task {table.task} --epochs
  {table.epochs} --seeds {len(table.seeds)} --configurations {held}`, then `pack`; checked by
  `check --rows 20`, which trains rows again: on the machine above the difference is 0.
- **Licence**: Apache-2.0, as the package's. It holds scores, and none of the task's data.

## What to keep in mind

- `seconds` are of the processor, `train_seconds` and `latency_ms` of the clock on a machine that
  had other work to do; the latter two are rough.
- The training recipe is one (rmsprop, batches of 64, a constant rate), the task is small, and
  {table.epochs} epochs are a budget, not convergence.
- A search on the table that asks for a candidate that is not held is given the nearest one of the
  same cell and rule (`optcell_search.space.nearest`). The fewer are held, the coarser the space
  that is really searched.
"""


def _open_names(space: SearchSpace) -> list[str]:
    return [name for name, domain in space.domains.items() if domain.size != 1]


def _values(space: SearchSpace, name: str) -> str:
    return ", ".join(f"{value:g}" for value in space.domains[name].grid(10**3))
