"""Shows the default of a declared hyperparameter as what it is: ``mu = 0.6``, not ``real(0.6, …)``.

What else a declaration says, ranges and meaning, stands in the tables of the reference.
"""

from __future__ import annotations

from typing import Any

import griffe

DECLARING = ("real", "integer", "choice")


class Defaults(griffe.Extension):
    """Puts the first argument of a declaration in the place of the whole call."""

    def on_attribute_instance(self, *, attr: griffe.Attribute, **_: Any) -> None:
        """Simplify the value of an attribute that declares a hyperparameter."""
        call = attr.value
        if isinstance(call, griffe.ExprCall) and str(call.function) in DECLARING:
            attr.value = call.arguments[0]
