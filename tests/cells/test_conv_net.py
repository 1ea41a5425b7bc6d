"""Hierarchies of convolutional cells: against a loop written out, their edges, bad frames."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import conv2d, interpolate, max_pool2d

from optcell_search.cells.building import build_model
from optcell_search.cells.conv import ConvGRU, ConvHierarchy, ConvNet, OptConvCell
from optcell_search.cells.conv.hierarchy import lockstep_blocks
from optcell_search.rules import GradientDescent, HeavyBall

EDGES = {(2, 1): 3, (4, 2): 1, (4, 1): 5}


def hierarchy(feedback: dict[tuple[int, int], int], **arguments: object) -> ConvHierarchy:
    torch.manual_seed(0)
    return ConvHierarchy(
        (2, 8, 16),
        depth=4,
        channels=3,
        growth=2,
        feedback=feedback,
        dtype=torch.float64,
        **arguments,
    )  # type: ignore[arg-type]


def movie(T: int = 4) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(T, 2, 2, 8, 16, dtype=torch.float64, generator=generator)


def written_out(net: ConvHierarchy, x: Tensor, edges: dict[tuple[int, int], int]) -> Tensor:
    """Step through time and stages, one frame and one stage after the other."""
    states: list = [None] * 4
    outputs = []
    for frame in x:
        before, below = list(states), frame
        for k, stage in enumerate(net.stages):
            assert isinstance(stage, OptConvCell)
            below = below if k == 0 else max_pool2d(below, 2)
            extra = below.new_zeros(1, 2, stage.projection_channels, *below.shape[2:])
            for high, low in edges:
                if low == k + 1 and before[high - 1] is not None:
                    weight = getattr(net, f"weight_feedback_{high}_{low}")
                    h = before[high - 1].hidden[0]
                    told = conv2d(h, weight, padding=weight.shape[-1] // 2)
                    extra = extra + interpolate(told, scale_factor=2.0 ** (high - low))
            y, states[k] = stage(below[None], states[k], extra)
            below = y[0]
        outputs.append(below)
    return torch.stack(outputs)


@pytest.mark.parametrize("rule", ["heavy_ball", "adam"])
@pytest.mark.parametrize("edges", [{}, {(2, 1): 3}, {(4, 3): 1, (2, 1): 1}, EDGES])
def test_it_is_the_loop_over_frames_and_stages(
    edges: dict[tuple[int, int], int], rule: str
) -> None:
    net = hierarchy(edges, rule=rule)
    x = movie()
    torch.testing.assert_close(net(x)[0], written_out(net, x, edges), rtol=0, atol=1e-12)


def test_feedback_changes_the_output_from_the_second_frame_on() -> None:
    net, x = hierarchy(EDGES), movie()
    before = net(x)[0]
    for edge in EDGES:
        weight = getattr(net, "weight_feedback_{}_{}".format(*edge))
        with torch.no_grad():
            weight.mul_(2)
        after = net(x)[0]
        assert torch.equal(after[0], before[0])
        assert not torch.allclose(after[1], before[1])
        before = after


def test_pieces_give_what_the_whole_gives() -> None:
    net, x = hierarchy(EDGES, cell="reciprocal_gated", rule="nesterov"), movie(6)
    first, state = net(x[:2])
    rest, _ = net(x[2:], state)
    torch.testing.assert_close(torch.cat([first, rest]), net(x)[0], rtol=0, atol=1e-12)


def test_an_absent_edge_has_no_parameters_and_is_not_computed() -> None:
    without, with_edge = hierarchy({}), hierarchy({(4, 1): 3})
    extra = set(dict(with_edge.named_parameters())) - set(dict(without.named_parameters()))
    assert extra == {"weight_feedback_4_1"}
    counts = []
    for net in (without, with_edge):
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
            net(movie(5))
        counts.append({event.key: event.count for event in profile.key_averages()})
    # Four stages over five frames: one projection a stage, and a recurrence a frame.
    assert counts[0]["aten::conv2d"] == 4 + 4 * 5
    assert "aten::upsample_nearest2d" not in counts[0]
    # In lockstep they go frame by frame, and feedback arrives from the second frame on.
    assert counts[1]["aten::conv2d"] == 4 * 5 + 4 * 5 + 4
    assert counts[1]["aten::upsample_nearest2d"] == 4


@pytest.mark.parametrize(
    ("edges", "blocks"),
    [
        ((), [[0], [1], [2], [3], [4]]),
        (((1, 0),), [[0, 1], [2], [3], [4]]),
        (((4, 2), (1, 0)), [[0, 1], [2, 3, 4]]),
        (((2, 0), (3, 2)), [[0, 1, 2, 3], [4]]),
        (((4, 0),), [[0, 1, 2, 3, 4]]),
    ],
)
def test_only_stages_between_the_ends_of_an_edge_go_in_lockstep(
    edges: tuple[tuple[int, int], ...], blocks: list[list[int]]
) -> None:
    assert [list(block) for block in lockstep_blocks(5, edges)] == blocks


def test_a_frame_is_shown_for_some_steps() -> None:
    torch.manual_seed(0)
    net = ConvNet((1, 8, 8), 3, steps=3, feedback={(2, 1): 1}, readout="every", dtype=torch.float64)
    x = torch.randn(2, 2, 64, dtype=torch.float64)
    slow = x.repeat_interleave(3, 1).view(2, 6, 1, 8, 8)
    net.cell.steps = 1
    every = net(slow)
    net.cell.steps = 3
    torch.testing.assert_close(net(x), every[:, 2::3])


def test_learned_rules_start_where_they_are_set() -> None:
    net = ConvNet((1, 8, 8), 3, rule=HeavyBall(mu=0.4, s=0.7), learn_rule=True)
    assert len([name for name, _ in net.named_parameters() if "rule_values" in name]) == 2 * 3
    stage = net.cell.hierarchy.stages[0]
    assert isinstance(stage, OptConvCell)
    assert {key: round(value.item(), 5) for key, value in stage.rule_values().items()} == {
        "mu": 0.4,
        "s": 0.7,
    }


@pytest.mark.parametrize(
    ("frame", "depth", "message"),
    [
        ((1, 28, 28), 4, r"28 x 28 pixels cannot be halved 3 times.* depth <= 3, .*divisible by 8"),
        ((1, 8, 12), 4, r"8 x 12 pixels cannot be halved 3 times.*valid: depth <= 3"),
        ((1, 7, 8), 2, r"7 x 8 pixels cannot be halved 1 times.*valid: depth <= 1"),
        ((1, 8, 8), 0, "depth = 0"),
    ],
)
def test_a_frame_that_cannot_be_halved_is_refused(
    frame: tuple[int, int, int], depth: int, message: str
) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        ConvNet(frame, 10, depth=depth)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((2, 0, 1, 8, 8), "is a movie with no frames"),
        ((2, 3, 65), r"input of shape \(2, 3, 65\); valid: \(batch, frames, 1, 8, 8\)"),
        ((2, 3, 1, 8, 9), r"valid: \(batch, frames, 1, 8, 8\)"),
        ((3, 1, 8, 8), r"valid: \(batch, frames, 1, 8, 8\)"),
    ],
)
def test_input_of_another_form_is_refused(shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ConvNet((1, 8, 8), 10)(torch.zeros(shape))


@pytest.mark.parametrize("edge", [(1, 2), (2, 2), (4, 1), (1, 0)])
def test_an_edge_that_is_no_feedback_is_refused(edge: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="valid: from a higher to a lower of 3 stages"):
        ConvNet((1, 8, 8), 10, feedback={edge: 3})


def test_sizes_below_one_are_refused() -> None:
    with pytest.raises(ValueError, match="steps = 0"):
        ConvNet((1, 8, 8), 10, steps=0)
    with pytest.raises(ValueError, match="channels = 0"):
        OptConvCell(1, 0)
    with pytest.raises(ValueError, match=r"unknown convolutional cell 'lstm' \(did you mean"):
        OptConvCell(1, 1, cell="lstm")


def test_a_convolutional_cell_needs_images() -> None:
    with pytest.raises(ValueError, match="cell 'conv_gru' needs images, and a step of this task"):
        build_model(ConvGRU(), GradientDescent(), {}, input_size=8, output_size=3)
