"""How often something may happen: a burst at once, then so many a second; of each kind only the latest waits."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable

from shapelab.explorers.pump import Later, running


class Turnstile:
    """Lets calls through. No hand is as quick as it allows; a flood waits, and what waits is bounded by its kinds.

    Where no event loop runs (a script, a test) every call passes at once.
    """

    def __init__(self, burst: int, a_second: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Set up.

        Args:
          burst: how many calls pass at once after a rest.
          a_second: how many pass for good.
          clock: seconds.
        """
        self._burst, self._a_second, self._clock = burst, a_second, clock
        self._left, self._at = float(burst), clock()
        self._waiting: dict[Hashable, Callable[[], None]] = {}
        self._later = Later()

    @property
    def waiting(self) -> int:
        """How many calls wait."""
        return len(self._waiting)

    def take(self, kind: Hashable, call: Callable[[], None]) -> None:
        """Call a function now, or when it is its turn; one of the same kind that waits is dropped for it."""
        if not running() or (not self._waiting and self._spend()):
            call()
        else:
            self._waiting.pop(kind, None)  # what was said last is heard last
            self._waiting[kind] = call
            if not self._later.pending:
                self._next()

    def _spend(self) -> bool:
        now = self._clock()
        self._left, self._at = min(self._left + (now - self._at) * self._a_second, float(self._burst)), now
        if self._left < 1:
            return False
        self._left -= 1
        return True

    def _next(self) -> None:
        self._later.call(1 / self._a_second, self._turn)

    def _turn(self) -> None:
        call = self._waiting.pop(next(iter(self._waiting)))
        if self._waiting:
            self._next()  # first: what the call raises holds nobody up
        self._spend()
        call()
