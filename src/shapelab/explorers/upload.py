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
      wanted: whether the page is asked for the picture that it kept while it was loaded anew.
      held: the picture that the page keeps, as far as it has said so; b"" for none.
    """

    _part = "upload"

    side = t.Int(IMAGE_SIDE).tag(sync=True)
    most = t.Int(MOST).tag(sync=True)
    wanted = t.Bool(False).tag(sync=True)

    def __init__(self, take: Callable[[bytes], None], **kwargs: Any) -> None:
        """Offer to take a picture.

        Args:
          take: called with its pixels: ``IMAGE_SIDE`` rows and columns of red, green and blue, a byte each.
          **kwargs: traits.
        """
        super().__init__(**kwargs)
        self.held = b""
        self._take = take
        self._kept, self._gone = take, _nothing
        self.add_class("sl-upload")

    def ask_kept(self, take: Callable[[bytes], None], gone: Callable[[], None]) -> None:
        """Ask the page for the picture that it kept while it was loaded anew.

        Args:
          take: called with its pixels.
          gone: called where it has kept none.
        """
        self._kept, self._gone = take, gone
        self.wanted = True

    def serves(self, content: dict[str, Any]) -> str:
        """A page is asked for the picture that it kept, and has it or not."""
        return "kept" if content.get("say") in ("kept", "gone") else super().serves(content)

    def heard(self, content: dict[str, Any], buffers: list[Any]) -> None:
        """A picture has come; one that is no picture of that size came from no page of ours, and is dropped."""
        said, whole = content.get("say"), len(buffers) == 1 and memoryview(buffers[0]).nbytes == BYTES
        if said == "picture" and whole:
            self.held = bytes(buffers[0])
            self._take(self.held)
        elif said in ("kept", "gone") and self.wanted is True:
            if said == "kept" and whole:
                self.held = bytes(buffers[0])
                self._kept(self.held)
            else:
                self._gone()
            self.wanted = False


def _nothing() -> None:
    """Nobody asked."""
