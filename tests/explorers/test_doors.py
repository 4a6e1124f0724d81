"""What a hosted page may open in its kernel."""

import asyncio

import comm
import ipywidgets as w
import pytest
from ipywidgets.widgets.widget import _instances

from shapelab.explorers.doors import BURST, CONTROL, Doors

WIDGET = {
    "state": {
        "_model_module": "@jupyter-widgets/controls",
        "_model_module_version": "2.0.0",
        "_model_name": "IntSliderModel",
        "_view_module": "@jupyter-widgets/controls",
        "_view_module_version": "2.0.0",
        "_view_name": "IntSliderView",
    }
}


@pytest.fixture
def manager(page, monkeypatch):
    made = comm.base_comm.CommManager()
    made.register_target("jupyter.widget", w.Widget.handle_comm_opened)
    made.register_target(CONTROL, w.Widget.handle_control_comm_opened)
    monkeypatch.setattr(comm, "get_comm_manager", lambda: made)
    monkeypatch.setattr(w.Widget, "_control_comm", None)
    return made


def opening(target, name, version="2.1.0"):
    return {"content": {"comm_id": name, "target_name": target, "data": WIDGET}, "metadata": {"version": version}}


def asking(data):
    return {"content": {"comm_id": "control-1", "data": data}}


def test_a_page_makes_no_widgets(manager):
    held = len(_instances)
    manager.comm_open(None, None, opening("jupyter.widget", "made"))
    assert len(_instances) == held + 1  # which a kernel does by itself
    _instances["made"].close()
    doors = Doors(manager, manager.comm_open)
    for number in range(100):
        for target in ("jupyter.widget", "jupyter.widget.version", "nobody", None, ["x"]):
            doors(None, None, opening(target, f"{target}-{number}"))
    assert len(_instances) == held
    assert not manager.comms


def test_the_kernel_hears_that_a_page_is_about_to_ask_for_all_widgets(manager):
    heard = []
    doors = Doors(manager, manager.comm_open, lambda: heard.append("asked"))
    doors(None, None, opening("jupyter.widget", "made"))
    assert heard == []
    doors(None, None, opening(CONTROL, "control-1", "1.0.0"))
    assert heard == ["asked"]


def test_one_control_channel_is_open_at_a_time(manager):
    doors = Doors(manager, manager.comm_open)
    for number in range(100):
        doors(None, None, opening(CONTROL, f"control-{number}", "1.0.0"))
    assert list(manager.comms) == ["control-99"]


def test_a_channel_with_a_widgets_name_does_not_take_its_place(manager):
    slider = w.IntSlider()
    doors = Doors(manager, manager.comm_open)
    for target in (CONTROL, "nobody"):
        doors(None, None, opening(target, slider.model_id, "1.0.0"))
    assert manager.comms[slider.model_id] is slider.comm
    slider.close()


def test_all_states_are_told_and_a_flood_of_questions_is_answered_now_and_then(page, manager):
    slider = w.IntSlider(value=7)
    told = []

    async def scene():
        doors = Doors(manager, manager.comm_open)
        doors._asked._clock, doors._asked._at = lambda: 0.0, 0.0  # however long a flood takes here
        doors(None, None, opening(CONTROL, "control-1", "1.0.0"))
        w.Widget._control_comm.publish_msg = lambda kind, data=None, **_: told.append(data)
        for odd in (None, [], {}, {"method": "no"}, {"method": ["request_states"]}):
            manager.comm_msg(None, None, asking(odd))
        assert not told
        for _ in range(500):
            manager.comm_msg(None, None, asking({"method": "request_states"}))

    asyncio.run(scene())
    assert 0 < len(told) <= BURST
    assert told[0]["states"][slider.model_id]["state"]["value"] == 7
    slider.close()
