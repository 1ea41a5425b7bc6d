"""Times one search in turns alone and followed by a page: what following costs.

    python bench_following.py [--pairs 10] [--trials 10] [--out FILE]

One worker trains candidates of one size, so that each takes as long. A page in Chromium is open all
the time; in turns of so many trials it follows the search or rests, as its own "follow the search"
has it, and which of the two comes first changes from pair to pair. Timed is from the end of the
first trial of a turn to that of its last, so that the change itself falls into no turn. Turns next
to each other in one search share machine, process and caches, which separate searches do not.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from bench_dashboard import cpu_seconds, serve
from playwright.sync_api import Page, sync_playwright
from scipy.special import stdtrit

SPACE = """
description = "One size"
cells = ["lstm"]
rules = ["heavy_ball"]
[rule.heavy_ball]
mu = { low = 0.0, high = 0.9 }
[model]
hidden_size = 32
[training]
lr = { low = 1e-3, high = 1e-2, log = true }
"""
SEARCH = [
    sys.executable, "-m", "optcell_search.cli", "run", "space.toml", "--task", "digits", "--folds",
    "1", "--objectives", "accuracy,parameters", "--sampler", "random", "--workers", "1",
    "--threads", "1", "--scheduler", "none", "--epochs", "6", "--out", "run",
]  # fmt: skip
# Until caches are warm and the page has drawn what takes long.
WARM_UP = 5


class Ends:
    """When the trials of a run ended, read from its database.

    Args:
        file: the ledger.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def __call__(self) -> list[datetime]:
        """Return the times of the complete trials in order."""
        with sqlite3.connect(f"file:{self._file}?mode=ro", uri=True) as connection:
            rows = connection.execute(
                "SELECT datetime_complete FROM trials WHERE state = 'COMPLETE' ORDER BY 1"
            ).fetchall()
        return [datetime.fromisoformat(row[0]) for row in rows]

    def wait(self, amount: int, search: subprocess.Popen[bytes]) -> list[datetime]:
        """Wait for so many complete trials, and return their times."""
        while len(found := self()) < amount:
            if search.poll() is not None:
                raise SystemExit(f"the search ended with code {search.returncode}")
            time.sleep(0.25)
        return found


@contextmanager
def searching(folder: Path, trials: int) -> Iterator[tuple[subprocess.Popen[bytes], Ends]]:
    """Search in `folder` until left."""
    (folder / "space.toml").write_text(SPACE, encoding="utf-8")
    search = subprocess.Popen(
        [*SEARCH, "--trials", str(trials)],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    ledger = folder / "run" / "study.db"
    try:
        while not ledger.is_file():
            if search.poll() is not None:
                raise SystemExit(f"the search ended with code {search.returncode}")
            time.sleep(0.5)
        yield search, Ends(ledger)
    finally:
        search.terminate()
        search.wait()


@contextmanager
def page_over(folder: Path) -> Iterator[tuple[Page, subprocess.Popen[str]]]:
    """Open a page over the run in `folder`, drawn and at rest."""
    server, url, _ = serve(folder)
    try:
        with sync_playwright() as running:
            chromium = shutil.which("chromium") or shutil.which("chromium-browser")
            browser = running.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            page.goto(url)
            page.wait_for_function("window.optcell && optcell.current()", timeout=300_000)
            page.wait_for_function("optcell.current().growth", timeout=300_000)
            yield page, server
            browser.close()
    finally:
        server.terminate()
        server.wait()


def turn(
    page: Page, follow: bool, trials: int, ends: Ends, search: subprocess.Popen[bytes]
) -> float:
    """Return the seconds that a trial takes, while the page follows the search or rests."""
    page.evaluate("follow => { optcell.state.follow = follow; }", follow)
    before = len(ends())
    found = ends.wait(before + 1 + trials, search)[before:]
    return (found[trials] - found[0]).total_seconds() / trials


def measured(folder: Path, pairs: int, trials: int) -> tuple[list[tuple[float, float]], float]:
    """Return seconds a trial, alone and followed, by pair, and the server's processor share."""
    found = []
    asked = 2 * (WARM_UP + 2 * pairs * (trials + 2))
    with searching(folder, asked) as (search, ends):
        ends.wait(WARM_UP, search)
        with page_over(folder / "run") as (page, server):
            shares = []
            for pair in range(pairs):
                took = {}
                for follow in (False, True) if pair % 2 == 0 else (True, False):
                    began, before = time.monotonic(), cpu_seconds(server)
                    took[follow] = turn(page, follow, trials, ends, search)
                    if follow:
                        used = cpu_seconds(server) - before
                        shares.append(used / (time.monotonic() - began))
                found.append((took[False], took[True]))
                print(f"pair {pair + 1}: {took[False]:.3f} s, {took[True]:.3f} s", flush=True)
    return found, statistics.fmean(shares)


def told(found: list[tuple[float, float]], share: float, trials: int) -> str:
    """Return the measurements as Markdown."""
    change = [100 * (followed / alone - 1) for alone, followed in found]
    mean, amount = statistics.fmean(change), len(change)
    half = 0.0
    if amount > 1:
        half = stdtrit(amount - 1, 0.975) * statistics.stdev(change) / amount**0.5
    rows = "\n".join(
        f"| {i} | {alone:.3f} | {followed:.3f} | {percent:+.1f} % |"
        for i, ((alone, followed), percent) in enumerate(zip(found, change, strict=True), 1)
    )
    return (
        f"One search with one worker, in turns of {trials} trials of one size alone and followed "
        f"by a page in Chromium, which goes first changing from pair to pair; "
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at "
        "the end:\n\n| pair | alone, s a trial | followed, s a trial | change |\n"
        f"|---|---|---|---|\n{rows}\n\n"
        f"**{mean:+.2f} %, 95 % interval {mean - half:+.2f} to {mean + half:+.2f} %** over "
        f"{amount} pairs. The server took {100 * share:.1f} % of a processor while it was asked, "
        "at niceness 19.\n"
    )


def main() -> None:
    """Read the command line, measure in turns, and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--trials", type=int, default=10)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        found, share = measured(Path(temporary), arguments.pairs, arguments.trials)
    text = told(found, share, arguments.trials)
    print(text)
    if arguments.out:
        arguments.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
