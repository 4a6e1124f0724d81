"""trace(module, *args): one ``jax.make_jaxpr`` of the real call, read into stages, windows and edges."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from flax import linen, nnx

from shapelab.tracing.draft import Draft, StateArray
from shapelab.tracing.failure import Caught
from shapelab.tracing.records import Trace
from shapelab.tracing.scopes import Scopes, listening


@dataclass(frozen=True)
class Program:
    """A traced call, still executable: what ``trace`` reads and ``execute`` runs.

    Attributes:
      jaxpr: the closed jaxpr; its inputs are the state's arrays and then the call's.
      state: the arrays of the module's state, in the order of the jaxpr's inputs; abstract ones where the module is.
      arguments: the call's arrays, in the order of the jaxpr's inputs.
      trace: what was read.
      stage_vars: for each stage, the jaxpr's variable that holds its output; None where it lies in an inner jaxpr.
    """

    jaxpr: Any
    state: tuple[Any, ...]
    arguments: tuple[Any, ...]
    trace: Trace
    stage_vars: tuple[Any, ...]


def trace(module: Any, *args: Any, **kwargs: Any) -> Trace:
    """Every stage of ``module(*args, **kwargs)``, read from its jaxpr. Nothing is compiled and nothing is run.

    Args:
      module: an ``nnx.Module`` (also an abstract one from ``nnx.eval_shape``), a Linen module bound to its variables
        (``module.bind(variables)``), or a function. It is left as it was, also when its forward raises.
      *args: arrays or ``jax.ShapeDtypeStruct``; anything else is passed on as it is.
      **kwargs: the same, by name.

    Returns:
      A ``Trace``. A forward that raises gives the stages it completed, and ``trace.error``.

    Raises:
      TypeError: for something that cannot be called, or an unbound Linen module.
    """
    return program(module, *args, **kwargs).trace


def program(module: Any, *args: Any, **kwargs: Any) -> Program:
    """Like ``trace``, with the jaxpr kept so that it can be run."""
    scopes = Scopes()
    state, call = _callable(module, scopes)
    leaves, tree = jax.tree.flatten((args, kwargs), is_leaf=lambda leaf: leaf is None)
    dynamic = [i for i, leaf in enumerate(leaves) if is_array(leaf)]
    caught: list[Caught] = []

    def run(state_arrays: tuple[Any, ...], arrays: tuple[Any, ...]) -> Any:
        filled = list(leaves)
        for i, array in zip(dynamic, arrays, strict=True):
            filled[i] = array
        call_args, call_kwargs = jax.tree.unflatten(tree, filled)
        try:
            return call(state_arrays, *call_args, **call_kwargs)
        except Exception as error:  # whatever the caller's code raises becomes part of the answer
            caught.append(Caught.of(error))
            return (), ()

    arrays = tuple(leaves[i] for i in dynamic)
    with listening(scopes):
        closed, shapes = jax.make_jaxpr(run, return_shape=True)(tuple(s.array for s in state), arrays)
    draft = Draft(closed, scopes, state, _argument_names(module, args, kwargs), root_name=_name(module))
    outputs = len(jax.tree.leaves(shapes[0]))
    result, stage_vars = draft.finish(outputs, caught[0] if caught else None)
    return Program(closed, tuple(s.array for s in state), arrays, result, stage_vars)


def is_array(leaf: Any) -> bool:
    """Whether an argument is traced, rather than passed on as it is."""
    return isinstance(leaf, jax.Array | np.ndarray | jax.ShapeDtypeStruct)


def _callable(module: Any, scopes: Scopes) -> tuple[list[StateArray], Callable[..., Any]]:
    """The module's state as a list of arrays, and the module as a function of such a list."""
    if isinstance(module, nnx.Module):
        return _nnx(module, scopes)
    if isinstance(module, linen.Module):
        return _linen(module, scopes)
    if callable(module):
        return [], lambda _state, *args, **kwargs: (module(*args, **kwargs), ())
    raise TypeError(f"cannot trace a {type(module).__name__}: give an nnx.Module, a bound Linen module or a function")


def _nnx(module: nnx.Module, scopes: Scopes) -> tuple[list[StateArray], Callable[..., Any]]:
    graphdef, state = nnx.split(module)
    arrays, tree = jax.tree.flatten(state)
    flat = nnx.to_flat_state(state)
    found = []
    for path, variable in flat:
        for array in jax.tree.leaves(variable):
            dotted = ".".join(str(part) for part in path)
            found.append(StateArray(dotted, array, isinstance(variable, nnx.Param)))
    assert [id(s.array) for s in found] == [id(array) for array in arrays]

    def call(state_arrays: tuple[Any, ...], *args: Any, **kwargs: Any) -> Any:
        merged = nnx.merge(graphdef, jax.tree.unflatten(tree, state_arrays))
        scopes.name(merged)
        out = merged(*args, **kwargs)
        return out, nnx.state(merged)

    return found, call


def _linen(module: linen.Module, scopes: Scopes) -> tuple[list[StateArray], Callable[..., Any]]:
    if module.scope is None:
        raise TypeError(
            f"{type(module).__name__} is a Linen module without variables: trace module.bind(variables), "
            "with variables = module.init(key, x)"
        )
    unbound, variables = module.unbind()
    with_paths, tree = jax.tree_util.tree_flatten_with_path(variables)
    found = []
    for path, array in with_paths:
        collection, *rest = (str(getattr(part, "key", part)) for part in path)
        found.append(StateArray(".".join(rest), array, collection == "params"))

    def call(state_arrays: tuple[Any, ...], *args: Any, **kwargs: Any) -> Any:
        given = jax.tree.unflatten(tree, state_arrays)
        mutable = [name for name in given if name != "params"]
        with linen.intercept_methods(scopes.linen):
            out = unbound.apply(given, *args, mutable=mutable, **kwargs)
        return out if mutable else (out, ())

    return found, call


def _argument_names(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[str, ...]:
    """A name for each array given, from the signature of what is called, in the order of the jaxpr's inputs."""
    function = module if inspect.isroutine(module) else type(module).__call__
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    if function is not module:
        parameters = parameters[1:]
    positional = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    given = [(positional[i] if i < len(positional) else f"input{i}", arg) for i, arg in enumerate(args)]
    named = []
    for name, arg in [*given, *sorted(kwargs.items())]:
        for path, leaf in jax.tree_util.tree_flatten_with_path(arg)[0]:
            if is_array(leaf):
                parts = (getattr(part, "key", getattr(part, "idx", part)) for part in path)
                named.append(name + "".join(f"[{part}]" for part in parts))
    return tuple(named)


def _name(module: Any) -> str:
    return getattr(module, "__name__", None) or type(module).__name__
