"""From ``file.py:Name`` or ``package.module:Name`` to what it names."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import inspect
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from flax import linen, nnx

from shapelab.loading.sentences import LoadError, near, what_was_raised

Register = Callable[[str, ModuleType], None]


@contextmanager
def found(target: str) -> Iterator[Any]:
    """What ``file.py:Name`` or ``package.module:Name`` names, also by dotted names through lists (``model.layers.0``).

    While the block lasts the file's folder (for an import path the current one) is the first of ``sys.path``, so that
    what the user's code imports late is found too, and no bytecode is written. Then ``sys.path`` is as before, and the
    file's own module is no longer among ``sys.modules``; modules that it imported stay, as with any import.

    Raises:
      LoadError: for a file, a module or a name that is not there, and for code that raises when it is imported.
    """
    place, _, name = target.rpartition(":")
    before, wrote = list(sys.path), sys.dont_write_bytecode
    sys.dont_write_bytecode = True
    with _registering() as register:
        try:
            module = _of_file(place, register) if _is_file(place) else _of_import(place)
            yield _attribute(module, place, name)
        finally:
            sys.path[:], sys.dont_write_bytecode = before, wrote


def _is_file(place: str) -> bool:
    return place.endswith(".py") or "/" in place or os.sep in place


@contextmanager
def _registering() -> Iterator[Register]:
    """A function that puts modules into ``sys.modules`` until the block ends."""
    replaced: dict[str, ModuleType | None] = {}

    def register(name: str, module: ModuleType) -> None:
        replaced.setdefault(name, sys.modules.get(name))
        sys.modules[name] = module

    try:
        yield register
    finally:
        for name, before in replaced.items():
            if before is None:
                sys.modules.pop(name, None)
            else:
                sys.modules[name] = before


def _of_file(place: str, register: Register) -> ModuleType:
    """The module of a file. One that lies in packages has its whole name, so that its relative imports work."""
    path = _existing(place)
    top, parts = path.parent, [path.stem]
    while (top / "__init__.py").is_file():
        top, parts = top.parent, [top.name, *parts]
    sys.path[:0] = dict.fromkeys([str(top), str(path.parent)])
    name = ".".join(parts)
    if len(parts) == 1 and (name in sys.modules or name in sys.stdlib_module_names):
        name += "_traced"  # what others import by that name stays what it is
    try:
        if len(parts) > 1:
            importlib.import_module(name.rpartition(".")[0])
            held = sys.modules.get(name)
            if held is not None and Path(str(held.__file__)).resolve() == path:
                return held
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        register(name, module)
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise LoadError(f"{place} cannot be imported: {what_was_raised(error)}") from error
    return module


def _existing(place: str) -> Path:
    path = Path(place)
    if path.is_file() and path.suffix == ".py":
        return path.resolve()
    if path.is_dir():
        raise LoadError(f"{place} is a folder: name a file in it, as in {path / 'net.py'}:Net")
    if path.is_file():
        raise LoadError(f"{place} is not a file of Python: its name should end in .py")
    close = difflib.get_close_matches(path.name, (other.name for other in path.parent.glob("*.py")), n=1)
    raise LoadError(f"there is no file {place}" + (f": did you mean {path.parent / close[0]}?" if close else ""))


def _of_import(place: str) -> ModuleType:
    sys.path.insert(0, os.getcwd())
    try:
        return importlib.import_module(place)
    except (Exception, SystemExit) as error:
        if isinstance(error, ModuleNotFoundError) and error.name and f"{place}.".startswith(f"{error.name}."):
            raise LoadError(f"there is no module {error.name!r}, neither installed nor in the current folder") from None
        raise LoadError(f"{place} cannot be imported: {what_was_raised(error)}") from error


def _attribute(module: ModuleType, place: str, name: str) -> Any:
    holder: Any = module
    walked = place
    for part in name.split("."):
        try:
            value = holder[int(part)] if part.isdecimal() else getattr(holder, part)
        except (AttributeError, IndexError, KeyError, TypeError):
            names = _names(module) if holder is module else [n for n in getattr(holder, "__dict__", ()) if n[:1] != "_"]
            raise LoadError(f"{walked} has no {part!r}{near(part, names)}") from None
        if isinstance(holder, type) and issubclass(holder, nnx.Module | linen.Module) and inspect.isfunction(value):
            raise LoadError(f"{part} is a method of {holder.__name__}: trace {walked} with --method {part}")
        walked += f"{':' if holder is module else '.'}{part}"
        holder = value
    return holder


def _names(module: ModuleType) -> list[str]:
    """What a file defines that could be traced, in its order; where it defines none, all that can be called."""
    public = {name: value for name, value in vars(module).items() if name[:1] != "_"}

    def of_its_own(value: Any) -> bool:
        if isinstance(value, type | FunctionType):
            return value.__module__ == module.__name__
        return isinstance(value, nnx.Module | linen.Module)

    return [n for n, value in public.items() if of_its_own(value)] or [n for n, v in public.items() if callable(v)]
