"""Means with their 95 % confidence intervals, and differences of means."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """A mean and where it lies with 95 % confidence.

    Attributes:
        mean: the mean.
        low, high: the ends; None where there are too few values to tell, or none that differ.
        amount: how many values there are; of a difference, on the side that has fewer.
    """

    mean: float
    low: float | None
    high: float | None
    amount: int

    @property
    def negative(self) -> Interval:
        """The interval of what has the other sign."""
        low, high = (None if end is None else -end for end in (self.high, self.low))
        return Interval(-self.mean, low, high, self.amount)

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval is known and 0 lies outside it."""
        return self.low is not None and self.high is not None and not self.low <= 0 <= self.high


@dataclass(frozen=True)
class Moments:
    """Mean and standard deviation (of the sample) of so many values."""

    mean: float
    deviation: float
    amount: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Moments:
        """Return the moments of values, at least one."""
        if np.ptp(values) == 0:
            # Their sum, rounded, would make them differ a little from their own mean.
            return cls(float(values[0]), 0.0, len(values))
        return cls(float(np.mean(values)), float(np.std(values, ddof=1)), len(values))

    @property
    def interval(self) -> Interval:
        """Student's interval of the mean: mean ± t s / √n, with t of n - 1 degrees of freedom."""
        if self.amount < 2:
            return Interval(self.mean, None, None, self.amount)
        half = _quantile(self.amount - 1) * self.deviation / math.sqrt(self.amount)
        return Interval(self.mean, self.mean - half, self.mean + half, self.amount)


def difference(a: Moments, b: Moments) -> Interval:
    """Return the interval of the difference of two means, a - b (Welch 1947).

    The variances are not taken to be the same: with v = s² / n of each side the half width is
    t √(v_a + v_b), with (v_a + v_b)² / (v_a² / (n_a - 1) + v_b² / (n_b - 1)) degrees of freedom.
    """
    mean, amount = a.mean - b.mean, min(a.amount, b.amount)
    if amount < 2:
        return Interval(mean, None, None, amount)
    v_a, v_b = a.deviation**2 / a.amount, b.deviation**2 / b.amount
    if v_a + v_b == 0:
        # A few values that happen to be the same, as scores of few examples are, show no spread;
        # that they differ from as many others for certain does not follow.
        ends = 0.0 if mean == 0 else None
        return Interval(mean, ends, ends, amount)
    freedom = (v_a + v_b) ** 2 / (v_a**2 / (a.amount - 1) + v_b**2 / (b.amount - 1))
    half = _quantile(freedom) * math.sqrt(v_a + v_b)
    return Interval(mean, mean - half, mean + half, amount)


def difference_in_folds(a: Sequence[float], b: Sequence[float]) -> Interval:
    """Return the interval of the mean of a - b over the K folds that both were judged in.

    What makes a fold hard is the same for both, so they are compared fold by fold. The folds share
    most of their training data, so the differences, of standard deviation s, are not independent
    either: the half width is t s √(1 / K + 1 / (K - 1)), with K - 1 degrees of freedom, where
    1 / (K - 1) is the size of a fold's validation data over that of its training data.

    Source: Nadeau, Bengio: Inference for the Generalization Error. Machine Learning 52, 2003.
    """
    found = Moments.of([one - other for one, other in zip(a, b, strict=True)])
    count = found.amount
    if count < 2:
        return Interval(found.mean, None, None, count)
    if found.deviation == 0:
        ends = 0.0 if found.mean == 0 else None
        return Interval(found.mean, ends, ends, count)
    half = _quantile(count - 1) * found.deviation * math.sqrt(1 / count + 1 / (count - 1))
    return Interval(found.mean, found.mean - half, found.mean + half, count)


def _quantile(freedom: float) -> float:
    # Not above: a third of a second, which most of what reads a run can do without.
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 0.5 + _LEVEL / 2))
