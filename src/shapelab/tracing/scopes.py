"""A copy of a module whose calls name themselves, so that each equation says which module made it.

The caller's module is never touched: the names sit on a merged copy. Its objects get a subclass of their class, made
once per class and kept, whose ``__call__`` runs under a ``jax.named_scope``; an object without a name calls through.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import jax
from flax import linen, nnx

from shapelab.tracing.layers import layer_op

_PATH = "_shapelab_path"
_MARK = re.compile(r"shapelab:([^/()#]*)#(\d+)")


@dataclass(frozen=True)
class ModuleFacts:
    """What is known of the module at a path.

    Attributes:
      cls: its class, as its author named it.
      leaf: whether it is a layer of flax that holds no other module, so that all it does is one stage.
      declared: the padding it was given, where it is a layer that takes one.
    """

    cls: type
    leaf: bool
    declared: str | tuple[tuple[int, int], ...] | None = None


@dataclass
class Scopes:
    """The modules of one traced copy, how often each was called, and where it broke off.

    Attributes:
      modules: what is known of each module, by path.
      calls: how often each was called so far.
      failed: the path of the innermost module that raised, or None.
    """

    modules: dict[str, ModuleFacts] = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=dict)
    failed: str | None = None

    def name(self, module: Any, prefix: str = "") -> None:
        """Give every module from this one down its path, and the class that speaks it."""
        found = [(path, node) for path, node in nnx.iter_graph(module) if isinstance(node, nnx.Module)]
        holders = {path[:end] for path, _ in found for end in range(len(path))}
        for path, node in found:
            dotted = ".".join(str(part) for part in (prefix, *path) if str(part))
            leaf = is_layer(type(node)) and path not in holders
            self.modules[dotted] = ModuleFacts(type(node), leaf, declared_padding(node) if leaf else None)
            object.__setattr__(node, _PATH, dotted)
            object.__setattr__(node, "__class__", _speaking(type(node)))

    @contextmanager
    def call(self, path: str) -> Iterator[None]:
        """One call of the module at a path: names its equations, and remembers where a failure began."""
        self.calls[path] = self.calls.get(path, 0) + 1
        try:
            with jax.named_scope(f"shapelab:{path}#{self.calls[path]}"):
                yield
        except Exception:
            if self.failed is None:
                self.failed = path
            raise

    def linen(self, call: Callable[..., Any], args: Any, kwargs: Any, context: linen.module.InterceptorContext) -> Any:
        """The same for Linen, which offers its calls to an interceptor: one of its modules calling itself by name."""
        if context.method_name != "__call__":
            return call(*args, **kwargs)
        path = ".".join(context.module.path)
        cls = type(context.module)
        if path not in self.modules:
            self.modules[path] = ModuleFacts(cls, is_layer(cls), declared_padding(context.module))
        for holder in {path.rpartition(".")[0], ""} - {path}:  # who calls another is no single layer
            if holder in self.modules:
                self.modules[holder] = replace(self.modules[holder], leaf=False)
        with self.call(path):
            return call(*args, **kwargs)


_active: ContextVar[Scopes | None] = ContextVar("shapelab_scopes", default=None)


@contextmanager
def listening(scopes: Scopes) -> Iterator[None]:
    """Let calls in this thread, from here on, name themselves in ``scopes``."""
    token = _active.set(scopes)
    try:
        yield
    finally:
        _active.reset(token)


def is_flax(cls: type) -> bool:
    """Whether a class is flax's own."""
    return cls.__module__.split(".")[0] == "flax"


def is_layer(cls: type) -> bool:
    """Whether a class is a layer of flax, or derives from one."""
    return is_flax(cls) or layer_op(cls) is not None


def declared_padding(layer: Any) -> str | tuple[tuple[int, int], ...] | None:
    """The padding that a layer of flax was given: its name, or lo and hi for each spatial axis."""
    padding, kernel = getattr(layer, "padding", None), getattr(layer, "kernel_size", None)
    if isinstance(padding, str):
        return padding
    axes = len(kernel) if isinstance(kernel, tuple | list) else 1
    if isinstance(padding, int):
        return ((padding, padding),) * axes
    if isinstance(padding, tuple | list):
        return tuple((int(p), int(p)) if isinstance(p, int) else (int(p[0]), int(p[1])) for p in padding)
    return None


@lru_cache(maxsize=4096)
def calls_named(name_stack: str) -> tuple[tuple[str, str], ...]:
    """The module calls named on an equation's name stack, outermost first, each as (path, mark).

    The backward pass of ``jax.grad`` bears the names of the calls it belongs to, within ``transpose(…)``: its marks
    are others than those of the forward.
    """
    way = "transposed " if "transpose(" in name_stack else ""
    return tuple((path, way + number) for path, number in _MARK.findall(name_stack))


@lru_cache(maxsize=1024)
def _speaking(cls: type) -> type:
    """The subclass of a module class whose calls name themselves: one a class, however many traces."""

    def speak(self: Any, *args: Any, **kwargs: Any) -> Any:
        scopes, path = _active.get(), vars(self).get(_PATH)
        if scopes is None or path is None:
            return cls.__call__(self, *args, **kwargs)
        with scopes.call(path):
            return cls.__call__(self, *args, **kwargs)

    same_name = {"__module__": cls.__module__, "__qualname__": cls.__qualname__, "__doc__": cls.__doc__}
    return type(cls)(cls.__name__, (cls,), {"__call__": speak, **same_name})
