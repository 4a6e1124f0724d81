"""What an engine answers besides a trace. Imports no jax."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Activations:
    """The values of one run.

    Attributes:
      input: what the module was given.
      stages: output of each stage, by its number; a stage inside a loop has none.
      parameters: the module's arrays before the run, by path.
    """

    input: Array
    stages: Mapping[int, Array]
    parameters: Mapping[str, Array]
