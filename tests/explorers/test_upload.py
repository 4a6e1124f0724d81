"""A picture of one's own as input: what comes from the page, and what it leads to."""

import json

import ipywidgets as w
import numpy as np
import pytest

from shapelab.engine.spec import IMAGE_BYTES, IMAGE_SIDE, check
from shapelab.explorers.explorer import Explorer
from shapelab.explorers.figure_view import FigureView
from shapelab.explorers.upload import MOST, Upload

PICTURE = bytes(range(256)) * (IMAGE_BYTES // 256)


@pytest.fixture
def explorer(page, make_engine):
    engine = make_engine(really_run=True)
    return Explorer(check("conv2d", {"H": 8, "W": 8}), engine=lambda: engine)


def choose(page, explorer, pattern):
    (field,) = page.find(explorer, "shapelab-control-pattern", w.Dropdown)
    page.say(field, index=list(field.options).index(pattern))


def taker(page, explorer):
    """The widget that takes a picture, where it is shown."""
    return next((x for x in page.tree(explorer) if isinstance(x, Upload)), None)


def give(page, explorer, picture=PICTURE):
    page.custom(taker(page, explorer), {"say": "picture"}, picture)


def test_without_a_picture_the_page_asks_for_one_and_shows_what_it_showed(page, explorer):
    before = explorer.state.spec
    assert taker(page, explorer) is None
    choose(page, explorer, "upload")
    assert explorer.state.spec == before
    assert "Choose a picture" in page.texts(explorer, "sl-notice-text")[0]
    assert taker(page, explorer) is not None
    choose(page, explorer, "ramp")
    assert taker(page, explorer) is None
    assert not page.texts(explorer, "sl-notice-text")


def test_a_picture_is_fed_and_shown(page, explorer):
    before = explorer.state.activations.input
    choose(page, explorer, "upload")
    give(page, explorer)
    assert (explorer.state.spec.config.pattern, explorer.state.spec.image) == ("upload", PICTURE)
    fed = explorer.state.activations.input
    assert fed.shape == (8, 8, 3)
    assert not np.allclose(fed, before)
    picture = next(x for x in page.tree(explorer) if isinstance(x, FigureView))
    shown = next(part["z"] for part in page.models[picture.model_id]["spec"]["data"] if part["type"] == "heatmap")
    drawn = np.frombuffer(shown["float32"], np.float32).reshape(shown["shape"])
    np.testing.assert_array_equal(drawn, fed[..., 0])
    (field,) = page.find(explorer, "shapelab-control-pattern", w.Dropdown)
    assert field.value == "upload"
    assert not page.texts(explorer, "sl-notice-text")
    assert not page.errors


@pytest.mark.parametrize("size", [0, 1, IMAGE_BYTES - 1, IMAGE_BYTES + 1, 4 * IMAGE_SIDE**2])
def test_what_is_no_picture_of_that_size_is_dropped(page, explorer, size):
    before = explorer.state.spec
    choose(page, explorer, "upload")
    give(page, explorer, bytes(size))
    page.custom(taker(page, explorer), {"say": "picture"})
    page.custom(taker(page, explorer), {"say": "picture"}, PICTURE, PICTURE)
    page.custom(taker(page, explorer), "picture", PICTURE)
    assert explorer.state.spec == before
    assert not page.errors
    give(page, explorer)
    assert explorer.state.spec.image == PICTURE


def test_another_pattern_keeps_the_picture_for_later(page, explorer):
    choose(page, explorer, "upload")
    give(page, explorer)
    choose(page, explorer, "ramp")
    assert explorer.state.spec.image == b""
    assert taker(page, explorer) is None
    choose(page, explorer, "upload")
    assert explorer.state.spec.image == PICTURE
    assert taker(page, explorer) is not None
    assert not page.texts(explorer, "sl-notice-text")


def test_undo_leads_back_from_a_picture_and_redo_to_it(page, explorer):
    first = explorer.state.spec
    choose(page, explorer, "upload")
    give(page, explorer)
    explorer.undo()
    assert explorer.state.spec == first
    assert taker(page, explorer) is None
    explorer.redo()
    assert explorer.state.spec.image == PICTURE
    assert taker(page, explorer) is not None


def test_the_picture_is_not_sent_back(page, explorer):
    choose(page, explorer, "upload")
    page.forget()
    give(page, explorer)
    sent = sum(len(json.dumps(state, default=lambda array: len(bytes(array)))) for _, state in page.updates)
    assert sent < IMAGE_BYTES


def test_the_page_knows_how_large_a_file_and_how_small_a_picture_may_be(page, explorer):
    choose(page, explorer, "upload")
    told = page.models[taker(page, explorer).model_id]
    assert (told["side"], told["most"]) == (IMAGE_SIDE, MOST)
