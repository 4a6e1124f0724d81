"""What a batch norm of a traced program normalises with: read from the equations that move its running averages.

Importing this file imports jax.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jax.extend.core import Literal

from shapelab.engine.answers import Statistics
from shapelab.errors import ShapeError
from shapelab.geometry.pooling import MOST_CHANNELS
from shapelab.tracing.program import Program


@dataclass(frozen=True)
class Moved:
    """One running average in a program: where it comes in, and the variables that come of it.

    Attributes:
      before: the variable that holds it as the call finds it.
      batch: the variable of this very input's own; None where none is computed.
      after: the variable that it is moved to; ``before`` where it stays.
    """

    before: Any
    batch: Any
    after: Any

    @property
    def variables(self) -> list[Any]:
        """Those that there are: before, batch, after."""
        return [var for var in (self.before, self.batch, self.after) if var is not None]


def running_averages(program: Program, stage: int) -> tuple[Moved, Moved]:
    """The running mean and the running variance of a batch norm.

    Raises:
      ShapeError: for a stage that is none.
    """
    record = program.trace.stages[stage]
    if record.op != "batch_norm":
        raise ShapeError(f"stage {stage} is {record.op}: statistics are those of a batch_norm")
    prefix = f"{record.path}." if record.path else ""
    return _moved(program, f"{prefix}mean"), _moved(program, f"{prefix}var")


def statistics_of(averages: tuple[Moved, Moved], values: Sequence[Any], layer: Any) -> Statistics:
    """The record, from the values of the averages' variables in order, and the layer that they belong to."""
    found = iter([np.asarray(value)[:MOST_CHANNELS] for value in values])
    (mean, batch_mean, mean_after), (variance, batch_variance, variance_after) = (
        (next(found), next(found) if each.batch is not None else None, next(found)) for each in averages
    )
    return Statistics(
        batch_mean=batch_mean,
        batch_variance=batch_variance,
        running_mean_before=mean,
        running_variance_before=variance,
        running_mean_after=mean_after,
        running_variance_after=variance_after,
        momentum=float(layer.momentum),
        epsilon=float(layer.epsilon),
    )


def layer_at(module: Any, path: str) -> Any:
    """The layer at an attribute path of a module of nnx, such as ``"enc1.bn"``.

    Raises:
      ShapeError: where there is none.
    """
    found = getattr(module, "__self__", module)
    for name in path.split(".") if path else ():
        found = getattr(found, name, None)
    if not hasattr(found, "momentum"):
        raise ShapeError(f"there is no layer of nnx at {path!r}: the momentum of its running values cannot be read")
    return found


def _moved(program: Program, path: str) -> Moved:
    """Find ``after = momentum · before + (1 - momentum) · batch``: the sum that a multiple of the average goes into."""
    number = next((i for i, parameter in enumerate(program.trace.parameters) if parameter.path == path), None)
    if number is None:
        raise ShapeError(
            f"there is no running value {path!r}: only batch norms that keep a mean and a variance have one"
        )
    whole = program.jaxpr.jaxpr
    before = whole.invars[number]
    products = {eqn.outvars[0]: eqn for eqn in whole.eqns if eqn.primitive.name == "mul"}
    for eqn in whole.eqns:
        if eqn.primitive.name != "add" or any(isinstance(var, Literal) or var not in products for var in eqn.invars):
            continue
        kept, fresh = (_scaled(products[var]) for var in eqn.invars)
        if kept is before and fresh is not None:
            return Moved(before, fresh, eqn.outvars[0])
    return Moved(before, None, before)


def _scaled(product: Any) -> Any:
    """The array that is multiplied with a constant; None where two arrays are multiplied."""
    arrays = [var for var in product.invars if not isinstance(var, Literal)]
    return arrays[0] if len(arrays) == 1 else None
