"""The report: every view of a run in one HTML file that needs no network."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
import optuna
import plotly.graph_objects as go
from markupsafe import Markup, escape
from plotly.offline import get_plotlyjs

from .. import results
from . import by_rule, details, figures, info, scatter, words
from .palette import styles


def write_report(
    run: str | Path | optuna.Study, path: str | Path, *, where: str | Path = ""
) -> Path:
    """Write the report of a run.

    Args:
        run: a run folder, the URL of a study, or the study.
        path: the HTML file; one that exists is replaced, whole or not at all.
        where: how a study is named on a command line; otherwise `run` says so itself.

    Returns:
        The path.

    Raises:
        FileNotFoundError, ValueError: there is no such run (see `results.load`).
    """
    where = str(where) if isinstance(run, optuna.Study) else str(run)
    study = run if isinstance(run, optuna.Study) else results.load(run)
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.part")
    draft.write_text(page(info.read(study), where), encoding="utf-8")
    return draft.replace(target)


def page(data: info.Data, where: str = "") -> str:
    """Return the report as HTML.

    Args:
        data: the run.
        where: how the run is named on a command line, where that is known.
    """
    front = set(results.pareto(data.table, data.objectives)["number"])
    style = styles(str(rule) for rule in data.table["rule"].dropna())
    limits = by_rule.colour_range(data)
    scatters = scatter.scatters(data)
    answers = by_rule.responses(data)
    curves = details.learning_curves(data, front)
    drawn = {f"pareto-{i}": figures.pareto(shown, style) for i, shown in enumerate(scatters)}
    drawn |= {
        f"rule-{i}": figures.response(answer, style[answer.rule], limits)
        for i, answer in enumerate(answers)
        if answer.x
    }
    if curves.curves:
        drawn["learning"] = figures.learning(curves, style)
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(__package__, "page"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": words.number, "axis": words.axis, "equation": _equation}
    return environment.get_template("report.html").render(
        data=data,
        overview=info.overview(data),
        scatters=scatters,
        answers=answers,
        curves=curves,
        limits=limits,
        by_cell=by_rule.rule_by_cell(data),
        finals=details.final_rows(data),
        front=front,
        style=style,
        words=words,
        where=shlex.quote(where or "RUN"),
        request=json.dumps(data.request, indent=2, ensure_ascii=False),
        css=_asset("report.css"),
        script=_asset("report.js"),
        plotly=get_plotlyjs(),
        content=_embedded(drawn, details.trial_table(data)),
    )


def _equation(text: str) -> Markup:
    """Set the indices and powers of a plain-text equation: v_{t-1} and β^k."""
    marked = str(escape(text))
    for sign, tag in (("_", "sub"), (r"\^", "sup")):
        marked = re.sub(sign + r"(?:\{([^{}]*)\}|(\w))", rf"<{tag}>\g<1>\g<2></{tag}>", marked)
    return Markup(marked)


def _asset(name: str) -> str:
    return resources.files(__package__).joinpath("page", name).read_text(encoding="utf-8")


def _embedded(drawn: Mapping[str, go.Figure], table: details.Table) -> str:
    """Return the data as JSON that is safe inside a script element, whatever names it holds."""
    shown: dict[str, Any] = {
        "figures": {name: json.loads(figure.to_json()) for name, figure in drawn.items()},
        "table": {"columns": table.columns, "rows": table.rows},
    }
    text = json.dumps(
        shown, default=_plain_number, allow_nan=False, separators=(",", ":"), ensure_ascii=False
    )
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _plain_number(value: Any) -> Any:
    """Return a numpy scalar as Python's own."""
    return value.item()
