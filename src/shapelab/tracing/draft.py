"""Sorting the equations of a jaxpr into stages.

Which stage an equation belongs to:

- all that a layer of flax does in one call (``nnx.Conv`` with its reshapes and bias) is one stage;
- elsewhere, all that one call of a library function does (``nnx.avg_pool``, ``nnx.relu``) is one stage, and every
  operator is one;
- what is computed from parameters alone belongs to the stage that reads the result.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from flax import linen, nnx

from shapelab.geometry import Window
from shapelab.geometry.cost import tensor_bytes
from shapelab.tracing import inner
from shapelab.tracing.axes import AxisNames, Dim, Value
from shapelab.tracing.failure import Caught, explain
from shapelab.tracing.frames import CallSite, call_site
from shapelab.tracing.primitives import SPATIAL_NAMES, Reading, read
from shapelab.tracing.records import SPATIAL, Edge, Parameter, Stage, Tensor, Trace
from shapelab.tracing.scopes import ROOT, Scope, Scopes, scope_of

LAYER_OPS: dict[type, str] = {
    nnx.Conv: "conv",
    nnx.ConvTranspose: "conv_transpose",
    nnx.BatchNorm: "batch_norm",
    nnx.LayerNorm: "layer_norm",
    nnx.GroupNorm: "group_norm",
    nnx.RMSNorm: "rms_norm",
    nnx.Linear: "linear",
    nnx.LinearGeneral: "linear",
    nnx.Einsum: "einsum",
    nnx.Embed: "embed",
    nnx.Dropout: "dropout",
    linen.Conv: "conv",
    linen.ConvTranspose: "conv_transpose",
    linen.BatchNorm: "batch_norm",
    linen.LayerNorm: "layer_norm",
    linen.GroupNorm: "group_norm",
    linen.RMSNorm: "rms_norm",
    linen.Dense: "linear",
    linen.DenseGeneral: "linear",
    linen.Einsum: "einsum",
    linen.Embed: "embed",
    linen.Dropout: "dropout",
}


@dataclass(frozen=True)
class StateArray:
    """One array of the module's state."""

    path: str
    array: Any
    trainable: bool


@dataclass(eq=False)
class StageDraft:
    """A stage that is still gathering equations."""

    index: int
    scope: Scope
    op: str
    layer: bool
    site: CallSite
    repeats: int
    ops: list[str] = field(default_factory=list)
    reads: dict[int, Value] = field(default_factory=dict)
    makes: list[tuple[Any, Value]] = field(default_factory=list)
    windows: list[tuple[str, tuple[Dim, ...], dict[int, Window]]] = field(default_factory=list)
    leaves: set[int] = field(default_factory=set)
    charged: set[int] = field(default_factory=set)
    macs: int = 0
    flops: int = 0
    read_later: set[int] = field(default_factory=set)
    made_by: set[Any] = field(default_factory=set)  # the same line and primitive again: a loop came round


