"""A traced call that can still be run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax

from shapelab.tracing.records import Support, Trace


@dataclass(frozen=True)
class Program:
    """A traced call, still executable: what ``trace`` reads and ``execute`` runs.

    Attributes:
      jaxpr: the closed jaxpr; its inputs are the state's arrays and then the call's.
      state: the arrays of the module's state, in the order of the jaxpr's inputs; abstract ones where the module is.
      arguments: the call's arrays, in the order of the jaxpr's inputs.
      trace: what was read.
      stage_vars: for each stage, the jaxpr's variable that holds its output; None where it lies in an inner jaxpr.
      result: the tree of what the call returned, and its leaves that are no arrays (None for those that are); None
        where it failed.
    """

    jaxpr: Any
    state: tuple[Any, ...]
    arguments: tuple[Any, ...]
    trace: Trace
    stage_vars: tuple[Any, ...]
    result: Any

    def support(self, stage: int | str, cell: Sequence[int], samples: int) -> Support:
        """See ``Trace.receptive_field``."""
        from shapelab.tracing.support import support

        return support(self, stage, cell, samples)

    def returned(self, arrays: Sequence[Any]) -> Any:
        """What the call returns, made of the arrays that a run gave."""
        tree, leaves = self.result
        left = iter(arrays)
        return jax.tree.unflatten(tree, [next(left) if leaf is None else leaf for leaf in leaves])

    def holding(self, trace: Trace) -> Program:
        """The program and that trace, each with the other."""
        holder = replace(self, trace=trace)
        object.__setattr__(holder, "trace", replace(trace, program=holder))
        return holder
