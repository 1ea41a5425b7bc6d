"""What the product's defaults have over random search, after few trials and after many."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from typing import Any

from comparison_judge import Judge, Lines, ended_by, said, until

from optcell_search.results.intervals import Moments

# After how many trials, and what the settings of searches that have as many end in.
_AFTER = ((50, ""), (200, ", 200 trials"))


def against_random(judge: Judge, found: Mapping[str, Lines]) -> str:
    """Return as Markdown the regret of both, in the same number of trials and in the same time."""
    text = [
        "TPE and `asha`, which is what a search does unasked, against random search that stops "
        "nothing, on 8 workers: regret after as many trials, pruned ones included, and that of "
        "random search in the time that the default took for them.",
        "",
        "| trials | searches | default | random | random, same time | default minus random "
        "| default minus random, same time | seconds, default | seconds, random |",
        f"|{'---|' * 9}",
    ]
    for place, more in _AFTER:
        mine = found.get(f"one: tpe, asha, 8 workers{more}", [])
        others = found.get(f"one: random, none, 8 workers{more}", [])
        by_seed = {line["seed"]: line for line in others}
        pairs = [(line, by_seed[line["seed"]]) for line in mine if line["seed"] in by_seed]
        if len(pairs) < 2 or min(line["trials"] for pair in pairs for line in pair) < place:
            continue
        text.append(f"| {place} | {len(pairs)} | {' | '.join(_row(judge, pairs, place))} |")
    return "\n".join(text)


def _row(judge: Judge, pairs: list[tuple[dict[str, Any], dict[str, Any]]], place: int) -> list[str]:
    ours = [until(line, 0, place) for line, _ in pairs]
    theirs = [until(line, 0, place) for _, line in pairs]
    times = [ended_by(line, place) for line, _ in pairs]
    soon = [until(line, 1, time) for (_, line), time in zip(pairs, times, strict=True)]
    default, random, early = ([judge.regret(one) for one in each] for each in (ours, theirs, soon))
    return [
        *(said(Moments.of(each).interval) for each in (default, random, early)),
        *(
            said(Moments.of([a - b for a, b in zip(default, each, strict=True)]).interval, sign="+")
            for each in (random, early)
        ),
        f"{statistics.fmean(times):.1f}",
        f"{statistics.fmean(ended_by(line, place) for _, line in pairs):.1f}",
    ]
