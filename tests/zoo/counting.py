"""What a call costs and reads, counted from its jaxpr without the tracer: a graph of equations and values.

Every inner program is laid out flat, with a multiplicity, and each value is a node. What depends on an input is what
can be reached from one; arithmetic on parameters alone counts when something that depends on an input can be reached
from it. That is the documented rule as a question about paths, rather than a walk that hands costs on.
"""

from collections import defaultdict
from dataclasses import dataclass, replace
from itertools import count
from math import prod

import jax
import jax.numpy as jnp
from flax import linen, nnx

# Where bytes go, and nothing is computed.
MOVES = {
    *("bitcast_convert_type", "broadcast_in_dim", "concatenate", "convert_element_type", "copy", "copy_p"),
    *("dynamic_slice", "dynamic_update_slice", "expand_dims", "gather", "iota", "optimization_barrier", "pad"),
    *("reduce_precision", "reshape", "rev", "scatter", "select_n", "slice", "sort", "split", "squeeze", "stack"),
    *("stop_gradient", "tile", "transpose", "unstack"),
}
REDUCTIONS = {"reduce_sum", "reduce_max", "reduce_min", "reduce_prod", "argmax", "argmin"}
CALLS = {
    "jit": "jaxpr",
    "checkpoint": "jaxpr",
    "remat2": "jaxpr",
    "custom_jvp_call": "call_jaxpr",
    "custom_vjp_call": "call_jaxpr",
}


@dataclass(frozen=True)
class Equation:
    """One equation of the flat program, how often it runs, and whether it depends on an input of the call."""

    node: int
    primitive: str
    macs: int
    flops: int
    slides: tuple[tuple[int, int, int, int], ...]  # per spatial axis: taps, stride, dilation, base dilation
    times: int
    of_input: bool = False


@dataclass(frozen=True)
class Counted:
    """The equations that count, in the order of the program, and what state they read."""

    equations: tuple[Equation, ...]
    reads: frozenset[str]
    out_shapes: tuple[tuple[int, ...], ...]

    @property
    def macs(self):
        return sum(equation.macs * equation.times for equation in self.equations)

    @property
    def flops(self):
        return sum((equation.flops + 2 * equation.macs) * equation.times for equation in self.equations)


def count_call(module, args, kwargs):
    """Count ``module(*args, **kwargs)`` from a jaxpr of this function's own making."""
    paths, arrays, call = _functional(module)
    leaves, tree = jax.tree.flatten((args, dict(kwargs)))
    traced = [i for i, leaf in enumerate(leaves) if isinstance(leaf, jax.ShapeDtypeStruct)]

    def run(state, given):
        filled = dict(enumerate(leaves)) | dict(zip(traced, given, strict=True))
        args, kwargs = jax.tree.unflatten(tree, list(filled.values()))
        return call(state, *args, **kwargs)

    closed, shapes = jax.make_jaxpr(run, return_shape=True)(arrays, [leaves[i] for i in traced])
    out_shapes = tuple(leaf.shape for leaf in jax.tree.leaves(shapes[0]))
    return _Graph(closed.jaxpr, paths).counted(out_shapes)


def _functional(module):
    """Paths and arrays of a module's state, and the module as a function of those arrays."""
    if isinstance(module, linen.Module):
        unbound, variables = module.unbind()
        arrays, tree = jax.tree.flatten(variables)
        keyed = jax.tree_util.tree_flatten_with_path(variables)[0]
        paths = [".".join(part.key for part in path[1:]) for path, _ in keyed]
        mutable = [name for name in variables if name != "params"]
        return paths, arrays, lambda a, *args: unbound.apply(jax.tree.unflatten(tree, a), *args, mutable=mutable)
    graphdef, state = nnx.split(module)
    arrays, tree = jax.tree.flatten(state)
    paths = [".".join(map(str, path)) for path, variable in nnx.to_flat_state(state) for _ in jax.tree.leaves(variable)]

    def call(arrays, *args, **kwargs):
        merged = nnx.merge(graphdef, jax.tree.unflatten(tree, arrays))
        return merged(*args, **kwargs), nnx.state(merged)

    return paths, arrays, call


