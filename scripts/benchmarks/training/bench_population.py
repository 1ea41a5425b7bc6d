"""Populations against one training after the other, in processor time; the folds of a trial.

    python scripts/benchmarks/training/bench_population.py [--rounds 3] [--only steps,folds,seeds]
        [--beside SENTENCE]

Times are processor seconds of this process with one torch thread; the two ways are timed in turn,
round by round, and a row gives the median of the rounds' ratios with the least and the largest.
Epochs are whole ones, evaluation and measuring included, after one of each that is not timed.
Memory is the most that torch has allocated at a time from the making of the trainings to the end of
a step, of the population as a share of the sum over its members, each measured by itself.
Results go to ``results/population.json``, and ``results/population.md`` is written from it.
"""

from __future__ import annotations

import argparse
import itertools
import json
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import torch

from optcell_search import tasks
from optcell_search.space import Candidate
from optcell_search.tasks import LoadedTask, Split
from optcell_search.tasks.folds import fold
from optcell_search.training import Population, Training
from optcell_search.training.population.paying import paying

RESULTS = Path(__file__).parents[1] / "results"
RULES = ("gd", "heavy_ball", "nesterov", "adam", "rmsprop")
# Cell, units, batch size, slots, whether all five rules are among them.
STEPS = [
    ("lstm", 32, 32, 8, True),
    ("lstm", 32, 32, 20, True),
    ("lstm", 64, 32, 8, False),
    ("lstm", 64, 128, 8, False),
    ("lstm", 128, 128, 8, False),
    ("gru", 32, 32, 8, False),
    ("rnn", 32, 32, 8, False),
    ("lru", 32, 32, 8, False),
    ("min_gru", 32, 32, 8, False),
    ("delta", 32, 32, 8, False),
    ("orthogonal", 32, 32, 8, False),
    ("hippo", 32, 32, 8, False),
    ("reservoir", 32, 32, 8, False),
]
ROWS_OF_IMAGES = [("lstm", 64, 128, 8, False), ("lstm", 128, 128, 8, False)]


def candidate(cell: str, rule: str, units: int, batch: int) -> Candidate:
    """Return a candidate, trained by Adam."""
    return Candidate.from_dict(
        {
            "cell": {"name": cell},
            "rule": {"name": rule},
            "model": {"hidden_size": units},
            "training": {"batch_size": batch, "lr": 0.003, "optimizer": "adam"},
        }
    )


