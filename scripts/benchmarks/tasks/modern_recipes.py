"""What `bench_modern.py` compares: tasks with their budgets, contenders, and equal sizes.

Every contender of a task has as many parameters as an LSTM of the task's width, within 5 %, the
same epochs, batches and optimizer, and the same learning rates to choose from. Cells with recurrent
weights of their own have one layer; the linear ones and the delta memory two, each adding to what
is below it, with a layer norm between, as their papers stack them; ``glu`` is with the gated linear
unit behind each layer that the papers of linear recurrences have.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from optcell_search.space import Candidate
from optcell_search.tasks import LoadedTask
from optcell_search.training import count_parameters

RATES = (1e-3, 3e-3, 1e-2)
WITHIN = 0.05


@dataclass(frozen=True)
class Task:
    """A task and what every training on it gets.

    Attributes:
        spec: of the task.
        epochs, batch_size: of every training.
        hidden_size: of the LSTM whose parameters are the measure of all.
        rates: learning rates to choose from.
        relative_to: of every model; a series that rises is taken relative to its last value.
    """

    spec: str
    epochs: int
    batch_size: int
    hidden_size: int = 32
    rates: tuple[float, ...] = RATES
    relative_to: str = "none"


# The cheapest first.
TASKS = {
    "JapaneseVowels": Task("ucr:name=JapaneseVowels", 30, 16),
    "ArrowHead": Task("ucr:name=ArrowHead", 60, 8),
    "MNIST-1D": Task("mnist1d", 15, 64),
    "CO2": Task("forecast:file={co2},target=co2,time=date", 15, 64, relative_to="last"),
    "copying 200": Task("copying:lag=200,examples=2000", 25, 64, 64, (3e-3, 1e-2)),
    "adding 400": Task("adding:length=400,examples=20000", 6, 32, 64, (3e-3, 1e-2)),
    "digits by pixels": Task("digits:steps=pixels", 40, 64),
    "copying 1000": Task("copying:lag=1000,examples=2000", 25, 64, 64, (3e-3, 1e-2)),
    "permuted MNIST": Task(
        "mnist:steps=pixels,permuted=1,examples=10000", 10, 64, 64, (1e-3, 3e-3)
    ),
}


@dataclass(frozen=True)
class Contender:
    """A cell under a rule.

    Attributes:
        cell: its name.
        rule: on the input projection; ``"gd"`` with s = 1 is none.
        glu: whether a gated linear unit stands behind each layer, as in the papers.
        options: the cell's own.
        beside: the contender it is compared with, too.
    """

    cell: str
    rule: str = "gd"
    glu: bool = False
    options: dict[str, Any] = field(default_factory=dict)
    beside: str = "lstm"

    @property
    def stacked(self) -> bool:
        """Whether it is built in blocks of two layers."""
        return self.cell in ("lru", "oscillator", "min_gru", "min_lstm", "delta")

    def candidate(self, task: Task, width: int, rate: float) -> Candidate:
        """Return the candidate of a width and a learning rate."""
        model: dict[str, Any] = {"hidden_size": width, "relative_to": task.relative_to}
        if self.stacked:
            model |= {"num_layers": 2, "residual": True, "norm": "layer", "glu": self.glu}
        return Candidate.from_dict(
            {
                "cell": {"name": self.cell, **self.options},
                "rule": {"name": self.rule},
                "model": model,
                "training": {
                    "optimizer": "adam", "lr": rate, "batch_size": task.batch_size,
                    "weights": "best",
                },
            }
        )  # fmt: skip


CONTENDERS = {
    name: Contender(name)
    for name in (
        "lstm", "gru", "orthogonal", "hippo", "lru", "oscillator", "min_gru", "min_lstm", "delta",
    )
}  # fmt: skip
for _rule, _name in (("heavy_ball", "heavy ball"), ("adam", "Adam")):
    CONTENDERS[f"delta, {_name} inside"] = Contender(
        "delta", options={"inner": _rule}, beside="delta"
    )
    CONTENDERS[f"delta, {_name} outside"] = Contender("delta", _rule, beside="delta")
for _cell in ("lru", "oscillator", "min_gru", "min_lstm", "delta"):
    CONTENDERS[f"{_cell}, glu"] = Contender(_cell, glu=True, beside=_cell)
# The rules on the other cells, each beside its plain cell.
for _cell in ("lstm", "gru", "orthogonal", "hippo", "lru", "oscillator", "min_gru", "min_lstm"):
    for _rule, _name in (("heavy_ball", "heavy ball"), ("adam", "Adam")):
        CONTENDERS[f"{_cell}, {_name}"] = Contender(_cell, _rule, beside=_cell)


def width_of(contender: Contender, task: Task, loaded: LoadedTask) -> tuple[int, int]:
    """Return the width whose parameters come nearest to the LSTM's, and those parameters.

    Raises:
        ValueError: no width comes within 5 %.
    """

    def parameters(one: Contender, width: int) -> int:
        return count_parameters(one.candidate(task, width, 1e-3).build(loaded))

    aim = parameters(Contender("lstm"), task.hidden_size)
    step = 4 if contender.cell == "delta" else 1  # heads divide the width
    low, high = 1, 2
    while parameters(contender, high * step) < aim:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if parameters(contender, middle * step) < aim else (low, middle)
    found = {width * step: parameters(contender, width * step) for width in (low, high)}
    width = min(found, key=lambda each: abs(found[each] - aim))
    if abs(found[width] - aim) > WITHIN * aim:
        raise ValueError(f"{contender.cell}: {found[width]} parameters beside {aim} of the LSTM")
    return width, found[width]


def write_co2(folder: Path) -> Path:
    """Write weekly CO2 at Mauna Loa as a table, and return its place."""
    from statsmodels.datasets import co2

    frame = co2.load_pandas().data.interpolate()
    path = folder / "co2.csv"
    frame.rename_axis("date").reset_index().to_csv(path, index=False)
    return path
