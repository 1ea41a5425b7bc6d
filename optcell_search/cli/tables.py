"""Results as plain text and as plain data."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ..wording import duration, number, with_deviation

if TYPE_CHECKING:
    import pandas as pd

_GAP = "  "
_TESTED = ("test_", "baseline_test_", "ensemble_test_")
_INDENT = "    "
NO_INPUT = "what needs no input: the mean, the frequencies or the last season"
# Narrower than this no sentence is broken.
_LEAST = 20


def text(rows: Sequence[Sequence[str]], head: Sequence[str] = ()) -> str:
    """Return rows as aligned columns, under a head where there is one."""
    lines = [list(head), *map(list, rows)] if head else [list(row) for row in rows]
    if not lines:
        return "nothing"
    width = max(map(len, lines))
    lines = [line + [""] * (width - len(line)) for line in lines]
    widths = [max(len(line[i]) for line in lines) for i in range(width)]
    return "\n".join(
        _GAP.join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def fitted(rows: Sequence[Sequence[str]], head: Sequence[str], width: int) -> str:
    """Return rows as `text` does or, where that is too wide, with the last column on its own line.

    Args:
        rows, head: as `text` takes them.
        width: columns of the terminal; 0: whatever is read by no people can be as wide as it is.
    """
    whole = text(rows, head)
    if not width or max(map(len, whole.splitlines())) <= width:
        return whole
    first, *lines = text([row[:-1] for row in rows], head[:-1]).splitlines()
    room = width - len(_INDENT)
    below = [textwrap.indent(broken(row[-1], room), _INDENT) for row in rows]
    under = [f"{line}\n{what}".rstrip() for line, what in zip(lines, below, strict=True)]
    return "\n".join([first, *under])


def terminal_width() -> int:
    """Return the columns of the terminal that results go to, 0 where it is none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else 0


def candidates(
    table: pd.DataFrame,
    objectives: Sequence[str],
    width: int = 0,
    chance: Mapping[str, Mapping[str, float]] = MappingProxyType({}),
) -> str:
    """Return one line a candidate: number, state, objectives, test scores, and what it is.

    Args:
        table: as `results.frame` gives it, with what was tested.
        objectives: the metrics that are shown.
        width: see `fitted`.
        chance: as `RunFolder.chance` gives it; a last line, where there is some.
    """
    tested = [
        column
        for name in objectives
        for start in _TESTED
        if (column := f"{start}{name}") in table and table[column].notna().any()
    ]
    head = ["trial", "state", *objectives, *(c.replace("_", " ") for c in tested), "candidate"]
    rows = []
    for row in table.to_dict("records"):
        scores = [score(row, name) for name in objectives]
        tests = [spread(row.get(column), row.get(f"{column}_std")) for column in tested]
        rows.append([str(row["number"]), _state(row), *scores, *tests, describe(row)])
    columns = [("", name) for name in objectives]
    columns += [
        (start, c.removeprefix(start)) for c in tested for start in _TESTED if c.startswith(start)
    ]
    if any(cells := without_input(columns, chance)):
        rows.append(["", "", *cells, NO_INPUT])
    return fitted(rows, head, width)


def without_input(
    columns: Sequence[tuple[str, str]], chance: Mapping[str, Mapping[str, float]]
) -> list[str]:
    """Return what answering without any input has, under columns of scores.

    Args:
        columns: start of each ("test_", "validation_", nothing for the search) and its metric.
        chance: as `RunFolder.chance` gives it.
    """
    parts = {"": "search", "validation_": "validation", "test_": "test"}
    known = [chance.get(parts.get(start, ""), {}).get(name) for start, name in columns]
    return ["" if value is None else shown(value) for value in known]


def describe(row: Mapping[Any, Any]) -> str:
    """Return what a candidate is: ``heavy_ball(mu=0.6, s=0.6) lstm(), 64 units, lr 0.001``."""
    if _missing(row.get("rule")):
        return ""
    parts = [f"{row[kind]}({_options(row, str(row[kind]))})" for kind in ("rule", "cell")]
    said = [" ".join(parts)]
    # A convolutional candidate has channels, which stand among the options of its cell.
    if not _missing(size := row.get("model.hidden_size")):
        said.append(f"{shown(size)} units")
    if not _missing(rate := row.get("training.lr")):
        said.append(f"lr {shown(rate)}")
    return ", ".join(said)


def status(known: Mapping[str, Any], width: int = 0) -> str:
    """Return where a run stands.

    Args:
        known: as `RunFolder.status` returns it.
        width: of the terminal, so that sentences are broken between words; 0: they are not broken.
    """
    done = finished(known)
    states = f"{known['complete']} complete, {known['pruned']} pruned, {known['fail']} failed"
    if known["cut"]:
        states += f", {known['cut']} of them cut by the end of the search"
    rows = [
        ["run", known["directory"]],
        ["finished", f"{done} of {known['asked']}" if known["asked"] else str(done)],
        ["", states],
        ["open", f"{known['running']} running, {known['waiting'] + known['missing']} to come"],
    ]
    if known["at_work"]:
        rows.append(["", "a process is working on it"])
    elif known["table"]:
        rows.append(["", f"simulated on table {known['table']}: nothing was trained"])
    elif known["running"] + known["waiting"] + known["missing"] and not known["ended"]:
        rows.append(["", f"not running; `optcell-search resume {known['directory']}` goes on"])
    rows.append(["epochs", str(known["epochs"])])
    if known["epochs_rule"]:
        rows.append(["", known["epochs_rule"]])
    if known["time_limit"]:
        spent, limit = known["searched_seconds"], known["time_limit"]
        rows.append(["searched", f"{duration(spent)} of {duration(limit)}"])
    if known["occupancy"] is not None:
        rows.append(["slots", f"{100 * known['occupancy']:.0f} % filled"])
    if known["ended"]:
        rows.append(["ended", known["ended"]])
    rows += [["failed", f"{count} × {reason}"] for reason, count in known["failures"].items()]
    if known["best"] is not None:
        values = ", ".join(f"{name} {shown(v)}" for name, v in known["objectives"].items())
        rows.append(["best", f"trial {known['best']}: {values}"])
        one = "" if known["front"] == 1 else "s"
        rows.append(["front", f"{known['front']} candidate{one}"])
    elif (miss := known["nearest_miss"]) is not None:
        rows.append(["best", "none: no trial keeps the constraints"])
        rows.append(["nearest", _nearest(miss)])
    if known["gain"] is not None:
        rows.append(["gain", known["gain"]["sentence"]])
    if known["warm_start"] is not None:
        rows.append(["warm start", known["warm_start"]["sentence"]])
    if not width:
        return text(rows)
    room = width - max(len(name) for name, _ in rows) - len(_GAP)
    lines = [(name, broken(said, room).splitlines()) for name, said in rows]
    return text([[name if not i else "", line] for name, ls in lines for i, line in enumerate(ls)])


