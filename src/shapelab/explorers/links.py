"""The dashboard's state as the query of an address, and back: pure, and safe for whatever a query holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, urlencode

from shapelab.engine.spec import Spec
from shapelab.explorers import link_reading as reading
from shapelab.explorers.link_reading import FIRST, GALLERY, SWITCHES, WORDS
from shapelab.lessons.base import Bounds


@dataclass(frozen=True)
class Compared:
    """A setting that is pinned beside the present one, with the cell and the channels that it shows."""

    spec: Spec
    cell: tuple[int, int] | None = None
    channels: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class Link:
    """What an address says.

    Attributes:
      spec: lesson and configuration, checked.
      pitfall: the mistake that is open; "" for a lesson.
      case: the mistake's setting, from 0.
      stage: the selected stage, or None; likewise the pinned ``cell``. Either may lie outside of what there is.
      channels: the input and the output channel shown.
      view: "values" or "coverage"; likewise ``map_scale``, "shared" or "channel".
      compare: the setting pinned beside it, or None.
      kept: whether the page that made the link keeps an uploaded picture for it; its pixels are in no link.
      theme: "light" or "dark", or "" for the visitor's own.
      show: the only fields whose controls are shown; None for all controls.
      lock: whether the setting cannot be changed.
      embed: whether the page has no frame.
      notes: what was left out of the query, and why: plain text from a stranger, to be escaped.
    """

    spec: Spec
    pitfall: str = ""
    case: int = 0
    stage: int | None = None
    cell: tuple[int, int] | None = None
    channels: tuple[int, int] = (0, 0)
    view: str = "values"
    map_scale: str = "shared"
    compare: Compared | None = None
    kept: bool = False
    theme: str = ""
    show: tuple[str, ...] | None = None
    lock: bool = False
    embed: bool = False
    notes: tuple[str, ...] = ()


def read(query: str) -> Link:
    """What a query says. Never raises: what is wrong is left out, with a note.

    Args:
      query: what stands behind the ``?`` of an address.
    """
    notes: list[str] = []
    given = reading.pairs_of(query, notes)
    in_gallery = given.get("lesson") == GALLERY
    lesson = reading.lesson_of(FIRST if in_gallery else given.get("lesson", FIRST), notes)
    allowed = (
        reading.OF_GALLERY if in_gallery else tuple(name for name in reading.OWN if name not in ("pitfall", "case"))
    )
    fields = reading.known_of(lesson, given, () if in_gallery else tuple(lesson.Config.rules()), allowed, notes)
    own = {name: given[name] for name in allowed if name in given}
    told: dict[str, Any] = {name: reading.word_of(name, own[name], notes) for name in WORDS if name in own}
    told |= {name: reading.switch_of(name, own[name], notes) for name in SWITCHES if name in own}
    told |= reading.places_of(own, notes)
    kept = told.pop("picture", "") == "kept" and "pattern" in lesson.Config.rules()
    if in_gallery:
        told |= reading.opened_of(given, told.get("case", 0), notes)
    if "compare" in own:
        told["compare"] = _compared(own["compare"], notes)
    if "show" in own:
        told["show"] = reading.shown_of(lesson, own["show"], notes)
    told = {name: value for name, value in told.items() if value not in (None, "")}
    spec = reading.spec_of(lesson, fields, notes)
    if len(notes) > reading.MOST_NOTES:
        notes[reading.MOST_NOTES - 1 :] = [f"and {len(notes) - reading.MOST_NOTES + 1} more"]
    return Link(spec, kept=kept, notes=tuple(notes), **told)


def write(link: Link) -> str:
    """The shortest query that reads as the link, but for its notes; ``""`` for the page as it begins.

    An uploaded picture is not in it: ``picture=kept`` stands for it, which only the page that keeps it can read.
    """
    pairs: dict[str, str] = {}
    if link.pitfall:
        pairs |= {"lesson": GALLERY, "pitfall": link.pitfall} | ({"case": str(link.case)} if link.case else {})
    else:
        pairs |= _written(link.spec) | _where(link.stage, link.cell, link.channels)
        plain = Link(link.spec)
        pairs |= {name: v for name in ("view", "map_scale") if (v := getattr(link, name)) != getattr(plain, name)}
        if link.compare is not None:
            inner = _written(link.compare.spec) | _where(None, link.compare.cell, link.compare.channels)
            pairs["compare"] = _encoded(inner)
        if link.kept or getattr(link.spec.config, "pattern", "") == "upload":
            pairs["picture"] = "kept"
        if link.show is not None:
            pairs["show"] = ",".join(link.show)
    pairs |= {"theme": link.theme} if link.theme else {}
    pairs |= {name: "1" for name in SWITCHES if getattr(link, name)}
    return _encoded(pairs)


def _compared(query: str, notes: list[str]) -> Compared | None:
    """The setting in the query; None where it says nothing that can be used."""
    own: list[str] = []
    given = reading.pairs_of(query, own)
    lesson = reading.lesson_of(given.get("lesson", FIRST), own)
    fields = reading.known_of(lesson, given, tuple(lesson.Config.rules()), reading.OF_COMPARED, own)
    spec = reading.spec_of(lesson, fields, own)
    places = reading.places_of({name: given[name] for name in reading.OF_COMPARED if name in given}, own)
    notes += (f"compare: {note}" for note in own)
    return Compared(spec, **places) if _written(spec) or places or not own else None


def without_upload(spec: Spec) -> Spec:
    """The same fed by what its lesson begins with, where it is fed an uploaded picture."""
    if getattr(spec.config, "pattern", "") != "upload":
        return spec
    plain: Any = type(spec.config)
    return replace(spec, config=spec.config.replace(pattern=plain.pattern), image=b"")


def _written(spec: Spec) -> dict[str, str]:
    """Lesson and fields; what the others imply is left out."""
    config = without_upload(spec).config
    plain, pairs = type(config)(), {} if spec.lesson_name == FIRST else {"lesson": spec.lesson_name}
    rules = config.rules()
    leaders = {name: rule.follows for name, rule in rules.items() if isinstance(rule, Bounds) and rule.follows}
    named = {name for name in rules if name not in leaders and getattr(config, name) != getattr(plain, name)}
    for name in rules:
        leader = leaders.get(name)
        implied = getattr(config, leader) if leader in named else getattr(plain, name)
        if getattr(config, name) != implied:
            pairs[name] = str(getattr(config, name))
    return pairs


def _where(stage: int | None, cell: tuple[int, int] | None, channels: tuple[int, int]) -> dict[str, str]:
    pairs = {} if stage is None else {"stage": str(stage)}
    pairs |= {} if cell is None else {"cell": ",".join(map(str, cell))}
    return pairs | ({} if channels == (0, 0) else {"channels": ",".join(map(str, channels))})


def _encoded(pairs: Mapping[str, str]) -> str:
    return urlencode(pairs, safe=",", quote_via=quote)
