"""Times the dashboard: first view, brush and filter, a new trial, memory, and sizes of the file.

    python bench_dashboard.py [--trials 10000] [--out FILE]

A real browser (Chromium, drawing WebGL in software) and the server share the machine.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import synthetic_run
from playwright.sync_api import Page, sync_playwright

from optcell_search.dashboard import write_report

SIZES = (100, 1_000, 10_000)
REPEATS = 9
# Of more trials the page holds about twice as many, of fewer it holds all.
HELD = 10_000
SERVE = [sys.executable, "-m", "optcell_search.cli", "dashboard", "--no-open"]
# Drawn: the points of all trials are in the chart and the browser has painted them.
DRAWN = """amount => {
    const chart = document.getElementById("front-chart");
    return chart && chart.data && chart.querySelector(".plot-container") &&
        optcell.current().index.size >= amount;
}"""
TIMED = """async action => {
    const painted = () => new Promise(done => requestAnimationFrame(() => setTimeout(done, 0)));
    const began = performance.now();
    if (action.filter !== undefined) {
        const box = document.getElementById("filter");
        box.value = action.filter;
        box.dispatchEvent(new Event("input"));
        const before = optcell.state.chosen;
        while (optcell.state.chosen === before) await painted();
    } else {
        optcell.choose(new Set(optcell.current().trials.filter(t => t % action.of === 0)), "bench");
    }
    do await painted();
    while (optcell.views.some(view => view.seen && view.stale));
    return performance.now() - began;
}"""


STAYS = """How 100,000 trials stay usable: the page holds about 20,000 of them, the front, the best
and an even sample; sums, shares, the front and the importance are over all. Of learning curves
10,000 are read and some 460 drawn, of parallel lines 400, of a rule's trials 600, selected ones
before others, and the timeline is an image of as many columns as the screen has. What takes long
(growth, responses, importance) comes after the first view and takes the server at most a twentieth
of its time; the page asks for news the more rarely the longer an answer takes. The wait is at the
start: the whole ledger has to be read once."""


def serve(folder: Path) -> tuple[subprocess.Popen[str], str, float]:
    """Start a dashboard; return its process, its address and the seconds until it answers."""
    began = time.perf_counter()
    process = subprocess.Popen([*SERVE, str(folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    url = process.stdout.readline().strip()
    return process, url, time.perf_counter() - began


class Told(dict[str, float]):
    """Measurements, each printed as soon as it is there."""

    def __setitem__(self, name: str, value: float) -> None:
        super().__setitem__(name, value)
        print(f"{name}: {value:.3g}", flush=True)


def cpu_seconds(process: subprocess.Popen[str]) -> float:
    """Return the processor time that a process has used, which other work does not lengthen."""
    fields = Path(f"/proc/{process.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2]
    user, system = fields.split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def peak_mib(process: subprocess.Popen[str]) -> float:
    """Return the most memory that a process has had so far."""
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def first_view(page: Page, url: str, trials: int) -> float:
    """Open the address; return the seconds until the front is drawn."""
    began = time.perf_counter()
    page.goto(url)
    page.wait_for_function(DRAWN, arg=trials, timeout=300_000)
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => setTimeout(done, 0)))")
    return time.perf_counter() - began


def answers(page: Page, actions: list[dict[str, Any]]) -> float:
    """Return the median milliseconds until what is in sight has followed."""
    return statistics.median(float(page.evaluate(TIMED, action)) for action in actions)


def appears(page: Page, folder: Path) -> float:
    """Finish a trial; return the seconds until the page shows it."""
    # The package itself opens a ledger for reading only.
    study = optuna.load_study(study_name=None, storage=f"sqlite:///{folder / 'study.db'}")
    number = len(study.get_trials(deepcopy=False))
    template = study.get_trials(deepcopy=False)[0]
    template._user_attrs["key"] = f"{number:016x}"
    study.add_trial(
        optuna.trial.create_trial(values=[0.999, 900.0], user_attrs=template.user_attrs)
    )
    began = time.perf_counter()
    page.wait_for_function(f"optcell.current().index.has({number})", timeout=60_000)
    return time.perf_counter() - began


def live(trials: int, folder: Path) -> dict[str, float]:
    """Measure a live dashboard over a run of so many trials."""
    process, url, ready = serve(folder)
    found = Told({"server ready (s)": ready, "server ready, processor (s)": cpu_seconds(process)})
    try:
        with sync_playwright() as running:
            chromium = shutil.which("chromium") or shutil.which("chromium-browser")
            browser = running.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            page.set_default_timeout(300_000)
            before = cpu_seconds(process)
            found["first view (s)"] = first_view(page, url, min(trials, HELD))
            found["first view, server's processor (s)"] = cpu_seconds(process) - before
            page.wait_for_function("optcell.current().growth && optcell.current().curvesTotal")
            page.evaluate("document.getElementById('front').scrollIntoView()")
            page.wait_for_timeout(2000)
            found["brush, median (ms)"] = answers(
                page, [{"of": of} for of in range(2, 2 + REPEATS)]
            )
            page.evaluate("document.getElementById('trials').scrollIntoView()")
            page.wait_for_timeout(2000)
            words = ["adam", "gru", "accuracy>0.9", "lstm rmsprop", "lr<0.003", "heavy_ball"]
            found["filter, median (ms)"] = answers(page, [{"filter": word} for word in words])
            found["server memory, peak (MiB)"] = peak_mib(process)
            if trials <= SIZES[-1]:
                found["finished trial appears (s)"] = appears(page, folder)
            browser.close()
        return found
    finally:
        process.terminate()
        process.wait()


def following(folder: Path) -> float:
    """Return the server's processor seconds a minute while a page follows a run of 300 trials.

    A trial ends every few seconds, as on a machine with two workers.
    """
    run = synthetic_run.make(folder / "followed", 300)
    process, url, _ = serve(run)
    try:
        with sync_playwright() as running:
            chromium = shutil.which("chromium") or shutil.which("chromium-browser")
            browser = running.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            first_view(page, url, 300)
            page.wait_for_function("optcell.current().growth")
            began, before = time.perf_counter(), cpu_seconds(process)
            for _ in range(8):
                appears(page, run)
                page.wait_for_timeout(3000)
            minutes = (time.perf_counter() - began) / 60
            browser.close()
            return (cpu_seconds(process) - before) / minutes
    finally:
        process.terminate()
        process.wait()


def sizes(folder: Path) -> dict[int, float]:
    """Return the megabytes of the one file by number of trials."""
    found = {}
    for trials in SIZES:
        run = synthetic_run.make(folder / f"size{trials}", trials)
        path = write_report(run, folder / f"{trials}.html")
        found[trials] = path.stat().st_size / 1e6
    return found


def table(found: dict[int, dict[str, float]]) -> str:
    """Return measurements by number of trials as a Markdown table."""
    names = list(dict.fromkeys(name for one in found.values() for name in one))
    cells = {
        name: [f"{one[name]:.3g}" if name in one else "–" for one in found.values()]
        for name in names
    }
    heads = " | ".join(f"{trials:,} trials" for trials in found)
    return f"| | {heads} |\n|---|{'---|' * len(found)}\n" + "\n".join(
        f"| {name} | {' | '.join(values)} |" for name, values in cells.items()
    )


def main() -> None:
    """Read the command line, measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, nargs="+", default=[10_000])
    parser.add_argument(
        "--run", type=Path, nargs="+", help="folders that synthetic_run.py has made already"
    )
    parser.add_argument("--following", type=Path, help="what bench_following.py has written")
    parser.add_argument(
        "--finished", type=Path, help="a finished run, of which status and results are timed"
    )
    parser.add_argument("--no-files", action="store_true", help="leave out the one file")
    parser.add_argument("--out", type=Path, default=None)
    arguments = parser.parse_args()
    made = arguments.run or [None] * len(arguments.trials)
    measured = {}
    with tempfile.TemporaryDirectory() as temporary:
        for trials, run in zip(arguments.trials, made, strict=True):
            folder = Path(temporary) / f"run{trials}"
            if run and trials > SIZES[-1]:
                # Nothing is added to it, and to copy it would take long.
                folder = run
            elif run:
                shutil.copytree(run, folder)
            else:
                synthetic_run.make(folder, trials)
            measured[trials] = live(trials, folder)
        quick = {} if arguments.finished is None else commands(arguments.finished)
        cost = following(Path(temporary))
        print(f"following: {cost:.2f} s of processor a minute", flush=True)
        files = {} if arguments.no_files else sizes(Path(temporary))
    text = report(measured, files, cost, quick)
    if arguments.following:
        text += f"\n{arguments.following.read_text(encoding='utf-8')}"
    print(text)
    if arguments.out:
        arguments.out.write_text(text, encoding="utf-8")


