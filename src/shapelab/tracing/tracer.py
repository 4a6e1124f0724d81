"""trace(module, *args): one ``jax.make_jaxpr`` of the real call, read into stages, windows and edges."""

from __future__ import annotations

import gc
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np
from flax import linen, nnx

from shapelab.tracing.draft import Draft, StateArray
from shapelab.tracing.failure import Caught, explain
from shapelab.tracing.layers import layer_op
from shapelab.tracing.program import Program
from shapelab.tracing.records import Failure, Trace
from shapelab.tracing.remedy import working_sizes
from shapelab.tracing.scopes import Scopes, listening
from shapelab.tracing.writing import Broken, Writer


@dataclass(frozen=True)
class Call:
    """What is to be traced: the module's arrays, and the call as a function of them and of the argument tree.

    Attributes:
      state: the module's arrays.
      run: gives the result, from (state, args, kwargs).
      args: positional arguments.
      kwargs: arguments by name.
      names: a name for each positional argument, as the signature has it.
      title: of the module or function.
    """

    state: tuple[StateArray, ...]
    run: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    names: Sequence[str]
    title: str


def trace(module: Any, *args: Any, method: str | Callable[..., Any] | None = None, **kwargs: Any) -> Trace:
    """Every stage of ``module(*args, **kwargs)``, read from its jaxpr. Nothing is compiled and nothing is run.

    Args:
      module: an ``nnx.Module`` (also an abstract one from ``nnx.eval_shape``), a Linen module (bound to its variables
        by ``module.bind(variables)``, or unbound: then its variables are made up abstractly), a method of a module, or
        a function. It is left as it was, also when its forward raises.
      *args: arrays or ``jax.ShapeDtypeStruct``; modules and ``nnx.Rngs`` are taken apart like ``module``; anything else
        is passed on as it is.
      method: the method to call instead of ``__call__``: its name, or the function.
      **kwargs: the same as ``*args``, by name.

    Returns:
      A ``Trace``. A forward that raises gives the stages it completed, and ``trace.error``.

    Raises:
      TypeError: for something that cannot be called.
    """
    return program(module, *args, method=method, **kwargs).trace


def program(module: Any, *args: Any, method: str | Callable[..., Any] | None = None, **kwargs: Any) -> Program:
    """Like ``trace``, with the jaxpr kept so that it can be run."""
    traced, sized = _program(module, args, kwargs, method)
    error = traced.trace.error
    if error is None or sized is None:
        return traced.holding(traced.trace)
    number, axis, factor = sized

    def error_at(size: int) -> Any:
        abstract = _resized(args, kwargs, number, axis, size)
        return error if abstract is None else _program(module, *abstract, method)[0].trace.error

    sizes = working_sizes(error, traced.trace.inputs[number].shape[axis], factor, error_at)
    if not sizes:
        return traced.holding(traced.trace)
    given = traced.trace.inputs[number]
    letter = given.layout[axis] or f"axis {axis}"
    remedy = f"{given.name} with {letter} = {' or '.join(map(str, sizes))} gets past it"
    return traced.holding(replace(traced.trace, error=replace(error, remedy=remedy)))


def failure(module: Any, *args: Any, method: str | Callable[..., Any] | None = None, **kwargs: Any) -> Failure | None:
    """What stops a call, or None: ``trace(...).error`` without its remedy, which takes further traces to find."""
    return _program(module, args, kwargs, method)[0].trace.error


def _program(
    module: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], method: Any
) -> tuple[Program, tuple[int, int, int] | None]:
    """The program; and where it failed over a size, the input and axis of that size, and its cells' step."""
    scopes = Scopes()
    call = _call_of(module, args, kwargs, method, scopes)
    leaves, tree = jax.tree.flatten((call.args, dict(call.kwargs)), is_leaf=lambda leaf: leaf is None)
    dynamic = [i for i, leaf in enumerate(leaves) if is_array(leaf)]
    caught: list[Caught] = []
    returned: list[Any] = []

    def run(state_arrays: tuple[Any, ...], arrays: tuple[Any, ...]) -> Any:
        filled = list(leaves)
        for i, array in zip(dynamic, arrays, strict=True):
            filled[i] = array
        call_args, call_kwargs = jax.tree.unflatten(tree, filled)
        try:
            result = call.run(state_arrays, call_args, call_kwargs)
        except Exception as error:  # whatever the caller's code raises becomes part of the answer
            caught.append(Caught.of(error))
            return ()
        found, shape = jax.tree.flatten(result)
        outputs = [leaf for leaf in found if isinstance(leaf, jax.Array | np.ndarray)]
        returned.append((shape, [leaf if not isinstance(leaf, jax.Array | np.ndarray) else None for leaf in found]))
        return outputs

    arrays = tuple(leaves[i] for i in dynamic)
    with listening(scopes):
        closed = jax.make_jaxpr(run)(tuple(s.array for s in call.state), arrays)
    path = scopes.failed or ""
    problem = caught[0] if caught else None
    broke = Broken(path, str(scopes.calls.get(path, 0)), problem.op, problem.source) if problem else None
    with _no_collection():
        written = Writer(Draft(closed, scopes, call.state), closed, call.title).write(_array_names(call), broke)
    result, sized = written.trace, None
    if problem is not None:
        facts = scopes.modules.get(path)
        layer = layer_op(facts.cls) if facts and facts.leaf else None
        error = explain(problem, path, layer, result.stages, result.edges)
        sized = _sized(error, written.origins)
        result = replace(result, error=error)
    state = tuple(s.array for s in call.state)
    return Program(closed, state, arrays, result, written.variables, returned[0] if returned else None), sized


