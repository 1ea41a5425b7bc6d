"""scikit-learn's and aeon's checks of the estimators, by name, as a page of results.

    python scripts/benchmarks/own_data/estimator_checks.py [REPORT.xml]

It runs ``pytest -m slow tests/estimators/test_checks.py``, or reads such a run's --junitxml, and
writes ``scripts/benchmarks/results/estimator_checks.md``.
"""

from __future__ import annotations

import datetime
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "scripts/benchmarks/results/estimator_checks.md"
TESTS = ["-m", "slow", "-q", "-p", "no:cacheprovider", "tests/estimators/test_checks.py"]
ABOUT = """# Checks of the estimators, by name

`python scripts/benchmarks/own_data/estimator_checks.py`: scikit-learn's `check_estimator` of
`OptCellClassifier` and `OptCellRegressor`, and aeon's of classes of aeon's that hand on to them.
None is expected to fail; what a package skips by itself is named with its reason.
"""


def results(report: Path) -> Iterator[tuple[str, str, str]]:
    """Give whose check it is, its name, and what it came to, of a report of pytest."""
    for case in ElementTree.parse(report).iter("testcase"):
        test, _, name = case.get("name", "").partition("[")
        outcome = "passed"
        for kind in ("failure", "error", "skipped"):
            found = case.find(kind)
            if found is not None:
                said = " ".join(str(found.get("message")).split())
                outcome = f"{'failed' if kind != 'skipped' else kind}: {said[:200]}"
        if name:
            # Its arguments are the same in all.
            short = re.sub(r"^(\w+)\(.*\)-", r"\1: ", name.removesuffix("]"))
            yield "scikit-learn" if test == "test_scikit_learn" else "aeon", short, outcome


def page(found: list[tuple[str, str, str]]) -> str:
    """Return the page of what they came to."""
    lines = [ABOUT]
    for owner in ("scikit-learn", "aeon"):
        own = [(name, outcome) for whose, name, outcome in found if whose == owner]
        counts = Counter(outcome.partition(":")[0] for _, outcome in own)
        told = ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))
        lines += [f"## {owner} {version(owner)}: {told}", ""]
        lines += [f"- `{name}`: {outcome}" for name, outcome in own]
        lines.append("")
    lines.append(f"{datetime.date.today()}, Python {sys.version.split()[0]}.")
    return "\n".join([*lines, ""])


def main(given: list[str]) -> None:
    """Write the page from a report, or from a run of the checks."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(given[0] if given else f"{folder}/report.xml")
        if not given:
            command = [sys.executable, "-m", "pytest", f"--junitxml={report}", *TESTS]
            subprocess.run(command, cwd=ROOT, check=False)
        PAGE.write_text(page(list(results(report))), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
