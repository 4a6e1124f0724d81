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
