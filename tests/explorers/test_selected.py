"""What is selected: channels, views, a cell of the maps, a batch normalisation, a way out; and what is asked for it."""

import asyncio

import ipywidgets as w
import numpy as np
import pytest

from shapelab.engine.spec import check
from shapelab.errors import EngineAwayError
from shapelab.explorers import asking
from shapelab.explorers.explorer import Explorer
from shapelab.explorers.figure_view import FigureView


@pytest.fixture
def show(page, engine):
    return lambda lesson, **settings: Explorer(check(lesson, settings), engine=lambda: engine)


def described(page, explorer, name):
    """The control with a description, where it is shown."""
    (found,) = [x for x in page.tree(explorer) if getattr(x, "description", "") == name]
    return found


def drawn(page, explorer, name="input"):
    """The numbers of a plane of the main picture."""
    picture = next(x for x in page.tree(explorer) if isinstance(x, FigureView))
    sent = next(part["z"] for part in page.models[picture.model_id]["spec"]["data"] if part.get("name") == name)
    return np.frombuffer(sent["float32"], np.float32).reshape(sent["shape"])


def maps_of(page, explorer):
    (found,) = [x for x in page.tree(explorer) if x is explorer._parts.maps]
    return found


# -- a convolution ----------------------------------------------------------------------------------------------------


def test_channels_chosen_are_those_drawn_and_ask_for_nothing(page, make_engine):
    engine = make_engine(really_run=True)
    explorer = Explorer(check("conv2d", {"H": 6, "W": 6}), engine=lambda: engine)
    values = explorer.state.activations
    page.say(described(page, explorer, "input channel"), index=2)
    page.say(described(page, explorer, "output channel"), index=3)
    np.testing.assert_array_equal(drawn(page, explorer), values.input[..., 2])
    np.testing.assert_array_equal(drawn(page, explorer, "output"), values.stages[max(values.stages)][..., 3])
    assert len(engine.traced) == len(engine.ran) == 1
    assert not page.errors


def test_channels_stay_within_the_tensors_and_come_back_with_them(page, show):
    explorer = show("conv2d", C=6, features=6)
    given, made = (described(page, explorer, name) for name in ("input channel", "output channel"))
    page.say(given, index=5)
    page.say(made, index=4)
    page.say(page.slider(explorer, "C"), value=2)
    page.say(page.slider(explorer, "features"), value=1)
    assert (given.options, given.value, made.options, made.value) == ((0, 1), 1, (0,), 0)
    assert explorer.state.channels == (5, 4)
    page.say(page.slider(explorer, "C"), value=6)
    assert given.value == 5
    assert not page.errors


@pytest.mark.parametrize("index", [None, 99, -1, "x"])
def test_a_channel_that_there_is_not_changes_nothing_that_harms(page, show, index):
    explorer = show("conv2d")
    page.say(described(page, explorer, "input channel"), index=index)
    page.say(page.slider(explorer, "H"), value=9)
    assert page.texts(explorer, "shapelab-output-shape") == ["(5, 4, 4)"]


def test_coverage_counts_how_often_each_cell_is_read(page, show):
    explorer = show("conv2d", H=4, W=4, kernel_h=2, kernel_w=2, stride=2, padding="VALID")
    page.say(described(page, explorer, "show"), index=1)
    assert explorer.state.view == "coverage"
    np.testing.assert_array_equal(drawn(page, explorer), np.ones((4, 4)))
    page.say(page.slider(explorer, "stride"), value=1)
    rows = np.array([1, 2, 2, 1])
    np.testing.assert_array_equal(drawn(page, explorer), np.outer(rows, rows))


# -- a network --------------------------------------------------------------------------------------------------------


def test_maps_on_one_scale_or_each_on_its_own(page, make_engine):
    engine = make_engine(really_run=True)
    explorer = Explorer(check("resnet", {"H": 6, "W": 6}), engine=lambda: engine)
    before = page.models[maps_of(page, explorer).model_id]["spec"]
    page.say(described(page, explorer, "colours"), index=1)
    assert explorer.state.map_scale == "channel"
    assert page.models[maps_of(page, explorer).model_id]["spec"] != before
    assert len(engine.traced) == len(engine.ran) == 1
    page.say(described(page, explorer, "colours"), index=0)
    assert page.models[maps_of(page, explorer).model_id]["spec"] == before


def test_a_cell_of_the_maps_is_felt_once_and_forgotten_with_its_stage(page, engine, show):
    explorer = show("resnet", H=6, W=6)
    assert engine.felt == []
    maps = maps_of(page, explorer)
    before = page.models[maps.model_id]["spec"]
    page.say(maps, cell=[2, 3])
    assert engine.felt == [(explorer.state.spec, 0, (2, 3))]
    assert explorer.state.felt is not None
    assert page.models[maps.model_id]["spec"] != before
    page.say(maps, cell=[2, 3])
    page.say(described(page, explorer, "colours"), index=1)
    assert len(engine.felt) == 1
    page.say(page.find(explorer, "sl-stages", w.Select)[0], index=2)
    assert explorer.state.cell is None
    assert explorer.state.felt is None
    assert len(engine.felt) == 1
    assert not page.errors


def test_a_cell_of_a_new_setting_is_felt_anew(page, engine, show):
    explorer = show("resnet", H=6, W=6)
    page.say(maps_of(page, explorer), cell=[2, 3])
    page.say(page.slider(explorer, "H"), value=8)
    assert [spec.config.H for spec, *_ in engine.felt] == [6, 8]
    assert explorer.state.felt is not None


