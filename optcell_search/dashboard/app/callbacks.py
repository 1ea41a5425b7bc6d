"""What the controls of the page do: run commands for the run that is looked at."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import dash
from dash import Input, Output, State

from ...ledger.lock import is_locked
from .desk import Desk
from .driver import interrupt
from .jobs import Job, Jobs, Progress
from .requests import (
    enqueue_job,
    export_job,
    extend_job,
    finalize_job,
    prune_job,
    resume_job,
)

# The page's own scripts say what is picked, which run is looked at, and how it is called.
_PICKED = """
function(ticks, known) {
  const found = window.optcell && window.optcell.steering ? window.optcell.steering() : null;
  if (JSON.stringify(found) === JSON.stringify(known)) return window.dash_clientside.no_update;
  return found;
}
"""
# What is offered for it, and the commands, in the page's own ``work/steer.js``.
_NAMED = "(picked) => (window.optcell ? optcell.exportOffered(picked) : ['', '', true])"
_OFFERED = "(...known) => window.optcell ? optcell.othersOffered(...known) : Array(9).fill(null)"
_COMMANDS = "(...known) => window.optcell ? optcell.commandsOffered(...known) : Array(5).fill('')"

# Whenever something is asked of the run, and once for what was asked before the page was loaded.
_LISTEN = "(asked) => { window.optcell && optcell.listen(); }"

# The parts that show a command, and the fields from which these are made.
_PARTS = ("export", "final", "resume", "prune", "another")
_MORE = ("trials", "time")
_FIELDS = (
    "export-name", "final-top", "final-seeds", *(f"resume-{name}" for name in _MORE),
    "another-name", "another-value",
)  # fmt: skip


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
        *(Output(f"{name}-command", "children") for name in _PARTS),
        Input("picked-trial", "data"),
        *(Input(name, "value") for name in _FIELDS),
    )
    on_page(
        _OFFERED,
        Output("settings", "children"),
        Output("another-name", "value"),
        Output("another-start", "disabled"),
        Output("prune-start", "children"),
        Output("prune-start", "disabled"),
        Output("skip-start", "children"),
        Output("skip-start", "disabled"),
        Output("stop", "disabled"),
        Output("resume-start", "children"),
        Input("picked-trial", "data"),
        State("another-name", "value"),
    )
    on_page(_LISTEN, Input("asked", "data"))

    def on_click(button: str, states: list[State], ask: Callable[..., Progress]) -> None:
        def clicked(clicks: int | None, picked: Any, *values: Any) -> float:
            at = picked.get("run") if isinstance(picked, dict) else None
            try:
                if not clicks or not isinstance(at, int) or not 0 <= at < len(desk):
                    raise ValueError("There is no such run.")
                ask(at, picked, *values)
            except (ValueError, OSError) as refused:
                jobs.say(Progress("failed", str(refused)))
            return time.time()  # another one each time, so that the page listens

        app.callback(
            Output("asked", "data", allow_duplicate=True),
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

    def resume(at: int, picked: Any, trials: int | None, limit: str | None) -> Progress:
        folder = desk.folder(at)
        if folder is not None and is_locked(folder):
            return start(extend_job(folder, trials, limit))
        return start(resume_job(folder, trials, limit))

    def pause(at: int, picked: Any) -> Progress:
        command = interrupt(desk.folder(at))
        words = "Asked to pause; it stops within seconds, and resume goes on from there."
        return jobs.say(Progress("done", words, command))

    def prune(at: int, picked: Any) -> Progress:
        return start(prune_job(desk.folder(at), picked.get("trial")))

    def skip(at: int, picked: Any) -> Progress:
        trial = picked.get("trial")
        if not isinstance(trial, int):
            raise ValueError("No trial is picked.")
        return start(resume_job(desk.folder(at), skip=trial))

    def another(at: int, picked: Any, setting: str | None, value: str | None) -> Progress:
        return start(enqueue_job(desk.folder(at), picked.get("trial"), setting, value))

    on_click("export-start", [State("export-name", "value")], export)
    on_click("final-start", [State("final-top", "value"), State("final-seeds", "value")], finalize)
    on_click("resume-start", [State(f"resume-{name}", "value") for name in _MORE], resume)
    on_click("stop", [], pause)
    on_click("prune-start", [], prune)
    on_click("skip-start", [], skip)
    on_click("another-start", [State(f"another-{n}", "value") for n in ("name", "value")], another)
