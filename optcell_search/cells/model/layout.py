"""Which parts of a whole model go together."""

from __future__ import annotations

from .front import FRONTS

RELATIVE_TO = ("none", "last")


def check_layout(
    front: str, stride: int, readout: str, *, symbols: bool, bidirectional: bool
) -> None:
    """Make sure that a model's parts go together; see the arguments of `SequenceModel`.

    Raises:
        ValueError: they do not, or `front` is none.
    """
    if front not in FRONTS:
        raise ValueError(f"front = {front!r} is not an option; valid: {', '.join(FRONTS)}")
    if symbols and bidirectional:
        raise ValueError(
            "bidirectional = True reads ahead the very symbols that are to be predicted; "
            "valid: False where symbols are predicted"
        )
    if symbols and front == "parallel":
        raise ValueError(
            "front = 'parallel' widens the read-out, which is tied to the embedding of symbols; "
            "valid: 'none', 'serial' where symbols are predicted"
        )
    if stride != 1 and front != "serial":
        raise ValueError(f"front_stride = {stride} with front = {front!r}; valid: 1, or 'serial'")
    if stride != 1 and readout == "every":
        raise ValueError(
            f"front_stride = {stride}: every step is read, and the layers take one of so many; "
            "valid: 1 where every step has a target"
        )


def check_relative(relative_to: str, readout: str, *, forecasts: int, outputs: int) -> None:
    """Make sure that values can be relative to the last one of their series.

    Args:
        relative_to, readout: see the arguments of `SequenceModel`.
        forecasts: outputs whose series is known.
        outputs: all outputs.

    Raises:
        ValueError: they cannot, or `relative_to` is none.
    """
    if relative_to not in RELATIVE_TO:
        raise ValueError(
            f"relative_to = {relative_to!r} is not an option; valid: {', '.join(RELATIVE_TO)}"
        )
    if relative_to != "none" and (readout == "every" or forecasts != outputs):
        raise ValueError(
            f"relative_to = {relative_to!r}, and no series is forecast from its own past; "
            "valid: 'none', or a forecast"
        )
