"""Figures of compare_samplers: curves over trials and seconds, and critical differences."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from scipy.stats import rankdata, studentized_range

mpl.use("svg")
import matplotlib.pyplot as plt

Lines = list[dict[str, Any]]
# Searches that a setting needs, to be ranked among others.
_ENOUGH = 20


def draw_curves(
    found: Mapping[str, Lines],
    score: Callable[[Sequence[list[Any]]], float],
    label: str,
    axis: int,
    path: Path,
) -> None:
    """Draw what searches had come to, as means over their seeds.

    Args:
        found: name of a way to search → its searches.
        score: of the complete trials up to some place.
        label: of the score.
        axis: 0: against trials, 1: against simulated seconds.
        path: of the SVG file.
    """
    ends = [step[axis] for lines in found.values() for line in lines for step in line["complete"]]
    at = np.arange(1, max(ends) + 1) if axis == 0 else np.linspace(0, max(ends), 60)
    figure, axes = plt.subplots(figsize=(7.5, 4.2), layout="constrained")
    for name, lines in found.items():
        means = [
            statistics.fmean(
                score([step for step in line["complete"] if step[axis] <= x]) for line in lines
            )
            for x in at
        ]
        style = "--" if ", none" in name else "-"
        axes.plot(at, means, style, label=name.replace(", 8 workers", ""), linewidth=1.2)
    axes.set(xlabel=("trials ended", "simulated seconds")[axis], ylabel=label)
    if "regret" in label:
        axes.set_yscale("log")
    axes.legend(fontsize=7, ncols=2, frameon=False)
    _write(figure, path)


def critical_difference(count: int, blocks: int) -> float:
    """Return by how much two of `count` mean ranks over `blocks` differ at 5 % (Nemenyi).

    Source: Demšar 2006, Statistical Comparisons of Classifiers over Multiple Data Sets, 3.2.2.
    """
    quantile = float(studentized_range.ppf(0.95, count, math.inf)) / math.sqrt(2)
    return quantile * math.sqrt(count * (count + 1) / (6 * blocks))


def draw_critical_differences(
    ends: Mapping[str, Mapping[int, float]], more_is_better: bool, path: Path
) -> None:
    """Draw mean ranks, with a bar over those that Nemenyi's test does not tell apart.

    Args:
        ends: name of a way to search → seed → where it ended.
        more_is_better: whether the highest is the first.
        path: of the SVG file.
    """
    enough = min(_ENOUGH, max(map(len, ends.values())))
    names = [name for name, each in ends.items() if len(each) >= enough]
    seeds = sorted(set.intersection(*(set(ends[name]) for name in names)))
    values = np.array([[ends[name][seed] for name in names] for seed in seeds])
    ranks = rankdata(-values if more_is_better else values, axis=1).mean(axis=0)
    apart = critical_difference(len(names), len(seeds))
    order = np.argsort(ranks)
    figure, axes = plt.subplots(figsize=(7.5, 0.24 * len(names) + 1.2), layout="constrained")
    for place, i in enumerate(order):
        axes.plot(ranks[i], place, "o", color="black", markersize=4)
        axes.annotate(
            f"{names[i]}  ({ranks[i]:.1f})", (ranks[i], place), (8, 0), fontsize=7,
            textcoords="offset points", va="center",
        )  # fmt: skip
    reach = -1
    for place, i in enumerate(order):
        last = max(p for p, k in enumerate(order) if ranks[k] - ranks[i] <= apart)
        if last > reach and last > place:
            axes.plot([ranks[i] - 0.05] * 2, [place, last], color="tab:blue", linewidth=2)
            reach = last
    axes.set(
        xlabel=f"mean rank over {len(seeds)} seeds; critical difference {apart:.2f}",
        xlim=(0.5, len(names) + 4), yticks=[],
    )  # fmt: skip
    axes.invert_yaxis()
    _write(figure, path)


def _write(figure: Any, path: Path) -> None:
    # No date in it, so that the same numbers give the same file.
    mpl.rcParams["svg.hashsalt"] = path.name
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
