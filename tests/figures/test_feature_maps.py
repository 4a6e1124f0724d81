"""Feature maps on one sheet, and what a cell of them sees of the image: against the values and the trace."""

import numpy as np
import plotly.graph_objects as go
import pytest

from oracles.sheets import CLEAR, all_text, colours, heatmap, outside, overlapping_texts
from shapelab.engine.answers import Field
from shapelab.explorers.network_pictures import maps_picture
from shapelab.figures.feature_maps import Maps, feature_maps
from shapelab.figures.theme import DARK_FOR_LIGHT, LIGHT

SHAPES = [(4, 6, 1), (4, 6, 3), (64, 48, 8), (128, 128, 128), (50, 50, 16), (1, 1, 1), (1, 128, 9), (97, 33, 12)]
every_width = pytest.mark.parametrize("narrow", [False, True], ids=["wide", "narrow"])
every_scale = pytest.mark.parametrize("each", [False, True], ids=["shared", "channel"])


def read(spec, place, cell):
    """The number that the view tells of a cell."""
    z = np.asarray(spec["data"][place["trace"]]["z"], np.float64)
    repeat = place.get("repeat", (1, 1))
    row, column = (
        start + at // block * again
        for start, at, block, again in zip(place["corner"], cell, place["blocks"], repeat, strict=True)
    )
    low, high = place.get("low", 0.0), place.get("high", 1.0)
    return low + (high - low) * z[row, column]


