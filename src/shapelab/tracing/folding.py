"""Folding the stages of a trace into the module calls that hold them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from shapelab.tracing.records import Branch, Edge, Failure, Parameter, Stage, Trace, total


def fold(trace: Trace, depth: int) -> Trace:
    """The trace with each module call that lies ``depth`` calls deep as one stage; see ``Trace.at``."""
    if depth < 0:
        raise ValueError(f"depth {depth} is below 0: 0 folds the whole module into one stage")
    groups: dict[object, list[int]] = {}
    for index, stage in enumerate(trace.stages):
        key = stage.calls[:depth] if len(stage.calls) >= depth else index
        groups.setdefault(key, []).append(index)
    members = list(groups.values())
    group_of = {stage: number for number, group in enumerate(members) for stage in group}
    group_of |= {-1 - i: -1 - i for i in range(len(trace.inputs))}
    edges = tuple(
        dict.fromkeys(
            Edge(group_of[edge.source], group_of[edge.target], edge.shape)
            for edge in trace.edges
            if group_of[edge.source] != group_of[edge.target]
        )
    )
    read = {edge.source for edge in trace.edges if group_of[edge.source] != group_of[edge.target]}
    read |= {source for source in trace.outputs_from if source is not None}
    stages = tuple(
        trace.stages[group[0]]
        if len(group) == 1
        else _folded(trace, group, depth, [i for i in group if i in read], [e for e in edges if e.target == number])
        for number, group in enumerate(members)
    )
    outputs_from = tuple(None if source is None else group_of[source] for source in trace.outputs_from)
    error = _moved(trace.error, group_of) if trace.error else None
    return replace(trace, stages=stages, edges=edges, outputs_from=outputs_from, error=error, program=None)


def snake_case(name: str) -> str:
    """``SpectralNorm`` -> ``spectral_norm``, ``LoRALinear`` -> ``lora_linear``."""
    return re.sub(r"(?<=[a-z0-9A-Z])(?=[A-Z][a-z])", "_", name).lower()


def _folded(trace: Trace, group: Sequence[int], depth: int, read: Sequence[int], edges: Sequence[Edge]) -> Stage:
    stages = [trace.stages[index] for index in group]
    gives = trace.stages[read[-1]] if read else stages[-1]
    calls = stages[0].calls[:depth]
    module_type = calls[-1].module_type if calls else trace.name
    sliding = [stage for stage in stages if stage.windows is not None]
    one = sliding[0] if len(sliding) == 1 else None
    repeats = {stage.repeats for stage in stages}
    times = repeats.pop() if len(repeats) == 1 else 1
    each = [1 if stage.repeats == times else stage.repeats or 1 for stage in stages]
    shared = _shared([stage.branches for stage in stages])
    ways = [stage.branches[len(shared) :] for stage in stages]
    parameters: dict[str, Parameter] = {p.path: p for stage in stages for p in stage.parameters}
    return replace(
        gives,
        path=calls[-1].path if calls else "",
        op=snake_case(module_type),
        module_type=module_type,
        in_shapes=tuple(edge.shape for edge in edges),
        windows=one.windows if one else None,
        slides_over=one.slides_over if one else None,
        declared=one.declared if one else None,
        parameters=tuple(parameters.values()),
        macs=total([(b, stage.macs * n) for b, stage, n in zip(ways, stages, each, strict=True)]),
        flops=total([(b, stage.flops * n) for b, stage, n in zip(ways, stages, each, strict=True)]),
        flops_once=total([(b, stage.flops_once) for b, stage in zip(ways, stages, strict=True)]),
        bytes=sum(trace.stages[index].bytes for index in read) or gives.bytes,
        source=calls[-1].source if calls else None,
        calls=calls,
        layer=True,
        repeats=times,
        branches=shared,
    )


def _shared(branches: Sequence[tuple[Branch, ...]]) -> tuple[Branch, ...]:
    """The conditionals that all lie in, on the same way."""
    shared = []
    for together in zip(*branches, strict=False):
        if len(set(together)) > 1:
            break
        shared.append(together[0])
    return tuple(shared)


def _moved(error: Failure, group_of: dict[int, int]) -> Failure:
    operands = tuple(None if stage is None else group_of[stage] for stage in error.operands)
    return replace(
        error, operands=operands, dropped_by=None if error.dropped_by is None else group_of[error.dropped_by]
    )
