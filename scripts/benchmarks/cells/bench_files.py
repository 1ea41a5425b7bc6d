"""Keeps what bench_cells.py measured: one JSON file, a table and a plot made from it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

_IDENTITY = ("cell", "rule", "T", "B", "D", "H", "layers")
_LINES = {"torch": "#888888", "heavy_ball": "#0072b2", "adam": "#d55e00"}


def write(folder: Path, head: dict[str, Any], what: str, rows: list[dict[str, Any]]) -> None:
    """Put rows measured under `head` into the files, in the place of older ones of their kind."""
    path = folder / "bench_cells.json"
    kept: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    label = f"{head['device']}, {head['threads']} threads, {head['clock']} time"
    place = kept.setdefault(label, {})
    place["head"] = head
    new = {tuple(row.get(key) for key in _IDENTITY) for row in rows}
    old = place.get(what, [])
    place[what] = [r for r in old if tuple(r.get(key) for key in _IDENTITY) not in new]
    place[what] += [row | {"date": head["date"]} for row in rows]
    path.write_text(json.dumps(kept, indent=1) + "\n")
    (folder / "bench_cells.md").write_text("\n".join(table(kept)) + "\n")
    for place in kept.values():
        if "lengths" in place:
            name = f"bench_cells_{place['head']['device']}.svg"
            (folder / name).write_text(plot(place["lengths"]))


def table(kept: dict[str, Any]) -> list[str]:
    """Return the lines of the Markdown file."""
    out = ["# Cost of the cells", ""]
    out += ["Made by `scripts/benchmarks/cells/bench_cells.py`; do not edit."]
    out += ["Ratios are medians [lower, upper quartile] of runs paired with torch's cell."]
    for place in kept.values():
        head = place["head"]
        how = f"{head['threads']} threads, {head['clock']} time"
        out += ["", f"## {head['device']}: {head['machine']}, {how}", ""]
        note = f"; {head['note']}" if head["note"] else ""
        out += [f"torch {head['torch']}, last run on {head['date']}{note}", ""]
        out += [
            "| cell | rule | T, B, D, H | layers | kernel | ms | torch's ms | fwd+bwd / torch |"
        ]
        out[-1] += " fwd / torch | loop / ours | memory / torch | n | date |"
        out += ["|" + "---|" * 13]
        key = lambda r: (r["layers"], r["T"], r["H"], r["B"], r["cell"], r["rule"])  # noqa: E731
        for row in sorted(place.get("cells", []), key=key):
            shape = ", ".join(str(row[key]) for key in "TBDH")
            cells = [row["cell"], row["rule"], shape, row["layers"], row["backend"]]
            cells += [row["milliseconds"], row["torch_milliseconds"]]
            cells += [ratio(row["both"]), ratio(row["forward"]), ratio(row.get("loop"))]
            cells += [row["memory"], row["repeats"], row["date"]]
            out.append("| " + " | ".join(map(str, cells)) + " |")
        if "lengths" in place:
            out += ["", "Milliseconds, forward and backward, LSTM, B = 8, D = 4, H = 64; median"]
            out[-1] += " [quartiles]:"
            out += ["", "| T | " + " | ".join(_LINES) + " |", "|---|---|---|---|"]
            for row in place["lengths"]:
                out.append(f"| {row['T']} | " + " | ".join(ratio(row[n]) for n in _LINES) + " |")
    return out


def summary(place: dict[str, Any]) -> list[str]:
    """Return the README's table: one layer, H = 128."""

    def row(label: str, rule: str, T: int, key: str) -> str:
        found = {
            r["cell"]: r[key]
            for r in place["cells"]
            if (r["rule"], r["T"], r["H"], r["layers"]) == (rule, T, 128, 1)
        }
        cells = (found[cell] for cell in ("lstm", "gru", "rnn"))
        texts = (f"{c:.2f}" if isinstance(c, float) else ratio(c) for c in cells)
        return f"| {label} | " + " | ".join(texts) + " |"

    out = ["| H = 128, one layer | lstm | gru | rnn |", "|---|---|---|---|"]
    for rule, name in (("heavy_ball", "heavy ball"), ("adam", "Adam")):
        for T in (100, 784):
            out.append(row(f"{name} / torch's cell, T = {T}", rule, T, "both"))
    for rule, name in (("heavy_ball", "heavy ball"), ("adam", "Adam")):
        out.append(row(f"loop in Python / ours, {name}, T = 100", rule, 100, "loop"))
    for rule, name in (("heavy_ball", "heavy ball"), ("adam", "Adam")):
        out.append(row(f"peak memory, {name} / torch's cell, T = 784", rule, 784, "memory"))
    return out


def ratio(spread: list[float] | None) -> str:
    """Return a median with its quartiles."""
    return "–" if spread is None else "{1:.2f} [{0:.2f}, {2:.2f}]".format(*spread)


def plot(rows: list[dict[str, Any]]) -> str:
    """Return the cost of a step against T as an SVG, both axes logarithmic; flat is linear in T."""
    width, height, edge = 640, 400, 60
    cost = {name: [row[name][1] * 1e3 / row["T"] for row in rows] for name in _LINES}
    xs = [math.log10(row["T"]) for row in rows]
    ys = [math.log10(value) for values in cost.values() for value in values]
    low, high = math.floor(min(ys)), math.ceil(max(ys))

    def x_at(value: float) -> float:
        return edge + (value - xs[0]) / (xs[-1] - xs[0]) * (width - 2 * edge)

    def y_at(value: float) -> float:
        return height - edge - (value - low) / (high - low) * (height - 2 * edge)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
        ' font-family="sans-serif" font-size="13">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    for row, x in zip(rows, xs, strict=True):
        parts.append(
            f'<text x="{x_at(x):.0f}" y="{height - 38}" text-anchor="middle">{row["T"]}</text>'
        )
    marks = [(power, share) for power in range(low, high + 1) for share in (1, 2, 5)]
    for power, share in marks:
        value = power + math.log10(share)
        if value > high:
            continue
        y = y_at(value)
        parts.append(
            f'<line x1="{edge}" x2="{width - edge}" y1="{y:.1f}" y2="{y:.1f}" stroke="#dddddd"/>'
        )
        label = f"{share * 10.0**power:g}"
        parts.append(f'<text x="{edge - 6}" y="{y + 4:.1f}" text-anchor="end">{label}</text>')
    parts.append(f'<text x="{width / 2}" y="{height - 12}" text-anchor="middle">steps T</text>')
    parts.append(
        f'<text x="{edge}" y="24">LSTM, forward and backward, microseconds a step'
        " (B = 8, D = 4, H = 64)</text>"
    )
    for index, (name, colour) in enumerate(_LINES.items()):
        line = " ".join(
            f"{x_at(x):.1f},{y_at(math.log10(value)):.1f}"
            for x, value in zip(xs, cost[name], strict=True)
        )
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        y = edge + 18 * index
        parts.append(f'<text x="{width - 150}" y="{y}" fill="{colour}">{name}</text>')
    return "\n".join([*parts, "</svg>", ""])
