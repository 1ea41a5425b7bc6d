"""Features that are numbers of categories have a vector each, which is learned."""

from __future__ import annotations

import pytest
import torch

from optcell_search.cells import SequenceModel
from optcell_search.cells.model.categories import Categories, width_of


def test_a_category_is_its_row_of_the_table_and_the_others_stay() -> None:
    made = Categories(4, [(1, 30), (3, 5)])
    assert [tuple(table.shape) for table in made.tables] == [(30, 11), (5, 4)]
    assert made.width == 2 + 11 + 4
    x = torch.randn(2, 3, 4)
    x[..., 1], x[..., 3] = 29.0, 2.0
    found = made(x)
    torch.testing.assert_close(found[..., :2], x[..., [0, 2]])
    torch.testing.assert_close(found[1, 2, 2:13], made.tables[0][29])
    torch.testing.assert_close(found[0, 0, 13:], made.tables[1][2])
    # A number of no level, as in a check with random inputs, is not read beyond the table.
    assert made(torch.full((1, 1, 4), 1e9)).isfinite().all()
    assert made(torch.full((1, 1, 4), -7.0)).isfinite().all()


@pytest.mark.parametrize(("levels", "width"), [(1, 2), (21, 9), (100, 21), (10**5, 64)])
def test_vectors_grow_with_the_categories_up_to_a_limit(levels: int, width: int) -> None:
    assert width_of(levels) == width


@pytest.mark.parametrize("embedded", [[(4, 3)], [(-1, 3)], [(0, 0)]])
def test_what_is_no_feature_is_refused(embedded: list[tuple[int, int]]) -> None:
    with pytest.raises(ValueError, match=r"of 4 features; valid: the place of a feature, and 1"):
        Categories(4, embedded)


def test_a_model_learns_its_vectors_and_streams_them() -> None:
    torch.manual_seed(0)
    model = SequenceModel(3, 2, 5, cell="gru", rule="gd", embedded=[(0, 40)])
    assert model.state_dict()["categories.tables.0"].shape == (40, width_of(40))
    assert "categories.tables.0" not in SequenceModel(3, 2, 5, cell="gru").state_dict()
    x = torch.randn(4, 6, 3)
    x[..., 0] = torch.randint(0, 39, (4, 6))
    model(x).sum().backward()
    gradient = model.categories.tables[0].grad
    seen = x[..., 0].unique().long()
    assert (gradient[seen].abs().sum(1) > 0).all()
    assert (gradient[39] == 0).all()
    with torch.no_grad():
        outputs, state = model.stream(x[:, :2])
        outputs, _ = model.stream(x[:, 2:], state)
        torch.testing.assert_close(outputs[:, -1], model(x))
