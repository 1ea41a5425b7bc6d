"""A run gives its figures itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from optcell_search.tuning import Run

KEPT = Path(__file__).parents[1] / "data" / "run_0_1_0"


@pytest.mark.parametrize("name", ["plot_front", "plot_rules", "plot_training"])
def test_figures_hold_what_the_run_found(name: str) -> None:
    figure = getattr(Run.open(KEPT), name)()
    assert figure.info is not None
    assert len(figure.data) > 0


def test_of_four_trials_no_importance_is_claimed() -> None:
    figure = Run.open(KEPT).plot_importances()
    assert figure.info is not None
    assert len(figure.data) == 0


def test_the_page_stands_in_a_notebook_without_a_server() -> None:
    assert "<iframe" in Run.open(KEPT).dashboard()._repr_html_()
