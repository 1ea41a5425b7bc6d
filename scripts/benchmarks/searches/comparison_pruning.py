"""What stopping candidates changes: in the same number of trials, and in the same time."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence

from comparison_judge import Lines, Step, said, until, workers_of

from optcell_search.results.intervals import Moments

_TRIALS = (25, 50, 100)
_SHARES = (0.25, 0.5, 0.75, 1.0)
# Seeds that had been looked at when it was decided how many there are to be.
_LOOKED_AT = 40


def what_pruning_changes(
    chosen: Mapping[str, Lines], score: Callable[[Sequence[Step]], float], base: str, stop: str
) -> str:
    """Return as Markdown the scores of searches that stop candidates minus those that do not.

    Args:
        chosen: name of a setting → its searches.
        score: of the complete trials up to some place.
        base: whose whole time the shares are of.
        stop: the scheduler that stops candidates.
    """
    whole = statistics.fmean(line["complete"][-1][1] for line in chosen.get(base, []))
    columns = [*(f"{n} trials" for n in _TRIALS), *(f"{share:.0%}" for share in _SHARES)]
    lines = [
        f"What `{stop}` changes against `none`: after as many trials, pruned ones included, and in "
        f"the same time, as shares of the {whole:.1f} s that TPE without pruning takes for all of "
        "its trials on 8 workers; after its last trial a search stays where it is.",
        "",
        f"| search | searches | {' | '.join(columns)} |",
        f"|{'---|' * (len(columns) + 2)}",
    ]
    for name, each in chosen.items():
        other = {line["seed"]: line for line in chosen.get(name.replace(stop, "none"), [])}
        pairs = [(line, other[line["seed"]]) for line in each if line["seed"] in other]
        if f", {stop}," not in name or len(pairs) < 2:
            continue
        times = [share * whole * 8 / workers_of(name) for share in _SHARES]
        cells = [name.partition(": ")[2], str(len(pairs))]
        for axis, most in [*((0, n) for n in _TRIALS), *((1, time) for time in times)]:
            changes = [score(until(a, axis, most)) - score(until(b, axis, most)) for a, b in pairs]
            cells.append(said(Moments.of(changes).interval, sign="+"))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def afresh(
    chosen: Mapping[str, Lines],
    score: Callable[[Sequence[Step]], float],
    base: str,
    stop: str,
    time: float,
) -> str:
    """Return as Markdown what stopping changes by the searches that nobody had seen before.

    Whoever looks at some and then decides to go on is told more by the others alone.

    Args:
        chosen, score, stop: as `what_pruning_changes` takes them.
        base: whose searches are compared with the same ones that stop candidates.
        time: seconds of searching.
    """
    name = base.replace("none", stop)
    others = {line["seed"]: line for line in chosen[base] if line["seed"] >= _LOOKED_AT}
    pairs = [
        (line, others[line["seed"]]) for line in chosen.get(name, []) if line["seed"] in others
    ]
    if len(pairs) < 2:
        return ""
    changes = [score(until(a, 1, time)) - score(until(b, 1, time)) for a, b in pairs]
    return (
        f"Of `{name}` and `{base}` {_LOOKED_AT} searches each had been looked at when their number "
        f"was set. The other {len(pairs)} pairs alone, after all of the time: "
        f"{said(Moments.of(changes).interval, sign='+')}."
    )
