"""Numbers as people write them, the same wherever the package tells of a run."""

from __future__ import annotations

_MANY = 1000
# Of what is smaller, four decimals tell too little.
_FEW, _FEWEST = 1e-2, 1e-4


def number(value: float) -> str:
    """Return a number with four digits that count, or whole where it is large: ``18,950``."""
    return f"{value:,.0f}" if _MANY <= abs(value) < float("inf") else f"{value:.4g}"


def with_deviation(mean: float, deviation: float) -> str:
    """Return a mean with its standard deviation, of four decimals each: ``0.9833 ± 0.0021``.

    Where these told too little of either, or far too much, it is with the digits that count.
    """
    told = _FEW <= max(abs(mean), deviation) < _MANY
    if told and (deviation == 0 or deviation >= _FEWEST):
        return f"{mean:.4f} ± {deviation:.4f}"
    return f"{number(mean)} ± {number(float(f'{deviation:.2g}'))}"


def duration(seconds: float) -> str:
    """Return seconds as people write them: ``4 s``, ``3 min 20 s``, ``2 h 5 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
