"""Channels of a hosted kernel: silent until a page listens, and then all changes of a moment in one message."""

import asyncio
from types import SimpleNamespace

import comm
import ipywidgets as w
import pytest
from ipykernel.comm.comm import BaseComm
from ipykernel.kernelbase import Kernel

from shapelab.explorers.doors import _tell_all
from shapelab.explorers.quiet import QuietChannel, hush, speak, together


@pytest.fixture
def said(monkeypatch):
    """What ipykernel is told to send: the type of each message, and the channel's name."""
    messages = []
    monkeypatch.setattr(BaseComm, "publish_msg", lambda self, kind, **_: messages.append((kind, self.comm_id)))
    monkeypatch.setattr(Kernel, "instance", lambda: "a kernel")
    manager = comm.base_comm.CommManager()
    monkeypatch.setattr(comm, "get_comm_manager", lambda: manager)
    monkeypatch.setattr(comm, "create_comm", comm.create_comm)  # put back what hush() takes away
    monkeypatch.setattr(w.Widget, "open", w.Widget.open)
    for name in ("heard", "carry"):
        monkeypatch.setattr(QuietChannel, name, getattr(QuietChannel, name))
    hush()
    return messages


def test_nothing_is_said_before_somebody_listens_and_all_of_it_afterwards(said):
    slider = w.IntSlider(1)
    slider.value = 2
    assert said == []
    speak()
    slider.value = 3
    assert said == [("comm_msg", slider.model_id)]


def test_what_was_made_in_silence_is_told_to_who_asks_for_all_widgets(said):
    told = []
    channel = SimpleNamespace(send=lambda data, buffers: told.append(data["states"]))
    slider = w.IntSlider(1)
    slider.value = 2
    speak()
    _tell_all(channel)
    assert told[0][slider.model_id]["state"]["value"] == 2
    assert slider.layout.model_id in told[0]  # made as the slider was read
    assert told[0][slider.model_id]["state"]["layout"] == f"IPY_MODEL_{slider.layout.model_id}"


def test_a_widget_made_while_somebody_listens_is_announced(said):
    speak()
    slider = w.IntSlider(1)
    assert ("comm_open", slider.model_id) in said


def test_a_new_silence_holds(said):
    speak()
    hush()
    w.IntSlider(1)
    assert said == []


async def turn():
    await asyncio.sleep(0)
    await asyncio.sleep(0)


def test_what_changes_at_once_is_carried_together(said):
    carried = []

    async def scene():
        slider, text = w.IntSlider(1), w.HTML("a")
        speak()
        together(lambda changes, buffers: carried.append((changes, buffers)))
        said.clear()
        slider.value = 2
        text.value = "b"
        slider.value = 3
        assert carried == []
        await turn()
        assert carried == [
            (
                [
                    (slider.model_id, {"value": 2}, []),
                    (text.model_id, {"value": "b"}, []),
                    (slider.model_id, {"value": 3}, []),
                ],
                [],
            )
        ]
        await turn()
        assert len(carried) == 1
        assert said == []

    asyncio.run(scene())


def test_buffers_travel_in_the_order_of_their_widgets(said):
    carried = []

    async def scene():
        pictures = [w.Image(value=b"1"), w.Image(value=b"2")]
        speak()
        together(lambda changes, buffers: carried.append((changes, buffers)))
        for number, picture in enumerate(pictures):
            picture.value = b"new %d" % number
        await turn()
        ((changes, buffers),) = carried
        assert [(name, places) for name, _, places in changes] == [(p.model_id, [["value"]]) for p in pictures]
        assert list(map(bytes, buffers)) == [b"new 0", b"new 1"]

    asyncio.run(scene())


def test_what_is_no_change_comes_after_the_changes_before_it(said):
    async def scene():
        slider = w.IntSlider(1)
        speak()
        together(lambda changes, _: said.append(("carried", [name for name, *_ in changes])))
        said.clear()
        slider.value = 2
        later = w.HTML("new")
        slider.send({"say": "hello"})
        await turn()
        assert said[0] == ("carried", [slider.model_id])
        assert ("comm_open", later.model_id) in said[1:]
        assert said[-1] == ("comm_msg", slider.model_id)

    asyncio.run(scene())


def test_a_notebooks_channels_carry_nothing(monkeypatch):
    monkeypatch.setattr(comm, "create_comm", comm.create_comm)
    monkeypatch.setattr(QuietChannel, "carry", None)
    together(print)
    assert QuietChannel.carry is None
