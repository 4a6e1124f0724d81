"""The first picture is asked for once, again while the engine starts, and a page never waits for it."""

from __future__ import annotations

import asyncio

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
