"""The page of `bench_modern.py`: each task's contenders, and how they differ."""

from __future__ import annotations

from typing import Any

from modern_recipes import CONTENDERS, TASKS

from optcell_search.results.intervals import Interval, Moments, difference

Row = dict[str, Any]

HEAD = """# Cells of this decade at equal parameters

Made by `scripts/benchmarks/tasks/bench_modern.py`; do not edit. Within a task all contenders have
the parameters of one LSTM, within 5 %, and the same epochs, batches, optimizer and learning rates
to choose from. The rate is chosen on validation by one training each under a seed of its own; then
so many fresh seeds are trained with it, the weights of the best epoch by validation are kept, and
the test split is read. LSTM, GRU, orthogonal and HiPPO have one layer, the others two, each added
to what is below it, with a layer norm between; with `glu` each goes through a gated linear unit,
and is compared with the same cell without. No rule is said: gradient descent with s = 1, the plain
cell. Mean ± standard deviation; differences of means with 95 % intervals (Welch), not
corrected for their number: where one contains 0, no difference is seen. A row with fewer than five
seeds, or a task without a table, is not finished: the same command goes on with it.
"""
SCALE = {"accuracy": (100, 1, "%")}


def page(rows: list[Row]) -> str:
    """Return the whole page."""
    lines = [HEAD]
    for name, task in TASKS.items():
        tested = {
            contender: [row["test"] for row in of if "test" in row]
            for contender in CONTENDERS
            if (of := [r for r in rows if (r["task"], r["contender"]) == (name, contender)])
        }
        if not any(tested.values()):
            continue
        first = next(row for row in rows if row["task"] == name)
        scale, digits, unit = SCALE.get(first["metric"], (1, 4, ""))
        better = "higher" if first["direction"] == "maximize" else "lower"
        about = f"`{task.spec}`, {task.epochs} epochs, batches of {task.batch_size}"
        lines += [f"## {name}", "", f"{about}; test {first['metric']} {unit}({better} is better)."]
        lines += ["", "| contender | H | parameters | lr | seeds | validation | test | less LSTM |"]
        lines[-1] += " less its plain cell |"
        lines += ["|---" * 9 + "|"]
        for contender, scores in tested.items():
            if scores:
                lines.append(_line(name, contender, rows, tested, scale, digits))
        lines.append("")
    dates = sorted({row["date"] for row in rows})
    machines = sorted({row["machine"] for row in rows})
    return "\n".join([*lines, f"Measured {', '.join(dates)} on {'; '.join(machines)}."]) + "\n"


def _line(
    name: str, contender: str, rows: list[Row], tested: dict[str, list[float]], scale: float,
    digits: int,
) -> str:  # fmt: skip
    own = [r for r in rows if (r["task"], r["contender"]) == (name, contender) and "test" in r]
    beside = CONTENDERS[contender].beside
    cells = [contender, own[0]["hidden_size"], own[0]["parameters"], own[0]["lr"], len(own)]
    cells += [_spread([r["validation"] for r in own], scale, digits)]
    cells += [_spread(tested[contender], scale, digits)]
    for other in ("lstm", beside if beside != "lstm" or contender == "lstm" else ""):
        scores = tested.get(other, [])
        cells.append(
            _interval(tested[contender], scores, scale, digits)
            if scores and other != contender
            else ""
        )
    return "| " + " | ".join(map(str, cells)) + " |"


def _spread(values: list[float], scale: float, digits: int) -> str:
    moments = Moments.of(values)
    return f"{scale * moments.mean:.{digits}f} ± {scale * (moments.deviation or 0):.{digits}f}"


def _interval(own: list[float], other: list[float], scale: float, digits: int) -> str:
    found: Interval = difference(Moments.of(own), Moments.of(other))
    ends = (
        "no interval"
        if found.low is None or found.high is None
        else f"{scale * found.low:+.{digits}f}, {scale * found.high:+.{digits}f}"
    )
    return f"{scale * found.mean:+.{digits}f} [{ends}]"
