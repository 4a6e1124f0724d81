"""Sorting the equations of a jaxpr into stages.

Which stage an equation belongs to:

- all that a layer of flax does in one call (``nnx.Conv`` with its reshapes and bias) is one stage;
- elsewhere, all that one call of a library function does (``nnx.avg_pool``, ``nnx.relu``) is one stage, and every
  operator is one;
- what is computed from parameters alone belongs to the stage that reads the result;
- the branches of a conditional and the body of a loop are stages of their own, joined by a stage that gives the result.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from shapelab.geometry import ReceptiveField, Window
from shapelab.tracing import inner
from shapelab.tracing.axes import AxisNames, Dim, Value
from shapelab.tracing.calls import CallNode, CallTree
from shapelab.tracing.folding import snake_case
from shapelab.tracing.frames import CallSite, call_site
from shapelab.tracing.layers import layer_op
from shapelab.tracing.primitives import Reading, read
from shapelab.tracing.records import Branch, Source
from shapelab.tracing.scopes import Scopes


@dataclass(frozen=True)
class StateArray:
    """One array of the module's state."""

    path: str
    array: Any
    trainable: bool


@dataclass(frozen=True)
class Slid:
    """Something that slides: what it is called, its output's axes, and per axis the window and the cells under it."""

    op: str
    dims: tuple[Dim, ...]
    windows: dict[int, Window]
    slides_over: dict[int, int]


@dataclass(eq=False)
class StageDraft:
    """A stage that is still gathering equations."""

    index: int
    call: CallNode
    op: str
    layer: bool
    site: CallSite
    repeats: int | None
    branches: tuple[Branch, ...]
    ops: list[str] = field(default_factory=list)
    reads: dict[int, Value] = field(default_factory=dict)
    makes: list[tuple[Any, Value]] = field(default_factory=list)
    slid: list[Slid] = field(default_factory=list)
    leaves: set[int] = field(default_factory=set)
    macs: int = 0
    flops: int = 0
    flops_once: int = 0
    loop_changes_field: bool = False
    reduced_by_loop: frozenset[int] = frozenset()
    read_later: set[int] = field(default_factory=set)
    made_by: set[Any] = field(default_factory=set)  # the same line and primitive again: a loop came round
    tells: bool = False  # whether it has done more than lay its operands out


@dataclass(frozen=True)
class Where:
    """Where in the program an equation stands.

    Attributes:
      call: the innermost module call around the program that holds it.
      stage: the stage that takes everything in there, or None.
      repeats: how often the program runs in one call, or None where only the run tells.
      branches: the conditionals around it.
      body: number of the program, each use counted.
      source: the caller's line that runs it, for equations that know none of their own.
    """

    call: CallNode
    stage: StageDraft | None = None
    repeats: int | None = 1
    branches: tuple[Branch, ...] = ()
    body: int = 0
    source: Source | None = None

    def within(self, call: CallNode) -> Where:
        """The same, in a call inside."""
        if call is self.call:
            return self
        return Where(call, self.stage, self.repeats, self.branches, self.body, self.source)


Env = dict[Any, Value]


