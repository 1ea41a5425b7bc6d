"""Convolutional recurrent stages on top of each other, with feedback from higher to lower ones."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...kernels import unroll
from ...rules import Rule
from ...shapes import Float
from .base import ConvolutionalCell
from .layer import MapState, OptConvCell

# One entry for each stage, the lowest first.
State = tuple[MapState, ...]
Edges = Mapping[tuple[int, int], int]
_Stages = tuple[MapState | None, ...]


class ConvHierarchy(nn.Module):
    """A stack of `OptConvCell` stages, each at half the height and width of the one below.

        x^1_t = frame_t,   x^k_t = maxpool2(y^{k-1}_t)
        y^k_t = stage_k(x^k_t),   extra^k_t = sum over edges j -> k of upsample(V_jk * h^j_{t-1})

    A frame passes all stages within its step; feedback arrives one step later, behind the rule,
    which therefore never sees h. V_jk works at the size of stage j, and its result is repeated to
    the size of stage k. Stages that no feedback ties together run over the whole movie one after
    the other; those between the ends of an edge run in lockstep. An absent edge has no weights
    and is not computed.

    Args:
        frame: channels, height and width of the input.
        depth: number of stages.
        channels: channels of the first stage.
        growth: how many times as many channels each next stage has.
        feedback: (higher stage, lower stage), counted from 1, to the side of the edge's filter.
        cell, rule, learn_rule: of every stage, see `OptConvCell`.
        device, dtype: of the parameters.

    Raises:
        ValueError: the frame cannot be halved so often, or an edge is not from a higher stage to
            a lower one.
    """

    def __init__(
        self,
        frame: tuple[int, int, int],
        *,
        depth: int = 3,
        channels: int = 16,
        growth: int = 1,
        feedback: Edges | None = None,
        cell: str | ConvolutionalCell = "conv_gru",
        rule: str | Rule = "heavy_ball",
        learn_rule: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        check_frame(frame, depth)
        edges = dict(feedback or {})
        for (high, low), side in edges.items():
            if not (1 <= low < high <= depth and side % 2 == 1):
                raise ValueError(
                    f"feedback from stage {high} to stage {low} with a filter of side {side}; "
                    f"valid: from a higher to a lower of {depth} stages, with an odd side"
                )
        self.frame = frame
        widths = [channels * growth**stage for stage in range(depth)]
        self.stages = nn.ModuleList(
            OptConvCell(
                below, width, cell=cell, rule=rule, learn_rule=learn_rule,
                device=device, dtype=dtype,
            )
            for below, width in zip([frame[0], *widths], widths, strict=False)
        )  # fmt: skip
        self.edges = tuple(sorted((high - 1, low - 1) for high, low in edges))
        for high, low in self.edges:
            side = edges[high + 1, low + 1]
            shape = (self._stage(low).projection_channels, widths[high], side, side)
            weight = nn.Parameter(torch.empty(shape, device=device, dtype=dtype))
            self.register_parameter(_edge_name(high, low), weight)
        self.blocks = lockstep_blocks(depth, self.edges)
        self.reset_parameters()

    @property
    def width(self) -> int:
        """Channels of the last stage."""
        return self._stage(-1).channels

    @property
    def bidirectional(self) -> bool:
        """Whether it also runs backwards in time: never."""
        return False

    def reset_parameters(self) -> None:
        """Draw initial weights anew; those of feedback as the cells draw theirs."""
        for stage in range(len(self.stages)):
            self._stage(stage).reset_parameters()
        for edge in self.edges:
            weight = getattr(self, _edge_name(*edge))
            bound = math.sqrt(3 / weight[0].numel())
            nn.init.uniform_(weight, -bound, bound)

    def _stage(self, index: int) -> OptConvCell:
        stage = self.stages[index]
        assert isinstance(stage, OptConvCell)
        return stage

    def forward(
        self, x: Float[Tensor, "time batch features height width"], state: State | None = None
    ) -> tuple[Float[Tensor, "time batch channels height2 width2"], State]:
        """Return the last stage's outputs at every step, and the state to go on from."""
        if state is not None and len(state) != len(self.stages):
            raise ValueError(f"state of {len(state)} stages; valid here: {len(self.stages)}")
        states: list[MapState | None] = [None] * len(self.stages) if state is None else [*state]
        for block in self.blocks:
            if block.start:
                x = _halve(x)
            if len(block) == 1:
                x, states[block.start] = self._stage(block.start)(x, states[block.start])
                continue

            def step(x_t: Tensor, before: _Stages, block: range = block) -> tuple[Tensor, _Stages]:
                return self._lockstep(block, x_t, before)

            x, after = unroll(step, x, tuple(states[block.start : block.stop]))
            states[block.start : block.stop] = after
        return x, tuple(part for part in states if part is not None)

    def _lockstep(self, block: range, x: Tensor, before: _Stages) -> tuple[Tensor, _Stages]:
        """Take one step with the stages of a block, x (B, ...) to y of the last (B, ...)."""
        after: list[MapState | None] = []
        for stage in block:
            if after:
                x = functional.max_pool2d(x, 2)
            extra = self._feedback(stage, block, before, x)
            y, state = self._stage(stage)(x[None], before[stage - block.start], extra)
            x = y[0]
            after.append(state)
        return x, tuple(after)

    def _feedback(self, low: int, block: range, before: _Stages, x: Tensor) -> Tensor | None:
        """Return (1, B, projection_channels, H, W): what higher stages told `low` a step ago."""
        total: Tensor | None = None
        for high, target in self.edges:
            source = before[high - block.start] if target == low else None
            # Before the first step every h is 0, and so is its feedback: V has no bias.
            if source is None:
                continue
            weight = getattr(self, _edge_name(high, low))
            told = functional.conv2d(source.hidden[0], weight, padding=weight.shape[-1] // 2)
            told = functional.interpolate(told, size=x.shape[2:], mode="nearest")
            total = told if total is None else total + told
        return None if total is None else total[None]


def check_frame(frame: tuple[int, int, int], depth: int) -> None:
    """Raise a ValueError unless `depth` stages can each halve what the one below puts out."""
    _, height, width = frame
    if depth < 1 or min(frame) < 1:
        raise ValueError(f"depth = {depth}, frame {frame}; valid: sizes >= 1")
    most = 1 + min(_halvings(height), _halvings(width))
    if depth > most:
        raise ValueError(
            f"frames of {height} x {width} pixels cannot be halved {depth - 1} times, as depth = "
            f"{depth} needs; valid: depth <= {most}, or sides divisible by {2 ** (depth - 1)}"
        )


def _halvings(side: int) -> int:
    return (side & -side).bit_length() - 1


def lockstep_blocks(depth: int, edges: tuple[tuple[int, int], ...]) -> tuple[range, ...]:
    """Return the stages in runs that must go step by step together, lowest first.

    An edge ties all stages from its lower to its higher end; edges that share a stage tie theirs.
    """
    blocks: list[range] = []
    for stage in range(depth):
        tied = any(low < stage <= high for high, low in edges)
        if tied:
            blocks[-1] = range(blocks[-1].start, stage + 1)
        else:
            blocks.append(range(stage, stage + 1))
    return tuple(blocks)


def _edge_name(high: int, low: int) -> str:
    return f"weight_feedback_{high + 1}_{low + 1}"


def _halve(x: Tensor) -> Tensor:
    pooled = functional.max_pool2d(x.flatten(0, 1), 2)
    return pooled.view(*x.shape[:2], *pooled.shape[1:])
