"""What may pass from a page to its kernel, and how fast."""

from __future__ import annotations

import asyncio
import contextlib
import json
import tracemalloc
from typing import Any
from unittest.mock import AsyncMock, MagicMock

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jupyter_server.services.kernels.connection.base import serialize_msg_to_ws_v1
from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection
from tornado.iostream import StreamBufferFullError, StreamClosedError
from voila.tornado.kernel_websocket_handler import VoilaKernelWebsocketHandler

from shapelab.hosting.channels import MOST_CONTROLS, ChannelsHandler, Door, MalformedError, Pace


def message(kind: Any, content: Any = None, channel: str = "shell") -> bytes:
    parts = [json.dumps(part).encode() for part in ({"msg_type": kind}, {}, {}, content or {})]
    packed: bytes = bytes(serialize_msg_to_ws_v1(parts, channel))
    return packed


@pytest.mark.parametrize("kind", ["comm_msg", "comm_info_request", "kernel_info_request"])
def test_what_a_page_sends_passes(kind: str) -> None:
    assert Door().kind(message(kind)) == kind


@pytest.mark.parametrize(
    "kind",
    [
        "execute_request",
        "shutdown_request",
        "interrupt_request",
        "debug_request",
        "input_reply",
        "complete_request",
        "inspect_request",
        "history_request",
        "is_complete_request",
        "create_subshell_request",
        "usage_request",
        "",
        None,
        ["comm_msg"],
        {"comm_msg": 1},
    ],
)
@pytest.mark.parametrize("channel", ["shell", "control", "stdin", "iopub"])
def test_nothing_else_does_on_any_channel(kind: Any, channel: str) -> None:
    assert Door().kind(message(kind, channel=channel)) is None


@pytest.mark.parametrize("channel", ["control", "stdin", "iopub", "heartbeat", ""])
def test_what_may_pass_does_so_on_one_channel(channel: str) -> None:
    assert Door().kind(message("comm_msg", channel=channel)) is None


def test_the_control_channel_is_opened_and_closed_and_no_other() -> None:
    door, control = Door(), {"comm_id": "a", "target_name": "jupyter.widget.control"}
    assert door.kind(message("comm_open", {"comm_id": "w", "target_name": "jupyter.widget"})) is None
    assert door.kind(message("comm_close", {"comm_id": "w"})) is None
    assert door.kind(message("comm_open", control)) == "comm_open"
    assert door.kind(message("comm_close", {"comm_id": "a"})) == "comm_close"


def test_control_channels_are_counted() -> None:
    door = Door()
    opened = [
        door.kind(message("comm_open", {"comm_id": str(i), "target_name": "jupyter.widget.control"}))
        for i in range(MOST_CONTROLS + 5)
    ]
    assert opened == ["comm_open"] * MOST_CONTROLS + [None] * 5


@given(st.one_of(st.binary(), st.text(), st.binary(min_size=8).map(lambda rest: message("comm_msg")[:16] + rest)))
def test_anything_at_all_is_a_message_or_is_not(noise: bytes | str) -> None:
    with contextlib.suppress(MalformedError):
        assert Door().kind(noise) in (None, "comm_msg")


def test_a_message_of_quintillions_of_parts_is_none() -> None:
    with pytest.raises(MalformedError):
        Door().kind((2**62).to_bytes(8, "little") + bytes(64))


def test_a_burst_passes_and_a_flood_waits_in_proportion() -> None:
    pace = Pace(rate=10, burst=5)
    now = pace._at
    assert [pace.wait(now) for _ in range(5)] == [0] * 5
    assert [round(pace.wait(now), 6) for _ in range(3)] == [0.1, 0.2, 0.3]
    assert pace.wait(now + 60) == 0


def places(*where: int, size: int = 2**19) -> bytes:
    """A message that says where its parts begin, and is padded to a size."""
    head = b"".join(number.to_bytes(8, "little") for number in (len(where), *where))
    return head + b" " * (size - len(head))


