"""What came of running a mistake beside its right version. Imports no jax."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Ran:
    """What one of the two programs did.

    Attributes:
      kind: "error", or what its result is beside that of the right one: "shape" for another shape, "values" for the
        same shape with other values, "fine" for the same values.
      shape: of what it returned; None where it raised.
      dtype: likewise, else empty.
      error: class of what it raised, else empty.
      message: what that said.
      line: the line of its source, from 1, that raised; 0 where none did.
      smallest: of the values returned.
      mean: likewise.
      largest: likewise.
    """

    kind: str
    shape: Shape | None = None
    dtype: str = ""
    error: str = ""
    message: str = ""
    line: int = 0
    smallest: float | None = None
    mean: float | None = None
    largest: float | None = None


@dataclass(frozen=True)
class Case:
    """Both programs at one setting.

    Attributes:
      setting: what was set.
      inputs: name and shape of each array that both were given, the main input first.
      wrong: what the mistake did.
      right: what the right version did.
      difference: the largest difference between two values at one place, where both have the same shape.
      differing: the share of places whose values differ, from 0 to 1; likewise.
    """

    setting: Mapping[str, int | float | str]
    inputs: tuple[tuple[str, Shape], ...]
    wrong: Ran
    right: Ran
    difference: float | None = None
    differing: float | None = None


@dataclass(frozen=True)
class Outcome:
    """A mistake at each of its settings.

    Attributes:
      name: of the mistake.
      cases: one a setting, in its order.
      jax: the version that ran.
      flax: likewise.
    """

    name: str
    cases: tuple[Case, ...]
    jax: str
    flax: str
