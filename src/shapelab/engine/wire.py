"""How questions and answers travel between kernel, service and worker: MessagePack of plain records, never code."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from threading import Lock
from typing import Any

import msgspec
import numpy as np

from shapelab.engine.spec import Spec
from shapelab.errors import EngineAwayError, ShapeError, TooLargeError
from shapelab.tracing.records import Trace

MEDIA_TYPE = "application/vnd.msgpack"
REFUSALS = {error.__name__: error for error in (ShapeError, TooLargeError, EngineAwayError)}


class Question(msgspec.Struct, frozen=True):
    """What is asked of an engine.

    Attributes:
      lesson: its name, or for ``pitfall`` that of the mistake; like all that follows, checked by whoever answers.
      values: of its configuration's fields.
      stages: for a run, the stages whose values are wanted, None for all; else the one stage that is asked about.
      cell: for ``support``, the place in the stage's output.
      image: an uploaded picture; its length is checked with the rest.
    """

    lesson: str
    values: dict[str, Any]
    stages: tuple[int, ...] | None = None
    cell: tuple[int, ...] = ()
    image: bytes = b""


class Refusal(msgspec.Struct, frozen=True):
    """An error as an answer: the name of its class, in ``REFUSALS`` unless the fault is ours, and what it says."""

    kind: str
    message: str

    @classmethod
    def of(cls, error: Exception) -> Refusal:
        """The refusal that tells of an error."""
        return cls(type(error).__name__, str(error))

    def error(self) -> Exception:
        """The error that the refusal tells of."""
        known = REFUSALS.get(self.kind)
        return known(self.message) if known else RuntimeError(f"{self.kind}: {self.message}")


class Reply(msgspec.Struct, frozen=True):
    """What a worker gives back.

    Attributes:
      fine: whether ``answer`` is the answer, not a ``Refusal``.
      answer: encoded.
      memory: bytes that the worker alone holds, measured now and then.
    """

    fine: bool
    answer: bytes
    memory: int = 0


def question(spec: Spec, stages: tuple[int, ...] | None = None, cell: tuple[int, ...] = ()) -> bytes:
    """A question about a specification."""
    values = {name: getattr(spec.config, name) for name in spec.config.rules()}
    return _encoder().encode(Question(spec.lesson_name, values, stages, cell, spec.image))


def pitfall_question(name: str) -> bytes:
    """A question about a classic mistake."""
    return _encoder().encode(Question(name, {}))


def pair(verb: str, asked: bytes) -> bytes:
    """What a worker is told: what to do, and an encoded question."""
    return _encoder().encode((verb, msgspec.Raw(asked)))


def encode(answer: Any) -> bytes:
    """An answer; of a trace see ``without_program``."""
    return _encoder().encode(answer)


def decode(data: bytes, kind: Any) -> Any:
    """An answer of a kind: a class of records, or a type made of plain ones.

    Raises:
      msgspec.MsgspecError: for data that is no such answer.
    """
    with _making:
        decoder = _decoder(kind)
    return decoder.decode(data)


_making = Lock()
"""Two threads that are the first to make a decoder of one class can end the process: msgspec finds what it notes of a
class before that is whole."""


@cache
def _encoder() -> msgspec.msgpack.Encoder:
    return msgspec.msgpack.Encoder(enc_hook=_plain)


@cache
def _decoder(kind: Any) -> msgspec.msgpack.Decoder[Any]:
    return msgspec.msgpack.Decoder(kind, dec_hook=_rich)


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, np.ascontiguousarray(value).data.cast("B") if value.size else b""
    raise NotImplementedError(f"{type(value).__name__} does not travel")


def _rich(kind: Any, value: Any) -> Any:
    dtype, shape, data = value
    return np.frombuffer(data, dtype).reshape(shape)


def without_program(trace: Trace) -> Trace:
    """A trace as it can travel."""
    return replace(trace, program=None)
