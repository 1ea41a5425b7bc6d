"""Times the same search alone and followed by a dashboard, in turns: what following costs.

    python bench_following.py [--pairs 2] [--trials 40] [--browser] [--out FILE]

One worker searches the digits; the random sampler with one seed makes every search train the same
candidates. Following is what an open page does: it asks for news every second and then for the
curves that are new. With --browser it is a page in Chromium, which needs a processor of its own.

Timed is the second half of the trials: the dashboard starts during the first, and that is over.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench_dashboard import cpu_seconds, serve
from playwright.sync_api import sync_playwright

from optcell_search import results

EVERY = 1.0
SEARCH = [
    sys.executable, "-m", "optcell_search.cli", "run", "optimizer_cells", "--task", "digits",
    "--objectives", "accuracy,parameters", "--sampler", "random", "--workers", "1", "--seed", "0",
    "--scheduler", "none",
]  # fmt: skip


class Follower(threading.Thread):
    """Asks a dashboard what a page would ask."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        # Looking needs no token, and what is asked for stands behind the address alone.
        self._url = url.partition("?")[0]
        self._end = threading.Event()
        self.answers = 0

    def run(self) -> None:
        """Follow until `stop`."""
        version = self._get("content.json?run=0")["version"]
        self._get("curves.json?run=0&since=-1")
        while not self._end.wait(EVERY):
            news = self._get(f"news.json?run=0&since={version}")
            if "content" in news:
                before, version = version, news["content"]["version"]
                self._get(f"curves.json?run=0&since={before}")

    def _get(self, path: str) -> dict[str, Any]:
        with urllib.request.urlopen(self._url + path) as answer:
            found: dict[str, Any] = json.load(answer)
        self.answers += 1
        return found

    def stop(self) -> None:
        """Stop and wait for the last answer."""
        self._end.set()
        self.join()


@contextmanager
def followed(folder: Path, browser: bool) -> Iterator[dict[str, float]]:
    """Follow the run in `folder`; the dictionary is filled in the end."""
    process, url, _ = serve(folder)
    begun, before = time.perf_counter(), cpu_seconds(process)
    told: dict[str, float] = {}
    with ExitStack() as stack:
        stack.callback(process.wait)
        stack.callback(process.terminate)
        if browser:
            running = stack.enter_context(sync_playwright())
            chromium = shutil.which("chromium") or shutil.which("chromium-browser")
            page = running.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            page.new_page().goto(url)
            stack.callback(page.close)
        else:
            follower = Follower(url)
            follower.start()
            stack.callback(follower.stop)
        yield told
        minutes = (time.perf_counter() - begun) / 60
        told["cpu"] = (cpu_seconds(process) - before) / minutes


def search(folder: Path, trials: int, epochs: int, follow: str) -> dict[str, float]:
    """Run the search; return its seconds, and those of training, and what following took."""
    asked = ["--trials", str(trials), "--epochs", str(epochs), "--out", str(folder)]
    process = subprocess.Popen(
        [*SEARCH, *asked], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    told: dict[str, float] = {}
    while not (folder / "study.db").is_file() or not _started(folder):
        if process.poll() is not None:
            raise SystemExit(f"the search ended with code {process.returncode}")
        time.sleep(0.5)
    if follow:
        with followed(folder, follow == "browser") as told:
            process.wait()
    else:
        process.wait()
    table = results.frame(results.load(folder)).tail(trials // 2)
    ended = table["started"] + table["seconds"].map(lambda s: s * 1e9).astype("timedelta64[ns]")
    whole = (ended.max() - table["started"].min()).total_seconds()
    return {"whole": whole, "training": float(table["train_seconds"].sum()), **told}


def _started(folder: Path) -> bool:
    try:
        return len(results.load(folder).get_trials(deepcopy=False)) > 0
    except ValueError:
        # Its tables are being made.
        return False


def main() -> None:
    """Read the command line, measure in turns, and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=2)
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--browser", action="store_true")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    follow = "browser" if arguments.browser else "poller"
    found: dict[str, list[dict[str, float]]] = {"alone": [], "followed": []}
    with tempfile.TemporaryDirectory() as temporary:
        for pair in range(arguments.pairs):
            for name, how in (("alone", ""), ("followed", follow)):
                folder = Path(temporary) / f"{name}{pair}"
                one = search(folder, arguments.trials, arguments.epochs, how)
                found[name].append(one)
                print(name, {key: round(value, 2) for key, value in one.items()}, flush=True)
    text = told(found, arguments.trials, follow)
    print(text)
    if arguments.out:
        arguments.out.write_text(text, encoding="utf-8")


def told(found: dict[str, list[dict[str, float]]], trials: int, follow: str) -> str:
    """Return the measurements as Markdown."""
    lines = []
    for key, name in (("whole", "first start to last end (s)"), ("training", "training alone (s)")):
        alone, other = ([one[key] for one in found[which]] for which in ("alone", "followed"))
        each = [100 * (b / a - 1) for a, b in zip(alone, other, strict=True)]
        spread = " to ".join(f"{value:+.1f}" for value in (min(each), max(each)))
        change = 100 * (statistics.fmean(other) / statistics.fmean(alone) - 1)
        values = (", ".join(f"{value:.1f}" for value in some) for some in (alone, other))
        lines.append(f"| {name} | {' | '.join(values)} | {change:+.1f} % ({spread}) |")
    cpu = statistics.fmean(one["cpu"] for one in found["followed"])
    by = "a page in Chromium" if follow == "browser" else "a client that asks what a page asks"
    return (
        f"The second half of the same search of {trials} trials, one worker, alone and followed by "
        f"{by}, in turns; "
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores:\n\n"
        "| | alone | followed | change (of each pair) |\n|---|---|---|---|\n"
        + "\n".join(lines)
        + f"\n\nThe server used {cpu:.1f} s of one processor a minute, with niceness 19 "
        f"({100 * cpu / 60:.1f} %).\n"
    )


if __name__ == "__main__":
    main()
