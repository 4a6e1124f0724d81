"""A kernel that says no more of its state than a page needs. Imported in a kernel alone."""

from __future__ import annotations

import threading
from typing import Any

from ipykernel.ipkernel import IPythonKernel

from shapelab.explorers.quiet import flush


class LeanKernel(IPythonKernel):
    """ipykernel's own, but that it does not say when it begins with a message to a widget.

    When it has done is said, after all that came of it: a page waits for that before it sends the next value.
    """

    def _publish_status(self, status: str, channel: str, parent: Any = None) -> None:
        if threading.current_thread() is threading.main_thread():  # where the widgets are
            if status == "idle":
                flush()
            elif self.get_parent(channel).get("header", {}).get("msg_type") == "comm_msg":  # type: ignore[no-untyped-call]
                return
        super()._publish_status(status, channel, parent)  # type: ignore[no-untyped-call]
