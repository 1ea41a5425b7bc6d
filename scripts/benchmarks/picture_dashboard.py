"""Takes the picture of the dashboard that the README shows.

python scripts/benchmarks/picture_dashboard.py [scripts/benchmarks/results/dashboard.png]
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

import synthetic_run
from playwright.sync_api import sync_playwright

from optcell_search.dashboard import write_report


def main() -> None:
    """Write the report of a made-up run and photograph its top."""
    target = Path(sys.argv[1] if len(sys.argv) > 1 else "scripts/benchmarks/results/dashboard.png")
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as running:
        run = synthetic_run.make(Path(temporary) / "run", 400)
        report = write_report(run, Path(temporary) / "report.html")
        chromium = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = running.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1180, "height": 1140})
        page.goto(report.as_uri())
        page.wait_for_selector("#front-chart .points path")
        page.wait_for_timeout(500)
        page.screenshot(path=target)
        browser.close()
    print(target, target.stat().st_size)


if __name__ == "__main__":
    main()
