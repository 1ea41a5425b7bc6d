"""What each command does: one call, and its result printed."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..ledger.storage.whole import write_whole
from ..ledger.trials.reasons import RunFailedError
from . import tables
from .ending import show_end
from .finalized_table import finalized_scores
from .output import csv_compression, output_file, print_json, results_only
from .table_options import WRITTEN

Command = Callable[[argparse.Namespace], int]


def run(arguments: argparse.Namespace) -> int:
    """Start a search."""
    from optcell_search.tuning.start import search

    with results_only():
        made = search(
            arguments.space,
            arguments.task,
            arguments.trials,
            arguments.out,
            time=arguments.time,
            trial_time=arguments.trial_time,
            patience=arguments.patience,
            until=arguments.until,
            first=arguments.first,
            warm_start=arguments.warm_start,
            objectives=arguments.objectives,
            constraints=arguments.constraints,
            sampler=arguments.sampler,
            scheduler=arguments.scheduler,
            seed=arguments.seed,
            preset=arguments.preset,
            repeats=arguments.repeats,
            folds=arguments.folds,
            population=arguments.population,
            deterministic=arguments.deterministic,
            epochs=arguments.epochs,
            workers=arguments.workers,
            threads=arguments.threads,
            gpus_per_trial=arguments.gpus_per_trial,
            device=arguments.device,
            callbacks=arguments.callbacks,
            address=arguments.address,
            study=arguments.study,
            storage=arguments.storage,
            data_dir=arguments.data_dir,
            checkpoint_gib=arguments.checkpoint_gib,
        )
    return show_end(made, as_json=arguments.json)


def resume(arguments: argparse.Namespace) -> int:
    """Go on with a run."""
    with results_only():
        run = _open(arguments).resume(
            arguments.address,
            num_trials=arguments.trials,
            time=arguments.time,
            patience=arguments.patience,
            until=None if arguments.until is None else list(filter(None, arguments.until)),
            skip=arguments.skip,
            data_dir=arguments.data_dir,
        )
    return show_end(run, as_json=arguments.json)


def status(arguments: argparse.Namespace) -> int:
    """Tell how far a run is."""
    known = _read(arguments).status()
    if arguments.json:
        return print_json(known)
    print(tables.status(known, tables.terminal_width()))
    return 0


def results(arguments: argparse.Namespace) -> int:
    """List the candidates of a run."""
    from optcell_search.results import pareto

    to_output = arguments.csv == "-"
    if to_output and arguments.json:
        raise ValueError("--csv -: would be mixed with --json; valid: one of them")
    file = None
    if arguments.csv is not None and not to_output:
        file = output_file("--csv", arguments.csv, force=arguments.force)
        packed = csv_compression("--csv", arguments.csv)
    run = _read(arguments)
    table, gain = run.results_and_gain()
    if arguments.pareto:
        table = pareto(table, run.request.objectives)
    if arguments.pareto and table.empty and not arguments.json:
        why = tables.broken(tables.no_front(run.status()), tables.terminal_width())
        print(why, file=sys.stderr if arguments.csv else sys.stdout)
        if not arguments.csv:
            return 0
    if to_output:
        table.to_csv(sys.stdout, index=False)
    elif file:
        write_whole(file, lambda draft: table.to_csv(draft, index=False, compression=packed))
        print(arguments.csv, file=sys.stderr)
    if arguments.json:
        return print_json(tables.records(table))
    if not arguments.csv:
        asked, width = list(run.request.objectives), tables.terminal_width()
        print(tables.candidates(table, asked, width, run.chance()))
        _show_sentence(gain)
        _show_sentence(run.warm_start())
    return 0


def finalize(arguments: argparse.Namespace) -> int:
    """Train the best candidates again, then test them."""
    run = _open(arguments)
    with results_only():
        table = run.finalize(
            arguments.top,
            arguments.seeds,
            trials=arguments.trials,
            best_of_each_rule=arguments.best_of_each_rule,
            best_of_each_cell=arguments.best_of_each_cell,
            epochs=arguments.epochs,
            refit=arguments.refit,
            ensemble=arguments.ensemble,
            address=arguments.address,
            data_dir=arguments.data_dir,
        )
    if arguments.json:
        return print_json(tables.records(table))
    asked, width = list(run.request.objectives), tables.terminal_width()
    print(finalized_scores(table, asked, width, run.chance()))
    _show_sentence(run.gain())
    return 0


def _show_sentence(told: Any) -> None:
    if told is not None:
        print(f"\n{tables.broken(told.sentence, tables.terminal_width())}")


def replay(arguments: argparse.Namespace) -> int:
    """Train one candidate again and compare."""
    again = _open(arguments).replay(arguments.trial, data_dir=arguments.data_dir)
    name, largest = max(again.differences.items(), key=lambda item: item[1])
    if arguments.json:
        print_json({"trial": again.number, "largest": largest, "differences": again.differences})
    else:
        print(tables.replay(again.number, again.recorded, again.repeated))
        print(f"largest difference: {largest:g}")
        if again.company > 1:
            others = "1 other" if again.company == 2 else f"{again.company - 1} others"
            print(f"in the search it was trained beside {others}, equal up to rounding")
    if not again.is_same:
        raise RunFailedError(
            f"trial {again.number}: trained again it comes to other numbers than the study holds, "
            f"{name} differs by up to {largest:g}"
        )
    return 0


def dashboard(arguments: argparse.Namespace) -> int:
    """Show runs in the browser, or write them as one HTML file."""
    from optcell_search.dashboard import find_token, serve, write_report

    places = [*arguments.directories, *arguments.study]
    if not places:
        raise ValueError("dashboard: name a run folder, or a study by --study URL")
    if arguments.json and arguments.html is None:
        raise ValueError("--json: tells where a file was written; valid: with --html FILE")
    if arguments.html is None:
        serve(
            places,
            host=arguments.host,
            port=arguments.port,
            token=find_token(arguments.token, arguments.token_file),
            base_path=arguments.base_path,
            opened=arguments.open,
        )
        return 0
    write_report(places, output_file("--html", arguments.html, force=arguments.force))
    if arguments.json:
        return print_json({"report": arguments.html})
    print(arguments.html)
    return 0


def export(arguments: argparse.Namespace) -> int:
    """Make a trained candidate a package."""
    asked = arguments.trial
    # Not every digit is one of a number: "²" is none.
    which = int(asked) if asked.isascii() and asked.isdigit() else asked
    path = _open(arguments).export(
        which,
        arguments.out,
        seed_of=arguments.seed_of,
        ensemble=arguments.ensemble,
        data_dir=arguments.data_dir,
    )
    config = json.loads((path / "config.json").read_text(encoding="utf-8"))
    files, origin = config["files"], config["weights"]
    left_out = {name: file["reason"] for name, file in files.items() if not file["written"]}
    if arguments.json:
        return print_json({"package": str(path), "weights": origin, "left_out": left_out})
    print(f"{path}: install it with `pip install {path}`")
    print(tables.origin(origin))
    for name, reason in left_out.items():
        print(f"{name} is left out: {reason}")
    return 0


def predict(arguments: argparse.Namespace) -> int:
    """Have an exported package predict a file; what is wrong with that the package says itself."""
    from optcell_search.export import run_package

    asked = [f"--{name}" for name in ("proba", "force") if getattr(arguments, name)]
    told = {name: getattr(arguments, name) for name in WRITTEN}
    asked += [f"--{n.replace('_', '-')}={text}" for n, text in told.items() if text is not None]
    asked = ["predict", f"--out={arguments.out}", *asked, "--", arguments.file]
    code = run_package(arguments.package, asked)
    if code < 0:
        raise RunFailedError(
            f"{arguments.package}: its predictor was ended by {signal.Signals(-code).name}, which "
            "for want of memory is SIGKILL"
        )
    if arguments.json and not code:
        return print_json({"predictions": arguments.out})
    return code


def list_plugins(arguments: argparse.Namespace) -> int:
    """List rules, cells, tasks, penalties or spaces."""
    entries = _spaces() if arguments.kind == "spaces" else _plugins(arguments.kind)
    if arguments.json:
        return print_json(entries)
    print(tables.text([[name, *about.values()] for name, about in entries.items()]))
    return 0


def _plugins(kind: str) -> dict[str, dict[str, str]]:
    from optcell_search import registry

    known = registry.every_cell if kind == "cells" else getattr(registry, kind)
    plugins = {name: known.get(name) for name in known.names()}
    return {
        name: {
            key: getattr(plugin, key)
            for key in ("title", "equation", "unit")
            if hasattr(plugin, key)
        }
        for name, plugin in plugins.items()
    }


def _spaces() -> dict[str, dict[str, str]]:
    from optcell_search.space import SearchSpace

    spaces = {name: SearchSpace.load(name) for name in SearchSpace.names()}
    return {n: {"title": s.description, "choices": s.choices} for n, s in spaces.items()}


def _read(arguments: argparse.Namespace) -> Any:
    """Open a run folder to look at it, without what could train anything."""
    from optcell_search.tuning.run_folder import RunFolder

    return RunFolder.open(Path(arguments.directory), trust=arguments.trust)


def _open(arguments: argparse.Namespace) -> Any:
    from optcell_search.tuning import Run

    return Run.open(Path(arguments.directory), trust=arguments.trust)
