"""How far the order of candidates can be trusted: after few epochs, and from seed to seed."""

from __future__ import annotations

import itertools
import statistics

import numpy as np
from scipy.stats import kendalltau
from scores import Array, Scores, without_ties

EPOCHS = (1, 2, 3, 6, 9, 18, 27, 54)
_FEWEST = 10


def early_epochs(scores: Scores) -> str:
    """Return as Markdown how well the order after an epoch is that of the end."""
    means, losses = (each[:, :, -1].mean(axis=1) for each in (scores.accuracy, scores.loss))
    last = without_ties(means, losses)
    lines = [
        "| epoch | same accuracy, one seed | τ, one seed | τ, mean of the seeds "
        "| τ, one seed, loss decides |",
        "|---|---|---|---|---|",
    ]
    budget = scores.table.epochs
    for epoch in sorted({budget, *(one for one in EPOCHS if one < budget)}):
        accuracy, loss = scores.accuracy[:, :, epoch - 1], scores.loss[:, :, epoch - 1]
        each = range(accuracy.shape[1])
        tied = statistics.fmean(ties(accuracy[:, j]) for j in each)
        single = statistics.fmean(tau(accuracy[:, j], means) for j in each)
        broken = statistics.fmean(tau(without_ties(accuracy[:, j], loss[:, j]), last) for j in each)
        together = tau(accuracy.mean(axis=1), means)
        lines.append(f"| {epoch} | {tied:.0%} | {single:.2f} | {together:.2f} | {broken:.2f} |")
    return "\n".join(lines)


def seeds(scores: Scores) -> str:
    """Return in words how much seeds move scores and their order."""
    final, loss = scores.accuracy[:, :, -1], scores.loss[:, :, -1]
    best = max(_FEWEST, len(final) // 10)
    within = float(np.sqrt(np.mean(np.var(final, axis=1, ddof=1))))
    between = float(np.std(final.mean(axis=1), ddof=1))
    ranks = np.stack([without_ties(*pair) for pair in zip(final.T, loss.T, strict=True)], axis=1)
    return (
        f"The same candidate with another seed moves by {within:.4f} (standard deviation of "
        f"validation accuracy after the last epoch); candidates differ by {between:.4f}. The "
        f"orders that two seeds give agree with τ = {agreement(final):.2f} over all {len(final)} "
        f"candidates, {agreement(ranks):.2f} where loss decides between the same accuracies, and "
        f"then with τ = {agreement_among_best(ranks, best):.2f} among the best {best} by a third "
        "seed, as a mean over which seed that is."
    )


def agreement(scores: Array) -> float:
    """Return the mean of Kendall's τ over pairs of columns."""
    pairs = itertools.combinations(range(scores.shape[1]), 2)
    return statistics.fmean(tau(scores[:, a], scores[:, b]) for a, b in pairs)


def agreement_among_best(scores: Array, count: int) -> float:
    """Return the mean agreement of columns among the best rows by a column that is left out.

    A row that is among the best by the columns that are compared, and low in one of them, is high
    in another: chosen so, rows seem to agree less than they do.
    """
    every = range(scores.shape[1])
    return statistics.fmean(
        agreement(np.delete(scores, out, axis=1)[np.argsort(-scores[:, out])[:count]])
        for out in every
    )


def tau(a: Array, b: Array) -> float:
    """Return Kendall's τ-b, which leaves out pairs that either side has as the same."""
    return float(kendalltau(a, b).statistic)


def ties(values: Array) -> float:
    """Return the share of pairs that have the same value."""
    _, counts = np.unique(values, return_counts=True)
    return float((counts * (counts - 1)).sum() / (len(values) * (len(values) - 1)))
