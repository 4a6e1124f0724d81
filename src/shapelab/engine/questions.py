"""What a request asks of the service, and its bounds: whoever sends it may send anything."""

from __future__ import annotations

import msgspec
from starlette.requests import Request

from shapelab.engine import wire
from shapelab.errors import ShapeError

MOST_BODY = 64 * 2**10  # bytes of a question; an uploaded picture is 48 KiB of them
MOST_STAGES = 1000
MOST_INDICES = 4  # of a cell: no lesson has more axes over space
ABOUT_ONE_STAGE = ("support", "statistics")


async def read(request: Request, verb: str) -> wire.Question:
    """The question in a request; its lesson and values are checked by the lesson's own rules.

    Raises:
      ShapeError: for a body that is none, or too large a one.
    """
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > MOST_BODY:
            raise ShapeError(
                f"the question has more than {MOST_BODY} bytes: a lesson, its values and stages need fewer"
            )
    try:
        asked: wire.Question = wire.decode(body, wire.Question)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ShapeError(f"this is no question to an engine: {error}") from error
    _within_bounds(verb, asked)
    return asked


def _within_bounds(verb: str, asked: wire.Question) -> None:
    stages = asked.stages or ()
    if len(stages) > MOST_STAGES:
        raise ShapeError(f"{len(stages)} stages are asked for: at most {MOST_STAGES} at once")
    if len(set(stages)) < len(stages):
        raise ShapeError(f"{len(stages)} stages are asked for, {len(set(stages))} of them different: each once")
    wrong = [stage for stage in stages if not 0 <= stage < 2**31]
    if wrong:
        raise ShapeError(f"there is no stage {wrong[0]}: the first one is 0")
    if verb in ABOUT_ONE_STAGE and len(stages) != 1:
        raise ShapeError(f"{len(stages)} stages are asked about: {verb} is of exactly 1")
    if len(asked.cell) > MOST_INDICES or any(not 0 <= index < 2**31 for index in asked.cell):
        raise ShapeError(
            f"a cell of {len(asked.cell)} indices: it has at most {MOST_INDICES}, each a row or column from 0"
        )
