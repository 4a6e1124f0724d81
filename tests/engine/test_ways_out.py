"""What is offered where a forward fails: few changes, near ones, and each of them works."""

import pytest

from shapelab.engine.in_process import Engine
from shapelab.engine.spec import check

SIZES = [
    ({"H": 30}, [{"H": 28}, {"H": 32}]),
    ({"H": 29}, [{"H": 28}, {"H": 32}]),
    ({"W": 46}, [{"W": 44}, {"W": 48}]),
    ({"H": 127}, [{"H": 128}, {"H": 124}]),
    ({"H": 5, "W": 8}, [{"H": 4}, {"H": 8}]),
    ({"H": 60, "W": 48, "depth": 3}, [{"H": 56}, {"H": 64}]),
    ({"H": 8, "W": 48, "depth": 4}, [{"H": 16}, {"H": 32}]),
]
BLOCKS = [
    ({"stride": 2}, [{"stride": 1}, {"shortcut": "projection"}]),
    ({"C": 8, "features": 16}, [{"C": 16}, {"features": 8}, {"shortcut": "projection"}]),
    ({"padding": "VALID"}, [{"padding": "SAME"}]),
]


@pytest.fixture(scope="module")
def engine():
    return Engine()


def all_work(engine, spec, offered):
    assert engine.trace(spec).error is not None
    assert 0 < len(offered) <= 6
    for changes in offered:
        assert engine.trace(spec.changed(changes)).error is None
    for fields in {frozenset(changes) for changes in offered}:
        assert sum(set(changes) == fields for changes in offered) <= 2


@pytest.mark.parametrize(("values", "first"), SIZES)
def test_the_nearest_sizes_that_halve_come_first(engine, values, first):
    spec = check("unet", {**values, "base_features": 1})
    offered = engine.ways_out(spec)
    all_work(engine, spec, offered)
    assert list(offered[:2]) == first


def test_a_depth_that_the_size_allows_is_offered_too(engine):
    assert {"depth": 1} in engine.ways_out(check("unet", {"H": 30, "base_features": 1}))


@pytest.mark.parametrize("values", [{"H": 30, "W": 46}, {"H": 29, "W": 47}])
def test_two_sizes_that_fail_are_mended_together(engine, values):
    spec = check("unet", {**values, "base_features": 1})
    offered = engine.ways_out(spec)
    all_work(engine, spec, offered)
    assert any(set(changes) == {"H", "W"} for changes in offered)


@pytest.mark.parametrize(("values", "expected"), BLOCKS)
def test_a_block_that_cannot_add_is_offered_what_makes_both_sides_equal(engine, values, expected):
    spec = check("resnet", {"H": 8, "W": 8, **values})
    offered = engine.ways_out(spec)
    all_work(engine, spec, offered)
    assert all(changes in offered for changes in expected)


def test_there_is_no_way_out_of_what_works(engine):
    assert engine.ways_out(check("conv1d", {})) == ()
