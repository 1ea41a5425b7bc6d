"""From one value, list of choices or range in a description to a domain, with faults noted."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral
from typing import Any

from ..hyperparameters import Choice, Integer, Real, Specification, oversized, shown
from .domains import Choices, Domain, Fixed, Integers, Reals, Value
from .faults import Faults, dotted

_RANGE_KEYS = ("low", "high", "log", "step")
_POSITIVE_INTEGER = Integer(default=1, low=1, high=1, valid_low=1)
_POSITIVE_REAL = Real(default=1.0, low=1.0, high=1.0, valid_low=0.0, open_low=True)
_SWITCH = Choice(default=False, options=(False, True))


def read_table(
    raw: object, key: str, valid: tuple[str, ...], faults: Faults, kind: str = "key"
) -> dict[str, Any]:
    """Return the entries of `raw` whose keys are `valid`; the others are faults."""
    if not isinstance(raw, Mapping):
        faults.add(key, f"{shown(raw)} is not a table", f"a table with {', '.join(valid)}")
        return {}
    for name in raw:
        if name not in valid:
            faults.unknown(dotted(key, name), kind, name, valid)
    return {name: raw[name] for name in valid if name in raw}


def whole(name: str, value: int, least: int) -> int:
    """Return an integer, Python's or NumPy's, as Python's; a truth value is none.

    Raises:
        ValueError: it is none, or less than `least`, which is 0 or 1.
    """
    if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
        kind = "a positive integer" if least else "an integer of 0 or more"
        valid = f"{least}, {least + 1}, {least + 2}, ..."
        raise ValueError(f"{name} = {shown(value)} is not {kind}; valid: {valid}")
    return int(value)


def read_value(spec: Specification, raw: object, label: str) -> Value:
    """Return one checked value: a float where the hyperparameter is real, and never -0.0.

    Raises:
        ValueError: the value does not fit; the message names label, value and what is valid.
    """
    if not isinstance(raw, bool | int | float | str) or oversized(raw):
        raise ValueError(f"{label} = {shown(raw)} is not a valid value; valid: {spec.valid}")
    value: Value = spec.check(label, raw)
    return value + 0.0 if isinstance(value, float) else value


def read_domain(spec: Specification, raw: object, key: str, faults: Faults) -> Domain | None:
    """Return what a space says about one hyperparameter, or None after noting faults.

    Args:
        spec: the hyperparameter as its owner declares it.
        raw: a value, ``{choices = […]}``, or ``{low = …, high = …}`` with `log` or `step`.
        key: dotted key of the hyperparameter.
        faults: where to note what is wrong.
    """
    if isinstance(raw, Mapping):
        if "choices" in raw or isinstance(spec, Choice):
            return _read_choices(spec, raw, key, faults)
        return _read_range(spec, raw, key, faults)
    if isinstance(raw, list | tuple):
        forms = "a value or { choices = [...] }"
        if not isinstance(spec, Choice):
            forms = "a value, { choices = [...] } or { low = ..., high = ... }"
        faults.add(key, f"{shown(raw)} is not a value", forms)
        return None
    value = _noting(faults, key, spec, raw, key.rpartition(".")[2])
    return None if value is None else Fixed(value)


def declared(spec: Specification) -> Domain:
    """Return the search range that the hyperparameter's owner declares."""
    match spec:
        case Choice():
            return Choices(spec.options) if len(spec.options) > 1 else Fixed(spec.options[0])
        case Real(low=low, high=high) | Integer(low=low, high=high) if low == high:
            return Fixed(spec.check("low", low))
        case Real():
            return Reals(float(spec.low), float(spec.high), spec.log)
        case Integer():
            return Integers(spec.low, spec.high, spec.log)


def _noting(faults: Faults, key: str, spec: Specification, raw: object, label: str) -> Value | None:
    try:
        return read_value(spec, raw, label)
    except ValueError as error:
        faults.add(key, str(error))
        return None


def _read_choices(
    spec: Specification, raw: Mapping[Any, Any], key: str, faults: Faults
) -> Domain | None:
    listed = read_table(raw, key, ("choices",), faults).get("choices")
    if not isinstance(listed, list | tuple) or not listed:
        what = "the list of choices is empty" if listed in ([], ()) else "has no list of choices"
        faults.add(key, what, "{ choices = [...] } of " + spec.valid)
        return None
    values: list[Value] = []
    for index, entry in enumerate(listed):
        value = _noting(faults, key, spec, entry, f"choices[{index}]")
        if value is not None and value in values:
            faults.add(key, f"choices[{index}] = {shown(value)} is a repeat", "each value once")
        elif value is not None:
            values.append(value)
    if not values:
        return None
    return Choices(tuple(values)) if len(values) > 1 else Fixed(values[0])


def _read_range(
    spec: Real | Integer, raw: Mapping[Any, Any], key: str, faults: Faults
) -> Domain | None:
    table = read_table(raw, key, _RANGE_KEYS, faults)
    positive = _POSITIVE_INTEGER if isinstance(spec, Integer) else _POSITIVE_REAL
    low, high, step, log = (
        _noting(faults, key, kind, table[name], name) if name in table else None
        for name, kind in (("low", spec), ("high", spec), ("step", positive), ("log", _SWITCH))
    )
    for name in ("low", "high"):
        if name not in table:
            faults.add(key, f"{name} is missing", f"{{ low = ..., high = ... }} in {spec.valid}")
    if "log" in table and "step" in table:
        faults.add(key, "log and step exclude each other", "one of them")
    if low is None or high is None:
        return None
    assert not isinstance(low, str)
    assert not isinstance(high, str)
    if low >= high:
        kind = "empty" if low == high else "upside down"
        faults.add(key, f"low = {low!r}, high = {high!r} is {kind}", "low < high, or one value")
        return None
    if log and low <= 0:
        faults.add(key, f"log = true with low = {low!r}", "low > 0 on a log scale")
        return None
    if isinstance(spec, Integer):
        domain: Domain = Integers(int(low), int(high), bool(log), int(step or 1))
    else:
        domain = Reals(float(low), float(high), bool(log), None if step is None else float(step))
    if step is not None and high not in domain:
        faults.add(
            key,
            f"steps of {step!r} from low = {low!r} do not end at high = {high!r}",
            "a step that divides high - low",
        )
    return domain