@contextmanager
def _no_collection() -> Iterator[None]:
    """Hold the garbage collector while a program is read.

    Reading makes many small objects and drops few: the collector would scan a heap full of JAX several times over,
    for a fifth of the whole time of a trace. None of the caller's code runs in here.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _sized(error: Failure, origins: Sequence[Sequence[tuple[int, int, int] | None]]) -> tuple[int, int, int] | None:
    """The input and its axis that the failing axis is an image of, and the largest step of any image of that."""
    if error.axis is None:
        return None
    from_end = error.axis - len(error.in_shapes[0])
    for operand in error.operands:
        if operand is not None and operand >= 0 and -from_end <= len(origins[operand]):
            origin = origins[operand][from_end]
            if origin is not None:
                alike = [place for places in origins for place in places if place and place[:2] == origin[:2]]
                return origin[0], origin[1], max(place[2] for place in alike)
    return None


def is_array(leaf: Any) -> bool:
    """Whether an argument is traced, rather than passed on as it is."""
    return isinstance(leaf, jax.Array | np.ndarray | jax.ShapeDtypeStruct)


def _call_of(module: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], method: Any, scopes: Scopes) -> Call:
    owner = getattr(module, "__self__", None)
    if method is None and isinstance(owner, nnx.Module | linen.Module) and inspect.ismethod(module):
        module, method = owner, module.__name__
    if isinstance(module, linen.Module):
        return _linen(module, args, kwargs, method, scopes)
    if isinstance(module, nnx.Module):
        _method_of(module, method)  # refuses what there is not, before anything is traced
        return _nnx(module, args, kwargs, method, scopes)
    if callable(module):
        if method is not None:
            raise TypeError(f"method={method!r} needs a module, not the function {_title(module)}")
        return _nnx(module, args, kwargs, None, scopes)
    raise TypeError(f"cannot trace a {type(module).__name__}: give an nnx.Module, a Linen module or a function")


def _method_of(module: Any, method: Any) -> Callable[..., Any]:
    """What is called on a module.

    Raises:
      TypeError: when there is no such method.
    """
    if callable(method):
        if inspect.ismethod(method):
            return _method_of(module, method.__name__)
        return lambda *args, **kwargs: method(module, *args, **kwargs)
    name = method or "__call__"
    found = getattr(module, name, None)
    if not callable(found):
        raise TypeError(f"{type(module).__name__} has no method {name!r}: name one that it has with method=")
    return found  # type: ignore[no-any-return]


def _nnx(target: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], method: Any, scopes: Scopes) -> Call:
    """A module or a function; also the arguments may hold modules, whose state is state too."""
    root = isinstance(target, nnx.Module)
    names = _signature_names(type(target).__call__ if root and method is None else _function(target, method), root)
    leaves, tree = jax.tree.flatten((args, dict(kwargs)), is_leaf=_is_node)
    nodes = [i for i, leaf in enumerate(leaves) if leaf is not None and _is_node(leaf)]
    places = [path for path, _ in jax.tree_util.tree_flatten_with_path((args, dict(kwargs)), is_leaf=_is_node)[0]]
    prefixes = [_argument_name(places[i], names) for i in nodes]
    held = ([target] if root else []) + [leaves[i] for i in nodes]
    titles = ([""] if root else []) + prefixes
    graphdef, state = nnx.split(tuple(held))
    arrays, state_tree = jax.tree.flatten(state)
    found = []
    for place, variable in nnx.to_flat_state(state):
        path = ".".join(str(part) for part in (titles[int(str(place[0]))], *place[1:]) if str(part))
        found += [StateArray(path, array, isinstance(variable, nnx.Param)) for array in jax.tree.leaves(variable)]
    assert [id(s.array) for s in found] == [id(array) for array in arrays]

    def run(state_arrays: tuple[Any, ...], call_args: tuple[Any, ...], call_kwargs: dict[str, Any]) -> Any:
        merged = nnx.merge(graphdef, jax.tree.unflatten(state_tree, state_arrays))
        for title, node in zip(titles, merged, strict=True):
            scopes.name(node, title)
        filled, shape = jax.tree.flatten((call_args, call_kwargs), is_leaf=lambda leaf: leaf is None)
        for place, node in zip(nodes, merged[1:] if root else merged, strict=True):
            filled[place] = node
        call_args, call_kwargs = jax.tree.unflatten(shape, filled)
        function = _method_of(merged[0], method) if root else target
        return function(*call_args, **call_kwargs)

    bare = [object() if i in nodes else leaf for i, leaf in enumerate(leaves)]
    bare_args, bare_kwargs = jax.tree.unflatten(tree, bare)
    return Call(tuple(found), run, bare_args, bare_kwargs, names, _title(target))


def _linen(module: linen.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any], method: Any, scopes: Scopes) -> Call:
    if module.scope is None:
        unbound, variables = module, _abstract_variables(module, args, kwargs, method)
    else:
        unbound, variables = module.unbind()
    with_paths, tree = jax.tree_util.tree_flatten_with_path(variables)
    found = []
    for path, array in with_paths:
        collection, *rest = (str(getattr(part, "key", part)) for part in path)
        found.append(StateArray(".".join(rest), array, collection == "params"))

    def run(state_arrays: tuple[Any, ...], call_args: tuple[Any, ...], call_kwargs: dict[str, Any]) -> Any:
        given = jax.tree.unflatten(tree, state_arrays)
        mutable = [name for name in given if name != "params"]
        with linen.intercept_methods(scopes.linen):
            out = unbound.apply(given, *call_args, mutable=mutable, method=method, **call_kwargs)
        return out[0] if mutable else out

    names = _signature_names(_function(module, method or "__call__"), bound=True)
    return Call(tuple(found), run, args, kwargs, names, _title(module))


def _abstract_variables(module: linen.Module, args: Sequence[Any], kwargs: Mapping[str, Any], method: Any) -> Any:
    """The variables that a Linen module would be initialised with, as shapes."""
    leaves, tree = jax.tree.flatten((tuple(args), dict(kwargs)), is_leaf=lambda leaf: leaf is None)
    dynamic = [i for i, leaf in enumerate(leaves) if is_array(leaf)]

    def init(key: Any, arrays: Sequence[Any]) -> Any:
        filled = list(leaves)
        for i, array in zip(dynamic, arrays, strict=True):
            filled[i] = array
        call_args, call_kwargs = jax.tree.unflatten(tree, filled)
        return module.init(key, *call_args, method=method, **call_kwargs)

    return jax.eval_shape(init, jax.random.key(0), [leaves[i] for i in dynamic])


def _is_node(leaf: Any) -> bool:
    """Whether an argument holds state of its own, to be taken apart: a module, ``nnx.Rngs``, a lone variable."""
    if leaf is None or isinstance(leaf, nnx.Module | nnx.Variable):
        return True
    return isinstance(leaf, nnx.Pytree) and any(isinstance(part, nnx.Variable) for _, part in nnx.iter_graph(leaf))


def _function(target: Any, method: Any) -> Any:
    return method if callable(method) else getattr(type(target), method, target) if method else target


def _signature_names(function: Any, bound: bool) -> list[str]:
    """Names of the positional arguments; the last of ``*args`` stands for all that follow."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return []
    positional = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return positional[1:] if bound and not inspect.ismethod(function) else positional


