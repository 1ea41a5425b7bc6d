"""Notes and tags, kept as attributes of the study."""

from __future__ import annotations

import pytest
from ledgers import two_objectives

from optcell_search import results
from optcell_search.ledger.notes import Remark, remarks, write_remark


def test_what_is_said_is_read_again_and_stands_in_the_table() -> None:
    study = two_objectives().study
    write_remark(study, 1, Remark.checked(" for the paper ", ["small ", "small", "", "paper"]))
    write_remark(study, None, Remark("first try"))
    assert remarks(study.user_attrs) == {
        1: Remark("for the paper", ("small", "paper")),
        None: Remark("first try"),
    }
    table = results.frame(study)
    assert table["tags"][1] == "small, paper"
    assert table["note"][1] == "for the paper"
    assert list(table["note"].notna()) == [False, True, False, False, False]
    write_remark(study, 1, Remark())
    assert remarks(study.user_attrs).keys() == {None}
    assert "note" not in results.frame(study)


@pytest.mark.parametrize(
    ("note", "tags", "says"),
    [
        ("x" * 2001, [], "note of 2,001 letters; valid: up to 2,000"),
        ("", ["a,b"], "tag 'a,b'; valid"),
        ("", ["x" * 41], "up to 40 letters"),
        ("", ["a\nb"], "no comma"),
        ("", [str(i) for i in range(13)], "13 tags; valid: up to 12"),
    ],
)
def test_what_cannot_be_kept_is_refused(note: str, tags: list[str], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Remark.checked(note, tags)


def test_what_others_keep_under_such_names_is_passed_over() -> None:
    strange = {"note:x": "a", "note:1": 7, "tags:2": "text", "notes": "b", "tags": {}}
    assert remarks(strange) == {}
