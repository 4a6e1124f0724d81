"""Runs a classic mistake beside its right version, in the jax and flax that are installed.

Importing this file imports jax.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from importlib import import_module
from typing import Any

import flax
import jax
import numpy as np

from shapelab.pitfalls import pitfall
from shapelab.pitfalls.outcome import Case, Outcome, Ran, Shape
from shapelab.pitfalls.records import Pitfall, Setting
from shapelab.tracing.execute import QUICK_COMPILE

Array = np.ndarray[Any, Any]
Program = Callable[..., jax.Array]
Said = tuple[str, str, int]  # class, message and line of an error

TOLERANCE = 1e-5  # what the order of a sum may change; no mistake here changes less than a hundredth
MOST_MESSAGE = 4000  # characters


def run(name: str) -> Outcome:
    """What a mistake does at each of its settings.

    Raises:
      ShapeError: for a mistake that is not in the gallery.
    """
    asked = pitfall(name)
    cases = tuple(_case(asked, setting) for setting in asked.settings)
    return Outcome(name, cases, jax.__version__, flax.__version__)


def _case(asked: Pitfall, setting: Setting) -> Case:
    programs = import_module(f"shapelab.pitfalls.programs.{asked.group}")
    given = getattr(programs, asked.given)
    (wrong, inputs), (right, _) = (
        _result(getattr(programs, each), given, setting) for each in (asked.wrong, asked.right)
    )
    fit = isinstance(wrong, np.ndarray) and isinstance(right, np.ndarray) and wrong.shape == right.shape
    apart = np.abs(wrong - right) if fit else None  # type: ignore[operator]
    return Case(
        setting=dict(setting),
        inputs=inputs,
        wrong=_ran(wrong, right),
        right=_ran(right, right),
        difference=None if apart is None else float(apart.max()),
        differing=None if apart is None else float((apart > TOLERANCE).mean()),
    )


def _result(program: Program, given: Program, setting: Setting) -> tuple[Array | Said, tuple[tuple[str, Shape], ...]]:
    """What a program returns, or the error that it raises; and the arrays that it was given.

    Its modules are built and run in one compiled program, which takes a tenth of the time that it takes line by line.
    Errors are the same either way: what JAX says of shapes it says before it compiles.
    """
    inputs: list[tuple[str, Shape]] = []

    def whole() -> jax.Array:
        arguments: Any = given(**setting)
        inputs.extend((name, value.shape) for name, value in arguments.items() if hasattr(value, "shape"))
        return program(**arguments)

    try:
        result: Array | Said = np.asarray(jax.jit(whole, compiler_options=QUICK_COMPILE)())
    except Exception as error:  # whatever the installed versions raise is what is shown
        result = type(error).__name__, str(error)[:MOST_MESSAGE], _line(error, program)
    return result, tuple(inputs)


def _line(error: Exception, program: Program) -> int:
    """The line of the program, from 1, at which an error left it; 0 where it never was there."""
    code = program.__code__
    for frame, line in traceback.walk_tb(error.__traceback__):
        if frame.f_code is code:
            return int(line - code.co_firstlineno + 1)
    return 0


def _ran(result: Array | Said, right: Array | Said) -> Ran:
    if not isinstance(result, np.ndarray):
        return Ran("error", error=result[0], message=result[1], line=result[2])
    return Ran(
        kind=_kind(result, right),
        shape=result.shape,
        dtype=str(result.dtype),
        smallest=float(result.min()),
        mean=float(result.mean()),
        largest=float(result.max()),
    )


def _kind(result: Array, right: Array | Said) -> str:
    if not isinstance(right, np.ndarray) or result.shape != right.shape:
        return "shape"
    return "fine" if np.allclose(result, right, rtol=TOLERANCE, atol=TOLERANCE) else "values"