def finished(known: Mapping[str, Any]) -> int:
    """Return how many trials have ended by themselves; a resume trains anew what was cut.

    Args:
        known: as `RunFolder.status` returns it.
    """
    ended: int = known["complete"] + known["pruned"] + known["fail"] - known["cut"]
    return ended


def no_front(known: Mapping[str, Any]) -> str:
    """Return why a run has no candidate on its front, and which one misses it by the least.

    Args:
        known: as `RunFolder.status` returns it.
    """
    if (miss := known["nearest_miss"]) is not None:
        return f"none: no trial keeps the constraints; nearest: {_nearest(miss)}"
    states = {"complete": "complete", "pruned": "pruned", "fail": "failed", "running": "running"}
    told = [f"{known[state]} {word}" for state, word in states.items() if known[state]]
    told += [f"{count} × {reason}" for reason, count in known["failures"].items()]
    if known["complete"]:
        return f"none: no complete trial can be ranked ({', '.join(told)})"
    return f"none: no trial is complete ({', '.join(told) or 'none has begun'})"


def _nearest(miss: Mapping[str, Any]) -> str:
    metric = miss["constraint"].partition("=")[0].rstrip("<>")
    return (
        f"trial {miss['trial']}: {metric} {shown(miss['value'])} where {miss['constraint']} is "
        "asked"
    )


def broken(sentence: str, width: int) -> str:
    """Return a sentence in lines of at most so many letters, words left whole; 0: in one line."""
    if not width:
        return sentence
    return textwrap.fill(
        sentence, max(_LEAST, width), break_long_words=False, break_on_hyphens=False
    )


def replay(
    number: int, recorded: Mapping[int, Mapping[str, float]], repeated: Mapping[int, Any]
) -> str:
    """Return the metrics of a trial's last epoch as recorded and as repeated."""
    last = max(recorded)
    rows = [
        [name, repr(value), repr(repeated[last][name])] for name, value in recorded[last].items()
    ]
    return text(rows, [f"trial {number}, epoch {last}", "recorded", "repeated"])


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return one dictionary a row, without what the row does not have."""
    return [
        {str(key): _plain(value) for key, value in row.items() if not _missing(value)}
        for row in table.to_dict("records")
    ]


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value


def _missing(value: Any) -> bool:
    import pandas as pd

    return value is None or bool(pd.isna(value))


def _state(row: Mapping[Any, Any]) -> str:
    state, reason = str(row["state"]), row.get("reason")
    if _missing(reason) or not reason:
        return state.lower()
    return f"failed: {reason}" if state == "FAIL" else f"{state.lower()}, {reason}"


def shown(value: Any) -> str:
    """Return a value of a table as text, nothing where it is missing."""
    return "" if _missing(value) else number(value) if isinstance(value, float) else str(value)


def score(row: Mapping[Any, Any], name: str) -> str:
    """Return a score of the search, with its spread where the candidate was trained repeatedly."""
    return spread(row.get(name), row.get(f"{name}_std"))


def spread(mean: Any, std: Any) -> str:
    """Return a mean with its standard deviation, where there is one; nothing where both miss."""
    return shown(mean) if _missing(mean) or _missing(std) else with_deviation(mean, std)


def _options(row: Mapping[Any, Any], owner: str) -> str:
    options = {
        str(key).partition(".")[2]: value
        for key, value in row.items()
        if str(key).startswith(f"{owner}.") and not _missing(value)
    }
    return ", ".join(f"{name}={shown(value)}" for name, value in options.items())


def origin(weights: Mapping[str, Any]) -> str:
    """Return which training an exported package's weights are of."""
    if weights["of"] == "search":
        said = f"weights: of the search, trial {weights['trial']}, which was not finalized"
        if "repeats" in weights:
            said += f"; the first of {weights['repeats']} repeats"
        if "folds" in weights:
            said += (
                f"; fold {weights['fold']} of {weights['folds']}, trained on a part of the data "
                "(`finalize` trains on all but the test split), while scores are means over folds"
            )
        return said
    if weights["of"] == "ensemble":
        count = len(weights["seeds"])
        return f"weights: finalized, trial {weights['trial']}, all {count} seeds, answers averaged"
    chosen = f", the best by {weights['chosen_by']}" if weights["chosen_by"] else ""
    return (
        f"weights: finalized, trial {weights['trial']}, seed {weights['place']} of "
        f"{weights['seeds']}{chosen}"
    )