@pytest.mark.parametrize(
    "message",
    [
        (2**63).to_bytes(8, "little") * 9,
        b"\xff" * 64,
        places(*[0, 2**19] * 3000),
        places(*[0, 2**19] * 4),
        places(*[64] * 5, 2**62),
        places(64, 63, 62, 61, 60, 59),
        b"",
    ],
    ids=len,
)
def test_what_lies_about_its_parts_is_no_message_and_costs_nothing(message: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(MalformedError):
            Door().kind(message)
        assert tracemalloc.get_traced_memory()[1] < 2**16
    finally:
        tracemalloc.stop()


def test_a_picture_from_a_page_passes_with_its_bytes() -> None:
    parts = [json.dumps(part).encode() for part in ({"msg_type": "comm_msg"}, {}, {}, {"data": {}})]
    assert Door().kind(bytes(serialize_msg_to_ws_v1([*parts, b"\0" * 48 * 2**10], "shell"))) == "comm_msg"


@pytest.mark.parametrize("known", [True, False])
def test_a_kernel_that_goes_while_a_page_connects_is_not_found(known: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    async def wait(self: Any, kernel_id: str) -> None:
        remembered["gone:page"] = self  # as Jupyter does before it waits
        raise TimeoutError("Kernel never reached an 'alive' state.")

    def gone() -> asyncio.Future[None]:
        """The page has gone as well: whoever waits for the answer to arrive is told so."""
        arrived = asyncio.get_running_loop().create_future()
        arrived.set_exception(StreamClosedError())
        arrived.exception()  # as tornado does, so that who does not wait hears nothing
        return arrived

    monkeypatch.setattr(VoilaKernelWebsocketHandler, "get", wait)
    remembered = ZMQChannelsWebsocketConnection._open_sessions
    application = MagicMock(ui_methods={}, settings={"kernel_manager": {"gone": None} if known else {}})
    handler = ChannelsHandler(application, MagicMock(), visitors=MagicMock(), metrics=MagicMock())
    finish = MagicMock(side_effect=gone)
    monkeypatch.setattr(handler, "finish", finish)
    asyncio.run(handler.get("gone"))
    assert handler.get_status() == 404
    assert finish.call_count == 1
    assert handler not in remembered.values()


def test_a_page_that_reads_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Any, message: bytes, binary: bool = False) -> None:
        raise StreamBufferFullError("Reached maximum write buffer size")

    monkeypatch.setattr(VoilaKernelWebsocketHandler, "write_message", full)
    handler = ChannelsHandler(MagicMock(ui_methods={}), MagicMock(), visitors=MagicMock(), metrics=MagicMock())
    handler.ws_connection = MagicMock()
    assert handler.write_message(message("comm_msg"), binary=True) is None
    handler.ws_connection.stream.close.assert_called_once_with()


def test_a_page_that_goes_before_it_is_connected_is_no_visitor_that_left() -> None:
    visitors = MagicMock()
    handler = ChannelsHandler(MagicMock(ui_methods={}), MagicMock(), visitors=visitors, metrics=MagicMock())
    handler.on_close()
    assert not visitors.mock_calls


@pytest.mark.parametrize(("kernels", "known"), [({}, True), ({"own": None}, False)])
def test_to_a_kernel_that_ends_nobody_is_connected(kernels: dict[str, None], known: bool) -> None:
    """Neither to one that has ended, nor to one whose tab has just said that it is being closed."""
    handler = connecting(kernels, known=known)
    asyncio.run(handler.open("own"))
    handler.close.assert_called_once()
    handler.visitors.connected.assert_not_called()


@pytest.mark.parametrize("error", [TimeoutError(), OSError("Too many open files"), TypeError("None is no future")])
def test_a_page_whose_connection_fails_is_closed(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(VoilaKernelWebsocketHandler, "open", AsyncMock(side_effect=error))
    monkeypatch.setattr(VoilaKernelWebsocketHandler, "on_close", MagicMock())
    handler = connecting({"own": None})
    asyncio.run(handler.open("own"))
    handler.close.assert_called_once()
    handler.on_close()
    handler.visitors.disconnected.assert_called_once_with("own", handler)


@pytest.mark.parametrize("first", [True, False])
def test_a_page_that_only_connects_again_is_idle_still(first: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(VoilaKernelWebsocketHandler, "open", AsyncMock())
    handler = connecting({"own": None})
    handler.visitors.connected.return_value = first
    asyncio.run(handler.open("own"))
    assert handler.kernel_manager.touched.call_count == int(first)


def connecting(kernels: dict[str, None], *, known: bool = True) -> Any:
    """A page about to be connected to the kernel "own"."""
    manager = MagicMock()
    manager.__contains__.side_effect = kernels.__contains__
    visitors = MagicMock(knows=MagicMock(return_value=known), sockets=MagicMock(return_value=0))
    application = MagicMock(ui_methods={}, settings={"kernel_manager": manager})
    handler: Any = ChannelsHandler(application, MagicMock(), visitors=visitors, metrics=MagicMock())
    handler.ws_connection, handler.close, handler.kernel_id = MagicMock(), MagicMock(), "own"
    return handler
