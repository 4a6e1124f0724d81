"""Caches that stay small: bounded by count and by weight, the least recently asked goes first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any


def _weightless(_: Any) -> int:
    return 0


class Bounded:
    """Answers by key, at most so many and so heavy. Not safe to share between threads; ``Remembered`` is."""

    def __init__(self, most: int, *, weigh: Callable[[Any], int] = _weightless, budget: int = 0) -> None:
        """Set up a cache.

        Args:
          most: answers that are kept.
          weigh: gives an answer's weight, such as its bytes.
          budget: weight of all that is kept; an answer heavier than that is not kept at all.
        """
        self._most, self._weigh, self._budget = most, weigh, budget
        self._answers: OrderedDict[Hashable, Any] = OrderedDict()
        self._weight = 0

    def __len__(self) -> int:
        """How many answers are kept."""
        return len(self._answers)

    @property
    def weight(self) -> int:
        """The weight of what is kept."""
        return self._weight

    def get(self, key: Hashable) -> Any | None:
        """The answer to ``key``, or None."""
        if key in self._answers:
            self._answers.move_to_end(key)
        return self._answers.get(key)

    def put(self, key: Hashable, answer: Any) -> None:
        """Keep an answer; older ones make room."""
        if key in self._answers:
            self._weight -= self._weigh(self._answers.pop(key))
        if self._weigh(answer) > self._budget:
            return
        self._answers[key] = answer
        self._weight += self._weigh(answer)
        while len(self._answers) > self._most or self._weight > self._budget:
            self._weight -= self._weigh(self._answers.popitem(last=False)[1])


class Remembered:
    """A ``Bounded`` that computes what it does not hold; equal questions in flight are asked once. Thread-safe."""

    def __init__(self, most: int, *, weigh: Callable[[Any], int] = _weightless, budget: int = 0) -> None:
        """Set up a cache; arguments as for ``Bounded``."""
        self._answers = Bounded(most, weigh=weigh, budget=budget)
        self._lock = threading.Lock()
        self._in_flight: dict[Hashable, threading.Lock] = {}

    def known(self, key: Hashable) -> Any | None:
        """The answer to ``key`` if it is held, else None."""
        with self._lock:
            return self._answers.get(key)

    def __call__(self, key: Hashable, compute: Callable[[], Any]) -> Any:
        """The answer to ``key``, computed unless it is held. None is not an answer that is kept."""
        with self._lock:
            answer = self._answers.get(key)
            if answer is not None:
                return answer
            turn = self._in_flight.setdefault(key, threading.Lock())
        with turn:
            try:
                answer = self.known(key)
                if answer is None:
                    answer = compute()
                    with self._lock:
                        self._answers.put(key, answer)
                return answer
            finally:
                with self._lock:
                    self._in_flight.pop(key, None)
