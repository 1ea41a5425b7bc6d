"""Which parts of a whole model go together."""

from __future__ import annotations

from .front import FRONTS


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
