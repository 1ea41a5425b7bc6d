"""What Dash adds to the page: having commands run for the run that is looked at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dash
from dash import Input, Output, State, dcc, html

from .desk import Desk
from .driver import interrupt
from .jobs import Job, Jobs, Progress
from .requests import export_job, finalize_job, resume_job

# The page's own scripts say what is picked, which run is looked at, and how it is called.
_PICKED = """
function(ticks, known) {
  const found = window.optcell && window.optcell.steering ? window.optcell.steering() : null;
  if (JSON.stringify(found) === JSON.stringify(known)) return window.dash_clientside.no_update;
  return found;
}
"""
_NAMED = """
function(picked) {
  if (!picked || picked.trial === null) return ["No trial is picked", "", true];
  if (!picked.complete) return [`Trial ${picked.trial} is not complete`, "", true];
  return [`Export trial ${picked.trial}`, `trial_${picked.trial}`, false];
}
"""
# The commands as one would type them; the server makes its own from the same numbers.
_COMMANDS = """
function(picked, name, top, seeds) {
  if (!picked) return ["", "", ""];
  const run = picked.folder;
  return [
    picked.complete
      ? `optcell-search export ${run} --trial ${picked.trial} --out ${run}/exports/${name || ""}`
      : "",
    `optcell-search finalize ${run} --top ${top || ""} --seeds ${seeds || ""}`,
    `optcell-search resume ${run}`,
  ];
}
"""

Shown = tuple[str, str, bool]


def layout() -> html.Div:
    """Return the controls."""
    return html.Div(
        [
            _part(
                "Take a trial with you",
                "A package with the trained weights that needs torch alone, written into the run "
                "folder's exports and checked there.",
                [
                    *_field("export-name", "as ", type="text", maxLength=64, autoComplete="off"),
                    html.Button("Export", id="export-start", disabled=True),
                ],
                "export-command",
            ),
            _part(
                "Finalize",
                "Trains the best candidates again with fresh seeds, and only then tests them.",
                [
                    *_field("final-top", "candidates ", type="number", min=1, step=1, value=3),
                    *_field("final-seeds", "seeds ", type="number", min=1, step=1, value=5),
                    html.Button("Finalize", id="final-start"),
                ],
                "final-command",
            ),
            _part(
                "Stop and go on",
                "Stopping is what Ctrl-C in its terminal does: what was trained stays, and resume "
                "goes on from there.",
                [
                    html.Button("Stop the search", id="stop"),
                    html.Button("Resume the search", id="resume-start"),
                ],
                "resume-command",
            ),
            html.P(id="says", role="status", className="note"),
            dcc.Store(id="picked-trial"),
            dcc.Interval(id="look", interval=400),
            dcc.Interval(id="wait", interval=700, disabled=True),
        ]
    )


def _part(title: str, about: str, controls: list[Any], command: str) -> html.Div:
    code = html.P(html.Code(id=command, tabIndex="0"), className="command")
    return html.Div(
        [html.H3(title), html.P(about), html.Div(controls, className="tools"), code],
        className="steer",
    )


def _field(identity: str, label: str, **options: Any) -> list[Any]:
    return [
        html.Label(label, htmlFor=identity),
        dcc.Input(id=identity, className="name", **options),
    ]


def add_callbacks(app: dash.Dash, desk: Desk, jobs: Jobs) -> None:
    """Let the buttons start commands, and tell how far they are."""
    on_page: Callable[..., None] = app.clientside_callback
    on_page(
        _PICKED,
        Output("picked-trial", "data"),
        Input("look", "n_intervals"),
        State("picked-trial", "data"),
    )
    on_page(
        _NAMED,
        Output("export-start", "children"),
        Output("export-name", "value"),
        Output("export-start", "disabled"),
        Input("picked-trial", "data"),
    )
    on_page(
        _COMMANDS,
        *(Output(name, "children") for name in ("export-command", "final-command")),
        Output("resume-command", "children"),
        Input("picked-trial", "data"),
        *(Input(name, "value") for name in ("export-name", "final-top", "final-seeds")),
    )
    says = [
        Output("says", "children", allow_duplicate=True),
        Output("says", "data-state", allow_duplicate=True),
        Output("wait", "disabled", allow_duplicate=True),
    ]

    def on_click(button: str, states: list[State], ask: Callable[..., Progress]) -> None:
        def clicked(clicks: int | None, picked: Any, *values: Any) -> Shown:
            at = picked.get("run") if isinstance(picked, dict) else None
            if not clicks or not isinstance(at, int) or not 0 <= at < len(desk):
                return _shown(Progress("failed", "There is no such run."))
            try:
                return _shown(ask(at, picked, *values))
            except (ValueError, OSError) as refused:
                return _shown(Progress("failed", str(refused)))

        app.callback(
            *says,
            Input(button, "n_clicks"),
            State("picked-trial", "data"),
            *states,
            prevent_initial_call=True,
        )(clicked)

    def start(job: Job) -> Progress:
        return jobs.start(job)

    def export(at: int, picked: Any, name: str | None) -> Progress:
        trial = picked.get("trial")
        if not isinstance(trial, int) or not desk.is_complete(at, trial):
            raise ValueError("Only a complete trial can be exported.")
        return start(export_job(desk.folder(at), trial, name or ""))

    def finalize(at: int, picked: Any, top: int | None, seeds: int | None) -> Progress:
        return start(finalize_job(desk.folder(at), top, seeds))

    def resume(at: int, picked: Any) -> Progress:
        return start(resume_job(desk.folder(at)))

    def stop(at: int, picked: Any) -> Progress:
        command = interrupt(desk.folder(at))
        return Progress("done", "Asked to stop; it ends within seconds.", command)

    on_click("export-start", [State("export-name", "value")], export)
    on_click("final-start", [State("final-top", "value"), State("final-seeds", "value")], finalize)
    on_click("resume-start", [], resume)
    on_click("stop", [], stop)

    def tell(ticks: int | None) -> Shown:
        return _shown(jobs.progress())

    app.callback(*says, Input("wait", "n_intervals"), prevent_initial_call=True)(tell)


def _shown(progress: Progress) -> Shown:
    """Return the words, the state, and whether there is nothing to wait for."""
    command = f" ({progress.command})" if progress.command else ""
    return f"{progress.message}{command}", progress.state, progress.state != "working"
