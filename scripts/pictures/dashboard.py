"""Takes the picture of the dashboard that README and site show, of a real run.

    optcell-search run optimizer_cells --task digits --trials 60 --epochs 60 \\
        --objectives accuracy,parameters --seed 0 --out runs/digits
    optcell-search finalize runs/digits --top 3 --seeds 3
    python scripts/pictures/dashboard.py runs/digits [docs/images/dashboard.png]
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from optcell_search.dashboard import write_report

WIDTH = 1180


def main() -> None:
    """Write the report of the run and photograph it down to the end of the front's section."""
    run = Path(sys.argv[1])
    target = Path(sys.argv[2] if len(sys.argv) > 2 else "docs/images/dashboard.png")
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as running:
        report = write_report(run, Path(temporary) / "report.html")
        chromium = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = running.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": 1600})
        page.goto(report.as_uri())
        page.wait_for_selector("#front-chart .points path")
        page.wait_for_timeout(500)
        end = page.evaluate(
            "document.querySelector('#front-chart').closest('section').getBoundingClientRect()"
            ".bottom + window.scrollY"
        )
        area = {"x": 0, "y": 0, "width": WIDTH, "height": round(end) + 16}
        page.screenshot(path=target, clip=area, full_page=True)
        browser.close()
    print(target, target.stat().st_size)


if __name__ == "__main__":
    main()
