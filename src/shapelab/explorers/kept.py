"""What no address says: the settings of the lessons not shown, the steps to undo and redo, which fields move together.

A page keeps it as text in its tab and hands it to the next kernel. It may be any text by then: each line is read as a
link is, and only what would be written so again is used.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

from shapelab.engine.spec import Spec
from shapelab.explorers.links import Compared, Link, read, write
from shapelab.lessons import LESSONS

STEPS = 30  # of each kind, the nearest ones
MOST = 16_000  # characters
_LINES = 100  # that are looked at
_GROUPS = {f"{lesson.name}.{group[0]}" for lesson in LESSONS.values() for group in lesson.linked}


@dataclass(frozen=True)
class Kept:
    """What a page that is loaded anew cannot read from its address.

    Attributes:
      left: where lessons were left that are not shown; the one that was shown last comes last.
      past: the settings that can be gone back to, the nearest last.
      future: those that were taken back, the nearest last.
      compare: the setting pinned beside the present one where that is fed an uploaded picture, which no link says.
      apart: the fields that could move together and do not: ``lesson.field``, the first of each group.
    """

    left: tuple[Spec, ...] = ()
    past: tuple[Spec, ...] = ()
    future: tuple[Spec, ...] = ()
    compare: Compared | None = None
    apart: frozenset[str] = frozenset()


def write_kept(kept: Kept) -> str:
    """A line for each setting; of the steps the nearest, as many as there is place for."""
    pinned = [Link(each.spec, cell=each.cell, channels=each.channels) for each in (kept.compare,) if each is not None]
    lines = [
        *(f"left {_query(spec)}" for spec in kept.left),
        *(f"compare {write(link)}" for link in pinned),
        *(f"apart {name}" for name in sorted(kept.apart)),
        *(f"past {_query(spec)}" for spec in reversed(kept.past[-STEPS:])),
        *(f"future {_query(spec)}" for spec in reversed(kept.future[-STEPS:])),
    ]
    while len(text := "\n".join(lines)) > MOST:
        lines.pop()
    return text


def read_kept(text: str, image: bytes) -> Kept:
    """What of a text can be used. Never raises.

    Args:
      text: any text.
      image: the uploaded picture that came with it; b"" for none.
    """
    found: dict[str, list[Link]] = {"left": [], "past": [], "future": [], "compare": []}
    apart = set()
    for line in text[:MOST].split("\n", _LINES)[:_LINES]:
        kind, _, query = line.partition(" ")
        link = _read(query, image) if kind in found else None
        if link is not None:
            found[kind].append(link)
        elif kind == "apart" and query in _GROUPS:
            apart.add(query)
    left, past, future = (tuple(link.spec for link in found[kind]) for kind in ("left", "past", "future"))
    pinned = [Compared(link.spec, link.cell, link.channels) for link in found["compare"] if link.spec.image]
    return Kept(left, past[:STEPS][::-1], future[:STEPS][::-1], pinned[-1] if pinned else None, frozenset(apart))


@lru_cache(maxsize=4 * STEPS)  # most steps are told again with every change
def _query(spec: Spec) -> str:
    return write(Link(spec))


def _read(query: str, image: bytes) -> Link | None:
    """The setting of a query as it is written; None for any other."""
    link = read(query)
    if link.kept and image:
        link = replace(link, spec=link.spec.changed({"pattern": "upload"}, image), kept=False)
    return link if not link.kept and write(link) == query else None
