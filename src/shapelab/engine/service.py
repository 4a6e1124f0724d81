"""The engine as a service that all kernels share: one small ASGI application before a pool of workers.

It holds answers as the bytes that travel, knows nothing about visitors, and imports no jax.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import time
from collections import deque
from collections.abc import AsyncIterator, Hashable
from functools import partial
from typing import Any

import psutil
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from shapelab.engine import wire
from shapelab.engine.ahead import constructions, neighbours
from shapelab.engine.cache import Bounded
from shapelab.engine.client import SESSION_HEADER
from shapelab.engine.counts import Counts
from shapelab.engine.fair import Job
from shapelab.engine.pool import Pool
from shapelab.engine.questions import read
from shapelab.engine.spec import Spec, check
from shapelab.errors import ShapeError
from shapelab.pitfalls import pitfall

MOST_TRACES = 32 * 2**20  # bytes of traces that are kept
MOST_VALUES = 96 * 2**20  # bytes of values that are kept
QUIET = 0.4  # seconds without a question after which work ahead begins
CALM = 4.0  # further ones after which constructors are traced: that takes seconds, and a page may still be loading

MOST_NAME = 64  # letters of a session's name

VERBS = ("trace", "run", "known", "ways_out", "support", "statistics", "pitfall")

Answer = tuple[bool, bytes]
Jobs = deque[tuple[str, Spec, tuple[int, ...] | None]]


class Service:
    """Answers questions from what it remembers, or asks the pool; equal questions in flight are asked once."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._traces = Bounded(2**14, weigh=len, budget=MOST_TRACES)
        self._values = Bounded(2**14, weigh=len, budget=MOST_VALUES)
        self._in_flight: dict[Hashable, Job] = {}
        self._asked = asyncio.Event()
        self._latest: tuple[Spec, tuple[int, ...] | None] | None = None
        self.counts = Counts()

    async def answer(self, verb: str, spec: Spec, asked: wire.Question, session: str) -> Answer:
        """The answer to a visitor's question."""
        kept, key = self._place(verb, spec, asked)
        known = kept.get(key)
        if verb == "known":
            return known is not None, known or b""
        self._latest = (spec, asked.stages if verb == "run" else self._stages_of(spec))
        self._asked.set()
        if known is not None:
            self.counts.hits += 1
            return True, known
        self.counts.misses += 1
        return await self._ask(verb, kept, key, wire.question(spec, asked.stages, asked.cell), session)

    async def pitfall(self, name: str, session: str) -> Answer:
        """What a classic mistake does.

        Raises:
          ShapeError: for one that is not in the gallery.
        """
        key = "pitfall", pitfall(name).name
        known = self._traces.get(key)
        self._asked.set()
        if known is not None:
            self.counts.hits += 1
            return True, known
        self.counts.misses += 1
        return await self._ask("pitfall", self._traces, key, wire.pitfall_question(name), session)

    async def work_ahead(self) -> None:
        """For ever: when nothing has been asked for a moment, compute what is likely to be asked next."""
        constructors: Jobs = deque(("prepare", spec, None) for spec in constructions())
        while True:
            await self._asked.wait()
            await self._quiet()
            if self._latest is not None:
                spec, stages = self._latest
                near = list(neighbours(spec))
                await self._work_off(deque(("trace", other, None) for other in near))
                if stages is not None:
                    await self._work_off(deque(("run", other, stages) for other in near))
            if constructors:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._asked.wait(), CALM)
                await self._work_off(constructors)

    async def _work_off(self, jobs: Jobs) -> None:
        """Do one after the other what is not known yet, until a visitor asks something."""
        while jobs and not self._asked.is_set() and self._pool.idle:
            verb, spec, stages = jobs.popleft()
            kept, key = self._place(verb, spec, wire.Question(spec.lesson_name, {}, stages))
            if kept.get(key) is None:
                fine, answer = await self._pool.ask_ahead(verb, wire.question(spec, stages))
                if fine:
                    kept.put(key, answer)

    async def _quiet(self) -> None:
        """Wait until nothing has been asked, or was being answered, for a while; the next question sets the event."""
        while self._asked.is_set() or not self._pool.idle:
            self._asked.clear()
            await asyncio.sleep(QUIET)

    async def _ask(self, verb: str, kept: Bounded, key: Hashable, question: bytes, session: str) -> Answer:
        job = self._in_flight.get(key)
        if job is None:
            job = self._in_flight[key] = Job(verb, question)
            job.answer.add_done_callback(lambda done: self._settle(kept, key, done))
        self._pool.begin(job, session)
        return await asyncio.shield(job.answer)  # one who leaves does not take the answer away from the others

    def _settle(self, kept: Bounded, key: Hashable, done: asyncio.Future[Answer]) -> None:
        self._in_flight.pop(key, None)
        if not done.cancelled() and done.exception() is None and done.result()[0]:
            kept.put(key, done.result()[1])

    def _place(self, verb: str, spec: Spec, asked: wire.Question) -> tuple[Bounded, Hashable]:
        if verb in ("run", "known"):
            return self._values, (spec.identity, asked.stages)
        if verb in ("support", "statistics"):
            return self._values, (verb, spec.identity, asked.stages, asked.cell)
        return self._traces, (verb, spec.structure)

    def _stages_of(self, spec: Spec) -> tuple[int, ...] | None:
        """The stages that were last asked of the same lesson."""
        if self._latest is not None and self._latest[0].lesson_name == spec.lesson_name:
            return self._latest[1]
        return None

    def state(self) -> dict[str, Any]:
        """Counts and bytes, for whoever watches."""
        held = {"traces": len(self._traces), "values": len(self._values)}
        own = psutil.Process().memory_info().rss
        told = {"held": held, "memory": own, "workers": self._pool.state(), "waiting": self._pool.waiting()}
        return {**told, **self.counts.state()}


