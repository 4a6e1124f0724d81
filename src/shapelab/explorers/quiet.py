"""A kernel's channels that say nothing before a page has asked for the state of all widgets, which tells it everything.

A page has some 240 widgets, and a message for each of them is made, signed, sent and read by the server though nobody
is there to hear it. Imported in a kernel alone.
"""

from __future__ import annotations

from typing import Any

import comm
from ipykernel.comm.comm import BaseComm
from ipykernel.kernelbase import Kernel


class QuietChannel(BaseComm):
    """A channel as ipykernel's, but for when it begins to speak.

    Attributes:
      heard: whether anybody listens; of all of them.
    """

    heard = False

    def publish_msg(self, *args: Any, **kwargs: Any) -> None:
        """Say something, if anybody listens."""
        if type(self).heard:
            super().publish_msg(*args, **kwargs)  # type: ignore[no-untyped-call]
        else:
            self.kernel = Kernel.instance()  # a widget looks here whether its channel leads anywhere


def hush() -> None:
    """Have all channels made from now on be quiet until ``speak``."""
    QuietChannel.heard = False
    comm.create_comm = QuietChannel


def speak() -> None:
    """Somebody listens."""
    QuietChannel.heard = True