@every_scale
@every_width
@pytest.mark.parametrize("shape", SHAPES)
def test_each_cell_of_each_map_tells_its_value_and_is_drawn_where_it_is(shape, narrow, each):
    values = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    spec = feature_maps(Maps("dec1", values, shape, each=each), narrow=narrow)
    go.Figure(spec)
    assert outside(spec) == []
    assert overlapping_texts(spec) == []
    drawn, maps = heatmap(spec, "maps"), spec["layout"]["meta"]["maps"]
    assert len(maps) == min(shape[2], 16)
    step = [np.diff(drawn[axis])[0] if np.shape(drawn["z"])["yx".index(axis)] > 1 else None for axis in "yx"]
    for channel, place in enumerate(maps):
        tile, plane = place["blocks"], place["plane"]
        assert plane["counts"] == shape[:2]
        for row in {0, shape[0] // 2, shape[0] - 1}:
            for column in {0, shape[1] // 2, shape[1] - 1}:
                first = (row // tile[0] * tile[0], column // tile[1] * tile[1])
                block = values[first[0] : first[0] + tile[0], first[1] : first[1] + tile[1], channel]
                assert read(spec, place, (row, column)) == pytest.approx(block.max(), rel=1e-4, abs=1e-5)
                for axis, at, size in ((0, row, step[0]), (1, column, step[1])):
                    if size is None:
                        continue
                    middle = plane["corner"][1 - axis] + plane["cell"][1 - axis] * (at + 0.5)
                    index = place["corner"][axis] + at // tile[axis] * place["repeat"][axis]
                    begins = drawn["yx"[axis]][index] - size / 2
                    assert begins - 0.05 <= middle <= begins + size * place["repeat"][axis] + 0.05


def test_on_a_shared_scale_colours_compare_and_on_their_own_each_map_is_full():
    values = np.random.default_rng(0).normal(size=(6, 6, 3)).astype(np.float32) * np.array([1, 10, 100], np.float32)
    shared = heatmap(feature_maps(Maps("conv", values, values.shape)), "maps")
    assert (shared["zmin"], shared["zmax"]) == pytest.approx((values.min(), values.max()))
    own = feature_maps(Maps("conv", values, values.shape, each=True))
    z = heatmap(own, "maps")
    assert (z["zmin"], z["zmax"]) == (0.0, 1.0)
    for place in own["layout"]["meta"]["maps"]:
        row, column = place["corner"]
        rows, columns = (6 * again for again in place["repeat"])
        part = z["z"][row : row + rows, column : column + columns]
        assert (part.min(), part.max()) == (0.0, 1.0)
    assert "each on its own scale" in all_text(own)


def test_constant_values_and_values_that_are_no_numbers_still_draw():
    for fill in (0.0, 7.5, np.nan, np.inf):
        for each in (False, True):
            spec = feature_maps(Maps("relu", np.full((5, 4, 2), fill, np.float32), (5, 4, 2), each=each))
            go.Figure(spec)
            (drawn,) = spec["data"]
            assert drawn["zmin"] < drawn["zmax"]
            assert np.isfinite([drawn["zmin"], drawn["zmax"]]).all()


def outline(spec):
    """The frame of the theoretical field, in cells of the image: (first row, last row), (first column, last column)."""
    plane = spec["layout"]["meta"]["image"]["plane"]
    (frame,) = [s for s in spec["layout"]["shapes"] if s["type"] == "rect" and s["line"]["width"] == 2]
    ends = []
    for axis in (1, 0):
        start, size = plane["corner"][axis], plane["cell"][axis]
        ends.append([round((frame["xy"[axis] + end] - start) / size) - (end == "1") for end in "01"])
    return [tuple(each) for each in ends]


@every_width
@pytest.mark.parametrize(("stage", "cell"), [(4, (3, 5)), (4, (0, 23)), (8, (15, 11)), (16, (63, 0))])
def test_the_outline_is_the_theoretical_field_within_the_image(traced, stage, cell, narrow):
    made, values = traced("unet")
    spec = maps_picture(made, stage, values, narrow, cell=cell)
    intervals = [field.interval(at) for field, at in zip(made.stages[stage].receptive_field, cell, strict=True)]
    inside = [(max(first, 0), min(last, n - 1)) for (first, last), n in zip(intervals, (64, 48), strict=True)]
    assert outline(spec) == inside
    said = all_text(spec).replace("\n", " ")
    assert f"cell {cell} of {made.stages[stage].name}" in said
    assert f"rows {intervals[0][0]} to {intervals[0][1]}" in said
    assert ("padding" in said) == (inside != intervals)
    assert spec["layout"]["meta"]["cell"] == cell
    marks = [s for s in spec["layout"]["shapes"] if s["type"] == "rect" and s["line"]["color"] == LIGHT.ink]
    assert len(marks) == 1 + len(spec["layout"]["meta"]["maps"])


@every_width
def test_heat_that_has_come_is_drawn_by_powers_of_ten_and_explained(traced, narrow):
    made, values = traced("unet")
    heat = np.zeros((64, 48), np.float32)
    heat[10:20, 12:20], heat[40, 40] = 2.0, 2e-3
    why = "enc1.bn normalises by statistics of the whole batch: every cell behind it depends on all of the input"
    field = Field(((6, 13), (10, 17)), heat, ((0, 63), (0, 47)), 1, why)
    spec = maps_picture(made, 4, values, narrow, cell=(3, 5), field=field)
    go.Figure(spec)
    z = heatmap(spec, "heat")["z"]
    assert np.isnan(z[heat == 0]).all()
    assert z[15, 15] == 1.0
    assert z[40, 40] == pytest.approx(1 - 3 / 5, abs=1e-3)  # three of five powers of ten
    told = spec["layout"]["meta"]["image"]["heat"]
    assert told["largest"] * 10 ** ((z[40, 40] - 1) * told["decades"]) == pytest.approx(2e-3, rel=1e-3)
    said = all_text(spec).replace("\n", " ")
    assert "touches the whole image" in said
    assert why in said
    assert "powers of ten" in said
    assert set(colours(spec)) <= {*DARK_FOR_LIGHT, CLEAR}
    assert outside(spec) == []
    assert overlapping_texts(spec) == []


def test_without_a_gradient_beyond_the_windows_the_cells_touched_are_told(traced):
    made, values = traced("unet", mode="eval")
    heat = np.ones((64, 48), np.float32)
    spec = maps_picture(made, 4, values, False, cell=(3, 5), field=Field(None, heat, ((2, 9), (6, 13)), None, ""))
    assert "Its gradient touches rows 2 to 9, columns 6 to 13." in all_text(spec).replace("\n", " ")


def test_a_cell_beyond_a_smaller_stage_is_kept_within_it(traced):
    made, values = traced("unet")
    spec = maps_picture(made, 8, values, False, cell=(60, 40))
    assert spec["layout"]["meta"]["cell"] == (15, 11)
