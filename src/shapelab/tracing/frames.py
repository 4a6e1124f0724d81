"""Whose line made an equation: the caller's code, told apart from JAX's and flax's by the file it stands in."""

from __future__ import annotations

import sysconfig
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import CodeType
from typing import Any

import flax
import jax
import jaxlib
import numpy

from shapelab.tracing.records import Source

_LIBRARIES = tuple(
    f"{Path(str(module.__file__)).resolve().parent}/".replace("\\", "/") for module in (flax, jax, jaxlib, numpy)
)
_STDLIB = f"{Path(sysconfig.get_paths()['stdlib']).resolve()}/".replace("\\", "/")
_HERE = f"{Path(__file__).resolve().parent}/".replace("\\", "/")
FORWARDERS = (
    "meth",
    "op",
    "deferring_binary_op",
    "bind",
    "bind_with_trace",
    "process_primitive",
)  # x.mean() and x + y pass through these on their way, and every primitive
_WRAPPERS = ("traceback_util.py", "pjit.py", "api.py", "custom_derivatives.py", "source_info_util.py")


@dataclass(frozen=True)
class CallSite:
    """Where an equation comes from.

    Attributes:
      chain: the caller's frames from the innermost up to the module call, each as (code, instruction).
      callee: name of the library function that the innermost of them called; ``""`` for an operator.
      everything: all frames of the equation: equal for two equations only when a loop ran the same line again.
    """

    chain: tuple[tuple[CodeType, int], ...]
    callee: str
    everything: tuple[Any, ...]
    source: Source | None


@lru_cache(maxsize=16384)
def is_library(file: str) -> bool:
    """Whether a file is JAX's, flax's, numpy's, Python's or the tracer's own, and so never the caller's line."""
    path = str(Path(file).resolve()).replace("\\", "/")
    if path.startswith(_LIBRARIES) or path.startswith(_HERE) or file.startswith("<frozen"):
        return True
    return path.startswith(_STDLIB) and "/site-packages/" not in path and "/dist-packages/" not in path


def is_tracer(file: str) -> bool:
    """Whether a file is one of the tracer's own."""
    return file.startswith(_HERE_RAW)


def defined_in_library(jaxpr: Any) -> bool:
    """Whether an inner jaxpr was traced from a function of a library (``jax.nn.relu``) and not of the caller."""
    _, _, place = str(jaxpr.debug_info.func_src_info or "").rpartition(" at ")
    file = place.rpartition(":")[0]
    return not file or is_library(file)


def call_site(traceback: Any, also_caller: str = "") -> CallSite:
    """Read an equation's traceback, innermost frame first.

    Args:
      traceback: the ``source_info.traceback`` of an equation, or None.
      also_caller: a library file to count as the caller's: that of the flax module whose call is running.
    """
    if traceback is None:
        return CallSite((), "", (), None)
    codes, instructions = traceback.raw_frames()
    chain: list[tuple[CodeType, int]] = []
    callee, source = "", None
    for code, instruction in zip(codes, instructions, strict=True):
        file = code.co_filename
        if file.startswith(_HERE_RAW):
            break  # the entry of the module call
        if not is_library(file) or file == also_caller:
            chain.append((code, instruction))
        elif not chain and not file.endswith(_WRAPPERS) and code.co_name not in FORWARDERS:
            callee = code.co_name
    for code, instruction in zip(codes, instructions, strict=True):
        if not is_library(code.co_filename):
            source = Source(code.co_filename, type(traceback).code_addr2line(code, instruction))
            break
    everything = tuple(zip(map(id, codes), instructions, strict=True))
    return CallSite(tuple(chain), callee, everything, source)


def module_calls(traceback: Any, count: int) -> list[Source | None]:
    """The caller's lines that called the ``count`` innermost modules of an equation, innermost first."""
    found: list[Source | None] = []
    if traceback is None:
        return [None] * count
    waiting = False
    for code, instruction in zip(*traceback.raw_frames(), strict=True):
        if len(found) == count:
            break
        if code.co_filename == _SCOPES and code.co_name in _MODULE_CALLS:
            if waiting:
                found.append(None)  # a module that a library called
            waiting = True
        elif waiting and not is_library(code.co_filename):
            found.append(Source(code.co_filename, type(traceback).code_addr2line(code, instruction)))
            waiting = False
    return found + [None] * (count - len(found))


_HERE_RAW = str(Path(__file__).parent)
_SCOPES = str(Path(__file__).with_name("scopes.py"))
_MODULE_CALLS = ("speak", "linen")  # the functions there through which every named call passes
