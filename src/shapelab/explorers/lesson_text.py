"""The text beside a lesson's picture: sections of which one is open, live numbers, terms explained where they stand."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from html import escape
from pathlib import Path

import traitlets as t

from shapelab import lessons
from shapelab.explorers.fronted import Fronted
from shapelab.explorers.live_convolution import live_convolution
from shapelab.explorers.live_network import live_network
from shapelab.explorers.two_sources import two_sources
from shapelab.lessons.base import Config
from shapelab.tracing.records import Trace

_TEXTS = Path(lessons.__file__).parent / "texts"
_TERM = re.compile(r'data-term="([^"]+)"')
_LIVE_PLACE = re.compile(r'<[a-z]+[^>]*data-live="([^"]+)"[^>]*>')
_LIVE = re.compile(r'data-live(?:-pick)?="([^"]+)"')


class LessonText(Fronted):
    """Shows the text of a lesson; its numbers change in place, so an open section, focus and hover stay.

    Attributes:
      html: the sections, as HTML of this package alone.
      terms: the terms that they use, each with its explanation.
      live: what stands in the places marked ``data-live``, as plain text by name.
    """

    _part = "lessonText"

    html = t.Unicode("").tag(sync=True)
    terms = t.Dict().tag(sync=True)
    live = t.Dict().tag(sync=True)

    def show(self, lesson: str) -> None:
        """Show the text of a lesson, its numbers to come; of any other subject there is none.

        Nothing is sent when it is shown already.
        """
        if self.html == text(lesson):
            return
        with self.hold_sync():
            self.html, self.terms, self.live = text(lesson), terms(lesson), {}

    def tell(self, trace: Trace, config: Config) -> None:
        """Set the numbers to those of a trace of the lesson shown; those that its text uses are sent if one differs."""
        places = _places(self.html)
        self.live = {name: words for name, words in live(trace, config).items() if name in places} if places else {}


def live(trace: Trace, config: Config) -> dict[str, str]:
    """What stands in the live places of a lesson's text, by name; every name has words, also where a call fails.

    A configuration that sets a kernel gets the words of the convolutions, any other those of the networks.
    """
    slides_once = {"kernel_size", "kernel_h"} & set(config.rules())
    return live_convolution(trace, config) if slides_once else live_network(trace, config)


@lru_cache(maxsize=8)
def text(lesson: str) -> str:
    """The sections of a lesson and the two sources that they speak of, as HTML; "" where there is no such lesson."""
    if lesson not in lessons.LESSONS:
        return ""
    return (_TEXTS / f"{lesson}.html").read_text(encoding="utf-8") + two_sources()


def written(lesson: str, trace: Trace, config: Config) -> str:
    """The sections of a lesson with the numbers of a trace in their places, for a page without a script."""
    numbers = live(trace, config)
    sections = _LIVE_PLACE.sub(lambda found: found[0] + escape(numbers.get(found[1], "")), text(lesson))
    return sections.partition("<dialog")[0].replace(' name="sl-text"', "")  # it would close the live page's


@lru_cache(maxsize=8)
def _places(html: str) -> frozenset[str]:
    """The names of a text's live places."""
    return frozenset(_LIVE.findall(html))


@lru_cache(maxsize=8)
def terms(lesson: str) -> dict[str, str]:
    """The terms that a lesson's text uses, each with its explanation in one sentence."""
    return {term: glossary()[term] for term in _TERM.findall(text(lesson))}


@lru_cache(maxsize=1)
def glossary() -> dict[str, str]:
    """Every term that any text may use, with its explanation in one sentence."""
    explained: dict[str, str] = json.loads((_TEXTS / "glossary.json").read_text(encoding="utf-8"))
    return explained
