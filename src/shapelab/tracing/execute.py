"""Running a traced program: the values of its stages from one compiled call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from shapelab.tracing.tracer import Program

# These programs run for milliseconds and are compiled for one look: XLA's optimisations cost far more than they save.
QUICK_COMPILE: dict[str, Any] = {
    "xla_backend_optimization_level": 0,
    "xla_llvm_disable_expensive_passes": True,
}


def activations(
    program: Program, state: Sequence[Any], arguments: Sequence[Any], stages: Sequence[int] | None = None
) -> dict[int, np.ndarray[Any, Any]]:
    """The output of each stage asked for, computed by one compiled call of the very jaxpr that was read.

    Args:
      program: what ``tracer.program`` gave.
      state: the module's arrays, in the program's order.
      arguments: the call's arrays, in the program's order.
      stages: which stages; all of them by default. Those inside an inner program (a scan's body) have no value of
        their own and are left out.

    Returns:
      Arrays by stage number.
    """
    wanted = range(len(program.stage_vars)) if stages is None else stages
    held = {stage: program.stage_vars[stage] for stage in wanted if program.stage_vars[stage] is not None}
    whole = program.jaxpr.jaxpr
    names = whole.debug_info._replace(result_paths=None)
    jaxpr = whole.replace(outvars=list(held.values()), debug_info=names)
    run = jax.jit(lambda consts, args: jax.core.eval_jaxpr(jaxpr, consts, *args), compiler_options=QUICK_COMPILE)
    values = run(program.jaxpr.consts, [*state, *arguments])
    return {stage: np.asarray(value) for stage, value in zip(held, values, strict=True)}