def test_what_an_older_cell_depends_on_is_not_shown_for_the_present_one(page, make_engine):
    engine = make_engine()

    async def scene():
        explorer = Explorer(check("resnet", {"H": 6, "W": 6}), engine=lambda: engine)
        await explorer.idle()
        engine.hold_support.clear()
        explorer.state.cell = (0, 0)
        while not engine.felt:
            await asyncio.sleep(0.001)
        explorer.state.cell = (1, 1)
        explorer.state.cell = (5, 5)
        assert explorer.state.felt is None
        engine.hold_support.set()
        await explorer.idle()
        assert [cell for _, _, cell in engine.felt] == [(0, 0), (5, 5)]  # of those that waited, the last
        assert explorer.state.felt.heat[0, 0] == 2
        engine.hold_support.clear()
        explorer.state.cell = (2, 2)
        while len(engine.felt) < 3:
            await asyncio.sleep(0.001)
        explorer._select(2)
        engine.hold_support.set()
        await explorer.idle()
        assert explorer.state.felt is None

    asyncio.run(scene())
    assert not page.errors


def test_a_batch_normalisation_is_measured_once_when_it_is_selected(page, engine, show):
    explorer = show("resnet", H=6, W=6)
    stages = explorer.state.answer.trace.stages
    number = next(i for i, stage in enumerate(stages) if stage.op == "batch_norm")
    assert engine.measured == []
    (listed,) = page.find(explorer, "sl-stages", w.Select)
    page.say(listed, index=number)
    assert engine.measured == [(explorer.state.spec, number)]
    assert explorer.state.measured is not None
    assert "running" in page.text(explorer)
    page.say(described(page, explorer, "colours"), index=1)
    assert len(engine.measured) == 1
    page.say(listed, index=0)
    assert explorer.state.measured is None
    assert not page.errors


def test_ways_out_may_change_words_and_are_asked_for_once(page, engine, show):
    explorer = show("resnet", H=6, W=6, stride=2)
    assert len(engine.mended) == 1
    offered = {b.description: b for b in page.find(explorer, "sl-ways-out", w.Button)}
    assert {"stride = 1", "shortcut = projection"} <= set(offered)
    page.press(offered["shortcut = projection"])
    assert page.texts(explorer, "shapelab-output-shape") == ["(3, 3, 8)"]
    assert not page.find(explorer, "sl-ways-out", w.Button)
    assert len(engine.mended) == 1


def test_a_button_of_a_way_out_that_is_gone_does_nothing(page, show):
    explorer = show("resnet", H=6, W=6, stride=2)
    gone = page.find(explorer, "sl-ways-out", w.Button)[-1]
    explorer.undo()
    explorer.state.spec = check("resnet", {"H": 6, "W": 6})
    page.press(gone)
    assert explorer.state.spec == check("resnet", {"H": 6, "W": 6})
    assert not page.errors


# -- an engine that is away -------------------------------------------------------------------------------------------


async def asks_again(page, explorer, engine, question, asked):
    """After something was asked while the engine was away: it says so, comes back, and what was asked for comes."""
    while "away" not in page.text(explorer):
        await asyncio.sleep(0.001)
    engine.fails.clear()
    before = len(asked)
    await explorer.idle()
    assert len(asked) > before
    assert "away" not in page.text(explorer)


def test_a_cell_asked_for_while_the_engine_is_away_is_felt_when_it_is_back(page, make_engine, monkeypatch):
    monkeypatch.setattr(asking, "AWAY", 0.01)
    engine = make_engine()

    async def scene():
        explorer = Explorer(check("resnet", {"H": 6, "W": 6}), engine=lambda: engine)
        await explorer.idle()
        engine.fails["support"] = EngineAwayError("nobody there")
        page.say(maps_of(page, explorer), cell=[1, 1])
        await asks_again(page, explorer, engine, "support", engine.felt)
        assert explorer.state.felt is not None

    asyncio.run(scene())


def test_statistics_asked_for_while_the_engine_is_away_come_when_it_is_back(page, make_engine, monkeypatch):
    monkeypatch.setattr(asking, "AWAY", 0.01)
    engine = make_engine()

    async def scene():
        explorer = Explorer(check("resnet", {"H": 6, "W": 6}), engine=lambda: engine)
        await explorer.idle()
        engine.fails["statistics"] = EngineAwayError("nobody there")
        stages = explorer.state.answer.trace.stages
        explorer.state.stage = next(i for i, stage in enumerate(stages) if stage.op == "batch_norm")
        await asks_again(page, explorer, engine, "statistics", engine.measured)
        assert explorer.state.measured is not None

    asyncio.run(scene())


def test_ways_out_asked_for_while_the_engine_is_away_come_when_it_is_back(page, make_engine, monkeypatch):
    monkeypatch.setattr(asking, "AWAY", 0.01)
    engine = make_engine()

    async def scene():
        explorer = Explorer(check("resnet", {"H": 6, "W": 6}), engine=lambda: engine)
        await explorer.idle()
        engine.fails["ways_out"] = EngineAwayError("nobody there")
        explorer.state.spec = check("resnet", {"H": 6, "W": 6, "stride": 2})
        await asks_again(page, explorer, engine, "ways_out", engine.mended)
        assert page.find(explorer, "sl-ways-out", w.Button)

    asyncio.run(scene())


def test_ways_that_cannot_be_found_leave_the_failure_and_a_sentence(page, engine, show):
    engine.fails["ways_out"] = MemoryError("no room left")
    explorer = show("resnet", H=6, W=6, stride=2)
    assert page.texts(explorer, "shapelab-output-shape") == ["no output"]
    assert "no room left" in page.texts(explorer, "sl-notice-text")[0]
    assert not page.find(explorer, "sl-ways-out", w.Button)
    assert not page.errors