def commands(run: Path) -> dict[str, float]:
    """Return the processor seconds of commands that only read, the median of three."""
    found = Told()
    for words in (["--help"], ["status", str(run)], ["results", str(run)]):
        found[words[0]] = statistics.median(processor([*SERVE[:3], *words]) for _ in range(3))
    return found


def processor(command: list[str]) -> float:
    """Return the processor seconds of a command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def report(
    measured: dict[int, dict[str, float]],
    files: dict[int, float],
    cost: float,
    quick: dict[str, float],
) -> str:
    """Return all that was measured as Markdown."""
    load = float(np.round(os.getloadavg()[0], 1))
    told = ", ".join(f"`{name}` {took:.2f}" for name, took in quick.items())
    seconds = f"Processor seconds of commands that only read: {told}.\n\n" if quick else ""
    rows = "\n".join(f"| {trials:,} | {size:.2f} |" for trials, size in files.items())
    weights = f"| trials | one file (MB) |\n|---|---|\n{rows}\n" if rows else ""
    return (
        f"# The dashboard, measured\n\n{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, "
        f"{os.cpu_count()} cores shared by server, browser (WebGL in software) and whatever else "
        f"ran: load {load} at the end. "
        "Made by `scripts/benchmarks/dashboard/bench_dashboard.py`.\n\n"
        "Trials with 20 learning-curve points each. *Server ready*: from the command to the "
        "address. *First view*: from opening the address to the drawn front; the server reads the "
        "ledger meanwhile, and has begun when it printed the address. *Brush*, *filter*: until all "
        f"that is in sight has followed.\n\n{table(measured)}\n\n{STAYS}\n\n"
        f"While a page follows a run of 300 trials in which one ends every few seconds, the server "
        f"takes {cost:.1f} s of a processor a minute, {100 * cost / 60:.1f} % of one, at niceness "
        "19: it gets what the search leaves over. "
        "`scripts/benchmarks/dashboard/bench_following.py` times a search alone and followed.\n\n"
        f"{seconds}{weights}\n"
    )


if __name__ == "__main__":
    main()
