"""The dashboard: every lesson behind one picker, shown by one Explorer, and the gallery of mistakes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import ipywidgets as w

from shapelab.engine.spec import Spec, check
from shapelab.explorers.address import FOLLOWED, Address, link_of
from shapelab.explorers.asking import Served, shared_engine
from shapelab.explorers.closing import close_parts, close_whole
from shapelab.explorers.explorer import Explorer
from shapelab.explorers.guard import Guard
from shapelab.explorers.kept import Kept, read_kept, write_kept
from shapelab.explorers.link_notes import LinkNotes
from shapelab.explorers.link_reading import GALLERY as PITFALLS
from shapelab.explorers.links import Link, without_upload, write
from shapelab.lessons import LESSONS

if TYPE_CHECKING:
    from shapelab.explorers.pitfalls import Pitfalls

TABS = (*((lesson.title, name) for name, lesson in LESSONS.items()), ("Pitfalls", PITFALLS))
_GONE = "the picture that was uploaded is in no link, and this page has not kept it: choose it again"


class Gallery(w.Box):  # type: ignore[misc]
    """The dashboard's widget. Each lesson keeps its settings while another is shown."""

    def __init__(
        self, first: str = "conv2d", *, engine: Callable[[], Served] = shared_engine, link: Link | None = None
    ) -> None:
        """Show the lessons.

        Args:
          first: the lesson to begin with.
          engine: as for ``Explorer``.
          link: what to begin with instead, and what the visitor may change.
        """
        self._link = link or Link(check(first, {}))
        self._left_at: dict[str, Spec] = {}
        self._engine = engine
        self._pitfalls: Pitfalls | None = None
        self._notes: LinkNotes | None = None
        self._address: Address | None = None
        self._guard = Guard(self)
        self.explorer = Explorer(self._link.spec, engine=engine, with_toolbar=False, link=self._link, guard=self._guard)
        begins = PITFALLS if self._link.pitfall else self._link.spec.lesson_name
        self.picker = w.ToggleButtons(options=list(TABS), value=begins, disabled=self._link.lock)
        self.picker.add_class("shapelab-lessons")
        self.picker.observe(self._pick, "value")
        self.explorer.state.observe(self._follow, "spec")
        super().__init__([self.picker, self.explorer.toolbar, self.explorer])
        self.add_class("shapelab-gallery")
        self._guard.watch(self)
        if link is not None:
            self._begin(link)

    def __repr__(self) -> str:
        """In a word: Jupyter writes a widget out, with all below it, wherever it shows one."""
        return f"{type(self).__name__}({self._link.spec.lesson_name!r})"

    def close(self) -> None:
        """Free the widget and all that belongs to it."""
        if hasattr(self, "picker"):
            for part in (self.explorer, self.picker, self._pitfalls, self._notes, self._address):
                if part is not None:
                    close_whole(part)
        close_parts(self)
        super().close()

    # -- the page's address ---------------------------------------------------------------------------------------

    def _begin(self, link: Link) -> None:
        """Show what the link says besides, and keep the page's address like the state from now on."""
        if link.show is not None:
            self.picker.layout.display = "none"
        if link.pitfall:
            self._show(True)
        if link.notes:
            self._say(*link.notes)
        if link.kept:
            self.explorer.upload.ask_kept(self.explorer.restore, lambda: self._say(_GONE))
        self._address = Address(self._query, self._beside, self._restore)
        self._add(self._address)
        self.explorer.state.observe(self._address.follow, FOLLOWED)
        self.explorer.upload.observe(self._address.follow, "wanted")
        self.picker.observe(self._address.follow, "value")

    def _query(self) -> str:
        """The present state as a query; the theme is the page's own."""
        shown = replace(link_of(self.explorer.state), kept=self.explorer.upload.wanted, show=self._link.show)
        if self._in_pitfalls and self._pitfalls is not None:
            shown = Link(self._link.spec, pitfall=self._pitfalls.chosen, case=self._pitfalls.case)
        return write(replace(shown, lock=self._link.lock, embed=self._link.embed))

    def _beside(self) -> str:
        """What no query says; one of the pitfalls says no lesson's setting."""
        state, held = self.explorer.state, self.explorer.upload.held
        left = [spec for name, spec in self._left_at.items() if name != state.spec.lesson_name]
        left += [state.spec] if self._in_pitfalls else []

        def fits(spec: Spec) -> bool:
            return spec.image in (b"", held)  # a page keeps one picture

        compared = link_of(state).compare
        return write_kept(
            Kept(
                tuple(spec if fits(spec) else without_upload(spec) for spec in left),
                *self.explorer.history.steps(fits),
                compared if compared is not None and compared.spec.image and fits(compared.spec) else None,
                state.apart,
            )
        )

    def _restore(self, beside: str, image: bytes) -> None:
        """Take up what the page before kept, beneath whatever has been set since."""
        kept, explorer = read_kept(beside, image), self.explorer
        explorer.upload.held = image or explorer.upload.held
        if explorer.allowed.lessons:
            self._left_at = {spec.lesson_name: spec for spec in kept.left} | self._left_at
            if self._in_pitfalls and kept.left:
                explorer.stand_at(kept.left[-1])
        if not explorer.allowed.locked:
            explorer.recall(kept, image)
        self._tell()

    def _say(self, *notes: str) -> None:
        if self._notes is None:
            self._notes = LinkNotes()
            self._add(self._notes)
        for note in notes:
            self._notes.add(note)

    def _add(self, widget: w.Widget) -> None:
        shown: Any = self.children  # type: ignore[has-type]
        self.children = (*shown, widget)
        self._guard.watch(widget)

    # -- lessons ----------------------------------------------------------------------------------------------------

    @property
    def _in_pitfalls(self) -> bool:
        return self._pitfalls is not None and self._pitfalls.layout.display != "none"

    def _pick(self, change: Any) -> None:
        chosen, state = change["new"], self.explorer.state
        shown = PITFALLS if self._in_pitfalls else state.spec.lesson_name
        if chosen is None or (chosen != shown and not self.explorer.allowed.lessons):
            self.picker.value = shown
            return
        self._show(chosen == PITFALLS)
        if chosen != PITFALLS and state.spec.lesson_name != chosen:
            state.refused = ""
            state.spec = self._left_at.get(chosen) or check(chosen, {})

    def _follow(self, change: Any) -> None:
        """Remember where a lesson was left, and show which one is: undo may lead back to another."""
        before, after = change["old"], change["new"]
        if before.lesson_name != after.lesson_name and not self._in_pitfalls:
            self._left_at[before.lesson_name] = before
            self.picker.value = after.lesson_name

    def _show(self, pitfalls: bool) -> None:
        """The gallery of mistakes, made when it is first opened, or the explorer."""
        if pitfalls and self._pitfalls is None:
            self._pitfalls = self._open_pitfalls()
            self._add(self._pitfalls)
            self._pitfalls.begin()
        for widget in (self.explorer, self.explorer.toolbar):
            widget.layout.display = "none" if pitfalls else None
        if self._pitfalls is not None:
            self._pitfalls.layout.display = None if pitfalls else "none"

    def _open_pitfalls(self) -> Pitfalls:
        from shapelab.explorers.pitfalls import Pitfalls  # its words are read when somebody wants them

        opened = Pitfalls(engine=self._engine, locked=self._link.lock, told=self._tell)
        if self._link.pitfall:
            opened.choose(self._link.pitfall, self._link.case)
        return opened

    def _tell(self) -> None:
        if self._address is not None:
            self._address.follow()
