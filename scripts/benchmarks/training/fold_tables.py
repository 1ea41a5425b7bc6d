"""The page of `bench_folds.py`: what each recipe reached, and two of them sequence by sequence."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Iterator
from typing import Any

import numpy as np
from fold_recipes import RECIPES, SETS, compared_with
from scipy import stats

Row = dict[str, Any]
Named = tuple[str, int]  # recipe and steps

HEAD = """# Recipes on folds

Trainings on four fifths of a set's sequences for training and validation, judged on the others, by
the last epoch; each dealing divides the sequences anew. No test split was read. Written by
`scripts/benchmarks/training/bench_folds.py`, recipes in `fold_recipes.py`; x86_64, one core of a
busy machine, so that the seconds, of one fold, are rough; those of the recipes lstm-fcn are of the
processor, all others by the clock.
"""
PAIRED = """
## Differences

In percentage points of accuracy and in nats of cross-entropy, over the dealings that both have. Of
each sequence the mean over the dealings is taken first; then the mean over the sequences and its
95 % interval by Student's t. It counts the choice of sequences and the chance of single trainings,
not that trainings of one dealing share most of their sequences. Where it contains 0, no difference
is seen.

| set | what | beside | dealings | accuracy | cross-entropy |
|---|---|---|---|---|---|"""
TOGETHER = """
## Averaged

The probabilities of all the recipes measured with so many steps in a dealing, averaged, beside the
mean of the single ones; difference in percentage points as above.

| set | steps | dealings | recipes | single | averaged | difference |
|---|---|---|---|---|---|---|"""
EARLIER = """
## Earlier

Single trainings of three folds, up to 200 epochs; mean ± standard deviation over so many trainings.

