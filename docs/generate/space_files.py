"""Every key of a space file, and the spaces that are shipped."""

from __future__ import annotations

from importlib.resources import files

from settings import declared
from tables import code, document, table

from optcell_search import registry
from optcell_search.space import SearchSpace
from optcell_search.space.settings import Training, model_settings

HEAD = """
# Space files

A search space is a TOML file: which cells, which rules, and what each hyperparameter may be. It is
data; loading one runs nothing. Every fault of a file is reported at once, with file, key and what
would be valid. This page is made from the code.

A hyperparameter is given in one of three forms. It exists only in candidates whose cell or rule has
it. One of a chosen cell or rule that the file does not mention takes its search range, as declared
beside it; one of `[model]` or `[training]` that the file does not mention is fixed at its default.
"""

FORMS = (
    ("mu = 0.6", "It is fixed."),
    ("mu = { choices = [0.3, 0.6, 0.9] }", "One of these values."),
    (
        "mu = { low = 0.0, high = 0.95 }",
        "A range; with `log = true` on a logarithmic scale, with `step = …` in steps.",
    ),
)

TOP = (
    ("name", "text", "What the space is called; by default the name of the file."),
    ("description", "text", "What it is for, on one line."),
    ("cells", "list of names", "At least one of the [cells](cells.md)."),
    ("rules", "list of names", "At least one of the [rules](rules.md)."),
    ("[cell.NAME]", "table", "Hyperparameters of a cell in `cells`."),
    ("[rule.NAME]", "table", "Hyperparameters of a rule in `rules`."),
    ("[model]", "table", "What stands around the cell."),
    ("[training]", "table", "How the weights are trained."),
    ("[penalty.NAME]", "table", "A [penalty](penalties.md) that joins the training loss."),
)


def page() -> str:
    """Return the page of all keys."""
    top = table(("key", "value", ""), [(code(key), kind, doc) for key, kind, doc in TOP])
    return document(
        HEAD,
        table(("form", "meaning"), [(code(form), meaning) for form, meaning in FORMS]),
        "## Top level",
        top,
        *_model(),
        "## `[training]` { #training }",
        declared(Training, searched=True),
        *_plugins("cell", registry.every_cell),
        *_plugins("rule", registry.rules),
        *_plugins("penalty", registry.penalties),
    )


def _model() -> list[str]:
    """The keys of [model], once for each kind of cell that has its own."""
    owners: dict[type, list[str]] = {}
    for name in registry.every_cell.names():
        owners.setdefault(model_settings(name), []).append(name)
    parts = []
    for owner, names in owners.items():
        parts += [
            f"## `[model]` of {', '.join(names)} {{ #model-{names[0]} }}",
            declared(owner, searched=True),
        ]
    return parts


def _plugins(kind: str, known: registry.Registry | registry.Registries) -> list[str]:
    parts = []
    for name in known.names():
        keys = declared(known.get(name), searched=True)
        parts += [f"## `[{kind}.{name}]` {{ #{kind}-{name} }}", keys or "It has no keys."]
    return parts


def shipped() -> str:
    """Return the page of the shipped spaces."""
    parts = [
        "# Shipped spaces",
        "`optcell-search list spaces` prints this list. Copy a file and change it: "
        "`optcell-search run my_space.toml …` takes any path.",
    ]
    for name in SearchSpace.names():
        space = SearchSpace.load(name)
        text = (files("search_spaces") / f"{name}.toml").read_text(encoding="utf-8")
        parts += [
            f"## `{name}` {{ #{name} }}",
            f"{space.description}. {space.choices}.",
            f"```toml\n{text.rstrip()}\n```",
        ]
    return document(*parts)
