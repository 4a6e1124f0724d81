"""A worker process: answers one question at a time from an engine of its own.

The process that workers are forked from imports this file once, and jax with it. That starts no JAX backend, which a
fork would not survive.
"""

from __future__ import annotations

import gc
import os
import signal
from multiprocessing.connection import Connection
from typing import Any

import jax
import psutil

from shapelab.engine import wire
from shapelab.engine.in_process import Engine
from shapelab.engine.spec import check
from shapelab.lessons import LESSONS

MEASURED_EVERY = 4 * 2**20  # bytes more or less in sight; what is this process's alone takes milliseconds to tell
REST = 2.0  # seconds without a question


def _has_no_sharding(tracer: object) -> Any:
    raise AttributeError(f"{type(tracer).__name__} has no sharding")


# flax asks each value that it sets for its sharding. One that is traced has none and says so in a text, for which JAX
# prints the program so far: up to a third of the time that it takes to trace a module. Nobody reads it in this process.
jax.core.Tracer.sharding = property(_has_no_sharding)  # type: ignore[assignment, method-assign]

# What has been imported by now is shared with every worker as long as nobody writes to it: the collector would.
for _lesson in LESSONS.values():
    _lesson.constructor(_lesson.Config())
gc.collect()
gc.freeze()


def work(connection: Connection, niceness: int, draws: bool) -> None:
    """Answer what comes through a pipe until its other end is closed.

    Args:
      connection: the pipe.
      niceness: of this process.
      draws: whether values will be asked for, too.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the server's; it closes the pipe
    if niceness and hasattr(os, "nice"):
        os.nice(niceness)
    engine, process, memory, measured = Engine(draws=draws), psutil.Process(), 0, 0
    gc.disable()
    while True:
        try:
            _collect_while_idle(connection)
            verb, question = wire.decode(connection.recv_bytes(), tuple[str, wire.Question])
        except (EOFError, OSError):  # the other end has closed it, or died
            return
        try:
            fine, answer = True, wire.encode(_answer(engine, verb, question))
        except Exception as error:  # whoever asked is told
            fine, answer = False, wire.encode(wire.Refusal.of(error))
        resident = process.memory_info().rss
        if abs(resident - measured) > MEASURED_EVERY:
            memory, measured = process.memory_full_info().uss, resident
        try:
            connection.send_bytes(wire.encode(wire.Reply(fine, answer, memory)))
        except OSError:
            return


def _collect_while_idle(connection: Connection) -> None:
    """Collect garbage between questions: in the middle of one it would take a tenth of a second and more."""
    if not connection.poll(0):
        gc.collect(1)
        if not connection.poll(REST):
            gc.collect()


def _answer(engine: Engine, verb: str, asked: wire.Question) -> Any:
    if verb == "pitfall":
        return engine.pitfall(asked.lesson)
    spec = check(asked.lesson, asked.values, asked.image)
    if verb == "trace":
        return wire.without_program(engine.trace(spec))
    if verb == "run":
        return engine.run(spec, asked.stages)
    if verb == "ways_out":
        return engine.ways_out(spec)
    if verb in ("support", "statistics"):
        (stage,) = asked.stages or (-1,)
        return engine.support(spec, stage, asked.cell) if verb == "support" else engine.statistics(spec, stage)
    return engine.prepare(spec)
