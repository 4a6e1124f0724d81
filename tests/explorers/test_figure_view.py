"""How a specification travels to the browser."""

import gzip
from pathlib import Path

import numpy as np
import plotly

from shapelab.explorers.figure_view import FigureView, pack


def test_arrays_travel_as_bytes_and_arrive_whole(page):
    z = np.arange(6, dtype=np.float64).reshape(2, 3) / 7
    view = FigureView()
    view.show({"data": [{"type": "heatmap", "z": z, "text": None, "x": [1, None]}], "layout": {"width": 3}})
    (trace,) = page.models[view.model_id]["spec"]["data"]
    arrived = np.frombuffer(trace["z"]["float32"], np.float32).reshape(trace["z"]["shape"])
    np.testing.assert_array_equal(arrived, z.astype(np.float32))
    assert trace["x"] == [1, None]
    assert "text" not in trace


def test_what_is_packed_is_independent_of_how_the_array_lay_in_memory():
    z = np.arange(12, dtype=np.float32).reshape(3, 4)
    for view in (z.T, z[:, ::2], z[::-1]):
        packed = pack(view)
        np.testing.assert_array_equal(np.frombuffer(packed["float32"], np.float32).reshape(packed["shape"]), view)


def test_the_same_picture_is_not_sent_twice(page):
    view = FigureView()
    spec = {"data": [{"z": np.ones((2, 2))}], "layout": {"width": 3}}
    view.show(spec)
    page.forget()
    view.show({"data": [{"z": np.ones((2, 2))}], "layout": {"width": 3}})
    assert page.updates == []
    view.show({"data": [{"z": np.zeros((2, 2))}], "layout": {"width": 3}})
    assert len(page.updates) == 1


def test_a_page_without_plotly_gets_it_from_the_kernel_once_it_asks(page):
    view = FigureView()
    page.custom(view, {"ask": "nothing"})
    page.custom(view, "plotly")
    page.custom(view, None)
    assert page.sent == []
    page.custom(view, {"ask": "plotly"})
    ((_, content, (bundle,)),) = page.sent
    assert content == {"give": "plotly"}
    bundled = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
    assert gzip.decompress(bundle) == bundled.read_bytes()
    assert not page.errors