class Draft:
    """One pass over a jaxpr.

    Attributes:
      names: the axes' names.
      state: the module's arrays.
      stages: in order of their first equation.
      env: the values of the outermost program.
      inputs: the call's arrays.
      main: the number of the input whose cells receptive fields count.
    """

    def __init__(self, closed: Any, scopes: Scopes, state: Sequence[StateArray]) -> None:
        self.names = AxisNames()
        self.state = state
        self.stages: list[StageDraft] = []
        self.env: Env = {}
        self.inputs: list[Value] = []
        self._calls = CallTree(scopes.modules)
        self._open: dict[CallNode, StageDraft] = {}
        self._bodies = self._conditionals = 0
        self._costs: list[tuple[int, int | None]] = []  # of arithmetic on parameters alone: FLOPs, and how often
        self._paid: set[int] = set()
        self.main = _main_input([var.aval for var in closed.jaxpr.invars[len(self.state) :]])
        self._bind_inputs(closed.jaxpr)
        self._walk(closed.jaxpr, self.env, Where(self._calls.root))

    # -- values ---------------------------------------------------------------------------------------------------

    def _bind_inputs(self, jaxpr: Any) -> None:
        for leaf, var in enumerate(jaxpr.invars[: len(self.state)]):
            self.env[var] = self._value(var.aval, leaves=frozenset({leaf}))
        for number, var in enumerate(jaxpr.invars[len(self.state) :]):
            shape, main = tuple(var.aval.shape), number == self.main
            dims = tuple(
                Dim(self.names.new(), (number, axis), inner.IDENTITY) if main else Dim(self.names.new())
                for axis in range(len(shape))
            )
            value = Value(shape, dtype_name(var.aval), dims, producer=-1 - number, from_main=main)
            self.env[var] = value
            self.inputs.append(value)

    def _value(self, aval: Any, leaves: frozenset[int] = frozenset()) -> Value:
        shape = tuple(getattr(aval, "shape", ()))
        return Value(shape, dtype_name(aval), self.names.fresh(shape), leaves=leaves)

    def lookup(self, var: Any, env: Env) -> Value:
        """The value of a variable, or of a literal."""
        if hasattr(var, "val"):
            return self._value(var.aval)
        return env[var]

    # -- the walk -------------------------------------------------------------------------------------------------

    def _walk(self, jaxpr: Any, env: Env, where: Where) -> list[Value]:
        """Sort the equations of a program; its results."""
        for var in jaxpr.constvars:
            if var not in env:
                env[var] = self._value(var.aval)
        for eqn in jaxpr.eqns:
            values = [self.lookup(var, env) for var in eqn.invars]
            here = where.within(self._calls.node_of(eqn, where.call, where.body))
            body = inner.body_of(eqn)
            kind = eqn.primitive.name
            own = where.stage is not None or here.call.is_layer
            if not own and _all_constant(values) and not (body is not None and body.transparent):
                self._constants(eqn, values, env, where.repeats)
            elif kind == "cond":
                self._conditional(eqn, values, env, here)
            elif kind == "while":
                self._loop(eqn, values, env, here)
            elif body is not None:
                self._nested(eqn, body, values, env, here)
            elif eqn.outvars:
                self._plain(eqn, values, env, here)
        return [self.lookup(var, env) for var in jaxpr.outvars]

    def _enter_body(self, eqn: Any, jaxpr: Any, values: Sequence[Value], where: Where) -> list[Value]:
        self._bodies += 1
        env: Env = dict(zip(jaxpr.invars, values, strict=True))
        source = where.source or call_site(eqn.source_info.traceback).source
        return self._walk(jaxpr, env, replace(where, body=self._bodies, source=source))

    def _plain(self, eqn: Any, values: list[Value], env: Env, where: Where) -> None:
        stage = where.stage or self._stage_for(eqn, values, where)
        reading = read(eqn, values, self.names, stage.index)
        self._enter(stage, values)
        self._leave(stage, eqn, values, reading, env)

    def _nested(self, eqn: Any, body: inner.Body, values: list[Value], env: Env, where: Where) -> None:
        stage = where.stage
        if stage is None and not body.transparent and body.jaxpr.eqns:
            stage = self._stage_for(eqn, values, where)
            if not where.call.is_layer:
                stage.ops.append(body.called(stage.site.callee))
        if stage is not None:
            self._enter(stage, values)
        count = len(stage.ops) if stage else 0
        begun = len(self.stages)
        repeats = None if where.repeats is None else where.repeats * body.length
        given = body.arguments(values)
        if body.loops:
            given = self._carried(given, [i for i, _ in body.carries(eqn)])
        results = self._enter_body(eqn, body.jaxpr, given, replace(where, stage=stage, repeats=repeats))
        if stage is not None and where.stage is None:
            del stage.ops[count:]
        if body.loops and body.length != 1:
            results = self._many_turns(given, results, body.carries(eqn), begun)
        elif body.name.strip("_") in inner.RESIZES:
            results = [_resized(values[0], value) for value in results]
        for var, value in zip(eqn.outvars, body.results(results, eqn, self.names), strict=True):
            env[var] = value
            if stage is not None and value.producer == stage.index:
                stage.makes.append((var, value))

    def _carried(self, values: Sequence[Value], carries: Sequence[int]) -> list[Value]:
        """What a body is given: a carry that begins as a constant is none from the second turn on."""
        return [
            replace(value, carried=True) if place in carries and value.constant else value
            for place, value in enumerate(values)
        ]

    def _many_turns(
        self, given: Sequence[Value], results: Sequence[Value], carries: Sequence[tuple[int, int]], begun: int
    ) -> list[Value]:
        """What the last turn of a loop gives, where one turn has been read.

        Fields that grow from turn to turn are given up; what one turn reduces, the next has in all its stages.
        """
        pairs = [(given[i], results[k]) for i, k in carries]
        reduced = frozenset[int]().union(*(after.reduced for _, after in pairs))
        grows = any(
            before.from_main and _fields(before) != _fields(after)
            for before, after in pairs
            if before.shape == after.shape
        )
        for stage in self.stages[begun:]:
            stage.loop_changes_field |= grows
            stage.reduced_by_loop |= reduced
        unsure = [replace(value, dims=tuple(dim.seeing(None) for dim in value.dims)) for value in results]
        return unsure if grows else list(results)

    def _conditional(self, eqn: Any, values: list[Value], env: Env, where: Where) -> None:
        """The branches' own stages, and one that gives what the branch taken has made."""
        predicate, *operands = values
        stage = where.stage or self._layer_stage(eqn, where)
        number, self._conditionals = self._conditionals, self._conditionals + 1
        branches = eqn.params["branches"]
        ways, costs = [], []
        for index, branch in enumerate(branches):
            before = (stage.macs, stage.flops) if stage else (0, 0)
            way = Branch(number, index, len(branches))
            inside = replace(where, stage=stage, branches=(*where.branches, way))
            ways.append(self._enter_body(eqn, branch.jaxpr, operands, inside))
            if stage is not None:  # inside a layer only the costliest branch counts
                costs.append((stage.macs, stage.flops))
                stage.macs, stage.flops = before
        if stage is not None:
            stage.macs, stage.flops = max(costs)
        reads = [predicate, *(value for way in ways for value in way)]
        self._join(eqn, reads, list(zip(*ways, strict=True)), env, where)

    def _loop(self, eqn: Any, values: list[Value], env: Env, where: Where) -> None:
        """One turn of the loop's body, and a stage that decides on the next and gives the last one's result."""
        p = eqn.params
        tested, held = p["cond_nconsts"], p["body_nconsts"]
        stage = where.stage or self._layer_stage(eqn, where)
        first = self._carried(values[tested + held :], range(len(values)))
        begun = len(self.stages)
        inside = replace(where, stage=stage, repeats=None)
        turned = self._enter_body(eqn, p["body_jaxpr"].jaxpr, [*values[tested : tested + held], *first], inside)
        turned = self._many_turns(first, turned, [(k, k) for k in range(len(first))], begun)
        join = self._join(eqn, [*first, *turned], list(zip(first, turned, strict=True)), env, where)
        self._enter(join, values[:tested])
        self._enter_body(eqn, p["cond_jaxpr"].jaxpr, [*values[:tested], *first], replace(where, stage=join))

    def _join(
        self, eqn: Any, reads: list[Value], ways: Sequence[Sequence[Value]], env: Env, where: Where
    ) -> StageDraft:
        """A stage that passes on one of several values for each of its results."""
        stage = where.stage or self._layer_stage(eqn, where) or self._new_stage(where, eqn.primitive.name, eqn)
        self._enter(stage, reads)
        reduced = frozenset[int]().union(*(value.reduced for value in reads))
        for var, options in zip(eqn.outvars, ways, strict=True):
            shape = tuple(var.aval.shape)
            dims = tuple(self.names.merge([(value, axis) for value in options]) for axis in range(len(shape)))
            from_main = any(value.from_main for value in reads)
            env[var] = Value(shape, dtype_name(var.aval), dims, stage.index, reduced=reduced, from_main=from_main)
            stage.makes.append((var, env[var]))
        return stage

    def _constants(self, eqn: Any, values: list[Value], env: Env, repeats: int | None) -> None:
        """Arithmetic on parameters and constants alone: no stage yet; its cost waits for the first that reads it."""
        leaves = frozenset[int]().union(*(value.leaves for value in values))
        pending = frozenset[int]().union(*(value.pending for value in values))
        body = inner.body_of(eqn)
        if body is not None:
            inside: Env = dict(zip(body.jaxpr.invars, body.arguments(values), strict=True))
            turns = None if repeats is None else repeats * body.length
            for held in body.jaxpr.constvars:
                inside[held] = self._value(held.aval)
            for within in body.jaxpr.eqns:
                self._constants(within, [self.lookup(var, inside) for var in within.invars], inside, turns)
            results = [self.lookup(var, inside) for var in body.jaxpr.outvars]
            for var, value in zip(eqn.outvars, body.results(results, eqn, self.names), strict=True):
                env[var] = value
            return
        reading = read(eqn, values, self.names)
        cost = reading.flops + 2 * reading.macs
        if cost:
            pending |= {len(self._costs)}
            self._costs.append((cost, repeats))
        for var, dims in zip(eqn.outvars, reading.outs, strict=True):
            env[var] = replace(self._value(var.aval, leaves), dims=dims, pending=pending)

    # -- stages ---------------------------------------------------------------------------------------------------

    def _layer_stage(self, eqn: Any, where: Where) -> StageDraft | None:
        """The stage of the layer of flax that is running, or None."""
        call = where.call
        if not call.is_layer or call.facts is None:
            return None
        if call not in self._open:
            op = layer_op(call.facts.cls) or snake_case(call.facts.cls.__name__)
            self._open[call] = self._new_stage(where, op, eqn, layer=True)
        return self._open[call]

    def _stage_for(self, eqn: Any, values: Sequence[Value], where: Where) -> StageDraft:
        layer = self._layer_stage(eqn, where)
        if layer is not None:
            return layer
        facts = where.call.facts
        site = call_site(eqn.source_info.traceback, inner.flax_file(facts.cls) if facts else "")
        kind = eqn.primitive.name
        mark = (site.everything, kind, *(dtype_name(var.aval) for var in (*eqn.invars, *eqn.outvars)))
        latest = self.stages[-1] if self.stages else None
        same_call = (
            latest is not None
            and not latest.layer
            and latest.call is where.call
            and latest.branches == where.branches
            and site.callee
            and (latest.site.chain, latest.site.callee) == (site.chain, site.callee)
            and (mark not in latest.made_by or (kind in inner.LAYOUT_PRIMITIVES and not latest.tells))
        )
        stage = latest if same_call and latest is not None else self._new_stage(where, "", eqn, site=site)
        stage.made_by.add(mark)
        stage.tells |= kind not in inner.LAYOUT_PRIMITIVES
        return stage

    def _new_stage(
        self, where: Where, op: str, eqn: Any, *, layer: bool = False, site: CallSite | None = None
    ) -> StageDraft:
        site = site or call_site(eqn.source_info.traceback)
        if site.source is None:
            site = replace(site, source=where.source)
        stage = StageDraft(len(self.stages), where.call, op, layer, site, where.repeats, where.branches)
        self.stages.append(stage)
        return stage

    def _enter(self, stage: StageDraft, values: Sequence[Value]) -> None:
        for value in values:
            stage.leaves |= value.leaves
            if value.carried or (value.producer is not None and value.producer != stage.index):
                stage.reads[id(value)] = value
                self.mark_read(value)
            for number in value.pending - self._paid:
                cost, repeats = self._costs[number]
                if repeats == stage.repeats:
                    stage.flops += cost
                else:
                    stage.flops_once += cost * (repeats or 1)
                self._paid.add(number)

    def mark_read(self, value: Value) -> None:
        """Tell the stage that made a value that something after it reads it."""
        if value.producer is not None and value.producer >= 0:
            self.stages[value.producer].read_later.add(id(value))

    def _leave(self, stage: StageDraft, eqn: Any, values: Sequence[Value], reading: Reading, env: Env) -> None:
        if reading.windows:
            stage.slid.append(Slid(reading.op, reading.outs[0], reading.windows, reading.slides_over))
        stage.ops.append(reading.op)
        stage.macs += reading.macs
        stage.flops += 2 * reading.macs + reading.flops
        constant = _all_constant(values)
        reduced = _union([reading.reduced, *(value.reduced for value in values)])
        from_main = any(value.from_main for value in values)
        kept = frozenset[int]().union(*(value.leaves for value in values)) if constant else frozenset[int]()
        for var, dims in zip(eqn.outvars, reading.outs, strict=True):
            shape, dtype = tuple(var.aval.shape), dtype_name(var.aval)
            # A layer's counter or key that moves on is no activation; what it makes of parameters alone is one.
            own_state = constant and not _floating(var.aval)
            producer = None if own_state else stage.index
            leaves = kept if own_state else frozenset[int]()
            env[var] = Value(
                shape, dtype, dims, producer, leaves, reduced, None if own_state else reading.shown, from_main=from_main
            )
            stage.makes.append((var, env[var]))


