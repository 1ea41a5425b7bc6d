"""What people say about trials and about the run: notes and tags, user attributes of the study.

Optuna lets nobody add to a trial that has ended, so what is said of trial 7 is the study's
``note:7`` and ``tags:7``, and what is said of the run its ``note`` and ``tags``; any tool that
shows a study's user attributes shows them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .format import NOTE, TAGS

if TYPE_CHECKING:
    import optuna

MOST_LETTERS = 2000
MOST_TAGS = 12
_LONGEST_TAG = 40


@dataclass(frozen=True)
class Remark:
    """A note, and tags to find by."""

    note: str = ""
    tags: tuple[str, ...] = ()

    @classmethod
    def checked(cls, note: str, tags: Sequence[str]) -> Remark:
        """Return what somebody wrote, with spaces taken off its ends and each tag once.

        Raises:
            ValueError: the note is too long, there are too many tags, or one is none.
        """
        note = note.strip()
        if len(note) > MOST_LETTERS:
            raise ValueError(f"note of {len(note):,} letters; valid: up to {MOST_LETTERS:,}")
        kept = tuple(dict.fromkeys(tag.strip() for tag in tags if tag.strip()))
        if len(kept) > MOST_TAGS:
            raise ValueError(f"{len(kept)} tags; valid: up to {MOST_TAGS}")
        for tag in kept:
            if len(tag) > _LONGEST_TAG or "," in tag or not tag.isprintable():
                raise ValueError(f"tag {tag!r}; valid: up to {_LONGEST_TAG} letters, no comma")
        return cls(note, kept)


def remarks(attributes: Mapping[str, Any]) -> dict[int | None, Remark]:
    """Return what is said of each trial, and under None of the run.

    Args:
        attributes: the study's user attributes; what is no remark in them is passed over.
    """
    notes: dict[int | None, str] = {}
    tags: dict[int | None, tuple[str, ...]] = {}
    for key, value in attributes.items():
        kind, _, number = key.partition(":")
        if kind not in (NOTE, TAGS) or (number and not number.isdecimal()):
            continue
        of = int(number) if number else None
        if kind == NOTE and isinstance(value, str) and value:
            notes[of] = value
        if kind == TAGS and isinstance(value, list) and value:
            tags[of] = tuple(str(tag) for tag in value)
    return {of: Remark(notes.get(of, ""), tags.get(of, ())) for of in {**notes, **tags}}


def write_remark(study: optuna.Study, number: int | None, remark: Remark) -> None:
    """Keep a remark on a trial, or on the run; it takes the place of the one before."""
    suffix = "" if number is None else f":{number}"
    study.set_user_attr(f"{NOTE}{suffix}", remark.note)
    study.set_user_attr(f"{TAGS}{suffix}", list(remark.tags))
