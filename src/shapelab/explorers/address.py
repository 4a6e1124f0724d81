"""The page's address: what the dashboard begins with, and what it says while the state changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import traitlets as t

from shapelab.explorers.fronted import Fronted
from shapelab.explorers.links import Compared, Link
from shapelab.explorers.pump import Later, running
from shapelab.explorers.state import ExplorerState

TOGETHER = 0.3  # seconds within which changes are told as one: browsers refuse a hundred in half a minute
FAR = 9999  # a number larger than this is in no link
FOLLOWED = ["spec", "stage", "cell", "channels", "view", "map_scale", "pinned", "awaited"]


class Address(Fronted):
    """Tells the page its query; a page that has no address of its own, such as a notebook's, does nothing with it.

    Attributes:
      query: what stands behind the ``?``, but for the theme, which is the page's.
    """

    _part = "address"

    query = t.Unicode("").tag(sync=True)

    def __init__(self, written: Callable[[], str], **kwargs: Any) -> None:
        """Begin with the present query.

        Args:
          written: gives the query of the present state.
          **kwargs: traits.
        """
        self._written = written
        self._later = Later()
        super().__init__(query=written(), **kwargs)
        self.add_class("sl-address")

    def follow(self, _: Any = None) -> None:
        """Tell the page its query soon, once for all that changes until then."""
        if not running():
            self._tell()
        elif not self._later.pending:
            self._later.call(TOGETHER, self._tell)

    def close(self) -> None:
        """Tell nothing any more."""
        if hasattr(self, "_later"):
            self._later.cancel()
        super().close()

    def _tell(self) -> None:
        self.query = self._written()


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
