"""A copy of a module whose calls name themselves, so that each equation says which module made it.

The caller's module is never touched: the names sit on a merged copy. Its objects get a subclass of their class, made
once per class and kept, whose ``__call__`` runs under a ``jax.named_scope``; an object without a name calls through.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import jax
from flax import linen, nnx

_PATH = "_shapelab_path"
_MARK = re.compile(r"shapelab:([^/]*)")


@dataclass(frozen=True)
class Scope:
    """One call of one module.

    Attributes:
      path: attribute path of the module, ``""`` for the root.
      call: 1 for the first call of that module, 2 for the second.
    """

    path: str
    call: int


@dataclass(frozen=True)
class ModuleFacts:
    """What is known of the module at a path.

    Attributes:
      cls: its class, as its author named it.
      leaf: whether it is a layer of flax that holds no other module, so that all it does is one stage.
    """

    cls: type
    leaf: bool


ROOT = Scope("", 1)


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

    def name(self, module: nnx.Module) -> None:
        """Give every module from this one down its path, and the class that speaks it."""
        found = [(path, node) for path, node in nnx.iter_graph(module) if isinstance(node, nnx.Module)]
        holders = {path[:end] for path, _ in found for end in range(len(path))}
        for path, node in found:
            dotted = ".".join(str(part) for part in path)
            self.modules[dotted] = ModuleFacts(type(node), is_flax(type(node)) and path not in holders)
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
        self.modules.setdefault(path, ModuleFacts(cls, is_flax(cls)))
        for holder in {path.rpartition(".")[0], ""} - {path}:  # who calls another is no single layer
            if holder in self.modules:
                self.modules[holder] = ModuleFacts(self.modules[holder].cls, leaf=False)
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


def scope_of(name_stack: Any) -> Scope | None:
    """The innermost module call named on an equation's name stack."""
    found = _MARK.findall(str(name_stack))
    if not found:
        return None
    path, _, call = found[-1].partition("#")
    return Scope(path, int(call or 1))


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
