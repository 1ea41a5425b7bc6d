"""TOML files: where they are found, and what is said about those that cannot be read."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from optcell_search.space import SearchSpace, SpaceError
from optcell_search.space.files import is_deep

TEXT = """\
description = "mine"
cells = ["lstm"]
rules = ["heavy_ball"]
[rule.heavy_ball]
mu = 0.5
s = { low = 0.1, high = 1.0 }
"""


def write(folder: Path, content: str | bytes) -> Path:
    path = folder / "mine.toml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("as_text", [True, False])
def test_a_file_is_loaded_by_path_and_named_after_it(tmp_path: Path, as_text: bool) -> None:
    path = write(tmp_path, TEXT)
    space = SearchSpace.load(str(path) if as_text else path)
    assert (space.name, space.description) == ("mine", "mine")
    assert space.sample().rule_options[0] == ("mu", 0.5)


def test_a_name_in_the_file_wins(tmp_path: Path) -> None:
    assert SearchSpace.load(write(tmp_path, 'name = "other"\n' + TEXT)).name == "other"


def test_a_byte_order_mark_and_windows_line_ends_are_accepted(tmp_path: Path) -> None:
    space = SearchSpace.load(write(tmp_path, TEXT))
    raw = b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode()
    assert SearchSpace.load(write(tmp_path, raw)) == space


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (TEXT + "x = = 1\n", r"not TOML: .*line 7.*; valid: "),
        (TEXT + "mu = 0.6\n", r"not TOML: .*line 7.*; valid: "),
        (TEXT.encode() + b"# \xff\n", r"not UTF-8 text \(at line 7\); valid: "),
        (TEXT.encode("utf-16"), r"not UTF-8 text \(at line 1\); valid: "),
        ("a = " + "9" * 5000, r"not TOML: .*; valid: "),
        ("a = " + "[" * 5000, r"(nested too deeply|not TOML: .*); valid: "),
    ],
    ids=["syntax", "key given twice", "bad byte", "utf-16", "endless integer", "depth"],
)
def test_a_file_that_is_not_toml(tmp_path: Path, content: str | bytes, expected: str) -> None:
    path = write(tmp_path, content)
    with pytest.raises(SpaceError, match=expected) as caught:
        SearchSpace.load(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert len(str(caught.value).splitlines()) == 1


def test_faults_in_a_file_begin_with_its_path(tmp_path: Path) -> None:
    path = write(tmp_path, TEXT.replace("0.5", "5"))
    with pytest.raises(SpaceError) as caught:
        SearchSpace.load(path)
    assert caught.value.faults[0].startswith(f"{path}: rule.heavy_ball.mu: mu = 5 is out of range")


def test_an_unknown_name_lists_the_shipped_spaces() -> None:
    with pytest.raises(SpaceError, match=r"did you mean 'optimizer_cells'\?") as caught:
        SearchSpace.load("optimizer_cell")
    assert str(caught.value).endswith("valid: " + ", ".join(SearchSpace.names()))


@pytest.mark.parametrize("name", ["nowhere.toml", "folder/nowhere", Path("nowhere")])
def test_a_file_that_does_not_exist_lists_the_shipped_spaces(name: str | Path) -> None:
    expected = f"^{name}: no such file; shipped search spaces: {', '.join(SearchSpace.names())}$"
    with pytest.raises(FileNotFoundError, match=expected):
        SearchSpace.load(name)


def test_a_name_that_is_too_long_for_a_file_is_unknown() -> None:
    with pytest.raises(SpaceError, match=r"^unknown search space 'a+\.\.\.a+'; valid: auto, "):
        SearchSpace.load("a" * 300)
    with pytest.raises(FileNotFoundError, match=r"a\.toml: no such file; shipped search spaces: "):
        SearchSpace.load("a" * 300 + ".toml")


def test_a_folder_is_not_a_space(tmp_path: Path) -> None:
    with pytest.raises(SpaceError, match="is a folder; valid: a TOML file or one of "):
        SearchSpace.load(tmp_path)


DOTS = "." * 70
KEY = "a" + ".a" * 70


@pytest.mark.parametrize(
    "more",
    [
        f"# {DOTS}\n",
        f"[model] # isn't {DOTS}\n",
        f'[[[not read\n# "{DOTS}\n',
        f'description = """\n{DOTS}\n \\""" {DOTS}" ""\n"""\n',
        f'description = """"{DOTS}"""""\n',
        f"description = '''\n{DOTS}\n\\'''\n",
        f'description = "\\"{DOTS}#"\n',
        f"description = '#{DOTS}\\'\n",
    ],
)
def test_dots_in_comments_and_texts_are_no_depth(more: str) -> None:
    assert not is_deep(more.encode())


@pytest.mark.parametrize(
    "more",
    [
        f"{KEY} = 1\n",
        f"[{KEY}]\n",
        f"# isn't\n{KEY} = 1\n",
        f'x = """ # \\""" """\n{KEY} = 1\n',
        f"x = ''' # \\'''\n{KEY} = 1\n",
        f'x = """"""""\n{KEY} = 1\n',
        f"x = '\\' # '\n{KEY} = 1\n",
        f'x = "\\"" # "\n{KEY} = 1\n',
        KEY.replace("a", '"a.#"') + " = 1\n",
        KEY.replace(".", " . ") + " = 1\n",
    ],
)
def test_deep_keys_are_found_beside_comments_and_texts(tmp_path: Path, more: str) -> None:
    with pytest.raises(SpaceError, match="nested too deeply"):
        SearchSpace.load(write(tmp_path, TEXT + more))


def test_a_commented_line_of_dots_is_read(tmp_path: Path) -> None:
    path = write(tmp_path, f"# {DOTS}\n{TEXT}")
    assert SearchSpace.load(path) == SearchSpace.load(write(tmp_path, TEXT))


@pytest.mark.parametrize(
    "part", ['"', '"""\\', "'''\\", '\\"', '""\\"', '"""\\""" ', "'", "#'", '"\\']
)
def test_the_longest_document_is_gone_through_once(part: str) -> None:
    begun = time.process_time()
    is_deep((part * 2**22)[: 2**22].encode())
    assert time.process_time() - begun < 5
