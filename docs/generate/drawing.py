"""The drawings of the site, computed by the rules themselves each time the site is built."""

from __future__ import annotations

import io

import matplotlib as mpl
import torch
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from optcell_search import registry
from optcell_search.rules import apply_rule

STEPS = 40
# An impulse, a step, and a jerky climb: what a filter does is seen on these.
PULSE_AT, STEP_AT = 5, 5
STYLE = {
    "svg.fonttype": "path",
    "svg.hashsalt": "optcell-search",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.3,
    "figure.facecolor": "white",
}


def drawings() -> dict[str, bytes]:
    """Return the drawings by their paths in the site: SVG."""
    with mpl.rc_context(STYLE):
        return {"images/rules.svg": _svg(_rules()), "images/momentum.svg": _svg(_momentum())}


def _svg(figure: Figure) -> bytes:
    content = io.BytesIO()
    figure.savefig(content, format="svg", bbox_inches="tight", metadata={"Date": None})
    plt.close(figure)
    return content.getvalue()


def inputs() -> dict[str, torch.Tensor]:
    """Return what every rule is shown, each (STEPS,): an impulse, a step, a noisy sine."""
    time = torch.arange(STEPS, dtype=torch.float64)
    noise = torch.randn(STEPS, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return {
        "an impulse": (time == PULSE_AT).double(),
        "a step": (time >= STEP_AT).double(),
        "a noisy wave": torch.sin(time / 4) + 0.4 * noise,
    }


def response(name: str, z: torch.Tensor, **values: float) -> torch.Tensor:
    """Return u, what the rule `name` makes of z, (steps,)."""
    rule = registry.rules.get(name)(**values)
    p = {key: torch.tensor(value, dtype=z.dtype) for key, value in rule.values().items()}
    u, _ = apply_rule(rule, p, z.reshape(-1, 1, 1))
    return u.reshape(-1)


def _rules() -> Figure:
    names = registry.rules.names()
    shown = inputs()
    figure, grid = plt.subplots(
        len(names), len(shown), figsize=(8.4, 1.25 * len(names)), sharex=True, squeeze=False
    )
    for row, name in zip(grid, names, strict=True):
        for axes, z in zip(row, shown.values(), strict=True):
            _draw(axes, z, response(name, z))
        row[0].set_ylabel(name, rotation=0, ha="right", va="center")
    for title, top, bottom in zip(shown, grid[0], grid[-1], strict=True):
        top.set_title(title)
        bottom.set_xlabel("step t")
    grid[0][0].legend(loc="upper right", frameon=False)
    return figure


def _draw(axes: Axes, z: torch.Tensor, u: torch.Tensor) -> None:
    axes.step(range(len(z)), z, where="mid", color="0.65", linewidth=1, label="z")
    axes.plot(u, color="tab:blue", linewidth=1.6, label="u")


def _momentum() -> Figure:
    z = inputs()["an impulse"]
    figure, axes = plt.subplots(figsize=(5.6, 2.6))
    for mu in (0.0, 0.3, 0.6, 0.9):
        axes.plot(response("heavy_ball", z, mu=mu, s=1.0), label=f"μ = {mu:g}")
    axes.set_xlabel("step t")
    axes.set_ylabel("u")
    axes.set_title("Heavy ball: what remains of an impulse")
    axes.legend(frameon=False)
    return figure
