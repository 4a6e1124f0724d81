"""The websocket between a page and its kernel."""

from __future__ import annotations

from typing import Any

from voila.tornado.kernel_websocket_handler import VoilaKernelWebsocketHandler


class ChannelsHandler(VoilaKernelWebsocketHandler):  # type: ignore[misc]
    """Voila's, without a traceback in the server's log for each visitor who leaves while a picture is under way."""

    def write_message(self, message: bytes | dict[str, Any], binary: bool = False) -> Any:
        """Send a message; that the page has gone is no error."""
        sent = super().write_message(message, binary)
        if sent is not None:
            sent.add_done_callback(lambda done: done.cancelled() or done.exception())
        return sent
