"""What Dash adds to the page: taking the picked trial with you."""

from __future__ import annotations

import dash
from dash import Input, Output, State, dcc, html

from .desk import Desk
from .exporting import Exporter, Progress

# The page's own scripts say what is picked and which run is looked at.
_PICKED = """
function(ticks) {
  const known = window.dash_clientside.callback_context.states_list[0].value || {};
  const {at, picked} = window.optcell ? window.optcell.state : {at: 0, picked: null};
  if (known.run === at && known.trial === picked) return window.dash_clientside.no_update;
  return {run: at, trial: picked};
}
"""
_NAMED = """
function(picked) {
  if (!picked || picked.trial === null) return ["No trial is picked", "", true];
  return [`Export trial ${picked.trial}`, `trial_${picked.trial}`, false];
}
"""


def layout() -> html.Div:
    """Return the controls below the picture of the cell."""
    return html.Div(
        [
            html.H3("Take it"),
            html.P(
                "A package with the trained weights that needs torch alone, written into the "
                "run folder's exports and checked there."
            ),
            html.Div(
                [
                    html.Label("as ", htmlFor="export-name"),
                    dcc.Input(
                        id="export-name",
                        type="text",
                        maxLength=64,
                        autoComplete="off",
                        className="name",
                    ),
                    html.Button("Export", id="export-start", disabled=True),
                ],
                className="tools",
            ),
            html.P(id="export-says", role="status", className="note"),
            dcc.Store(id="picked-trial"),
            dcc.Interval(id="look", interval=400),
            dcc.Interval(id="wait", interval=700, disabled=True),
        ]
    )


def add_callbacks(app: dash.Dash, desk: Desk, exporter: Exporter) -> None:
    """Let the button start an export, and tell how far it is."""
    app.clientside_callback(  # type: ignore[no-untyped-call]
        _PICKED,
        Output("picked-trial", "data"),
        Input("look", "n_intervals"),
        State("picked-trial", "data"),
    )
    app.clientside_callback(  # type: ignore[no-untyped-call]
        _NAMED,
        Output("export-start", "children"),
        Output("export-name", "value"),
        Output("export-start", "disabled"),
        Input("picked-trial", "data"),
    )

    def start(clicks: int | None, name: str | None, picked: dict[str, int] | None) -> Shown:
        if not clicks or not picked or not isinstance(picked.get("trial"), int):
            return _shown(Progress("idle", ""))
        at = picked.get("run")
        if not isinstance(at, int) or not 0 <= at < len(desk):
            return _shown(Progress("failed", "There is no such run."))
        return _shown(exporter.start(desk.folder(at), picked["trial"], name or ""))

    def tell(ticks: int | None) -> Shown:
        return _shown(exporter.progress())

    says = Output("export-says", "children", allow_duplicate=True)
    state = Output("export-says", "data-state", allow_duplicate=True)
    waits = Output("wait", "disabled", allow_duplicate=True)
    app.callback(
        says,
        state,
        waits,
        Input("export-start", "n_clicks"),
        State("export-name", "value"),
        State("picked-trial", "data"),
        prevent_initial_call=True,
    )(start)
    app.callback(says, state, waits, Input("wait", "n_intervals"), prevent_initial_call=True)(tell)


Shown = tuple[str, str, bool]


def _shown(progress: Progress) -> Shown:
    """Return the words, the state, and whether there is nothing to wait for."""
    return progress.message, progress.state, progress.state != "working"
