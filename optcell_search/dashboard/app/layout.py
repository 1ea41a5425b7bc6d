"""What Dash adds to the page: the controls by which commands are run; see `callbacks`."""

from __future__ import annotations

from typing import Any

from dash import dcc, html


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
                "Pause, go on, extend",
                "Pausing is what Ctrl-C in its terminal does: the search stops, what was trained "
                "stays, and resume goes on from there. With numbers, a search may use more, "
                "whether it is at work, paused or finished. They are meant in all: what it has "
                "used counts.",
                [
                    html.Button("Pause the search", id="stop"),
                    html.Button("Resume the search", id="resume-start"),
                    *_field("resume-trials", "trials in all ", type="number", min=1, step=1),
                    *_field(
                        "resume-time",
                        "time in all ",
                        type="text",
                        placeholder="1h30m",
                        maxLength=20,
                    ),
                ],
                "resume-command",
            ),
            _part(
                "End a trial early",
                "A running trial can be pruned: it ends after its current epoch with what it has "
                "reached. One that has no result can be skipped when the search is paused: it "
                "fails, and the search goes on without it.",
                [
                    html.Button("Prune", id="prune-start", disabled=True),
                    html.Button("Skip", id="skip-start", disabled=True),
                ],
                "prune-command",
            ),
            _part(
                "Try this cell with another value",
                "Puts the candidate that is picked, with one setting changed, into the queue. A "
                "search that goes on takes it up before what it would suggest itself.",
                [
                    *_field(
                        "another-name",
                        "setting ",
                        type="text",
                        list="settings",
                        maxLength=100,
                        autoComplete="off",
                    ),
                    html.Datalist(id="settings"),
                    *_field("another-value", "value ", type="text", maxLength=100),
                    html.Button("Put into the queue", id="another-start", disabled=True),
                ],
                "another-command",
            ),
            html.P(id="says", role="status", className="note"),
            dcc.Store(id="picked-trial"),
            dcc.Interval(id="look", interval=400),
            dcc.Store(id="asked"),
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
