"""How much a page is sent at once: at the largest settings, with all that a picture may carry."""

import asyncio
import json

import pytest

from shapelab.engine.spec import check
from shapelab.explorers.explorer import Explorer
from shapelab.lessons import LESSONS

MOST = 512 * 1024  # bytes of one message

LARGEST = [
    ("conv1d", {"L": 1024, "C": 16, "features": 16, "kernel_size": 16, "stride": 1}),
    ("conv1d", {"L": 64, "C": 16, "features": 16, "kernel_size": 16, "transposed": "yes", "stride": 8}),
    ("conv2d", {"H": 1024, "W": 1024, "C": 16, "features": 16, "kernel_h": 11, "kernel_w": 11, "stride": 1}),
    ("conv2d", {"H": 64, "W": 64, "C": 16, "features": 16, "kernel_h": 11, "kernel_w": 11, "stride": 1}),
    ("conv2d", {"H": 12, "W": 12, "stride": 1, "kernel_h": 3, "kernel_w": 3}),  # numbers in its cells
    ("resnet", {"H": 128, "W": 128, "features": 64}),
    ("unet", {"H": 128, "W": 128, "base_features": 32, "depth": 4}),
    ("unet", {"H": 1022, "W": 1022, "base_features": 64, "depth": 4}),  # fails, of whatever size
]


def weight(message):
    """Bytes of a message: its JSON, and the arrays that travel beside it."""
    beside = []

    def put_aside(array):
        beside.append(len(bytes(array)))
        return None

    return len(json.dumps(message, default=put_aside)) + sum(beside)


@pytest.mark.parametrize(("lesson", "settings"), LARGEST)
def test_no_message_is_larger_than_a_page_should_wait_for(page, engine, lesson, settings):
    explorer = Explorer(check(lesson, settings), engine=lambda: engine)
    state = explorer.state
    state.stage = 0
    state.cell = (1, 1)
    state.view = "coverage"
    state.map_scale = "channel"
    if lesson in ("resnet", "unet") and state.answer.trace.error is None:
        assert state.felt is not None
    explorer.pin()
    explorer.propose("seed", 3)
    explorer._parts.say_again()
    heaviest = max(weight(update) for _, update in page.updates)
    assert heaviest < MOST
    assert not page.errors


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_page_that_missed_the_first_answers_hears_all_of_them_again(page, engine, lesson):
    """What changes between a page's reading the widgets and its showing them is lost to it."""

    async def scene():
        engine.hold_traces.clear()
        explorer = Explorer(check(lesson, {}), engine=lambda: engine)
        page.forget()
        engine.hold_traces.set()
        await explorer.idle()
        missed = {(model, key) for model, state in page.updates for key in state}
        assert missed
        page.forget()
        page.custom(explorer._parts.picture, {"say": "ready"})
        return missed - {(model, key) for model, state in page.updates for key in state}

    assert not asyncio.run(scene())
