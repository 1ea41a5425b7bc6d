"""Published recipes that a search begins with: what they are in a space narrowed to some data."""

from __future__ import annotations

import pytest

from optcell_search.space import AUTO, DataSizes, SearchSpace, adapted, is_plain, published

SIZES = DataSizes(sequences=40, steps=150, readout="last", classes=2, symbols=False)


def test_of_a_small_set_of_series_it_is_lstm_fcn() -> None:
    space = adapted(SearchSpace.load(AUTO), SIZES)
    (found,) = published(space)
    assert found in space
    assert is_plain(found)
    (plain,) = (one for one in space.plain() if one.cell == "lstm")
    changed = {name: value for name, value in found.flat().items() if plain.flat()[name] != value}
    assert changed == {
        "model.hidden_size": 32,
        "model.front": "parallel",
        "model.front_width": 128,
        "model.front_depth": 3,
    }
    assert found.flat()["model.front_kernel"] == 8


def test_a_recipe_is_narrowed_as_its_space_is() -> None:
    # A quarter of 8 steps is less than every kernel, so that the smallest is left.
    space = adapted(SearchSpace.load(AUTO), DataSizes(**{**vars(SIZES), "steps": 8}))
    (found,) = published(space)
    assert found in space
    assert found.flat()["model.front_kernel"] == 3


def test_without_fronts_it_is_the_plain_cell() -> None:
    symbols = DataSizes(sequences=40, steps=150, readout="every", classes=30, symbols=True)
    space = adapted(SearchSpace.load(AUTO), symbols)
    assert [one.flat()["model.hidden_size"] for one in published(space)] == [32]
    assert all(one.flat()["model.front"] == "none" and one in space for one in published(space))


@pytest.mark.parametrize("name", [name for name in SearchSpace.names() if name != AUTO])
def test_other_spaces_have_none(name: str) -> None:
    assert published(SearchSpace.load(name)) == []


def test_a_name_is_no_path() -> None:
    data = SearchSpace.load(AUTO).to_dict()
    assert published(SearchSpace.from_dict({**data, "name": "../first/auto"})) == []


def test_a_space_without_plain_cells_or_without_the_cell_has_none() -> None:
    data = SearchSpace.load(AUTO).to_dict()
    data.pop("cell", None)
    assert published(SearchSpace.from_dict({**data, "cells": ["gru"]})) == []
    del data["rule"]["gd"]
    assert published(SearchSpace.from_dict({**data, "rules": ["heavy_ball", "adam"]})) == []
