"""What comes in a folder, a transfer or a study is data, and can name nothing outside."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optcell_search.ledger.storage.names import inner_name, refuse_link

HOSTILE = [
    "", ".", "..", "/etc/passwd", "../x", "a/../../x", "a//b", "a/./b", "a\0b", "a\nb", "C:\\x",
    "..\\x", "x" * 10_000_000, "x" * 300, "/dev/zero", "a/", None, 3, b"x", ["x"],
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE, ids=lambda name: repr(name)[:20])
def test_a_name_that_leads_elsewhere_is_refused_in_one_short_line(name: object) -> None:
    with pytest.raises(ValueError, match=r"list: .* is no name of a file inside it") as caught:
        inner_name(name, "list")
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 200


@given(st.text())
def test_what_is_let_through_stays_inside(name: str) -> None:
    try:
        kept = inner_name(name, "list")
    except ValueError:
        return
    base = "/base"
    assert os.path.normpath(os.path.join(base, kept)) == f"{base}/{kept}"


@pytest.mark.parametrize("name", ["train.npz", "files/a b.csv", "ä/ü.txt", ".hidden/x"])
def test_plain_names_are_taken(name: str) -> None:
    assert inner_name(name, "list") == name


def test_links_and_devices_are_no_files_of_a_run(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    refuse_link(tmp_path / "file")
    refuse_link(tmp_path)
    refuse_link(tmp_path / "missing")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "dangling", "pipe"):
        with pytest.raises(ValueError, match=name):
            refuse_link(tmp_path / name)
    with pytest.raises(ValueError, match="neither a file nor a folder"):
        refuse_link(Path("/dev/null"))
