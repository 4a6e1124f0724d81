"""What was set before: undo and redo over whole settings."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby

from shapelab.engine.spec import Spec

MOST = 200
TOGETHER = 0.8  # seconds within which further moves of the same field belong to one step, as while a slider is dragged


class History:
    """The settings that were, and those that were taken back."""

    def __init__(self, first: Spec, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with the setting that is shown first."""
        self._past: list[Spec] = []
        self._present = first
        self._future: list[Spec] = []
        self._clock = clock
        self._changed: frozenset[str] = frozenset()
        self._at = float("-inf")

    @property
    def can_undo(self) -> bool:
        """Whether there is a setting before the present one."""
        return bool(self._past)

    @property
    def can_redo(self) -> bool:
        """Whether a setting was taken back."""
        return bool(self._future)

    def record(self, spec: Spec) -> None:
        """Note a new setting; what was taken back before is then gone."""
        if spec == self._present:
            return
        changed, now = differences(self._present, spec), self._clock()
        if not (changed and changed == self._changed and now - self._at < TOGETHER):
            self._past = [*self._past[-MOST + 1 :], self._present]
        self._present, self._future, self._changed, self._at = spec, [], changed, now

    def stand_at(self, spec: Spec) -> None:
        """Take another setting for the present one; it is no step."""
        self._present = spec

    def precede(self, past: Sequence[Spec], future: Sequence[Spec]) -> None:
        """Put steps before all that was set here; what was taken back then counts if nothing has been set since."""
        if not self._past and not self._future:
            self._future = list(future)
        self._past = [*past, *self._past][-MOST:]

    def steps(self, fits: Callable[[Spec], bool]) -> tuple[tuple[Spec, ...], tuple[Spec, ...]]:
        """What can be undone and redone, the nearest last: of what fits, each unlike the next."""
        return self._leading(filter(fits, self._past)), self._leading(filter(fits, self._future))

    def _leading(self, steps: Iterable[Spec]) -> tuple[Spec, ...]:
        return tuple(spec for spec, _ in groupby([*steps, self._present]))[:-1]

    def undo(self) -> Spec | None:
        """The setting before, now the present one; None where there is none."""
        if not self._past:
            return None
        self._future.append(self._present)
        self._present = self._past.pop()
        self._changed = frozenset()
        return self._present

    def redo(self) -> Spec | None:
        """The setting taken back last, now the present one; None where there is none."""
        if not self._future:
            return None
        self._past.append(self._present)
        self._present = self._future.pop()
        self._changed = frozenset()
        return self._present


def differences(before: Spec, after: Spec) -> frozenset[str]:
    """The fields in which two settings of one lesson differ; none for two lessons."""
    if before.lesson_name != after.lesson_name:
        return frozenset()
    old, new = dataclasses.asdict(before.config), dataclasses.asdict(after.config)
    return frozenset(name for name in old if old[name] != new[name])
