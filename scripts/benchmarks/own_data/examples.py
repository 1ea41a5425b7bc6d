"""Files of one's own as they come: texts for classes, ISO times, empty cells, targets.

Each is made with a fixed seed, and knows how the predictions of a second such file are scored.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Example:
    """A file of one's own, and what is said about it on the command line.

    Args:
        about: the file in a few words.
        make: writes the file; returns the task.
        search: the space, and further arguments of `run`.
        metric: what is compared.
        score: the same from the file that was predicted and the predictions.
        proba: whether probabilities are predicted.
        same: how far the two may be apart, relatively: what summing in float32 comes to.
        second: name of the second raw file.
    """

    about: str
    make: Callable[[Path], str]
    search: tuple[str, ...]
    metric: str
    score: Callable[[Path, Path], float]
    same: float
    proba: bool = False
    second: str = "second.csv"


def vibration(folder: Path) -> str:
    """300 sequences of 60 to 120 rows, 4 channels, 3 classes, 2 % of the cells empty."""
    random = np.random.default_rng(0)
    parts = []
    for number in range(300):
        kind = ("healthy", "worn", "loose")[number % 3]
        steps = int(random.integers(60, 121))
        t = np.arange(steps)
        pitch = {"healthy": 0.25, "worn": 0.45, "loose": 0.25}[kind] * random.uniform(0.9, 1.1)
        shape = np.sin(np.outer(t, np.full(4, pitch)) + random.uniform(0, 6, 4))
        shape += 0.8 * random.normal(size=(steps, 4))
        if kind == "loose":
            shape[random.integers(0, steps, 4)] += 4
        start = pd.Timestamp("2026-01-01") + pd.Timedelta(hours=number)
        frame = pd.DataFrame(shape * (1, 20, 0.01, 5) + (0, 300, 0, 9.81), columns=list("abcd"))
        frame = frame.mask(random.random(frame.shape) < 0.02)
        times = pd.date_range(start, periods=steps, freq="100ms").strftime("%Y-%m-%dT%H:%M:%S.%f")
        frame.insert(0, "time", times)
        frame.insert(0, "machine", f"m{number:03}")
        parts.append(frame.assign(condition=kind))
    pd.concat(parts).to_csv(folder / "vibration.csv", index=False, float_format="%.5g")
    options = "sequence=machine,time=time,target=condition,missing=mask,scale=standard"
    return f"{folder / 'vibration.csv'}:{options}"


def forecast(folder: Path) -> str:
    """Three months of an hourly load in MW, with a week's and a day's season."""
    random = np.random.default_rng(1)
    hours = np.arange(24 * 90)
    load = 800 + 200 * np.sin(hours / 24 * 2 * np.pi) + 100 * (hours // 24 % 7 < 5)
    frame = pd.DataFrame({"hour": pd.date_range("2026-01-01", periods=len(hours), freq="h")})
    frame["load"] = load + 20 * random.normal(size=len(hours))
    frame["temperature"] = (
        5 + 4 * np.sin(hours / 24 * 2 * np.pi - 1) + random.normal(size=len(hours))
    )
    frame.to_csv(folder / "load.csv", index=False)
    return (
        f"forecast:file={folder / 'load.csv'},target=load,time=hour,window=48,horizon=6,season=24"
    )


def forecast_error(raw: Path, predicted: Path) -> float:
    """Return the mean absolute error in MW over all forecasts whose hours are in the file."""
    load, found = pd.read_csv(raw)["load"].to_numpy(), pd.read_csv(predicted)
    whole = found.iloc[:-6]
    # The first forecast stands at row 48 and is of row 49 on, counted from 1.
    errors = [
        np.abs(whole[f"load+{ahead}"] - load[47 + ahead : 47 + ahead + len(whole)])
        for ahead in range(1, 7)
    ]
    return float(np.mean(errors))


def targets(folder: Path) -> str:
    """200 sequences of 30 rows; offset and slope of what was measured are the two targets."""
    random = np.random.default_rng(2)
    parts = []
    for number in range(200):
        level, slope = random.uniform(100, 200), random.uniform(-1, 1)
        rows = np.arange(30)
        noise = random.normal(size=(30, 2))
        frame = pd.DataFrame({"probe": f"p{number}", "row": rows})
        frame["left"] = level + slope * rows + noise[:, 0]
        frame["right"] = level - slope * rows + noise[:, 1]
        parts.append(frame.assign(level=level, slope=slope))
    pd.concat(parts).to_csv(folder / "probes.csv", index=False)
    options = 'sequence=probe,time=row,target="level,slope",scale=standard'
    return f"{folder / 'probes.csv'}:{options}"


def targets_error(raw: Path, predicted: Path) -> float:
    """Return the mean absolute error over both targets."""
    truth = pd.read_csv(raw).groupby("probe")[["level", "slope"]].first()
    found = pd.read_csv(predicted).set_index("probe")
    return float((truth.loc[found.index] - found[["level", "slope"]]).abs().to_numpy().mean())


def text(folder: Path) -> str:
    """20,000 characters of sentences from a small vocabulary."""
    random = np.random.default_rng(3)
    words = ["the", "cell", "carries", "a", "trace", "of", "what", "it", "saw", "and", "forgets"]
    parts, length = [], 0
    while length < 20_000:
        sentence = " ".join(random.choice(words, random.integers(4, 9))).capitalize() + ".\n"
        parts.append(sentence)
        length += len(sentence)
    (folder / "story.txt").write_text("".join(parts), encoding="utf-8")
    # As one stream, for `predict` reads a second text as one: many begin anew within a text.
    return f"{folder / 'story.txt'}:chunk=50,streams=1"


def bits(raw: Path, predicted: Path) -> float:
    """Return the bits per character that the probabilities give to what came next."""
    found = pd.read_csv(predicted, index_col=0)
    symbols = list(raw.read_text(encoding="utf-8"))
    known = [symbol if symbol in found.columns else "<unk>" for symbol in symbols[1:]]
    shares = found.to_numpy()[np.arange(len(known)), found.columns.get_indexer(pd.Index(known))]
    return float(-np.log2(shares).mean())


def long(folder: Path) -> str:
    """500 sequences of 20 to 40 rows, and one of 200,000; the class is the sign of the level."""
    random = np.random.default_rng(4)
    lengths = [*random.integers(20, 41, 500), 200_000]
    names = np.repeat([f"s{number:03}" for number in range(len(lengths))], lengths)
    level = np.repeat(random.choice([-1.0, 1.0], len(lengths)), lengths)
    frame = pd.DataFrame({"name": names, "value": level + random.normal(size=len(names))})
    frame["sign"] = np.where(level > 0, "up", "down")
    frame.to_csv(folder / "long.csv", index=False, float_format="%.5g")
    return f"{folder / 'long.csv'}:sequence=name,target=sign"


def accuracy_of(sequence: str, target: str) -> Callable[[Path, Path], float]:
    """Return what gives the share of sequences whose class was predicted."""

    def accuracy(raw: Path, predicted: Path) -> float:
        truth = pd.read_csv(raw).groupby(sequence)[target].first()
        found = pd.read_csv(predicted).set_index(sequence)[target]
        return float((truth.loc[found.index] == found).mean())

    return accuracy


EXAMPLES = {
    "vibration": Example(
        "300 sequences of 60 to 120 rows, 4 channels, 3 classes as texts, ISO times, 2 % empty",
        vibration,
        ("optimizer_cells", "--trials", "8", "--epochs", "60"),
        "accuracy",
        accuracy_of("machine", "condition"),
        0.0,
    ),
    "forecast": Example(
        "2,160 hours of a load in MW and a temperature, 6 hours ahead from 48",
        forecast,
        ("smoke", "--trials", "4", "--epochs", "6"),
        "mae",
        forecast_error,
        1e-6,
    ),
    "targets": Example(
        "200 sequences of 30 rows, two targets (level and slope)",
        targets,
        ("smoke", "--trials", "6", "--epochs", "20"),
        "mae",
        targets_error,
        1e-6,
    ),
    "text": Example(
        "20,000 characters, the next one",
        text,
        ("smoke", "--trials", "2", "--epochs", "2"),
        "bits",
        bits,
        1e-6,
        proba=True,
        second="second.txt",
    ),
    "long": Example(
        "500 sequences of 20 to 40 rows and one of 200,000, 2 classes",
        long,
        ("smoke", "--trials", "1", "--epochs", "1", "--workers", "1"),
        "accuracy",
        accuracy_of("name", "sign"),
        0.0,
    ),
}