def _argument_name(path: Sequence[Any], names: Sequence[str]) -> str:
    """``x``, ``batch[image]``, ``cache[0].key``: an array's place among (args, kwargs)."""
    kind, first, *rest = path
    positional = kind.idx == 0
    name = str(first.key) if not positional else names[first.idx] if first.idx < len(names) else f"input{first.idx}"
    for part in rest:
        if hasattr(part, "name"):
            name += f".{part.name}"
        else:
            name += f"[{getattr(part, 'key', getattr(part, 'idx', part))}]"
    return name


def _array_names(call: Call) -> list[str]:
    """A name for each array given, in the order of the jaxpr's inputs."""
    with_paths = jax.tree_util.tree_flatten_with_path((call.args, dict(call.kwargs)))[0]
    return [_argument_name(path, call.names) for path, leaf in with_paths if is_array(leaf)]


def _title(module: Any) -> str:
    return getattr(module, "__name__", None) or type(module).__name__


def _resized(
    args: tuple[Any, ...], kwargs: Mapping[str, Any], number: int, axis: int, size: int
) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
    """The arguments with one axis of one array of another size, abstract; None where the arrays are not the call's."""
    leaves, tree = jax.tree.flatten((args, dict(kwargs)), is_leaf=_is_node)
    dynamic = [i for i, leaf in enumerate(leaves) if is_array(leaf)]
    if number >= len(dynamic):
        return None
    array = leaves[dynamic[number]]
    shape = (*array.shape[:axis], size, *array.shape[axis + 1 :])
    leaves[dynamic[number]] = jax.ShapeDtypeStruct(shape, array.dtype)  # type: ignore[no-untyped-call]
    changed: tuple[tuple[Any, ...], dict[str, Any]] = jax.tree.unflatten(tree, leaves)
    return changed