class Draft:
    """One pass over a jaxpr."""

    def __init__(
        self, closed: Any, scopes: Scopes, state: Sequence[StateArray], arguments: Sequence[str], root_name: str
    ) -> None:
        self.names = AxisNames()
        self.scopes = scopes
        self.state = state
        self.arguments = arguments
        self.root_name = root_name
        self.closed = closed
        self.stages: list[StageDraft] = []
        self.env: dict[Any, Value] = {}
        self.inputs: list[Value] = []
        self._open: dict[Any, StageDraft] = {}
        self._bind_inputs()
        self._walk(closed.jaxpr, self.env, ROOT, None, 1)

    # -- values ---------------------------------------------------------------------------------------------------

    def _bind_inputs(self) -> None:
        invars = self.closed.jaxpr.invars
        for leaf, var in enumerate(invars[: len(self.state)]):
            self.env[var] = self._value(var.aval, leaves=frozenset({leaf}))
        for number, var in enumerate(invars[len(self.state) :]):
            dims = tuple(Dim(self.names.new(), (number, axis), inner.IDENTITY) for axis in range(len(var.aval.shape)))
            value = Value(tuple(var.aval.shape), str(var.aval.dtype), dims, producer=-1 - number)
            self.env[var] = value
            self.inputs.append(value)
        for var in self.closed.jaxpr.constvars:
            self.env[var] = self._value(var.aval)

    def _value(self, aval: Any, leaves: frozenset[int] = frozenset()) -> Value:
        shape = tuple(getattr(aval, "shape", ()))
        return Value(shape, str(getattr(aval, "dtype", "")), self.names.fresh(shape), leaves=leaves)

    def _lookup(self, var: Any, env: dict[Any, Value]) -> Value:
        if hasattr(var, "val"):  # a literal
            return self._value(var.aval)
        return env[var]

    # -- the walk -------------------------------------------------------------------------------------------------

    def _walk(self, jaxpr: Any, env: dict[Any, Value], scope: Scope, forced: StageDraft | None, repeats: int) -> None:
        for var in jaxpr.constvars:
            if var not in env:
                env[var] = self._value(var.aval)
        for eqn in jaxpr.eqns:
            values = [self._lookup(var, env) for var in eqn.invars]
            own_scope = scope_of(eqn.source_info.name_stack) or scope
            body = inner.body_of(eqn)
            if body is None:
                self._plain(eqn, values, env, own_scope, forced, repeats)
            elif forced is not None or body.transparent or not self._constant(values):
                self._nested(eqn, body, values, env, own_scope, forced, repeats)
            else:
                self._constants(eqn, values, env)

    def _plain(
        self,
        eqn: Any,
        values: list[Value],
        env: dict[Any, Value],
        scope: Scope,
        forced: StageDraft | None,
        repeats: int,
    ) -> None:
        if forced is None and not self._in_layer(scope) and self._constant(values):
            self._constants(eqn, values, env)
            return
        stage = forced or self._stage_for(eqn, scope, repeats)
        reading = read(eqn, values, self.names, stage.index)
        self._enter(stage, values)
        self._leave(stage, eqn, values, reading, env)

    def _nested(
        self,
        eqn: Any,
        body: inner.Body,
        values: list[Value],
        env: dict[Any, Value],
        scope: Scope,
        forced: StageDraft | None,
        repeats: int,
    ) -> None:
        stage = forced
        if stage is None and not body.transparent:
            stage = self._stage_for(eqn, scope, repeats)
            if not self._in_layer(scope):
                stage.ops.append(body.name)
        if stage is not None:
            self._enter(stage, values)
        inner_env: dict[Any, Value] = {}
        for var, value in zip(body.jaxpr.invars, body.arguments(values), strict=True):
            inner_env[var] = value
        count = len(stage.ops) if stage else 0
        self._walk(body.jaxpr, inner_env, scope, stage, repeats * body.length)
        if stage is not None and forced is None:
            del stage.ops[count:]
        results = [self._lookup(var, inner_env) for var in body.jaxpr.outvars]
        for var, value in zip(eqn.outvars, body.results(results, eqn, self.names), strict=True):
            env[var] = value
            if stage is not None and value.producer == stage.index:
                stage.makes.append((var, value))

    def _constant(self, values: Sequence[Value]) -> bool:
        return all(value.producer is None for value in values)

    def _constants(self, eqn: Any, values: list[Value], env: dict[Any, Value]) -> None:
        """Arithmetic on parameters and constants alone: no stage yet; its cost waits for the reader."""
        reading = read(eqn, values, self.names) if inner.body_of(eqn) is None else None
        leaves = frozenset().union(*(value.leaves for value in values)) if values else frozenset()
        pending = sum(value.pending_flops for value in values) + (reading.flops + 2 * reading.macs if reading else 0)
        for i, var in enumerate(eqn.outvars):
            value = self._value(var.aval, leaves)
            if reading is not None:
                value.dims = reading.outs[i]
            value.pending_flops = pending
            env[var] = value

    # -- stages ---------------------------------------------------------------------------------------------------

    def _in_layer(self, scope: Scope) -> bool:
        facts = self.scopes.modules.get(scope.path)
        return facts is not None and facts.leaf

    def _stage_for(self, eqn: Any, scope: Scope, repeats: int) -> StageDraft:
        facts = self.scopes.modules.get(scope.path)
        if facts is not None and facts.leaf:
            key: Any = (scope, "layer")
            if key not in self._open:
                site = call_site(eqn.source_info.traceback)
                op = LAYER_OPS.get(facts.cls, inner.snake_case(facts.cls.__name__))
                self._open[key] = self._new_stage(scope, op, True, site, repeats)
            return self._open[key]
        site = call_site(eqn.source_info.traceback, inner.file_of(facts.cls) if facts and inner.of_flax(facts) else "")
        latest = self.stages[-1] if self.stages else None
        same_call = (
            latest is not None
            and not latest.layer
            and latest.scope == scope
            and site.callee
            and (latest.site.chain, latest.site.callee) == (site.chain, site.callee)
            and (site.everything, eqn.primitive.name) not in latest.made_by
        )
        stage = latest if same_call and latest is not None else self._new_stage(scope, "", False, site, repeats)
        stage.made_by.add((site.everything, eqn.primitive.name))
        return stage

    def _new_stage(self, scope: Scope, op: str, layer: bool, site: CallSite, repeats: int) -> StageDraft:
        stage = StageDraft(len(self.stages), scope, op, layer, site, repeats)
        self.stages.append(stage)
        return stage

    def _enter(self, stage: StageDraft, values: Sequence[Value]) -> None:
        for value in values:
            stage.leaves |= value.leaves
            if value.producer is not None and value.producer != stage.index:
                stage.reads[id(value)] = value
                if value.producer >= 0:
                    self.stages[value.producer].read_later.add(id(value))
            elif value.pending_flops and id(value) not in stage.charged:
                stage.charged.add(id(value))
                stage.flops += value.pending_flops

    def _leave(
        self, stage: StageDraft, eqn: Any, values: Sequence[Value], reading: Reading, env: dict[Any, Value]
    ) -> None:
        if reading.windows:
            stage.windows.append((reading.op, reading.outs[0], reading.windows))
        stage.ops.append(reading.op)
        stage.macs += reading.macs
        stage.flops += 2 * reading.macs + reading.flops
        reduced = reading.reduced.union(*(value.reduced for value in values))
        leaves: frozenset[int] = frozenset()
        producer: int | None = stage.index
        if self._constant(values):  # a layer's own state moving on, such as the counter of a Dropout
            producer, leaves = None, leaves.union(*(value.leaves for value in values))
        for var, dims in zip(eqn.outvars, reading.outs, strict=True):
            value = Value(tuple(var.aval.shape), str(var.aval.dtype), dims, producer, leaves, reduced, reading.shown)
            env[var] = value
            stage.makes.append((var, value))

    # -- the record -----------------------------------------------------------------------------------------------

    def finish(self, outputs: int, caught: Caught | None) -> tuple[Trace, tuple[Any, ...]]:
        """The trace, and for each stage the variable that holds what it gives."""
        self._name_slid_axes()
        if caught is not None:
            self._drop_unfinished()
        outvars = self.closed.jaxpr.outvars[:outputs]
        results = [self._lookup(var, self.env) for var in outvars]
        for value in results:
            if value.producer is not None and value.producer >= 0:
                self.stages[value.producer].read_later.add(id(value))
        given = [self._given(stage) for stage in self.stages]
        stages = tuple(self._record(stage, value) for stage, (_, value) in zip(self.stages, given, strict=True))
        edges = tuple(
            Edge(value.producer, stage.index, value.shape)
            for stage in self.stages
            for value in stage.reads.values()
            if value.producer is not None
        )
        trace = Trace(
            name=self.root_name,
            inputs=tuple(self._tensor(n, v) for n, v in zip(self.arguments, self.inputs, strict=True)),
            outputs=() if caught else tuple(self._tensor("output", value) for value in results),
            stages=stages,
            edges=edges,
            outputs_from=tuple(value.producer for value in results),
            parameters=tuple(self._parameter(leaf) for leaf in range(len(self.state))),
            error=explain(caught, self.scopes.failed or "", stages, edges) if caught else None,
        )
        top_level = {var for eqn in self.closed.jaxpr.eqns for var in eqn.outvars}
        return trace, tuple(var if var in top_level else None for var, _ in given)

    def _drop_unfinished(self) -> None:
        """Take away the layer that was running when the forward broke off."""
        last = self.stages[-1] if self.stages else None
        broke = Scope(self.scopes.failed or "", self.scopes.calls.get(self.scopes.failed or "", 0))
        if last is not None and last.layer and last.scope == broke:
            self.stages.pop()

    def _name_slid_axes(self) -> None:
        """Name the axes that a pooling slides along where no convolution has named any; channels last, batch first."""
        for stage in self.stages:
            for _, dims, windows in stage.windows:
                slid = [i for i, w in sorted(windows.items()) if (w.size, w.stride) != (1, 1)]
                if any(self.names.name(dim.axis) for dim in dims) or len(slid) not in SPATIAL_NAMES:
                    continue
                for i, name in zip(slid, SPATIAL_NAMES[len(slid)], strict=True):
                    self.names.call(dims[i].axis, name)
                if slid[-1] == len(dims) - 2:
                    self.names.call(dims[-1].axis, "C")
                if slid[0] == 1:
                    self.names.call(dims[0].axis, "N")

    def _given(self, stage: StageDraft) -> tuple[Any, Value]:
        """What a stage gives: the last value that something after it reads, else the last it made."""
        read = [made for made in stage.makes if id(made[1]) in stage.read_later]
        return (read or stage.makes)[-1]

    def _record(self, stage: StageDraft, gives: Value) -> Stage:
        facts = self.scopes.modules.get(stage.scope.path)
        layout = self.names.layout(gives.dims)
        return Stage(
            path=stage.scope.path,
            op=stage.op or inner.op_name(stage.ops, stage.site.callee),
            module_type=facts.cls.__name__ if facts else self.root_name if not stage.scope.path else "",
            in_shapes=tuple(value.shape for value in stage.reads.values()),
            out_shape=gives.shape,
            layout=layout,
            dtype=gives.dtype,
            windows=self._windows(stage),
            parameters=tuple(self._parameter(leaf) for leaf in sorted(stage.leaves)),
            macs=stage.macs,
            flops=stage.flops,
            bytes=tensor_bytes(gives.shape, inner.itemsize(gives.dtype)),
            receptive_field=self._receptive_field(gives, layout),
            couples_all=self.names.any_spatial(gives.reduced),
            source=stage.site.source,
            layer=stage.layer,
            repeats=stage.repeats,
        )

    def _windows(self, stage: StageDraft) -> tuple[Window, ...] | None:
        """The windows of a stage in which exactly one thing slides, along the axes of space.

        The paddings and slices that a stage makes on the way do not count beside a convolution or a pooling.
        """
        sliding = [entry for entry in stage.windows if entry[0] not in ("pad", "slice")] or stage.windows
        if len(sliding) != 1:
            return None
        _, dims, windows = sliding[0]
        spatial = [w for axis, w in sorted(windows.items()) if self.names.name(dims[axis].axis) in SPATIAL]
        return tuple(spatial) or None

    def _receptive_field(self, gives: Value, layout: tuple[str, ...]) -> Any:
        fields = [dim.sees for dim, name in zip(gives.dims, layout, strict=True) if name in SPATIAL]
        return tuple(fields) if fields and all(fields) else None

    def _tensor(self, name: str, value: Value) -> Tensor:
        return Tensor(name, value.shape, self.names.layout(value.dims), value.dtype)

    def _parameter(self, leaf: int) -> Parameter:
        value = self.env[self.closed.jaxpr.invars[leaf]]
        return Parameter(
            self.state[leaf].path, value.shape, self.names.layout(value.dims), value.dtype, self.state[leaf].trainable
        )
