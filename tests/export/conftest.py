"""Fixtures of these tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from exporting import SCORES, TASK, a_candidate, no_formats, trained
from predicting import exported
from raw_examples import EXAMPLES

from optcell_search import tasks
from optcell_search.export import export, formats
from optcell_search.tasks import LoadedTask


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the other forms of the model, which take most of an export's time."""
    monkeypatch.setattr(formats, "write_formats", no_formats)


@pytest.fixture(scope="session")
def winner(tmp_path_factory: pytest.TempPathFactory) -> Path:
    candidate = a_candidate()
    target = tmp_path_factory.mktemp("exports") / "winner"
    return export(candidate, trained(candidate).state_dict(), TASK, SCORES, target)


@pytest.fixture(scope="session")
def classes(tmp_path_factory: pytest.TempPathFactory) -> LoadedTask:
    folder = tmp_path_factory.mktemp("classes")
    return tasks.load(EXAMPLES["classes"](folder), folder)


@pytest.fixture(scope="session")
def of_classes(classes: LoadedTask, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package with a predictor."""
    return exported(classes, tmp_path_factory.mktemp("exports") / "winner")


@pytest.fixture
def task(request: pytest.FixtureRequest, tmp_path: Path) -> LoadedTask:
    return tasks.load(EXAMPLES[request.param](tmp_path), tmp_path)
