"""A page that says something wrong is found out: `following` fails on each kind of wrong block."""

from __future__ import annotations

from pathlib import Path

import pytest
from following import blocks, follow

GROUP = '[project.entry-points."optcell_search.cell"]'
WRONG = {
    "a failing program": "```python\nassert 1 == 2\n```\n",
    "a name from nowhere": "```python\nfrom optcell_search import Nothing\n```\n",
    "an option that there is not": "```sh\noptcell-search run smoke --pace 3\n```\n",
    "a command that fails": "```bash\noptcell-search status nowhere\n```\n",
    "an extra that there is not": "```bash\npip install 'optcell-search[magic]'\n```\n",
    "a script that there is not": "```bash\nscripts/deom\n```\n",
    "a command nobody can check": "```bash\nmake install\n```\n",
    "a space with a fault": '```toml\ncells = ["lstn"]\nrules = ["gd"]\n```\n',
    "a group that there is not": f'```toml\n{GROUP}\na = "a:A"\n```\n',
    "a language nothing is done with": "```yaml\na: 1\n```\n",
}


@pytest.mark.parametrize("text", WRONG.values(), ids=WRONG)
def test_a_wrong_block_fails(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.md"
    page.write_text(text, encoding="utf-8")
    with pytest.raises((AssertionError, ImportError, SystemExit, ValueError)):
        follow(page, tmp_path)


def test_blocks_are_done_in_order_in_one_folder_with_shared_names(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        'One:\n\n```python title="mine.py"\nvalue = 2\n```\n\n- in a list:\n\n'
        "    ```python\n    from mine import value as two\n    ```\n\n"
        "```python\nassert two == value == 2\nopen('done', 'w').close()\n```\n",
        encoding="utf-8",
    )
    assert [block.line for block in blocks(page)] == [4, 10, 14]
    assert follow(page, tmp_path) == 3
    assert (tmp_path / "done").is_file()
