"""A picture of the visitor's own as input: decoded and made small in the browser, so that no server reads a file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import traitlets as t

from shapelab.engine.spec import IMAGE_SIDE
from shapelab.explorers.fronted import Fronted

BYTES = IMAGE_SIDE * IMAGE_SIDE * 3
MOST = 2 * 2**20  # bytes of a file
MOST_MIB = MOST // 2**20


class Upload(Fronted):
    """A button that takes a picture file, and the picture as it will be fed.

    Attributes:
      side: the picture is made this many pixels a side, cut square from its middle.
      most: the largest file that is read, in bytes.
    """

    _part = "upload"

    side = t.Int(IMAGE_SIDE).tag(sync=True)
    most = t.Int(MOST).tag(sync=True)

    def __init__(self, take: Callable[[bytes], None], **kwargs: Any) -> None:
        """Offer to take a picture.

        Args:
          take: called with its pixels: ``IMAGE_SIDE`` rows and columns of red, green and blue, a byte each.
          **kwargs: traits.
        """
        super().__init__(**kwargs)
        self._take = take
        self.add_class("sl-upload")

    def heard(self, content: dict[str, Any], buffers: list[Any]) -> None:
        """A picture has come; one that is no picture of that size came from no page of ours, and is dropped."""
        if content.get("say") == "picture" and len(buffers) == 1 and memoryview(buffers[0]).nbytes == BYTES:
            self._take(bytes(buffers[0]))
