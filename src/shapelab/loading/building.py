"""From a class or a factory to a module of shapes; and whether a call fits it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
from flax import linen, nnx
from flax.errors import TraceContextError

from shapelab.loading.sentences import ArgumentError, LoadError, near, what_was_raised

_NEEDS_NUMBERS = (jax.errors.JAXTypeError, jax.errors.JAXIndexError, TraceContextError)


def build(target: Any, called: str, arguments: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    """What to trace, and with which settings to call it: those of a function that is traced itself.

    A module is taken as it is, and a class of modules is built. A function is called to build the module when each of
    its parameters without a default is among the arguments; any other function is traced itself. ``rngs`` is filled in
    with ``nnx.Rngs(0)``. An nnx module is built under ``nnx.eval_shape``, without allocating anything; one whose
    constructor looks at numbers that it has drawn is built for real.

    Args:
      target: a module, a class of modules, or a function.
      called: its name, for sentences.
      arguments: of the constructor or function, by name.

    Raises:
      ArgumentError: for arguments that it does not take, or lacks.
      LoadError: for something else, or when building it raises.
    """
    if isinstance(target, nnx.Module | linen.Module):
        if arguments:
            raise ArgumentError(f"{called} is built already: there is nothing for --arg {next(iter(arguments))} to set")
        return target, {}
    if isinstance(target, type) and not issubclass(target, nnx.Module | linen.Module):
        raise LoadError(f"{called} is a class that derives from neither nnx.Module nor linen.Module")
    if not callable(target):
        kind = type(target).__name__
        raise LoadError(f"{called} is of type {kind}: name a module, a class of modules, or a function")
    of_module = isinstance(getattr(target, "__self__", None), nnx.Module | linen.Module)
    if not isinstance(target, type) and (of_module or _missing(target, arguments)):
        return target, dict(arguments)
    _refuse(target, called, arguments)
    return _built(target, called, arguments), {}


def fitting(
    module: Any, called: str, method: str | None, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> dict[str, Any]:
    """The arguments by name, once it is known that the call fits; with ``rngs`` where they are asked for.

    Raises:
      ArgumentError: for a method that there is not, and for missing, unknown or too many arguments.
    """
    function = module
    if isinstance(module, nnx.Module | linen.Module):
        cls, name = type(module), method or "__call__"
        function, called = getattr(module, name, None), f"{cls.__name__}.{name}"
        if not callable(function):
            base = set(dir(nnx.Module if isinstance(module, nnx.Module) else linen.Module))
            own = [n for n in dir(cls) if n[:1] != "_" and n not in base and inspect.isfunction(getattr(cls, n))]
            raise ArgumentError(f"{cls.__name__} has no method {name!r}{near(name, own)}")
    elif method is not None:
        raise ArgumentError(f"--method {method} needs a module, and {called} is a function")
    signature = _signature(function)
    if signature is None:
        return dict(kwargs)
    asked = signature.parameters.get("rngs")
    given = {**_rngs(kwargs), **kwargs} if asked is not None and asked.default is asked.empty else dict(kwargs)
    _refuse_unknown(signature, called, given)
    try:
        signature.bind(*args, **given)
    except TypeError as error:
        raise ArgumentError(
            f"{called}({', '.join(signature.parameters)}): {error}. Arrays are given with --input [NAME=]SIZE ..., "
            "in order or by name, anything else with --set NAME=VALUE"
        ) from None
    return given


def _built(make: Callable[..., Any], called: str, arguments: Mapping[str, Any]) -> Any:
    """The module that a class or a function makes."""
    signature = _signature(make)
    parameters = signature.parameters.values() if signature else ()
    takes_rngs = not (isinstance(make, type) and issubclass(make, linen.Module)) and any(
        p.name == "rngs" or p.kind is p.VAR_KEYWORD for p in parameters
    )

    def run() -> Any:
        return make(**(_rngs(arguments) if takes_rngs else {}), **arguments)

    def run_if_nnx() -> Any:
        made = run()
        return made if isinstance(made, nnx.Module) else None

    made: Any = None
    try:
        if not (isinstance(make, type) and issubclass(make, linen.Module)):
            try:
                made = nnx.eval_shape(run_if_nnx)
            except _NEEDS_NUMBERS:
                made = None
        made = run() if made is None else made
    except (Exception, SystemExit) as error:
        raise LoadError(f"{called} could not be built: {what_was_raised(error)}") from error
    if not isinstance(made, nnx.Module | linen.Module):
        raise LoadError(
            f"{called}() gave a {type(made).__name__}, not a module. A function is called to build the module when "
            "each parameter without a default is given with --arg; it is traced itself when one is left for --input"
        )
    return made


def _rngs(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {} if "rngs" in arguments else {"rngs": nnx.Rngs(0)}


def _refuse(make: Callable[..., Any], called: str, arguments: Mapping[str, Any]) -> None:
    """Refuse arguments that the signature does not have, and a call that lacks some."""
    signature = _signature(make)
    if signature is None:
        return
    _refuse_unknown(signature, called, arguments, () if inspect.isfunction(make) else ("parent", "name"))
    missing = _missing(make, arguments)
    if missing:
        way = " ".join(f"--arg {name}=VALUE" for name in missing)
        raise ArgumentError(f"{called} cannot be built without {' and '.join(missing)}: give {way}")


def _refuse_unknown(
    signature: inspect.Signature, called: str, arguments: Mapping[str, Any], inherited: Sequence[str] = ()
) -> None:
    parameters = signature.parameters.values()
    by_name = [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    for name in () if any(p.kind is p.VAR_KEYWORD for p in parameters) else arguments:
        if name not in by_name:
            known = [one for one in by_name if one not in ("rngs", *inherited)]
            raise ArgumentError(f"{called} takes no {name!r}{near(name, known)}")


def _missing(function: Callable[..., Any], arguments: Mapping[str, Any]) -> list[str]:
    """The parameters that have neither a default nor an argument, but for ``rngs``."""
    signature = _signature(function)
    return [
        p.name
        for p in (signature.parameters.values() if signature else ())
        if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD) and p.default is p.empty
        if p.name not in arguments and p.name != "rngs"
    ]


def _signature(function: Any) -> inspect.Signature | None:
    """How something is called; for an nnx class that its constructor tells, not its metaclass."""
    try:
        if not (isinstance(function, type) and issubclass(function, nnx.Module)):
            return inspect.signature(function)
        if function.__init__ is object.__init__:
            return inspect.Signature()
        whole = inspect.signature(function.__init__)
        return whole.replace(parameters=list(whole.parameters.values())[1:])
    except (TypeError, ValueError):
        return None
