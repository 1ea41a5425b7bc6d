"""The command line, from its own parser, and the exit codes, from the code that returns them."""

from __future__ import annotations

import argparse
import inspect
import re
from collections.abc import Iterator

from tables import code, document, table

from optcell_search.cli import main as entry
from optcell_search.cli.parser import make_parser

HEAD = """
# Command line

`optcell-search COMMAND --help` prints the same as this page, which is made from the parser. What a
command writes to standard output is its result, everything else goes to standard error; `--json`
prints the result for programs.
"""


def page() -> str:
    """Return the page of all commands and exit codes."""
    commands = dict(subcommands(make_parser()))
    return document(HEAD, *(_section(*entry) for entry in commands.items()), *_exit_codes())


def subcommands(
    parser: argparse.ArgumentParser,
) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Give the commands of a parser by name."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from action.choices.items()


def _section(name: str, parser: argparse.ArgumentParser) -> str:
    parts = [f"## `{name}` {{ #{name} }}", _sentence(parser.description or "")]
    parts.append(f"```text\n{parser.format_usage().removeprefix('usage: ').rstrip()}\n```")
    # Positional arguments and options without a heading are one table.
    tables: dict[str, list[argparse.Action]] = {}
    for group in parser._action_groups:
        title = "" if group.title in ("positional arguments", "options") else str(group.title)
        tables.setdefault(title, []).extend(a for a in group._group_actions if not _is_help(a))
    for title, actions in tables.items():
        parts.append(f"**{title[:1].upper()}{title[1:]}**" if title else "")
        parts.append(table(("argument", ""), [_row(parser, each) for each in actions]))
    return document(*parts)


def _is_help(action: argparse.Action) -> bool:
    return isinstance(action, argparse._HelpAction)


def _row(parser: argparse.ArgumentParser, action: argparse.Action) -> tuple[str, str]:
    shown = parser._get_formatter()._format_action_invocation(action)
    text = parser._get_formatter()._expand_help(action) if action.help else ""
    if action.choices and not action.help:
        text = "One of " + ", ".join(code(choice) for choice in action.choices)
    return code(shown), _sentence(text)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}" + ("" if text.endswith((".", ":")) or not text else ".")


def _exit_codes() -> Iterator[str]:
    """Give the section on exit codes, from the docstring of `cli.main`."""
    told = inspect.getdoc(entry) or ""
    returns = " ".join(told.partition("Returns:")[2].split())
    codes = re.findall(r"(\d+): ([^;]+?)(?:;|\.?$)", returns)
    yield "## Exit codes { #exit-codes }"
    yield table(("code", ""), [(code(number), _sentence(text)) for number, text in codes])
