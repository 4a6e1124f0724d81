"""Counts as Prometheus reads them."""

import pytest

from shapelab.engine.counts import Counts


def test_a_bucket_holds_all_that_took_no_longer():
    counts = Counts()
    for seconds in (0.001, 0.005, 0.02, 3.0, 60.0):
        counts.answered("trace", seconds)
    told = counts.state()["seconds"]["trace"]
    assert told["count"] == 5
    assert told["sum"] == pytest.approx(63.026)
    assert told["buckets"]["0.005"] == 2
    assert told["buckets"]["0.025"] == 3
    assert told["buckets"]["2.5"] == 3
    assert told["buckets"]["5.0"] == 4
    assert told["buckets"]["20.0"] == 4
    assert told["buckets"]["+Inf"] == 5


def test_refusals_are_counted_by_known_reasons_alone():
    counts = Counts()
    for kind in ("ShapeError", "ShapeError", "TooLargeError", "whatever a visitor wrote"):
        counts.refused(kind)
    assert counts.state()["refusals"] == {"ShapeError": 2, "TooLargeError": 1, "EngineAwayError": 0, "Error": 1}
