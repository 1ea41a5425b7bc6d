"""A whole model for images and movies: convolutional recurrent stages and a linear read-out."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from ...rules import Rule
from .base import ConvolutionalCell
from .hierarchy import ConvHierarchy, Edges, State


class PooledReadout(nn.Linear):
    """Outputs from feature maps: the mean over height and width, then a linear map."""

    def forward(self, input: Tensor) -> Tensor:
        """Return (..., outputs) from maps (..., channels, height, width)."""
        return super().forward(input.mean((-2, -1)))


class ConvNet(nn.Module):
    """A `ConvHierarchy` and a read-out of its last stage, after the last or after every frame.

    Args:
        frame: channels, height and width of one frame.
        output_size: features of the output, e.g. the number of classes.
        steps: how often each frame is shown; for a still image, how many steps it is looked at.
        readout: ``"last"`` reads after the last frame, (B, outputs); ``"every"`` after every
            frame, (B, T, outputs).
        depth, channels, growth, feedback, cell, rule, learn_rule: see `ConvHierarchy`.
        device, dtype: of the parameters.

    Raises:
        ValueError: `steps` is below 1, or the frame cannot be halved as often as `depth` needs.
    """

    def __init__(
        self,
        frame: tuple[int, int, int],
        output_size: int,
        *,
        cell: str | ConvolutionalCell = "conv_gru",
        rule: str | Rule = "heavy_ball",
        depth: int = 3,
        channels: int = 16,
        growth: int = 1,
        steps: int = 1,
        feedback: Edges | None = None,
        learn_rule: bool = False,
        readout: Literal["last", "every"] = "last",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if steps < 1:
            raise ValueError(f"steps = {steps} is out of range; valid: integers >= 1")
        self.cell = _Shown(
            ConvHierarchy(
                frame, depth=depth, channels=channels, growth=growth, feedback=feedback,
                cell=cell, rule=rule, learn_rule=learn_rule, device=device, dtype=dtype,
            ),
            steps,
        )  # fmt: skip
        self.readout = PooledReadout(
            self.cell.hierarchy.width, output_size, device=device, dtype=dtype
        )
        self.reads: Literal["last", "every"] = readout
        # A film may be given piece by piece, as sequences of vectors may.
        self.streams = True

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, outputs) or (B, T, outputs) from frames, (B, T, C, H, W) or (B, T, C H W).

        Raises:
            ValueError: frames of another size, or none.
        """
        return self.head(self.cell(x)[0])

    def head(self, hidden: Tensor) -> Tensor:
        """Return the outputs from the last stage's outputs (B, T, channels, H, W)."""
        outputs: Tensor = self.readout(hidden[:, -1] if self.reads == "last" else hidden)
        return outputs

    def after_step(self) -> None:
        """Put the weights in order after a step of the optimizer: nothing to do here."""

    def stream(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Return the outputs (B, T, outputs) after every frame of the next piece, and the state."""
        hidden, state = self.cell(x, state)
        return self.readout(hidden), state


class _Shown(nn.Module):
    """Shows each frame of (B, T, ...) to a hierarchy for some steps."""

    def __init__(self, hierarchy: ConvHierarchy, steps: int) -> None:
        super().__init__()
        self.hierarchy = hierarchy
        self.steps = steps

    @property
    def bidirectional(self) -> bool:
        """Whether it also runs backwards in time: never."""
        return self.hierarchy.bidirectional

    def forward(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Return the last stage's outputs after each frame, (B, T, channels, H, W), and state."""
        maps, state = self.hierarchy(self._frames(x).repeat_interleave(self.steps, 0), state)
        return maps[self.steps - 1 :: self.steps].transpose(0, 1), state

    def _frames(self, x: Tensor) -> Tensor:
        """Return (T, B, C, H, W)."""
        frame = self.hierarchy.frame
        flat = x.dim() == 3 and x.shape[2] == frame[0] * frame[1] * frame[2]
        if not flat and (x.dim() != 5 or tuple(x.shape[2:]) != frame):
            raise ValueError(
                f"input of shape {tuple(x.shape)}; valid: (batch, frames, "
                f"{', '.join(map(str, frame))}), or the same with each frame in one row"
            )
        if x.shape[1] == 0:
            raise ValueError(f"input of shape {tuple(x.shape)} is a movie with no frames")
        return x.transpose(0, 1).reshape(x.shape[1], x.shape[0], *frame)