def _union(sets: Sequence[frozenset[int]]) -> frozenset[int]:
    """The union; the very set where only one holds anything, as is the rule."""
    first: frozenset[int] = frozenset()
    for other in sets:
        if other and other is not first:
            first = first | other if first else other
    return first


def _all_constant(values: Sequence[Value]) -> bool:
    return all(value.constant for value in values)


_NAMES: dict[Any, str] = {}


def dtype_name(aval: Any) -> str:
    """How numpy spells the type of an abstract value's elements; numpy takes its time to say so."""
    dtype = getattr(aval, "dtype", None)
    if dtype not in _NAMES:
        _NAMES[dtype] = "" if dtype is None else str(dtype)
    return _NAMES[dtype]


def _floating(aval: Any) -> bool:
    return dtype_name(aval).startswith(("float", "bfloat", "complex"))


def _fields(value: Value) -> list[ReceptiveField | None]:
    return [dim.sees for dim in value.dims]


def _resized(before: Value, after: Value) -> Value:
    """Each axis of a resized image is that of the image; how far its cells see, the weights know alone."""
    if len(before.shape) != len(after.shape):
        return after
    dims = tuple(
        old if old_size == size else old.seeing(None)
        for old, old_size, size in zip(before.dims, before.shape, after.shape, strict=True)
    )
    return replace(after, dims=dims, reduced=before.reduced)


def _main_input(avals: Sequence[Any]) -> int:
    """The input that receptive fields are of: the first of those with the most axes, floating point before others."""
    ranks = [(_floating(aval), len(aval.shape)) for aval in avals]
    return ranks.index(max(ranks)) if ranks else 0