def create_app(token: str) -> Starlette:
    """The application.

    Args:
      token: what a kernel must show; only the kernels of this server know it.
    """
    workers = Pool()
    service = Service(workers)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        starting = asyncio.create_task(workers.start())
        ahead = asyncio.create_task(service.work_ahead())
        yield
        for task in (ahead, starting):
            task.cancel()
        workers.stop()

    async def ask(verb: str, request: Request) -> Response:
        begun = time.monotonic()
        session = request.headers.get(SESSION_HEADER, "")[:MOST_NAME]
        try:
            asked = await read(request, verb)
            if verb == "pitfall":
                fine, answer = await service.pitfall(asked.lesson, session)
            else:
                fine, answer = await service.answer(
                    verb, check(asked.lesson, asked.values, asked.image), asked, session
                )
        except ShapeError as error:
            fine, answer = False, wire.encode(wire.Refusal.of(error))
        service.counts.answered(verb, time.monotonic() - begun)
        if fine:
            return Response(answer, media_type=wire.MEDIA_TYPE)
        if not answer:
            return Response(status_code=204)  # it is not known
        service.counts.refused(wire.decode(answer, wire.Refusal).kind)
        return Response(answer, status_code=422, media_type=wire.MEDIA_TYPE)

    async def state(_: Request) -> Response:
        return JSONResponse(service.state())

    async def health(_: Request) -> Response:
        return PlainTextResponse("ok")

    routes = [
        Route("/healthz", health),
        Route("/state", state),
        *(Route(f"/{verb}", partial(ask, verb), methods=["POST"]) for verb in VERBS),
    ]
    return Starlette(routes=routes, lifespan=lifespan, middleware=[Middleware(_OnlyWith, token=token)])


class _OnlyWith:
    """Lets requests pass that show the token."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app, self._expected = app, f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer 401."""
        given = dict(scope.get("headers", [])).get(b"authorization", b"")
        if scope["type"] == "http" and not hmac.compare_digest(given, self._expected):
            await Response(status_code=401)(scope, receive, send)
            return
        await self._app(scope, receive, send)