| recipe | set | accuracy |
|---|---|---|"""


def page(rows: list[Row]) -> str:
    """Return the whole page."""
    measured = [row for row in rows if "logarithms" in row]
    lines = [HEAD, "| set | recipe | steps | dealings | accuracy | cross-entropy | seconds |"]
    lines.append("|---" * 7 + "|")
    for name in SETS:
        for (recipe, steps), dealings in _named(measured, name).items():
            hits, losses = (
                [float(kind(row).mean()) for row in dealings.values()] for kind in (_hits, _losses)
            )
            seconds = statistics.fmean(row["seconds"] for row in dealings.values())
            each = " / ".join(f"{100 * value:.1f}" for value in hits)
            mean = f"{100 * statistics.fmean(hits):.1f}" + (f" ({each})" if len(hits) > 1 else "")
            lines.append(
                f"| {name} | {recipe} | {steps} | {len(dealings)} | {mean} | "
                f"{statistics.fmean(losses):.2f} | {seconds:.0f} |"
            )
    lines += [PAIRED, *_pooled(measured), *_pairs(measured), TOGETHER, *_together(measured)]
    earlier = [row for row in rows if "accuracies" in row]
    if earlier:
        lines += [EARLIER, *map(_earlier, earlier)]
    dates = sorted({row["date"] for row in measured})
    return "\n".join([*lines, "", f"Measured {', '.join(dates)}."]) + "\n"


def _named(rows: list[Row], name: str) -> dict[Named, dict[int, Row]]:
    """Return (recipe, steps) → dealing → row, of one set."""
    found: dict[Named, dict[int, Row]] = {}
    recipes = list(RECIPES)
    for row in sorted(rows, key=lambda r: (recipes.index(r["recipe"]), r["steps"], r["dealing"])):
        if row["set"] == name:
            found.setdefault((row["recipe"], row["steps"]), {})[row["dealing"]] = row
    return found


def _pairs(rows: list[Row]) -> Iterator[str]:
    for name in SETS:
        named = _named(rows, name)
        for (recipe, steps), dealings in named.items():
            # The same with the fewest steps, and another recipe with as many.
            fewest = min(s for other, s in named if other == recipe)
            others = [(recipe, fewest)] if fewest < steps else []
            if (other := compared_with(recipe)) is not None:
                others.append((other, steps))
            for beside in others:
                both = sorted(dealings.keys() & named.get(beside, {}).keys())
                if both:
                    pairs = [(dealings[d], named[beside][d]) for d in both]
                    yield (
                        f"| {name} | {recipe}, {steps} | {beside[0]}, {beside[1]} | {len(both)} | "
                        f"{_difference(pairs, _hits, 100, 1)} | "
                        f"{_difference(pairs, _losses, 1, 2)} |"
                    )


def _pooled(rows: list[Row]) -> Iterator[str]:
    """Say what more steps bring, over all recipes and dealings that were trained with both."""
    for name in SETS:
        known = {
            (recipe, dealing, steps): row
            for (recipe, steps), dealings in _named(rows, name).items()
            for dealing, row in dealings.items()
        }
        counts = sorted({steps for *_, steps in known})
        for few, many in itertools.combinations(counts, 2):
            pairs = [
                (row, known[recipe, dealing, few])
                for (recipe, dealing, steps), row in known.items()
                if steps == many and (recipe, dealing, few) in known
            ]
            if len(pairs) > 1:
                yield (
                    f"| {name} | any recipe, {many} | the same, {few} | {len(pairs)} | "
                    f"{_difference(pairs, _hits, 100, 1)} | {_difference(pairs, _losses, 1, 2)} |"
                )


def _together(rows: list[Row]) -> Iterator[str]:
    for name in SETS:
        named = _named(rows, name)
        for steps in sorted({steps for _, steps in named}):
            dealt: dict[int, list[Row]] = {}
            for (_, s), dealings in named.items():
                for dealing, row in dealings.items():
                    if s == steps:
                        dealt.setdefault(dealing, []).append(row)
            several = {dealing: of for dealing, of in dealt.items() if len(of) > 1}
            if not several:
                continue
            single = [np.mean([_hits(row) for row in of], axis=0) for of in several.values()]
            averaged = [_hits(_average(of)) for of in several.values()]
            change = _interval(np.mean(averaged, axis=0) - np.mean(single, axis=0), 100, 1)
            count = "-".join(map(str, sorted({len(of) for of in several.values()})))
            yield (
                f"| {name} | {steps} | {len(several)} | {count} | {100 * np.mean(single):.1f} | "
                f"{100 * np.mean(averaged):.1f} | {change} |"
            )


def _average(rows: list[Row]) -> Row:
    mean = np.mean([np.exp(np.array(row["logarithms"])) for row in rows], axis=0)
    return rows[0] | {"logarithms": np.log(mean)}


def _hits(row: Row) -> np.ndarray:
    return (np.array(row["logarithms"]).argmax(1) == np.array(row["labels"])).astype(float)


def _losses(row: Row) -> np.ndarray:
    values = np.array(row["logarithms"])
    return -values[np.arange(len(values)), np.array(row["labels"])]


def _difference(pairs: list[tuple[Row, Row]], kind: Any, scale: float, digits: int) -> str:
    each = np.mean([kind(one) - kind(other) for one, other in pairs], axis=0)
    return _interval(each, scale, digits)


def _interval(each: np.ndarray, scale: float, digits: int) -> str:
    mean = scale * each.mean()
    half = scale * each.std(ddof=1) / len(each) ** 0.5 * stats.t.ppf(0.975, len(each) - 1)
    return f"{mean:+.{digits}f} [{mean - half:+.{digits}f}, {mean + half:+.{digits}f}]"


def _earlier(row: Row) -> str:
    values = [100 * value for value in row["accuracies"]]
    spread = f" ± {statistics.stdev(values):.1f}" if len(values) > 1 else ""
    reached = f"{statistics.fmean(values):.1f}{spread} ({len(values)})"
    return f"| {row['recipe']} | {row['set']} | {reached} |"
