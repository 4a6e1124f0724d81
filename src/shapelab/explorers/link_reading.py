"""What a query says, key by key: each function leaves out what is wrong, and adds a note that says why."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from shapelab.engine.spec import Spec, check
from shapelab.errors import ShapeError
from shapelab.lessons import LESSONS, Lesson
from shapelab.lessons.base import Bounds
from shapelab.lessons.rules import nearest

FIRST = "conv2d"
"""The lesson of a link that names none."""
GALLERY = "pitfalls"
MOST = 4000  # characters of a query
MOST_KEYS = 100
MOST_NOTES = 6
VIEWS, SCALES, THEMES = ("values", "coverage"), ("shared", "channel"), ("light", "dark")
WORDS = {"view": VIEWS, "map_scale": SCALES, "theme": THEMES, "picture": ("kept",)}
SWITCHES = ("lock", "embed")
_PLACES = {"stage": 1, "case": 1, "cell": 2, "channels": 2}
OWN = ("pitfall", "compare", "show", *WORDS, *SWITCHES, *_PLACES)
OF_GALLERY = ("pitfall", "case", "theme", *SWITCHES)
OF_COMPARED = ("cell", "channels")
_SILENT = ("token",)  # the server's own way to log in
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_UPLOADED = "pattern = upload: an uploaded picture does not fit in a link"


def pairs_of(query: str, notes: list[str]) -> dict[str, str]:
    """The keys and values, of repeated keys the last; none of a query that is too long."""
    if len(query) > MOST:
        notes.append(f"the link has {len(query):,} characters, up to {MOST:,} are read: none of it is used")
        return {}
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=MOST_KEYS)
    except ValueError:
        notes.append(f"the link has more than {MOST_KEYS} settings: none of them is used")
        return {}
    return {name: value for name, value in pairs if name not in _SILENT}


def lesson_of(name: str, notes: list[str]) -> Lesson:
    """The lesson of a name; the first one where there is none."""
    if name not in LESSONS:
        notes.append(f"there is no lesson {_said(name)}: choose from {', '.join((*LESSONS, GALLERY))}")
        return LESSONS[FIRST]
    return LESSONS[name]


def known_of(
    lesson: Lesson, given: Mapping[str, str], fields: tuple[str, ...], own: tuple[str, ...], notes: list[str]
) -> dict[str, str]:
    """The settings that the lesson has; a note for each other key that means nothing here."""
    for name in given:
        if name != "lesson" and name not in fields and name not in own:
            near = nearest(name[:40], dict.fromkeys((*fields, *own)))
            notes.append(f"{lesson.title + ' has' if fields else 'the pitfalls have'} no {_said(name)}{near}")
    return {name: given[name] for name in fields if name in given}


def spec_of(lesson: Lesson, given: Mapping[str, str], notes: list[str]) -> Spec:
    """The configuration with all values that hold together; as many as can."""
    rules = lesson.Config.rules()
    values = {name: _number(text) if isinstance(rules[name], Bounds) else text for name, text in given.items()}
    if values.get("pattern") == "upload":
        del values["pattern"]
        notes.append(_UPLOADED)
    try:
        return check(lesson.name, values)
    except ShapeError:
        taken: dict[str, Any] = {}
        spec, refusals = check(lesson.name, {}), dict.fromkeys(values, "")
    while refusals:  # a value may hold only beside one that comes later
        before = len(refusals)
        for name in tuple(refusals):
            try:
                spec = check(lesson.name, {**taken, name: values[name]})
            except ShapeError as error:
                refusals[name] = str(error)
            else:
                taken[name] = values[name]
                del refusals[name]
        if len(refusals) == before:
            break
    notes += refusals.values()
    return spec


def _number(text: str) -> int | float | str:
    """A number as a lesson's rules take it; what is none is left for them to refuse."""
    if not _NUMBER.fullmatch(text):
        return text
    return int(text) if re.fullmatch(r"[+-]?[0-9]{1,15}", text) else float(text)


def word_of(name: str, text: str, notes: list[str]) -> str:
    """One of the words of ``WORDS``, else ``""``."""
    if text in WORDS[name]:
        return text
    notes.append(f"{name} = {_said(text)} is not known: choose from {', '.join(WORDS[name])}")
    return ""


def switch_of(name: str, text: str, notes: list[str]) -> bool:
    """Whether something is switched on."""
    if text not in ("0", "1"):
        notes.append(f"{name} = {_said(text)} is neither 1 nor 0")
    return text == "1"


def places_of(given: Mapping[str, str], notes: list[str]) -> dict[str, Any]:
    """Stage, cell and channels: one or two whole numbers of up to four digits."""
    found: dict[str, Any] = {}
    for name, count in _PLACES.items():
        if name not in given:
            continue
        numbers = given[name].split(",")
        if len(numbers) == count and all(re.fullmatch(r"[0-9]{1,4}", each) for each in numbers):
            found[name] = tuple(map(int, numbers)) if count > 1 else int(numbers[0])
        else:
            form = ("a number", "two numbers such as 3,4")[count - 1]
            notes.append(f"{name} = {_said(given[name])} is not {form}, each from 0 to 9999")
    return found


def opened_of(given: Mapping[str, str], case: int, notes: list[str]) -> dict[str, Any]:
    """The mistake, the first one where none is named, and its setting."""
    from shapelab.pitfalls import PITFALLS  # their words are read when somebody wants them

    name = given.get("pitfall", next(iter(PITFALLS)))
    if name not in PITFALLS:
        notes.append(f"there is no pitfall {_said(name)}: the first one is open")
        return {"pitfall": next(iter(PITFALLS)), "case": 0}
    found = PITFALLS[name]
    if case >= len(found.settings):
        notes.append(f"case = {case}: {found.title} has {len(found.settings)}, the first is 0")
        case = 0
    return {"pitfall": name, "case": case}


def shown_of(lesson: Lesson, text: str, notes: list[str]) -> tuple[str, ...] | None:
    """The fields named, in the lesson's order; None where names are given and none of them is a field's."""
    rules = lesson.Config.rules()
    named = dict.fromkeys(name for name in text.split(",") if name)
    for name in named:
        if name not in rules:
            notes.append(f"show: {lesson.title} has no {_said(name)}{nearest(name[:40], rules)}")
    found = tuple(name for name in rules if name in named)
    return found if found or not named else None


def _said(text: str) -> str:
    """Text of a stranger's, as a short literal without control characters."""
    return repr(text[:40] + "…" * (len(text) > 40))
