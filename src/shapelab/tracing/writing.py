"""From the stages of a draft to the record of a trace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from shapelab.geometry import ReceptiveField, Window
from shapelab.geometry.cost import tensor_bytes
from shapelab.tracing import inner
from shapelab.tracing.axes import Value, unpadded
from shapelab.tracing.draft import Draft, Slid, StageDraft
from shapelab.tracing.primitives import SPATIAL_NAMES
from shapelab.tracing.records import SPATIAL, Edge, Parameter, Source, Stage, Tensor, Trace


@dataclass(frozen=True)
class Written:
    """A trace written down.

    Attributes:
      trace: the record.
      variables: for each stage, the jaxpr's variable that holds what it gives; None inside an inner program.
      origins: for each stage and each axis of its output, the axis of which input it is an image of (number, axis), and
        by how many input cells it steps; None where it is none.
    """

    trace: Trace
    variables: tuple[Any, ...]
    origins: tuple[tuple[tuple[int, int, int] | None, ...], ...]


@dataclass(frozen=True)
class Broken:
    """Where a forward broke off.

    Attributes:
      path: the innermost module that was running.
      mark: the number of that call.
      op: the function that refused.
      source: the caller's line.
    """

    path: str
    mark: str
    op: str
    source: Source | None


class Writer:
    """Writes one draft down."""

    def __init__(self, draft: Draft, closed: Any, root_name: str) -> None:
        self._draft = draft
        self._names = draft.names
        self._jaxpr = closed.jaxpr
        self._root_name = root_name
        self._parameters: dict[int, Parameter] = {}
        self._coupling: dict[frozenset[int], bool] = {}

    def write(self, arguments: Sequence[str], broke: Broken | None) -> Written:
        """The trace without its error.

        Args:
          arguments: names of the call's arrays.
          broke: where the forward broke off, or None.
        """
        draft = self._draft
        self._name_slid_axes()
        if broke is not None:
            self._drop_unfinished(broke)
        results = [draft.lookup(var, draft.env) for var in self._jaxpr.outvars]
        for value in results:
            draft.mark_read(value)
        given = [self._given(stage) for stage in draft.stages]
        stages = tuple(self._record(stage, value) for stage, (_, value) in zip(draft.stages, given, strict=True))
        edges = tuple(
            Edge(value.producer, stage.index, value.shape)
            for stage in draft.stages
            for value in stage.reads.values()
            if value.producer is not None
        )
        trace = Trace(
            name=self._root_name,
            inputs=tuple(self._tensor(n, v) for n, v in zip(arguments, draft.inputs, strict=True)),
            main=draft.main,
            outputs=() if broke is not None else tuple(self._tensor("output", value) for value in results),
            stages=stages,
            edges=edges,
            outputs_from=tuple(value.producer for value in results),
            parameters=tuple(self._parameter(leaf) for leaf in range(len(draft.state))),
            error=None,
        )
        top_level = {var for eqn in self._jaxpr.eqns for var in eqn.outvars}
        variables = tuple(var if var in top_level else None for var, _ in given)
        return Written(trace, variables, tuple(_origins(value) for _, value in given))

    def _drop_unfinished(self, broke: Broken) -> None:
        """Take away what was running when the forward broke off: a layer, or a call of a library function."""
        last = self._draft.stages[-1] if self._draft.stages else None
        if last is None or last.call.path != broke.path:
            return
        in_layer = last.layer and last.call.mark == broke.mark
        in_call = not last.layer and last.site.source == broke.source and last.site.callee.strip("_") == broke.op
        if (in_layer or in_call) and not last.read_later:
            self._draft.stages.pop()

    def _name_slid_axes(self) -> None:
        """Name the axes that a pooling slides along where no convolution has named any; channels last, batch first."""
        for stage in self._draft.stages:
            for slid in stage.slid:
                self._name_pooled(slid)
            if stage.slid and stage.layer:
                # What a layer gives has the axes of what slides in it, whatever it folds and cuts on the way.
                dims, given = stage.slid[0].dims, self._given(stage)[1].dims
                for dim, like in zip(given, dims, strict=False) if len(dims) == len(given) else ():
                    if self._names.name(like.axis):
                        self._names.call(dim.axis, self._names.name(like.axis))

    def _name_pooled(self, slid: Slid) -> None:
        rank = len(slid.dims)
        moved = [i for i, window in sorted(slid.windows.items()) if window != Window(1)]
        if rank >= 4 and moved and moved[0] > 0 and moved[-1] < rank - 1:
            moved = list(range(1, rank - 1))  # batch, space, channels: an axis of windows of one cell is space too
        named = any(self._names.name(slid.dims[i].axis) for i in moved)
        if slid.op in _CUTS or named or len(moved) not in SPATIAL_NAMES:
            return
        for i, name in zip(moved, SPATIAL_NAMES[len(moved)], strict=True):
            self._names.call(slid.dims[i].axis, name)
        if moved[-1] == rank - 2:
            self._names.call(slid.dims[-1].axis, "C")
        if moved[0] == 1:
            self._names.call(slid.dims[0].axis, "N")

    @staticmethod
    def _given(stage: StageDraft) -> tuple[Any, Value]:
        """What a stage gives: the last value that something after it reads, else the last it made."""
        read = [made for made in stage.makes if id(made[1]) in stage.read_later]
        return (read or stage.makes)[-1]

    def _record(self, stage: StageDraft, gives: Value) -> Stage:
        facts = stage.call.facts
        layout = self._names.layout(gives.dims)
        slid = self._sliding(stage) or self._padded(stage, gives)
        spatial = [] if slid is None else self._spatial(slid, gives)
        given = {id(value): value for _, value in stage.makes if id(value) in stage.read_later} or {0: gives}
        return Stage(
            path=stage.call.path,
            op=stage.op or inner.op_name(stage.ops, stage.site.callee),
            module_type=facts.cls.__name__ if facts else self._root_name if not stage.call.path else "",
            in_shapes=tuple(value.shape for value in stage.reads.values()),
            out_shape=gives.shape,
            layout=layout,
            dtype=gives.dtype,
            windows=tuple(slid.windows[axis] for axis in spatial) if slid and spatial else None,
            slides_over=tuple(slid.slides_over[axis] for axis in spatial) if slid and spatial else None,
            declared=facts.declared if facts and stage.layer else None,
            parameters=tuple(self._parameter(leaf) for leaf in sorted(stage.leaves)),
            macs=stage.macs,
            flops=stage.flops,
            flops_once=stage.flops_once,
            bytes=sum(_bytes(value) for value in given.values()),
            receptive_field=None if stage.loop_changes_field else self._receptive_field(gives, layout),
            couples_all=self._couples(gives.reduced | stage.reduced_by_loop),
            source=stage.site.source,
            calls=stage.call.calls,
            layer=stage.layer,
            repeats=stage.repeats,
            branches=stage.branches,
        )

    def _couples(self, reduced: frozenset[int]) -> bool:
        """Whether a spatial axis is among those summed over; asked again and again of the same ones."""
        if reduced not in self._coupling:
            self._coupling[reduced] = self._names.spatial_among(reduced)
        return self._coupling[reduced]

    def _sliding(self, stage: StageDraft) -> Slid | None:
        """The one thing that slides in a stage, or None.

        The paddings and slices that a stage makes on the way do not count beside a convolution or a pooling.
        """
        facts = stage.call.facts
        if stage.layer and stage.op == "conv_transpose" and facts and facts.declared == "CIRCULAR":
            return None  # flax folds the overlapping ends together afterwards: no one window tells that
        found = [slid for slid in stage.slid if slid.op not in _CUTS] or stage.slid
        return found[0] if len(found) == 1 else None

    @staticmethod
    def _padded(stage: StageDraft, gives: Value) -> Slid | None:
        """A stage that pads its image, also by wrapping or mirroring: windows of one cell over the padded image."""
        before, paddings = unpadded(gives, stage.index)
        windows = {axis: Window(1, padding=padding) for axis, padding in paddings.items() if padding.total}
        sizes = {axis: before.shape[axis] for axis in windows}
        return Slid("pad", gives.dims, windows, sizes) if windows else None

    def _spatial(self, slid: Slid, gives: Value) -> list[int]:
        """The axes of space that something slides along; none where the stage goes on to fold or cut what it made."""
        found = [axis for axis in sorted(slid.windows) if self._names.name(slid.dims[axis].axis) in SPATIAL]
        sizes = dict(zip(self._names.layout(gives.dims), gives.shape, strict=True))
        for axis in found:
            window, size = slid.windows[axis], slid.slides_over[axis]
            fits = window.output_size(size) if window.fits(size) else 0
            if sizes.get(self._names.name(slid.dims[axis].axis), fits) != fits:
                return []
        return found

    @staticmethod
    def _receptive_field(gives: Value, layout: tuple[str, ...]) -> tuple[ReceptiveField, ...] | None:
        fields = [dim.sees for dim, name in zip(gives.dims, layout, strict=True) if name in SPATIAL]
        known = tuple(field for field in fields if field is not None)
        return known if known and len(known) == len(fields) else None

    def _tensor(self, name: str, value: Value) -> Tensor:
        return Tensor(name, value.shape, self._names.layout(value.dims), value.dtype, _bytes(value))

    def _parameter(self, leaf: int) -> Parameter:
        if leaf not in self._parameters:
            value = self._draft.env[self._jaxpr.invars[leaf]]
            state = self._draft.state[leaf]
            layout = self._names.layout(value.dims)
            self._parameters[leaf] = Parameter(
                state.path, value.shape, layout, value.dtype, state.trainable, _bytes(value)
            )
        return self._parameters[leaf]


def _origins(value: Value) -> tuple[tuple[int, int, int] | None, ...]:
    return tuple(
        (*dim.origin, max(-(-dim.sees.stride.numerator // dim.sees.stride.denominator), 1))
        if dim.origin and dim.sees
        else None
        for dim in value.dims
    )


_CUTS = ("pad", "slice")  # they move an image's edges; nothing slides over it


def _bytes(value: Value) -> int:
    return tensor_bytes(value.shape, inner.itemsize(value.dtype))
