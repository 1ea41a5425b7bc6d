"""A half-made table goes on where it was, also after a setting has been added to all spaces."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from make_table import read
from tables import SPACE

from optcell_search.space import SearchSpace


def head_with(space: dict[str, Any]) -> dict[str, Any]:
    return {"task": "digits", "fingerprint": "5eed", "space": space, "epochs": 2, "seeds": 1}


def test_a_setting_that_came_later_has_its_default(tmp_path: Path) -> None:
    now = SearchSpace.from_dict(SPACE).to_dict()
    assert now["training"].pop("share") == 1.0
    part = tmp_path / "part.jsonl"
    part.write_text(f"{json.dumps(head_with(now))}\n{json.dumps({'key': 'a'})}\n{{", "utf-8")
    head = head_with(SearchSpace.from_dict(SPACE).to_dict())
    assert read(part, head) == [{"key": "a"}]
    # What was half written is cut.
    assert part.read_text("utf-8").endswith('"a"}\n')


@pytest.mark.parametrize("changes", [{"epochs": 3}, {"fingerprint": "other"}, {"task": "mnist1d"}])
def test_what_was_begun_for_something_else_is_refused(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    head = head_with(SearchSpace.from_dict(SPACE).to_dict())
    part = tmp_path / "part.jsonl"
    assert read(part, head) == []
    with pytest.raises(ValueError, match="was begun with other arguments, data or space"):
        read(part, head | changes)


def test_another_space_is_refused(tmp_path: Path) -> None:
    part = tmp_path / "part.jsonl"
    read(part, head_with(SearchSpace.from_dict(SPACE).to_dict()))
    other = SPACE | {"training": {"lr": {"choices": [0.003, 0.02]}}}
    with pytest.raises(ValueError, match="was begun with other arguments, data or space"):
        read(part, head_with(SearchSpace.from_dict(other).to_dict()))
