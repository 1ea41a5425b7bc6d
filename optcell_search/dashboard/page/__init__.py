"""The page: one document, whose scripts draw every view from JSON; as a file, or live."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

import jinja2

from ..content import encode

# In this order: each may use what those before it define.
_SCRIPTS = (
    "ground/base", "ground/run", "ground/state", "ground/address", "ground/charts",
    "work/save", "work/filter", "work/act", "work/steer", "work/named",
    "views/looks", "views/front", "views/pairs", "views/growth", "views/many",
    "views/standings", "views/rules", "views/importance", "views/equation", "views/gradient",
    "views/notes", "views/cell", "views/training", "views/timeline", "views/table",
    "views/tested", "views/worst", "views/diagnosis", "views/provenance", "views/compare",
    "views/head", "work/copy", "work/paper", "work/start",
)  # fmt: skip


def file(content: Mapping[str, Any]) -> str:
    """Return the page with its content, its scripts and plotly's inside; it needs no network."""
    from plotly.offline import get_plotlyjs

    return _template().render(
        live=False,
        css=_asset("page.css"),
        script=scripts(),
        plotly=get_plotlyjs(),
        content=encode(content),
    )


def live() -> str:
    """Return the page without content, with the places that Dash fills in."""
    return _template().render(live=True, css="", script="", plotly="", content="")


@cache
def scripts() -> str:
    """Return the page's own scripts as one, which leaves nothing but `optcell` behind."""
    parts = [_asset(f"js/{name}.js") for name in _SCRIPTS]
    return '"use strict";\nwindow.optcell = (() => {\n' + "\n".join(parts) + "\n})();\n"


@cache
def styles() -> str:
    """Return the page's style sheet."""
    return _asset("page.css")


def _asset(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_asset),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # Dash has its own marks in braces, which pass untouched.
        block_start_string="<%",
        block_end_string="%>",
        variable_start_string="<<",
        variable_end_string=">>",
        comment_start_string="<#",
        comment_end_string="#>",
    )
    return environment.get_template("page.html")
