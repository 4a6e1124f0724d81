"""Figures as SVG: what Plotly would paint, and that both themes find their colours."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from shapelab.figures.svg import NAMES, svg, variables
from shapelab.figures.sweep import Step, sweep
from shapelab.figures.theme import DARK, LIGHT, scale

SVG = "{http://www.w3.org/2000/svg}"
STEPS = [Step(n, -(-n // 2), n % 2) for n in range(1, 9)]


def figure(*data, width=100, height=50):
    return {"data": list(data), "layout": {"width": width, "height": height, "meta": {"alt": 'a "picture" <of> it'}}}


def drawn(spec):
    return ElementTree.fromstring(svg(spec).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1))


def heatmap(z, x, y, **more):
    z = np.array(z, np.float32)
    trace = {"type": "heatmap", "z": z, "x": x, "y": y, "zmin": float(np.nanmin(z)), "colorscale": scale("input")}
    return {**trace, "zmax": float(np.nanmax(z)) if np.nanmax(z) > np.nanmin(z) else trace["zmin"] + 1, **more}


def boxes(root):
    return [tuple(float(rect.get(name)) for name in ("x", "y", "width", "height")) for rect in root.iter(f"{SVG}rect")]


def test_cells_lie_about_their_middles_and_wear_their_share_of_the_colour():
    root = drawn(figure(heatmap([[0, 1], [2, 4]], [10, 30], [5, 15])))
    assert boxes(root) == [(0, 0, 20, 10), (20, 0, 20, 10), (0, 10, 20, 10), (20, 10, 20, 10)]
    shares = [re.search(r"([\d.]+)%", rect.get("fill"))[1] for rect in root.iter(f"{SVG}rect")]
    assert [float(share) for share in shares] == [0, 25, 50, 100]


def test_cells_may_be_told_by_their_edges_and_stand_apart():
    root = drawn(figure(heatmap([[0, 1]], [10, 20, 50], [0, 10], xgap=2, ygap=4)))
    assert boxes(root) == [(11, 2, 8, 6), (21, 2, 28, 6)]


def test_cells_of_one_colour_are_one_rectangle():
    assert boxes(drawn(figure(heatmap(np.zeros((3, 4)), [5, 15, 25, 35], [5, 15, 25])))) == [(0, 0, 40, 30)]


def test_what_is_no_number_is_not_drawn():
    assert len(boxes(drawn(figure(heatmap([[0, np.nan, 1]], [5, 15, 25], [0, 10]))))) == 2


def test_a_line_is_lifted_where_there_is_no_number():
    line = {"type": "scatter", "x": [0, 1, None, 5, 6], "y": [0, 2, None, 3, 4]}
    line = {**line, "x": np.array(line["x"], float), "y": np.array(line["y"], float)}
    root = drawn(figure({**line, "line": {"color": LIGHT.ink, "width": 1.5}}))
    assert next(root.iter(f"{SVG}path")).get("d") == "M0,0L1,2M5,3L6,4"


def test_bars_stand_on_their_ground():
    root = drawn(sweep("H", STEPS, 3))
    bars = [box for box in boxes(root) if round(box[1] + box[3], 3) == 112]
    assert len(bars) == 8
    texts = ["".join(text.itertext()) for text in root.iter(f"{SVG}text")]
    assert {"2", "H = 3"} <= set(texts)


def test_who_cannot_see_it_is_told_and_no_text_breaks_out():
    root = drawn(figure())
    assert root.get("aria-label") == 'a "picture" <of> it'
    assert root.get("viewBox") == "0 0 100 50"


def test_every_colour_is_one_of_the_theme_s():
    drawing = svg(sweep("H", STEPS, 3))
    assert not re.search(r"#[0-9a-f]{3,6}", drawing)
    for palette in (LIGHT, DARK):
        told = dict(re.findall(r"(--[a-z-]+):([^;]+);", variables(palette)))
        used = set(re.findall(r"var\((--[a-z-]+)\)", drawing))
        assert used
        assert used <= set(told)
        assert told["--sl-figure-output"] == palette.output
    assert len(NAMES) == len(set(NAMES.values())), "two colours of the light theme are alike"


def test_a_trace_that_no_figure_has_is_refused():
    with pytest.raises(KeyError, match="pie"):
        svg(figure({"type": "pie"}))
