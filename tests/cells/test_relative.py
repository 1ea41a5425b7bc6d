"""Series that are forecast relative to their last value."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from padded import outputs_with
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

from optcell_search.cells import SequenceModel
from optcell_search.cells.model import Anchor
from optcell_search.cells.model.relative import Relative

# Two series in features 2 and 0, of which two values and one are forecast, and a feature between.
ANCHORS: list[Anchor] = [(2, 1.5, -0.25), (2, 1.5, -0.25), (0, 0.5, 2.0)]
LENGTHS = torch.tensor([4, 9, 1, 6])


def model_of(**options: Any) -> SequenceModel:
    torch.manual_seed(0)
    model = SequenceModel(
        3, 3, 6, cell="gru", relative_to="last", anchors=ANCHORS, dtype=torch.float64, **options
    )
    for name, tensor in model.named_buffers():
        # As after some training.
        if name.endswith("running_mean"):
            nn.init.normal_(tensor)
        elif name.endswith("running_var"):
            nn.init.uniform_(tensor, 0.5, 2.0)
    return model.eval()


def windows(count: int = 4, steps: int = 9) -> Tensor:
    return torch.randn(count, steps, 3, dtype=torch.float64)


def by_hand(relative: Relative, window: Tensor) -> tuple[Tensor, Tensor]:
    """Return what stands for one window (T, 3), step by step, and its levels."""
    norm, rows = relative.norm, []
    for t, step in enumerate(window):
        before = window[max(t - 1, 0)]
        changes = torch.stack([step[place] - before[place] for place in (0, 2)])
        normed = (changes - norm.running_mean) / (norm.running_var + norm.eps).sqrt()
        last = window[-1]
        rows.append(torch.stack([step[0] - last[0], step[1], step[2] - last[2], *normed]))
    return torch.stack(rows), torch.stack([f * window[-1, p] + s for p, f, s in ANCHORS])


@pytest.mark.parametrize("packed", [False, True])
def test_layers_take_distances_and_changes_and_the_last_values_are_added(packed: bool) -> None:
    model, x = model_of(), windows()
    lengths = LENGTHS if packed else torch.full((4,), 9)
    parameters = list(model.parameters())
    expected = []
    for window, length in zip(x, lengths, strict=True):
        taken, levels = by_hand(model.relative, window[:length])
        hidden, _ = model.cell(taken.unsqueeze(0))
        expected.append(model.readout(hidden[0, -1]) + levels)
    given = (
        pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False) if packed else x
    )
    found = model(given)
    torch.testing.assert_close(found, torch.stack(expected))
    torch.testing.assert_close(
        torch.autograd.grad(found.square().sum(), parameters),
        torch.autograd.grad(torch.stack(expected).square().sum(), parameters),
    )


@given(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3), st.sampled_from(["none", "parallel"]))
def test_a_series_elsewhere_is_forecast_as_much_elsewhere(a: float, b: float, front: str) -> None:
    model, x = model_of(front=front, readout="attention"), windows()
    moved = x + torch.tensor([a, 0.0, b], dtype=torch.float64)
    expected = model(x) + torch.tensor([1.5 * b, 1.5 * b, 0.5 * a], dtype=torch.float64)
    torch.testing.assert_close(model(moved), expected, atol=1e-8, rtol=1e-8)


def test_statistics_of_changes_do_not_see_padding() -> None:
    model, x = model_of().train(), windows()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}

    def outputs(padding: float) -> Tensor:
        return outputs_with(model, before, x, LENGTHS, padding)

    assert torch.equal(outputs(0.0), outputs(1e6))
    rows = [row[:length] for row, length in zip(x, LENGTHS, strict=True)]
    changes = torch.cat([torch.diff(row, dim=0, prepend=row[:1])[:, [0, 2]] for row in rows])
    expected = 0.9 * before["relative.norm.running_mean"] + 0.1 * changes.mean(0)
    torch.testing.assert_close(model.relative.norm.running_mean, expected)


def test_a_piece_of_a_window_is_refused() -> None:
    with pytest.raises(ValueError, match=r"relative_to = 'last' needs a whole window"):
        model_of().stream(windows()[:, :4])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"relative_to": "first"}, r"relative_to = 'first' is not an option; valid: none, last"),
        ({}, r"no series is forecast from its own past; valid: 'none', or a forecast"),
        ({"anchors": ANCHORS, "readout": "every"}, r"no series is forecast from its own past"),
        ({"anchors": ANCHORS[:2]}, r"no series is forecast from its own past"),
        ({"anchors": [(3, 1.0, 0.0)] * 3}, r"of 3 features; valid: for each output the place"),
    ],
)
def test_what_does_not_go_together_is_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        SequenceModel(3, 3, 4, **{"relative_to": "last", **options})