class _Graph:
    def __init__(self, jaxpr, paths):
        self.paths = paths
        self.after = defaultdict(set)
        self.before = defaultdict(set)
        self.equations = []
        self.fresh = count()
        env = {}
        self.invars = [self._bind(env, var) for var in jaxpr.invars]
        self._flatten(jaxpr, env, 1)

    def counted(self, out_shapes):
        of_inputs = _reach(self.invars[len(self.paths) :], self.after)
        dependent = {equation.node for equation in self.equations} & of_inputs
        used = _reach(dependent, self.before)
        equations = tuple(
            replace(equation, of_input=equation.node in dependent)
            for equation in self.equations
            if equation.node in used
        )
        reads = frozenset(path for path, node in zip(self.paths, self.invars, strict=False) if node in used)
        return Counted(equations, reads, out_shapes)

    def _bind(self, env, var):
        env[var] = next(self.fresh)
        return env[var]

    def _join(self, before, after):
        self.after[before].add(after)
        self.before[after].add(before)

    def _flatten(self, jaxpr, env, times):
        for var in jaxpr.constvars:
            self._bind(env, var)
        for eqn in jaxpr.eqns:
            reads = [None if hasattr(var, "val") else env[var] for var in eqn.invars]
            gives = [self._bind(env, var) for var in eqn.outvars]
            name = eqn.primitive.name
            if name in CALLS:
                self._inside(eqn.params[CALLS[name]], reads, gives, times)
            elif name == "scan":
                self._scan(eqn, reads, gives, times)
            else:
                assert not [key for key in eqn.params if "jaxpr" in key], f"{name} holds a program nobody counts"
                self._equation(eqn, reads, gives, times)

    def _inside(self, held, reads, gives, times):
        """Lay out an inner program between the values that go in and come out; return the nodes of both ends."""
        jaxpr = getattr(held, "jaxpr", held)
        env = {}
        entries = [self._bind(env, var) for var in jaxpr.invars]
        self._flatten(jaxpr, env, times)
        exits = [None if hasattr(var, "val") else env[var] for var in jaxpr.outvars]
        for outside, inside in zip(reads, entries, strict=True):
            if outside is not None:
                self._join(outside, inside)
        for inside, outside in zip(exits, gives, strict=True):
            if inside is not None:
                self._join(inside, outside)
        return entries, exits

    def _scan(self, eqn, reads, gives, times):
        held = eqn.params["jaxpr"].jaxpr
        entries, exits = self._inside(held, reads, gives, times * eqn.params["length"])
        carried = _as_deep(held.outvars, eqn.outvars)  # what is stacked is deeper outside; the rest is carried
        consts = _as_deep(held.invars, eqn.invars) - carried
        for turn in range(carried):  # what one turn leaves, the next one finds
            if exits[turn] is not None:
                self._join(exits[turn], entries[consts + turn])

    def _equation(self, eqn, reads, gives, times):
        node = next(self.fresh)
        for value in reads:
            if value is not None:
                self._join(value, node)
        for value in gives:
            self._join(node, value)
        macs, flops, slides = _cost(eqn)
        self.equations.append(Equation(node, eqn.primitive.name, macs, flops, slides, times))


def _as_deep(inside, outside):
    return sum(one.aval.ndim == other.aval.ndim for one, other in zip(inside, outside, strict=True))


def _reach(starts, neighbours):
    found, pending = set(starts), list(starts)
    while pending:
        for node in neighbours[pending.pop()] - found:
            found.add(node)
            pending.append(node)
    return found


def _cost(eqn):
    """(MACs, other floating-point operations, windows) of one equation, from the definitions of its primitive."""
    name, p = eqn.primitive.name, eqn.params
    ins, outs = [var.aval for var in eqn.invars], [var.aval for var in eqn.outvars]
    if name == "dot_general":
        (contracted, _), _ = p["dimension_numbers"]
        return outs[0].size * prod(ins[0].shape[axis] for axis in contracted), 0, ()
    if name == "conv_general_dilated":
        return _convolution(p, ins, outs[0])
    if name in MOVES or not (_is_float(outs[0]) or (name in REDUCTIONS and _is_float(ins[0]))):
        return 0, 0, ()
    if name in REDUCTIONS:
        return 0, ins[0].size, ()
    if name.startswith("reduce_window"):
        columns = (p["window_dimensions"], p["window_strides"], p["window_dilation"], p["base_dilation"])
        return 0, outs[0].size * prod(p["window_dimensions"]), tuple(zip(*columns, strict=True))
    return 0, outs[0].size, ()


def _convolution(p, ins, out):
    numbers = p["dimension_numbers"]
    taps = [ins[1].shape[axis] for axis in numbers.rhs_spec[2:]]
    cells_in = [ins[0].shape[axis] for axis in numbers.lhs_spec[2:]]
    cells_out = [out.shape[axis] for axis in numbers.out_spec[2:]]
    meetings = []  # per axis, how often a tap meets a cell that is not a zero spread between two others
    for size, before, after, stride, spread in zip(
        taps, cells_in, cells_out, p["window_strides"], p["lhs_dilation"], strict=True
    ):
        assert spread == 1 or stride == 1, "no definition for a strided transposed convolution"
        meetings.append(before * size if spread > 1 else after * size)
    batch, cout = out.shape[numbers.out_spec[0]], out.shape[numbers.out_spec[1]]
    per_group = ins[1].shape[numbers.rhs_spec[1]]  # input channels that one output channel reads
    slides = tuple(zip(taps, p["window_strides"], p["rhs_dilation"], p["lhs_dilation"], strict=True))
    return batch * cout * per_group * prod(meetings), 0, slides


def _is_float(aval):
    return jnp.issubdtype(aval.dtype, jnp.floating)
