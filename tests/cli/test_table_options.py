"""The command line offers for a table to predict what a package takes."""

from __future__ import annotations

from optcell_search.cli.table_options import WRITTEN
from optcell_search.raw import command


def test_they_are_those_of_the_package() -> None:
    assert WRITTEN == command.WRITTEN
