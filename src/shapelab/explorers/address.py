"""The page's address: what the dashboard begins with, and what it says while the state changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import traitlets as t

from shapelab.engine.spec import IMAGE_BYTES
from shapelab.explorers import kept, link_reading
from shapelab.explorers.fronted import Fronted
from shapelab.explorers.links import Compared, Link
from shapelab.explorers.pump import Later, running
from shapelab.explorers.state import ExplorerState

TOGETHER = 0.3  # seconds within which changes are told as one: browsers refuse a hundred in half a minute
FAR = 9999  # a number larger than this is in no link
FOLLOWED = ["spec", "stage", "cell", "channels", "view", "map_scale", "pinned", "awaited", "apart"]


class Address(Fronted):
    """Tells the page its query; a page that has no address of its own, such as a notebook's, does nothing with it.

    Attributes:
      query: what stands behind the ``?``, but for the theme, which is the page's.
      beside: what no query says, see ``kept``. The page keeps both in its tab, and hands them over when loaded anew.
    """

    _part = "address"

    query = t.Unicode("").tag(sync=True)
    beside = t.Unicode("").tag(sync=True)

    def __init__(
        self,
        written: Callable[[], str],
        beside: Callable[[], str] = str,
        restore: Callable[[str, bytes], None] | None = None,
        **kwargs: Any,
    ) -> None:
        """Begin with the present query.

        Args:
          written: gives the query of the present state.
          beside: gives what no query says of it.
          restore: takes that of the page before, and the picture that it kept or b"".
          **kwargs: traits.
        """
        self._written, self._beside, self._restore = written, beside, restore
        self._later = Later()
        self._begun = written()
        super().__init__(query=self._begun, **kwargs)
        self.add_class("sl-address")

    def follow(self, _: Any = None) -> None:
        """Tell the page its query soon, once for all that changes until then."""
        if not running():
            self._tell()
        elif not self._later.pending:
            self._later.call(TOGETHER, self._tell)

    def serves(self, content: dict[str, Any]) -> str:
        """A page says that it has begun to listen; one that is loaded anew may have kept something."""
        if content.get("say") == "ready":
            return "ready"
        return "kept" if _is_kept(content) else super().serves(content)

    def heard(self, content: dict[str, Any], buffers: list[Any]) -> None:
        """What a page has kept: heard once, and used where it belongs to the query that this page began with.

        Once it listens here, it is told through this widget what changes of all others, where that is quicker.
        """
        if content.get("say") == "ready":
            from shapelab.explorers.quiet import together

            together(lambda changes, beside: self.send({"changes": changes}, beside))
        elif self._restore is not None and _is_kept(content):
            restore, self._restore = self._restore, None
            query, _, beside = content["kept"].partition("\n")
            if query == self._begun:
                restore(beside, next((bytes(each) for each in buffers if memoryview(each).nbytes == IMAGE_BYTES), b""))

    def close(self) -> None:
        """Tell nothing any more."""
        if hasattr(self, "_later"):
            self._later.cancel()
        super().close()

    def _tell(self) -> None:
        with self.hold_sync():  # what is kept is known again by its query
            self.query, self.beside = self._written(), self._beside()


def _is_kept(content: dict[str, Any]) -> bool:
    said = content.get("kept")
    return content.get("say") == "kept" and isinstance(said, str) and len(said) <= link_reading.MOST + 1 + kept.MOST


def begun(link: Link) -> ExplorerState:
    """The state that a link describes, but for what is compared, which the engine is asked for."""
    return ExplorerState(
        spec=link.spec,
        stage=link.stage,
        cell=link.cell,
        channels=link.channels,
        view=link.view,
        map_scale=link.map_scale,
    )


def link_of(state: ExplorerState) -> Link:
    """The link of an explorer's state."""
    compared = state.awaited
    if state.pinned is not None:
        compared = Compared(state.pinned.spec, _near(state.pinned_cell), _near(state.pinned_channels) or (0, 0))
    stage = state.stage if state.stage is not None and 0 <= state.stage <= FAR else None
    return Link(
        state.spec,
        stage=stage,
        cell=_near(state.cell),
        channels=_near(state.channels) or (0, 0),
        view=state.view,
        map_scale=state.map_scale,
        compare=compared,
    )


def _near(place: tuple[int, int] | None) -> tuple[int, int] | None:
    """A cell or channels as a link can say them."""
    return (place[0], place[1]) if place is not None and all(0 <= each <= FAR for each in place) else None
