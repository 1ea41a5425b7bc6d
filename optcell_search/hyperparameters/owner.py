"""What is described by hyperparameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from .conditions import in_words, unmet
from .declaring import specification
from .kinds import Specification, exists


def distinguishing(specs: Mapping[str, Specification], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that a description is told by: all but later fields at their defaults.

    What is stored under a name made of these finds it again when its owner has got more fields.
    """
    return {
        key: value
        for key, value in values.items()
        if not (key in specs and specs[key].since and value == specs[key].default)
    }


@dataclass(frozen=True, kw_only=True)
class Hyperparameters:
    """Base of everything that is described by hyperparameters; checks them when it is built.

    Raises:
        ValueError: a value is outside its valid range; the message names the field (with the
            registered name before a dot, where there is one), the value and the range.
    """

    name: ClassVar[str] = ""

    def __post_init__(self) -> None:
        prefix = f"{self.name}." if self.name else ""
        for key, spec in specification(type(self)).items():
            checked = spec.check(prefix + key, getattr(self, key))
            object.__setattr__(self, key, checked)
        for key, spec in specification(type(self)).items():
            value = getattr(self, key)
            if value != spec.default and (missing := unmet(spec.needs, self.values())):
                found = " and ".join(repr(getattr(self, other)) for other in missing)
                raise ValueError(
                    f"{prefix}{key} = {value!r} needs {in_words(missing, prefix)}, which is "
                    f"{found}; valid: {spec.default!r}"
                )

    def values(self) -> dict[str, Any]:
        """Return the hyperparameters by name."""
        return {key: getattr(self, key) for key in specification(type(self))}

    def present(self) -> dict[str, Any]:
        """Return those hyperparameters that exist beside the values of the others, by name."""
        values, specs = self.values(), specification(type(self))
        return {key: value for key, value in values.items() if exists(specs[key], values)}
