"""A plug-in once with its defaults and once with every other option of every choice."""

from __future__ import annotations

from typing import TypeVar

from ..hyperparameters import Choice, Hyperparameters, Needs, specification

Plugin = TypeVar("Plugin", bound=Hyperparameters)


def variants(cls: type[Plugin]) -> list[Plugin]:
    """Return the plug-in with its defaults, then with each other option of each choice, one a time.

    An option that needs another hyperparameter is taken with the least value of it that it needs.
    """
    return [cls(), *(cls(**change) for change in _changes(cls))]


def _changes(cls: type[Hyperparameters]) -> list[dict[str, object]]:
    return [
        {**_met(spec.needs), key: option}
        for key, spec in specification(cls).items()
        if isinstance(spec, Choice)
        for option in spec.options
        if option != spec.default
    ]


def _met(needs: Needs) -> dict[str, object]:
    return {
        other: wanted[0] if isinstance(wanted, tuple) else wanted for other, wanted in needs.items()
    }
