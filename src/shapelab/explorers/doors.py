"""What a hosted page may open in its kernel: one channel, by which it asks for the state of all widgets."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import ipywidgets as w
from IPython import get_ipython
from ipywidgets.widgets.widget import _instances, _remove_buffers

from shapelab.engine.client import SESSION
from shapelab.explorers.turnstile import Turnstile

CONTROL = "jupyter.widget.control"
BURST, A_SECOND = 6, 0.5  # of the state of all widgets: some hundred kilobytes


def close_doors(variables: Mapping[str, str] = os.environ) -> None:
    """In a kernel of a shared server, let a page open nothing else; in any other do nothing.

    A kernel makes a widget for whoever opens the channel of one, and keeps every channel that is opened.
    """
    shell = get_ipython()
    kernel = getattr(shell, "kernel", None)
    if SESSION not in variables or kernel is None:
        return
    opened = kernel.shell_handlers["comm_open"]
    if not isinstance(opened, Doors):
        from shapelab.explorers.quiet import hush, speak

        hush()
        logging.getLogger("Comm").setLevel(logging.ERROR)  # not a line for each message to a channel that is gone
        kernel.shell_handlers["comm_open"] = Doors(kernel.comm_manager, opened, speak)


class Doors:
    """Stands before a kernel's handler of ``comm_open``."""

    def __init__(self, manager: Any, opened: Any, begin: Callable[[], None] = lambda: None) -> None:
        """Set up.

        Args:
          manager: of the kernel's channels.
          opened: the kernel's own handler.
          begin: called when a page is about to ask for all widgets.
        """
        self._manager, self._opened, self._begin = manager, opened, begin
        self._asked = Turnstile(BURST, A_SECOND)
        manager.targets = {CONTROL: self._control}  # also where ipywidgets was imported before the kernel was there

    def __call__(self, stream: Any, ident: Any, message: Mapping[str, Any]) -> None:
        """Open a channel where it is the one that may be, and is not the name of another."""
        content = message["content"]
        if content.get("target_name") == CONTROL and content.get("comm_id") not in self._manager.comms:
            self._opened(stream, ident, message)

    def _control(self, channel: Any, message: Mapping[str, Any]) -> None:
        """The channel by which a page asks for all widgets; the one before it is closed."""
        self._begin()
        before = w.Widget._control_comm
        w.Widget.handle_control_comm_opened(channel, message)
        if before is not None:
            before.close()
        channel.on_msg(partial(self._hear, channel))

    def _hear(self, channel: Any, message: Mapping[str, Any]) -> None:
        data = message["content"].get("data")
        if isinstance(data, dict) and data.get("method") == "request_states":
            self._asked.take("states", partial(_tell_all, channel))


def _tell_all(channel: Any) -> None:
    """Answer a page that asks for the state of all widgets; as ipywidgets does, which reads each of them twice."""
    told: dict[str, Any] = {}
    while len(told) < len(_instances):  # reading a widget may make its layout and style
        for widget in [widget for name, widget in list(_instances.items()) if name not in told]:
            told[widget.model_id] = {
                "model_name": widget._model_name,
                "model_module": widget._model_module,
                "model_module_version": widget._model_module_version,
                "state": widget.get_state(drop_defaults=False),
            }
    states, places, buffers = _remove_buffers(told)
    channel.send({"method": "update_states", "states": states, "buffer_paths": places}, buffers=buffers)
