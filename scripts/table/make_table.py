"""Makes a table of trained candidates, checks it by training anew, and packs it as Parquet.

    python make_table.py train PART [--task digits] [--space table] [--epochs 27] [--seeds 3]
                         [--configurations N]
    python make_table.py pack PART TABLE.parquet
    python make_table.py unpack TABLE PART
    python make_table.py check TABLE.parquet [--rows 20]

`train` goes on with what PART, a file with a row a line, holds already: it may be stopped at any
time, which loses the training it is at. Configurations come in the order of
`optcell_search.table.order`, and each is trained with all seeds before the next one. `unpack` makes
a PART of a table that there is, so that more can be trained.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

import torch
from card import data_card, this_machine, versions

from optcell_search import tasks
from optcell_search.space import SearchSpace
from optcell_search.table import Table
from optcell_search.table.order import low_discrepancy
from optcell_search.table.rows import write_rows
from optcell_search.table.training import compare, train_row
from optcell_search.tuning.resolving.chance import bounds_of_chance


def train(arguments: argparse.Namespace) -> None:
    """Train what PART lacks."""
    torch.set_num_threads(1)
    task = tasks.load(arguments.task)
    space = SearchSpace.load(arguments.space)
    head = {
        "task": task.spec,
        "fingerprint": task.fingerprint,
        "space": space.to_dict(),
        "epochs": arguments.epochs,
        "seeds": arguments.seeds,
    }
    rows = read(arguments.part, head)
    known = {(row["key"], row["seed"]) for row in rows}
    order = low_discrepancy(space)[: arguments.configurations]
    # The first training of a process also loads the compiled loops.
    train_row(order[0], task, 0, 1)
    with arguments.part.open("a", encoding="utf-8") as stream:
        for candidate in order:
            for seed in range(arguments.seeds):
                if (candidate.key, seed) in known:
                    continue
                row = train_row(candidate, task, seed, arguments.epochs)
                row["made"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
                stream.write(json.dumps(row) + "\n")
                stream.flush()
                os.fsync(stream.fileno())


def read(part: Path, head: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    """Return the whole rows of PART; with a head, make the file or cut what was half written.

    Raises:
        ValueError: the file was begun for something else.
    """
    if not part.exists():
        assert head is not None
        part.write_text(json.dumps(head) + "\n", encoding="utf-8")
    content = part.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    first, *lines = whole.decode().splitlines()
    if head is not None:
        if _alike(json.loads(first)) != _alike(head):
            raise ValueError(f"{part}: was begun with other arguments, data or space")
        if len(whole) < len(content):
            with part.open("r+b") as stream:
                stream.truncate(len(whole))
    return [json.loads(line) for line in lines]


def _alike(head: dict[str, Any]) -> dict[str, Any]:
    # A space written before a setting was there has its default, and so the same candidates.
    return head | {"space": SearchSpace.from_dict(head["space"]).to_dict()}


def pack(arguments: argparse.Namespace) -> None:
    """Write the configurations of PART that have all seeds as Parquet, and the data card beside it.

    To be called on the machine that trained them: the card says which one it is.
    """
    with arguments.part.open(encoding="utf-8") as stream:
        begun = json.loads(stream.readline())
    rows = read(arguments.part)
    count = Counter(row["key"] for row in rows)
    rows = [row for row in rows if count[row["key"]] == begun["seeds"]]
    task = tasks.load(begun["task"])
    if task.fingerprint != begun["fingerprint"]:
        raise ValueError(f"{arguments.part}: the data of {task.spec} are not those it was made of")
    made = [row["made"] for row in rows]
    head = begun | {
        "metrics": task.metrics,
        "chance": list(bounds_of_chance(task, task.metrics)),
        "made": [min(made), max(made)],
        "processor_hours": sum(row["seconds"][-1] for row in rows) / 3600,
        "machine": this_machine(),
        "versions": versions(),
    }
    write_rows(arguments.table, head, rows)
    table = Table.load(arguments.table)
    card = arguments.table.with_suffix(".md")
    card.write_text(data_card(table, arguments.table.stat().st_size), encoding="utf-8")
    print(table)


def unpack(arguments: argparse.Namespace) -> None:
    """Write the PART that a table was packed from, for `train` to go on with."""
    table = Table.load(arguments.table)
    head = {name: table.head[name] for name in ("task", "fingerprint", "space", "epochs", "seeds")}
    rows = [table.rows.row(number) for number in sorted(table.rows.index.values())]
    with arguments.part.open("x", encoding="utf-8") as stream:
        stream.writelines(json.dumps(line) + "\n" for line in (head, *rows))


def check(arguments: argparse.Namespace) -> None:
    """Train a random sample of rows again; fail where a number differs that no clock gives."""
    torch.set_num_threads(1)
    table = Table.load(arguments.table)
    task = tasks.load(table.task)
    if task.fingerprint != table.head["fingerprint"]:
        raise SystemExit(f"the data of {task.spec} are not those that the table was made of")
    pairs = [(candidate, seed) for candidate in table.candidates for seed in table.seeds]
    differing = 0
    for candidate, seed in random.Random(arguments.seed).sample(pairs, arguments.rows):
        again = train_row(candidate, task, seed, table.epochs)
        differences = compare(table, candidate, seed, again)
        worst = max(differences, key=lambda name: differences[name])
        differing += differences[worst] > 0
        print(f"{candidate.key} seed {seed}: largest difference {differences[worst]:g} ({worst})")
    print(f"{arguments.rows} rows trained again, {differing} of them differ")
    raise SystemExit(1 if differing else 0)


def main() -> None:
    """Read the command line and do what it asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("train")
    command.add_argument("part", type=Path)
    command.add_argument("--task", default="digits")
    command.add_argument("--space", default="table")
    command.add_argument("--epochs", type=int, default=27)
    command.add_argument("--seeds", type=int, default=3)
    command.add_argument("--configurations", type=int, help="by default all of the space")
    command.set_defaults(do=train)
    command = commands.add_parser("pack")
    command.add_argument("part", type=Path)
    command.add_argument("table", type=Path)
    command.set_defaults(do=pack)
    command = commands.add_parser("unpack")
    command.add_argument("table")
    command.add_argument("part", type=Path)
    command.set_defaults(do=unpack)
    command = commands.add_parser("check")
    command.add_argument("table")
    command.add_argument("--rows", type=int, default=20)
    command.add_argument("--seed", type=int, default=0, help="of the choice of rows")
    command.set_defaults(do=check)
    arguments = parser.parse_args()
    arguments.do(arguments)


if __name__ == "__main__":
    main()
