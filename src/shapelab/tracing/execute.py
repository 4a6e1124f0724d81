"""Running a traced program: the values of its stages from one compiled call."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jax.interpreters.partial_eval import dce_jaxpr

from shapelab.tracing.program import Program
from shapelab.tracing.records import Trace, numbered
from shapelab.tracing.tracer import program

# These programs run for milliseconds and are compiled for one look: XLA's optimisations cost far more than they save.
QUICK_COMPILE: dict[str, Any] = {
    "xla_backend_optimization_level": 0,
    "xla_llvm_disable_expensive_passes": True,
}


@dataclass(frozen=True)
class Execution(Mapping[str, "np.ndarray[Any, Any]"]):
    """The values of a call's stages, by their names as tables show them (``"enc1.conv"``, ``"relu #2"``).

    Attributes:
      trace: of the call.
      output: what the call returned.
      arrays: values by stage number; a stage inside a loop or a branch has none.
    """

    trace: Trace
    output: Any
    arrays: Mapping[int, np.ndarray[Any, Any]]

    def __getitem__(self, name: str) -> np.ndarray[Any, Any]:
        """The value of a stage."""
        try:
            return self.arrays[self.trace.number_of(name)]
        except ValueError as error:
            raise KeyError(str(error)) from None

    def __iter__(self) -> Iterator[str]:
        """The names of the stages that have a value."""
        names = numbered(self.trace.stages)
        return (names[index] for index in self.arrays)

    def __len__(self) -> int:
        """How many stages have a value."""
        return len(self.arrays)


def execute(
    module: Any,
    *args: Any,
    stages: Sequence[int | str] | None = None,
    method: str | Callable[..., Any] | None = None,
    **kwargs: Any,
) -> Execution:
    """Run ``module(*args, **kwargs)`` once, compiled, and give the values of its stages.

    Args:
      module: as for ``trace``, with real parameters. It is left as it was: running statistics do not move.
      *args: arrays; anything else is passed on as it is.
      stages: which stages, by number or name; all of them by default.
      method: as for ``trace``.
      **kwargs: the same as ``*args``, by name.

    Returns:
      An ``Execution``: a mapping from stage names to arrays, with the call's ``output``.

    Raises:
      ValueError: when the forward fails at these shapes, or for a stage that there is not.
      TypeError: for abstract parameters or arguments, which have no values.
    """
    traced = program(module, *args, method=method, **kwargs)
    error = traced.trace.error
    if error is not None:
        why = " ".join(part for part in (error.message, error.explanation, error.remedy) if part)
        raise ValueError(f"{traced.trace.name} cannot run at these shapes: {why}")
    for what, arrays in (("the module", traced.state), ("an argument", traced.arguments)):
        if any(isinstance(array, jax.ShapeDtypeStruct) for array in arrays):
            raise TypeError(f"{what} is abstract and has no values: shapelab.trace needs none, execute does")
    wanted = None if stages is None else [traced.trace.number_of(stage) for stage in stages]
    values, outputs = _run(traced, traced.state, traced.arguments, wanted)
    return Execution(traced.trace, traced.returned(outputs), values)


@dataclass(frozen=True)
class Part:
    """What gives some results of a program, and nothing that they do not need.

    Attributes:
      reads: the inputs of the whole program that it needs, by number.
      jaxpr: from those inputs, in that order, to the results.
      consts: the program's constants.
    """

    reads: tuple[int, ...]
    jaxpr: Any
    consts: Sequence[Any]

    def compiled(self) -> Callable[..., Sequence[Any]]:
        """The part as a compiled function of the inputs that it reads."""

        def run(consts: Sequence[Any], inputs: Sequence[Any]) -> Sequence[Any]:
            values: Sequence[Any] = jax.core.eval_jaxpr(self.jaxpr, consts, *inputs)
            return values

        inputs = [jax.ShapeDtypeStruct(v.aval.shape, v.aval.dtype) for v in self.jaxpr.invars]  # type: ignore[no-untyped-call]
        call = jax.jit(run, compiler_options=QUICK_COMPILE).lower(self.consts, inputs).compile()
        return lambda *given: call(self.consts, list(given))


def part_for(closed: Any, results: Sequence[Any]) -> Part:
    """The part of a closed jaxpr that gives some of its variables."""
    whole = closed.jaxpr
    names = whole.debug_info._replace(result_paths=None)
    jaxpr, used = dce_jaxpr(whole.replace(outvars=[*results], debug_info=names), [True] * len(results))
    return Part(tuple(i for i, needed in enumerate(used) if needed), jaxpr, closed.consts)


def part_of_stages(program: Program, stages: Sequence[int]) -> Part:
    """The part that gives the output of some stages; its inputs are the state's arrays and then the call's."""
    return part_for(program.jaxpr, [program.stage_vars[stage] for stage in stages])


def valued(program: Program, stages: Sequence[int] | None = None) -> tuple[int, ...]:
    """Those of the stages asked for that have a value of their own; one inside a scan's body or a branch has none."""
    wanted = range(len(program.stage_vars)) if stages is None else stages
    return tuple(stage for stage in wanted if program.stage_vars[stage] is not None)


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
    return _run(program, state, arguments, stages)[0]


def _run(
    program: Program, state: Sequence[Any], arguments: Sequence[Any], stages: Sequence[int] | None
) -> tuple[dict[int, np.ndarray[Any, Any]], list[Any]]:
    """The values of the stages, and the call's results."""
    held = valued(program, stages)
    results = program.jaxpr.jaxpr.outvars
    part = part_for(program.jaxpr, [*(program.stage_vars[stage] for stage in held), *results])
    given = [*state, *arguments]
    values = part.compiled()(*(given[i] for i in part.reads))
    return {stage: np.asarray(value) for stage, value in zip(held, values, strict=False)}, list(values[len(held) :])
