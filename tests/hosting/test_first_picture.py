"""The first picture is asked for once, again while the engine starts, and a page never waits for it."""

from __future__ import annotations

import asyncio
import threading

import pytest

from shapelab.engine.in_process import Engine as InProcess
from shapelab.errors import EngineAwayError, ShapeError
from shapelab.hosting import first_picture
from shapelab.hosting.first_picture import FirstPicture


class Engine:
    """Is away for a while, then answers; counts who asks."""

    def __init__(self, away):
        self.away, self.asked, self._engine = away, 0, InProcess()

    def trace(self, spec):
        self.asked += 1
        if self.asked <= self.away:
            raise EngineAwayError("the engine does not answer")
        return self._engine.trace(spec)

    def run(self, spec, stages):
        return self._engine.run(spec, stages)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(first_picture, "PAUSE", 0.0)


def test_it_is_asked_again_until_the_engine_answers():
    engine = Engine(away=3)
    first = FirstPicture(engine)
    assert first.html == ""
    asyncio.run(first.find())
    assert engine.asked == 4
    assert "(4, 4, 4)" in first.html
    assert "sl-arithmetic" in first.html


def test_without_an_engine_there_is_none():
    first = FirstPicture(None)
    asyncio.run(first.find())
    assert first.html == ""


def test_the_shapes_are_shown_where_the_values_are_not_to_be_had():
    class NoValues(Engine):
        def run(self, spec, stages):
            raise ShapeError("no values of this")

    first = FirstPicture(NoValues(away=0))
    asyncio.run(first.find())
    assert "(4, 4, 4)" in first.html
    assert "sl-arithmetic" not in first.html


def begins(first, *queries):
    """What pages with these queries begin with, one after the other, and after all that was asked for has come."""

    async def visit():
        shown = [await first.of(query) for query in queries]
        while first._asking:
            await asyncio.sleep(0.01)
        return shown

    return asyncio.run(visit())


def test_a_link_begins_with_its_own_picture_never_with_another():
    engine = Engine(away=0)
    first = FirstPicture(engine)
    asyncio.run(first.find())
    plain, wide = begins(first, "", "H=9&stride=1")
    assert "(4, 4, 4)" in plain
    if wide:  # this machine may be slow: then there is none
        assert "(9, 7, 4)" in wide
        assert "(4, 4, 4)" not in wide
    asked = engine.asked
    (again,) = begins(first, "stride=1&H=9&theme=dark")
    assert "(9, 7, 4)" in again
    assert engine.asked == asked


@pytest.mark.parametrize("query", ["lesson=unet", "lesson=pitfalls", "compare=", "H=9&compare=H%3D5"])
def test_what_begins_otherwise_is_not_asked_for(query):
    engine = Engine(away=0)
    first = FirstPicture(engine)
    first.html = "another picture"
    assert begins(first, query) == [""]
    assert engine.asked == 0


def test_whatever_the_query_holds_a_page_begins():
    first = FirstPicture(Engine(away=0))
    first.html = "the usual picture"
    shown = begins(first, "x" * 9000, "%ff", "lesson=<script>", "H=1e400")
    assert shown == ["the usual picture"] * 4


def test_an_engine_that_takes_long_is_not_waited_for_and_few_ask_it(monkeypatch):
    monkeypatch.setattr(first_picture, "SOON", 0.01)
    hold = threading.Event()

    class Slow(Engine):
        def trace(self, spec):
            assert hold.wait(60)
            return super().trace(spec)

    engine = Slow(away=0)
    first = FirstPicture(engine)

    async def visit():
        shown = [await first.of(f"H={height}") for height in range(10, 16)]
        hold.set()
        while first._asking:
            await asyncio.sleep(0.01)
        return shown, await first.of("H=10"), engine.asked

    shown, later, asked = asyncio.run(visit())
    assert shown == [""] * 6
    assert "(10, 7, 3)" in later
    assert asked == first_picture.AT_ONCE


def test_few_pictures_are_kept(monkeypatch):
    monkeypatch.setattr(first_picture, "KEPT", 2)
    monkeypatch.setattr(first_picture, "SOON", 30.0)
    engine = Engine(away=0)
    first = FirstPicture(engine)
    begins(first, "H=3", "H=4", "H=5")
    asked = engine.asked
    begins(first, "H=5", "H=4")
    assert engine.asked == asked
    begins(first, "H=3")
    assert engine.asked == asked + 1


def test_a_link_whose_picture_the_engine_cannot_make_begins_without():
    first = FirstPicture(Engine(away=10))
    assert begins(first, "H=9") == [""]


def test_a_picture_of_the_visitors_own_has_no_values_yet(monkeypatch):
    monkeypatch.setattr(first_picture, "SOON", 30.0)
    (html,) = begins(FirstPicture(Engine(away=0)), "H=9&picture=kept")
    assert "(9, 7, 3)" in html
    assert "sl-arithmetic" not in html
