"""The channels of a hosted kernel: silent before a page listens, and then all that changes at once in one message.

A page has some 240 widgets, and a message for each of them would be made, signed, sent and read by the server though
nobody is there to hear it; a move changes ten of them. Imported in a kernel alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, ClassVar

import comm
import ipywidgets as w
from ipykernel.comm.comm import BaseComm
from ipykernel.kernelbase import Kernel

from shapelab.explorers.pump import running

Change = tuple[str, dict[str, Any], list[Any]]
"""A widget's number, its new state, and where in that the buffers go."""
Carry = Callable[[list[Change], list[Any]], None]


class QuietChannel(BaseComm):
    """A channel as ipykernel's, but for when it speaks.

    Attributes:
      heard: whether anybody listens; this and what follows are of all channels.
      carry: sends changes of many widgets as one message, where the page can take it.
    """

    heard: ClassVar[bool] = False
    carry: ClassVar[Carry | None] = None
    _changes: ClassVar[list[Change]] = []
    _buffers: ClassVar[list[Any]] = []

    def publish_msg(
        self, msg_type: str, data: Any = None, metadata: Any = None, buffers: Any = None, **keys: Any
    ) -> None:
        """Say something, if anybody listens: a change together with those that come before the loop's next turn."""
        if not QuietChannel.heard:
            self.kernel = Kernel.instance()  # a widget looks here whether its channel leads anywhere
        elif QuietChannel.carry is not None and _is_change(msg_type, data) and running():
            if not self._changes:
                asyncio.get_running_loop().call_soon(flush)
            self._changes.append((self.comm_id, data["state"], data["buffer_paths"]))
            self._buffers.extend(buffers or ())
        else:
            flush()
            super().publish_msg(msg_type, data=data, metadata=metadata, buffers=buffers, **keys)  # type: ignore[no-untyped-call]


def _is_change(kind: str, data: Any) -> bool:
    return kind == "comm_msg" and isinstance(data, dict) and data.get("method") == "update"


def flush() -> None:
    """Say now what waits to be said together."""
    changes, buffers = list(QuietChannel._changes), list(QuietChannel._buffers)
    QuietChannel._changes.clear()
    QuietChannel._buffers.clear()
    if changes and QuietChannel.carry is not None:
        QuietChannel.carry(changes, buffers)


def hush() -> None:
    """Have all channels made from now on be quiet until ``speak``."""
    QuietChannel.heard, QuietChannel.carry = False, None
    comm.create_comm = QuietChannel
    w.Widget.open = _open


def speak() -> None:
    """Somebody listens."""
    QuietChannel.heard = True


def together(carry: Carry) -> None:
    """From now on send what changes at once as one message."""
    if comm.create_comm is QuietChannel:
        QuietChannel.carry = carry


_opened = w.Widget.open


def _open(widget: w.Widget) -> None:
    """Open a widget's channel. Of one that nobody hears of the state need not be read."""
    if QuietChannel.heard:
        _opened(widget)
    elif widget.comm is None:
        widget.comm = comm.create_comm(target_name="jupyter.widget", comm_id=widget._model_id)
