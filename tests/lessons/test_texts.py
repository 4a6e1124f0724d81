"""The texts of the lessons: short enough, and every place in them that comes alive has something to come alive with."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from shapelab import lessons
from shapelab.lessons import LESSONS

TEXTS = Path(lessons.__file__).parent / "texts"
CONVOLUTIONS = {"conv1d": ("L",), "conv2d": ("H", "W")}
PARTS_OF_AN_AXIS = ("lo", "hi", "kernel", "stride")
PARTS = ("input", "kernel", "output", "padding", "kernel-I", "kernel-O", "unread")
"""What a picture of a convolution names, besides those of each axis."""


class Places(HTMLParser):
    """The sections of a text, their words, and the attributes that bring words to life."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.sections: list[dict[str, object]] = []
        self.marks: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if tag == "details":
            self.sections.append({"name": named.get("name"), "open": "open" in named, "words": 0})
        if any(name.startswith("data-") for name in named):
            self.marks.append((tag, named))
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.sections and "details" in self.open:
            self.sections[-1]["words"] += len(data.split())  # type: ignore[operator]

    def values(self, name: str) -> set[str]:
        return {str(named[name]) for _, named in self.marks if name in named}


def read(lesson: str) -> Places:
    return Places((TEXTS / f"{lesson}.html").read_text(encoding="utf-8"))


@pytest.fixture(params=sorted(LESSONS))
def lesson(request: pytest.FixtureRequest) -> str:
    """Return each lesson in turn."""
    return str(request.param)


def test_a_lesson_has_four_to_seven_sections_of_at_most_200_words_and_begins_with_the_first(lesson: str) -> None:
    found = read(lesson)
    assert not found.open
    assert 4 <= len(found.sections) <= 7
    assert [section["open"] for section in found.sections] == [True] + [False] * (len(found.sections) - 1)
    assert {section["name"] for section in found.sections} == {"sl-text"}
    for section in found.sections:
        assert int(str(section["words"])) <= 200


def test_words_point_only_at_parts_that_the_lesson_s_picture_names(lesson: str) -> None:
    axes = CONVOLUTIONS.get(lesson, ())
    known = {*PARTS, *(f"{part}-{axis}" for part in PARTS_OF_AN_AXIS for axis in axes)} if axes else set()
    pointed = read(lesson).values("data-point")
    assert pointed <= known
    if axes:
        assert {f"{side}-{axis}" for side in ("lo", "hi") for axis in axes} <= pointed
        assert {"kernel-I", "kernel-O", *(f"kernel-{axis}" for axis in axes)} <= pointed


def test_every_term_is_explained_in_a_sentence_and_none_without_need() -> None:
    glossary = json.loads((TEXTS / "glossary.json").read_text(encoding="utf-8"))
    assert list(glossary) == sorted(glossary, key=str.lower)
    used = set().union(*(read(name).values("data-term") for name in LESSONS))
    assert used == set(glossary)
    for says in glossary.values():
        assert says.endswith(".")
        assert 4 <= len(says.split()) <= 26
        assert "<" not in says


def test_what_can_be_pointed_at_or_explained_can_be_reached_by_keyboard(lesson: str) -> None:
    for tag, named in read(lesson).marks:
        if "data-point" in named or "data-term" in named:
            assert named.get("tabindex") == "0"
        if "data-live-pick" in named:
            assert tag == "button"


def test_a_live_place_is_empty_until_it_is_filled(lesson: str) -> None:
    html = (TEXTS / f"{lesson}.html").read_text(encoding="utf-8")
    for place in re.findall(r"<[^>]*data-live=[^>]*>(.)", html):
        assert place == "<"
