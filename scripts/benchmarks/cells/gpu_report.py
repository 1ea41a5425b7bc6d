"""The page of `bench_gpu.py`: errors, candidates at once, and times of the linear cells."""

from __future__ import annotations

from typing import Any


def report(found: dict[str, Any]) -> list[str]:
    """Return the lines of bench_gpu.md."""
    head = found["head"]
    out = ["# Cells on the GPU", ""]
    out += ["Made by `scripts/benchmarks/cells/bench_gpu.py`; do not edit.", ""]
    out += [f"{head['machine']}, torch {head['torch']}, {head['date']}", ""]
    out += ["Largest error against the readable loop in float64, relative to the largest value:"]
    out += ["", "| precision | cell | rule | T, B, D, H | kernel | error | of |", "|---" * 7 + "|"]
    for r in found["exactness"]:
        shape = ", ".join(str(r[key]) for key in "TBDH")
        cells = (r["precision"], r["cell"], r["rule"], shape, r["backend"])
        out.append("| " + " | ".join([*cells, f"{r['error']:.1e}", r["worst"]]) + " |")
    out += ["", "K candidates at once over one (LSTM, gradients), median [quartiles]:", ""]
    out += ["| rule | K | T, B, D, H | K / one | error | n |", "|---" * 6 + "|"]
    for r in found["candidates"]:
        shape = ", ".join(str(r[key]) for key in "TBDH")
        ratio = "{1:.2f} [{0:.2f}, {2:.2f}]".format(*r["ratio"])
        cells = (r["rule"], str(r["K"]), shape, ratio, f"{r['error']:.1e}", str(r["repeats"]))
        out.append("| " + " | ".join(cells) + " |")
    out += ["", "Linear cells and the delta memory over torch's LSTM, forward and backward:", ""]
    out += ["| cell | T, B, D, H | kernel | time / LSTM | n |", "|---" * 5 + "|"]
    for r in found["linear"]:
        shape = ", ".join(str(r[key]) for key in "TBDH")
        ratio = "{1:.2f} [{0:.2f}, {2:.2f}]".format(*r["ratio"])
        out.append(f"| {r['cell']} | {shape} | {r['backend']} | {ratio} | {r['repeats']} |")
    if found["left_out"]:
        out += ["", "Left out for lack of time: " + "; ".join(found["left_out"]) + "."]
    if found["failed"]:
        out += ["", "Failed:", ""]
        out += [f"- {label}: {reason}" for label, reason in found["failed"].items()]
    return out
