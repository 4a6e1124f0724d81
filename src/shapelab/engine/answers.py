"""What an engine answers besides a trace. Imports no jax."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Activations:
    """The values of one run, as far as a picture can show them.

    Of an axis with more than ``geometry.pooling.MOST`` cells each value is the largest of a block, see
    ``pooling_factor``; of many channels the first ``MOST_CHANNELS`` are there.

    Attributes:
      input: what the module was given.
      stages: output of the stages asked for, by number; a stage inside a loop has none.
      parameters: the arrays that those stages read, by path; whole, but without those of more than 256 KiB.
    """

    input: Array
    stages: Mapping[int, Array]
    parameters: Mapping[str, Array]

    @property
    def bytes(self) -> int:
        """Bytes of all its arrays."""
        return sum(array.nbytes for array in (self.input, *self.stages.values(), *self.parameters.values()))


@dataclass(frozen=True)
class Field:
    """Which cells of the input one cell of a stage depends on.

    Attributes:
      outline: for each spatial axis of the input, the first and last cell that the windows on the way cover; None where
        an axis is no longer an image of the input's, or the windows lie in the padding alone.
      heat: for each cell of the input the size of the gradient of the stage's cell at the values of this very run: of
        the sum over its channels, absolute values, summed over the input's channels. Thinned like ``Activations``.
      cells: for each spatial axis, the first and last cell that has a gradient at these values or at others that were
        drawn; None where none has.
      coupled_by: the stage through which every cell depends on the whole input (batch statistics), or None.
      explanation: what that means, in a sentence; "" where nothing couples.
    """

    outline: tuple[tuple[int, int] | None, ...] | None
    heat: Array
    cells: tuple[tuple[int, int] | None, ...]
    coupled_by: int | None
    explanation: str

    @property
    def bytes(self) -> int:
        """Bytes of its array."""
        return int(self.heat.nbytes)


@dataclass(frozen=True)
class Statistics:
    """What a batch norm normalises with, for each of its first 16 channels.

    Attributes:
      batch_mean: mean of this very input; None where the running one is used and none is computed.
      batch_variance: biased variance of this very input, or None likewise.
      running_mean_before: the module's running mean before the call.
      running_variance_before: its running variance before the call.
      running_mean_after: what the call makes of the running mean; the same where it does not move it.
      running_variance_after: what it makes of the running variance.
      momentum: of the running values: after = momentum · before + (1 - momentum) · batch.
      epsilon: what is added to the variance before its root is taken.
    """

    batch_mean: Array | None
    batch_variance: Array | None
    running_mean_before: Array
    running_variance_before: Array
    running_mean_after: Array
    running_variance_after: Array
    momentum: float
    epsilon: float

    @property
    def bytes(self) -> int:
        """Bytes of its arrays, about."""
        return 6 * int(self.running_mean_before.nbytes)