def like_mnist_by_rows(task: LoadedTask, sequences: int = 1024) -> LoadedTask:
    """Return a task of noise of the sizes of MNIST by rows: 28 steps of 28 numbers, 10 classes."""
    random = torch.Generator().manual_seed(0)
    parts = [
        Split(
            torch.rand(count, 28, 28, generator=random),
            torch.randint(10, (count,), generator=random),
        )
        for count in (sequences, sequences // 8)
    ]
    return task.split_anew(*parts)


def seconds(function: Callable[[], object]) -> float:
    """Return the processor seconds of a call."""
    start = time.process_time()
    function()
    return time.process_time() - start


def peak_bytes(function: Callable[[], object]) -> int:
    """Return the most bytes that torch has allocated at a time, on the CPU, during a call."""
    with torch.profiler.profile(
        activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True
    ) as profile:
        # Held until the end: what the call returns is not let go before.
        held = function()
    events = [e for e in profile.profiler.kineto_results.events() if e.name() == "[memory]"]
    levels = itertools.accumulate(e.nbytes() for e in sorted(events, key=lambda e: e.start_ns()))
    del held
    return max(levels, default=0)


def memory(candidates: Sequence[Candidate], each: Sequence[LoadedTask]) -> dict[str, float]:
    """Return the peak of one step of a population in MiB, and its share of the sum of members."""
    few = [
        task.split_anew(
            task.train.part(torch.arange(one.training.batch_size)),
            task.validation.part(torch.arange(8)),
        )
        for one, task in zip(candidates, each, strict=True)
    ]

    def trained(numbers: Sequence[int]) -> list[Any]:
        trainings = [Training(candidates[k], few[k], seed=k) for k in numbers]
        if len(numbers) == 1:
            return [trainings[0].epoch(), trainings]
        population = Population(len(numbers))
        for training in trainings:
            population.add(training)
        return [population.epoch(), population]

    kinds = {one.rule: k for k, one in enumerate(candidates)}
    trained([0])
    alone = {rule: peak_bytes(lambda k=k: trained([k])) for rule, k in kinds.items()}
    together = peak_bytes(lambda: trained(range(len(candidates))))
    return {
        "memory_mib": together / 2**20,
        "memory_share": together / sum(alone[one.rule] for one in candidates),
    }


def compare(
    candidates: Sequence[Candidate], each: Sequence[LoadedTask], rounds: int
) -> dict[str, Any]:
    """Return what an epoch of all takes in either way."""

    def trainings() -> list[Training]:
        pairs = zip(candidates, each, strict=True)
        return [Training(one, task, seed=i) for i, (one, task) in enumerate(pairs)]

    alone, together = trainings(), Population(len(candidates))
    for training in trainings():
        together.add(training)

    def one_by_one() -> None:
        for training in alone:
            training.epoch()

    one_by_one()
    together.epoch()
    pairs = [(seconds(one_by_one), seconds(together.epoch)) for _ in range(rounds)]
    ratios = [a / b for a, b in pairs]
    return {
        "alone_ms": 1000 * statistics.median(a for a, _ in pairs) / len(candidates),
        "together_ms": 1000 * statistics.median(b for _, b in pairs) / len(candidates),
        "ratio": statistics.median(ratios),
        "least": min(ratios),
        "largest": max(ratios),
        "auto": paying(candidates[0], each[0]) > 1,
        "reasons": together.reasons,
        **memory(candidates, each),
    }


def table(rounds: int, only: set[str]) -> dict[str, dict[str, Any]]:
    """Measure all rows."""
    digits = tasks.load("digits")
    rows: dict[str, dict[str, Any]] = {}

    def measured(name: str, candidates: Sequence[Candidate], each: Sequence[LoadedTask]) -> None:
        rows[name] = compare(candidates, each, rounds)
        print(name, {key: value for key, value in rows[name].items() if value}, flush=True)

    for kind, task, forms in (
        ("digits", digits, STEPS),
        ("noise of MNIST's size by rows", like_mnist_by_rows(digits), ROWS_OF_IMAGES),
    ):
        for cell, units, batch, slots, mixed in forms if "steps" in only else []:
            chosen = [
                candidate(cell, RULES[k % 5] if mixed else "heavy_ball", units, batch)
                for k in range(slots)
            ]
            rules = "five rules" if mixed else "heavy_ball"
            name = f"{cell} {units}, {kind}, batch {batch}, {slots} slots, {rules}"
            measured(name, chosen, [task] * slots)
    for rule in ("heavy_ball", "adam"):
        chosen = [candidate("lstm", rule, 64, 32)] * 5
        if "folds" in only:
            folds = [fold(digits, number, 5, 0) for number in range(5)]
            measured(f"5 folds, lstm 64, digits, batch 32, {rule}", chosen, folds)
        if "seeds" in only:
            measured(f"5 seeds, lstm 64, digits, batch 32, {rule}", chosen, [digits] * 5)
    return rows


def in_words(rows: dict[str, dict[str, Any]], about: dict[str, str]) -> str:
    """Return the table as Markdown."""
    lines = [
        "# Populations",
        "",
        f"{about['machine']}, torch {about['torch']}, one thread, {about['date']}. Processor time "
        "of an epoch a candidate, evaluation included; ratio of alone to together, the median of "
        f"{about['rounds']} rounds with the least and the largest. `auto`: whether `--population "
        "auto` trains such candidates side by side. Memory: the most that torch has allocated at a "
        "time until the end of a step, of the population, and as a share of the sum over its "
        f"members. {about['beside']}",
        "",
        "| candidates | alone, ms | together, ms | ratio | memory, MiB | share | auto |",
        "|---|--:|--:|--:|--:|--:|---|",
    ]
    for name, row in rows.items():
        lines.append(
            f"| {name} | {row['alone_ms']:.1f} | {row['together_ms']:.1f} | {row['ratio']:.2f} "
            f"({row['least']:.2f} to {row['largest']:.2f}) | {row['memory_mib']:.1f} | "
            f"{row['memory_share']:.2f} | {'yes' if row['auto'] else 'no'} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="steps,folds,seeds")
    parser.add_argument("--beside", default="", help="What else ran, in a sentence.")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows = table(arguments.rounds, set(arguments.only.split(",")))
    about = {
        "machine": f"{platform.machine()}, {platform.system()}",
        "torch": torch.__version__,
        "date": date.today().isoformat(),
        "rounds": str(arguments.rounds),
        "beside": arguments.beside,
    }
    RESULTS.joinpath("population.json").write_text(
        json.dumps({"about": about, "rows": rows}, indent=1) + "\n"
    )
    RESULTS.joinpath("population.md").write_text(in_words(rows, about))


if __name__ == "__main__":
    main()
