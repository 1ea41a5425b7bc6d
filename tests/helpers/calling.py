"""The command line, called in this process."""

from __future__ import annotations

import pytest
import tomli_w
from runs import SPACE

from optcell_search.cli import main


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("spaces") / "tiny.toml"
    path.write_text(tomli_w.dumps(SPACE))
    return str(path)


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    capsys.readouterr()
    code = main(list(arguments))
    output, errors = capsys.readouterr()
    return code, output, errors
