"""Tasks of every kind of raw data, in files of a few rows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd


def write_table(folder: Path, **columns: Any) -> pd.DataFrame:
    random = np.random.RandomState(0)
    rows = [
        {
            "id": f"{sequence:03}",
            "when": f"{1 + step}/{1 + sequence % 12}/2020 {5 + step}:00",
            "a": 1e3 + random.randn(),
            "b": np.nan if step == 1 else random.randn(),
            "mode": ["slow", "fast", "off"][(sequence + step) % 3],
            "level": 20.5 + sequence,
            "change": random.randn(),
            "kind": f"k{sequence % 2}",
        }
        for sequence in range(30)
        for step in range(3 + sequence % 3 + 12 * (sequence == 4))
    ]
    frame = pd.DataFrame(rows).sample(frac=1, random_state=1).assign(**columns)
    frame.to_csv(folder / "a.csv", sep=";", decimal=",", index=False)
    return frame


def sequences(options: str) -> Callable[[Path], str]:
    def make(folder: Path) -> str:
        write_table(folder)
        return f"{folder / 'a.csv'}:sequence=id,time=when,missing=mask,scale=standard,{options}"

    return make


def series(options: str, target: str = "load") -> Callable[[Path], str]:
    def make(folder: Path) -> str:
        n = 400
        hours = pd.date_range("2020-01-01", periods=n, freq="h").strftime("%Y-%m-%d %H:%M")
        frame = pd.DataFrame({"t": hours, "load": np.sin(np.arange(n) / 4) + 1e6})
        frame["price"] = np.arange(n) % 24
        frame["day"] = np.where(np.arange(n) // 24 % 7 < 5, "work", "free")
        frame.sample(frac=1, random_state=2).to_csv(folder / "a.csv", index=False)
        return f'forecast:file={folder / "a.csv"},target="{target}",time=t,window=24,{options}'

    return make


def _arrays(folder: Path) -> str:
    random = np.random.RandomState(0)
    lengths = random.randint(2, 7, 40)
    np.savez(folder / "a.npz", x=random.randn(40, 6, 2) * 50, y=random.rand(40), lengths=lengths)
    return f"{folder / 'a.npz'}:scale=standard"


def _text(folder: Path) -> str:
    text = "".join(np.random.RandomState(0).choice(list("abcd é\n"), 4000))
    (folder / "a.txt").write_text(text, encoding="utf-8")
    return f"{folder / 'a.txt'}:streams=8"


def _ts(folder: Path) -> str:
    rows = [f"{k},{k + 1}{',?' * (k % 2)},{k % 5}:{k % 3}" for k in range(30)]
    head = "@classLabel true 0 1 2\n@data\n"
    (folder / "Toy").mkdir()
    for part in ("TRAIN", "TEST"):
        (folder / "Toy" / f"Toy_{part}.ts").write_text(head + "\n".join(rows))
    return "ucr:name=Toy"


def _embedded(folder: Path) -> str:
    write_table(
        folder,
        station=lambda rows: [
            f"s{number % 23}" for number in (rows["level"] * 7 + rows["a"]).astype(int)
        ],
    )
    options = "sequence=id,time=when,missing=mask,scale=standard,target=kind,exclude=level"
    return f"{folder / 'a.csv'}:{options},categories=station"


EXAMPLES = {
    "classes": sequences("target=kind,exclude=level"),
    "embedded": _embedded,
    "numbers": sequences("target=level"),
    "steps": sequences('target="change,level"'),
    "gaps": sequences("target=kind,gaps=interpolate,exclude=level"),
    "forecast": series("horizon=3,stride=2,season=24"),
    "known": series('horizon=5,known="price,day"'),
    "quantiles": series("horizon=2,quantiles=0.1;0.5;0.9"),
    "columns": series("horizon=3,season=7,quantiles=0.2;0.5", target="load,price"),
    "arrays": _arrays,
    "text": _text,
    "series": _ts,
}
