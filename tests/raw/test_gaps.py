"""Steps that a series lacks, where times are extreme."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

from optcell_search import tasks


def load(folder: Path, times: tuple[str, ...], gaps: str) -> tasks.LoadedTask:
    rows = (
        f"{sequence},{time},{sequence + place},{sequence % 2}"
        for sequence in range(8)
        for place, time in enumerate(times)
    )
    path = folder / "far.csv"
    path.write_text("\n".join(["id,t,a,y", *rows]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return tasks.load(f"{path}:sequence=id,target=y,time=t,gaps={gaps}")


@pytest.mark.parametrize(
    ("times", "steps"),
    [
        (("0", "1", "100000"), "99998 steps"),
        (("0", "4e-101", "2"), "5e+100 steps"),
        (("0", "5e-324", "1"), "1e+300 steps"),
        (("0", "1", "1.7976931348623157e308"), "1e+300 steps"),
    ],
)
def test_more_steps_than_memory_holds_are_not_filled(
    tmp_path: Path, times: tuple[str, ...], steps: str
) -> None:
    with pytest.raises(ValueError, match="would have to be filled; valid: gaps=keep") as refused:
        load(tmp_path, times, "interpolate")
    assert steps in str(refused.value)
    assert load(tmp_path, times, "keep").train.inputs.shape[1] == 3


def test_times_as_far_apart_as_floats_can_be_are_read(tmp_path: Path) -> None:
    for times in (("-1.7e308", "0", "1.7e308"), ("1e300", "2e300", "3e300")):
        assert load(tmp_path, times, "refuse").train.inputs.shape[1] == 3
