"""What the live page keeps and is told: views, tokens, the base path."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("dash", reason="dash is not installed")
from optcell_search.dashboard.app.prefix import checked
from optcell_search.dashboard.token import VARIABLE, find_token
from optcell_search.dashboard.views import FILE, keep_view, views_of
from optcell_search.ledger.storage.whole import write_text_whole


def test_views_are_kept_in_the_run_folder(folder: Path) -> None:
    assert views_of(folder) == {}
    keep_view(folder, "front, small", "x=parameters&pick=3")
    assert keep_view(folder, " μ ", "filter=adam") == {
        "front, small": "x=parameters&pick=3",
        "μ": "filter=adam",
    }
    assert keep_view(folder, "front, small", None) == views_of(folder) == {"μ": "filter=adam"}
    with pytest.raises(ValueError, match="kept in the run folder"):
        keep_view(None, "a", "b")


@pytest.mark.parametrize("text", ["", "[1]", "{", '{"a": 1}', '{"": "x"}', '{"a\\n": "x"}', "\0"])
def test_a_damaged_file_of_views_holds_none(folder: Path, text: str) -> None:
    (folder / FILE).write_text(text, encoding="utf-8")
    assert views_of(folder) == {}


def test_views_are_neither_read_nor_written_through_a_link(folder: Path, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.write_text('{"a": "b"}', encoding="utf-8")
    (folder / FILE).symlink_to(theirs)
    assert views_of(folder) == {}
    keep_view(folder, "mine", "x=1")
    assert theirs.read_text(encoding="utf-8") == '{"a": "b"}'
    assert not (folder / FILE).is_symlink()


def test_a_file_appears_whole_or_not_at_all_and_behind_no_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = tmp_path / "theirs"
    theirs.write_text("theirs", encoding="utf-8")
    (tmp_path / ".report.html.part").symlink_to(theirs)
    (tmp_path / "report.html").symlink_to(theirs)
    write_text_whole(tmp_path / "report.html", "ours")
    assert theirs.read_text(encoding="utf-8") == "theirs"
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == "ours"
    before = sorted(tmp_path.iterdir())

    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        write_text_whole(tmp_path / "report.html", "more")
    assert sorted(tmp_path.iterdir()) == before


def test_a_token_comes_from_the_option_a_file_or_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    file = tmp_path / "token"
    file.write_text(" from file \nsecond line\n", encoding="utf-8")
    assert find_token() == ""
    monkeypatch.setenv(VARIABLE, "from environment")
    assert find_token() == "from environment"
    assert find_token(file=file) == "from file"
    assert find_token("given", file) == "given"
    file.write_text("\n", encoding="utf-8")
    with pytest.raises(ValueError, match="its first line is empty; valid: the token"):
        find_token(file=file)
    with pytest.raises(FileNotFoundError, match=r"--token-file .*: no such file"):
        find_token(file=tmp_path / "none")


@pytest.mark.parametrize(
    ("given", "path"), [("", ""), ("/", ""), ("/a/b/", "/a/b"), ("user/me@x/p", "/user/me@x/p")]
)
def test_a_base_path_begins_with_a_slash_and_ends_without(given: str, path: str) -> None:
    assert checked(given) == path


@pytest.mark.parametrize("given", ["//host/x", "/a b", '/"', "/a?b", "http://host/"])
def test_what_is_no_base_path_is_refused(given: str) -> None:
    with pytest.raises(ValueError, match=r"--base-path .*; valid: a path such as"):
        checked(given)
