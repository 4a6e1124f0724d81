"""Channels of a hosted kernel: silent until a page listens, as ever from then on."""

import comm
import ipywidgets as w
import pytest
from ipykernel.comm.comm import BaseComm
from ipykernel.kernelbase import Kernel

from shapelab.explorers.quiet import QuietChannel, hush, speak


@pytest.fixture
def said(monkeypatch):
    """What ipykernel is told to send: the type of each message, and the channel's name."""
    messages = []
    monkeypatch.setattr(BaseComm, "publish_msg", lambda self, kind, **_: messages.append((kind, self.comm_id)))
    monkeypatch.setattr(Kernel, "instance", lambda: "a kernel")
    manager = comm.base_comm.CommManager()
    monkeypatch.setattr(comm, "get_comm_manager", lambda: manager)
    monkeypatch.setattr(comm, "create_comm", comm.create_comm)  # put back what hush() takes away
    monkeypatch.setattr(QuietChannel, "heard", False)
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
    slider = w.IntSlider(1)
    slider.value = 2
    speak()
    assert w.Widget.get_manager_state()["state"][slider.model_id]["state"]["value"] == 2


def test_a_widget_made_while_somebody_listens_is_announced(said):
    speak()
    slider = w.IntSlider(1)
    assert ("comm_open", slider.model_id) in said


def test_a_new_silence_holds(said):
    speak()
    hush()
    w.IntSlider(1)
    assert said == []
