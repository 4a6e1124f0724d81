"""A few worker processes: who answers what, and what happens to one that dies, grows or takes too long.

Runs on an event loop; imports no jax.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from typing import Any

from shapelab.engine import wire
from shapelab.engine.fair import FairQueue, Job
from shapelab.errors import EngineAwayError, TooLargeError

WORKERS = 4  # half of them for traces alone
MOST_MEMORY = 192 * 2**20  # bytes that a worker alone may hold before it is replaced
MOST_SECONDS = 20.0
SLOW, AHEAD = 10, 15  # niceness: of runs behind traces and browsers, and of what nobody has asked for behind all


class _Worker:
    """One process, seen from outside."""

    def __init__(self, context: Any, niceness: int, draws: bool) -> None:
        self._context, self._told = context, (niceness, draws)
        self.busy, self.memory, self.starts = False, 0, 0
        self._closed = False
        self._process: Any = None
        self._connection: Connection | None = None

    @property
    def pid(self) -> int | None:
        """The process's number, None before the first question."""
        return self._process.pid if self._process else None

    def ask(self, verb: str, question: bytes) -> wire.Reply:
        """Ask, and wait for the answer; blocks. A process that is not there is started."""
        connection = self._started()
        connection.send_bytes(wire.pair(verb, question))
        if not connection.poll(MOST_SECONDS):
            self.stop()
            raise TooLargeError(
                f"The answer took longer than {MOST_SECONDS:.0f} s and was given up: a smaller setting is quicker."
            )
        reply: wire.Reply = wire.decode(connection.recv_bytes(), wire.Reply)
        self.memory = reply.memory
        return reply

    def start(self) -> None:
        """Start the process ahead of its first question."""
        self._started()

    def close(self) -> None:
        """End the process for good."""
        self._closed = True
        self.stop()

    def stop(self) -> None:
        """End the process, whatever it does; the next question starts another."""
        connection, process = self._connection, self._process
        self._process = self._connection = None
        if process is not None:
            process.kill()  # first: a thread that waits for its answer is woken by the end of it
            process.join()
        if connection is not None:
            connection.close()
        self.memory = 0

    def _started(self) -> Connection:
        if self._closed:
            raise EngineAwayError("the engine is stopping")
        if self._connection is None or not self._process.is_alive():
            self.stop()
            ours, theirs = self._context.Pipe()
            process = self._context.Process(target=_work, args=(theirs, *self._told), daemon=True)
            process.start()
            theirs.close()
            self._connection, self._process = ours, process
            self.starts += 1
        assert self._connection is not None
        return self._connection


class Pool:
    """The workers and the questions that wait for one.

    Half of the workers take traces and nothing else: a picture never waits for a compilation. Those who ask are served
    in turn.
    """

    def __init__(self, size: int = WORKERS) -> None:
        """Set up a pool; processes start with ``start``."""
        context = _context()
        half = max(1, size // 2)
        niceness = [*[0] * half, *[SLOW] * (size - half - 1), AHEAD][:size]
        self._workers = [_Worker(context, each, at >= half or size == half) for at, each in enumerate(niceness)]
        self._of = {"quick": self._workers[:half], "slow": self._workers[half:] or self._workers}
        self._waiting = {"quick": FairQueue(), "slow": FairQueue()}
        self._threads = ThreadPoolExecutor(size, thread_name_prefix="worker")
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Start the processes, one after the other; each answers as soon as it is up."""
        for worker in self._workers:
            worker.busy = True
        for worker in self._workers:
            try:
                await self._in_thread(worker.start)
            except OSError:
                pass  # too little of something just now: the next question tries again
            finally:
                worker.busy = False
            self._dispatch()

    def stop(self) -> None:
        """End the processes; what was asked stays unanswered."""
        for task in self._tasks:
            task.cancel()
        for worker in self._workers:
            worker.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

    @property
    def idle(self) -> bool:
        """Whether nothing is asked and nothing is being answered."""
        return not any(map(len, self._waiting.values())) and not any(worker.busy for worker in self._workers)

    def state(self) -> list[dict[str, Any]]:
        """For each worker its process number, bytes, how often it was started, and whether it is busy."""
        return [{"pid": w.pid, "memory": w.memory, "starts": w.starts, "busy": w.busy} for w in self._workers]

    def waiting(self) -> dict[str, int]:
        """How many questions wait, of traces ("quick") and of all else ("slow"), and how many were given up."""
        dropped = sum(queue.dropped for queue in self._waiting.values())
        return {**{kind: len(queue) for kind, queue in self._waiting.items()}, "dropped": dropped}

    async def ask(self, verb: str, question: bytes, session: str = "") -> tuple[bool, bytes]:
        """Ask a worker.

        Returns:
          Whether it answered rather than refused, and its answer or ``wire.Refusal``, encoded.
        """
        return await self.begin(Job(verb, question), session).answer

    def begin(self, job: Job, session: str) -> Job:
        """Let a question stand in a session's line, also one that stands in another's, or is being answered."""
        if not job.begun:
            self._waiting["quick" if job.verb == "trace" else "slow"].put(job, session)
            self._dispatch()
        return job

    async def ask_ahead(self, verb: str, question: bytes) -> tuple[bool, bytes]:
        """Ask what nobody has asked yet, of a pool that is idle.

        Constructors are traced where the traces are made; all else keeps out of their way.
        """
        job = Job(verb, question)
        self._hand(self._workers[0 if verb == "prepare" else -1], job)
        return await job.answer

    def _dispatch(self) -> None:
        for kind, waiting in self._waiting.items():
            for worker in self._of[kind]:
                job = None if worker.busy else waiting.pop()
                if job is not None:
                    self._hand(worker, job)

    def _hand(self, worker: _Worker, job: Job) -> None:
        worker.busy = True
        task = asyncio.get_running_loop().create_task(self._serve(worker, job))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, worker: _Worker, job: Job) -> None:
        try:
            answer = await self._in_thread(_asked, worker, job)
            if not job.answer.done():
                job.answer.set_result(answer)
            if worker.memory > MOST_MEMORY:
                await self._in_thread(_replace, worker)
        finally:
            worker.busy = False
            if not job.answer.done():
                job.answer.cancel()
        self._dispatch()

    async def _in_thread(self, call: Callable[..., Any], *args: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call, *args)


def _asked(worker: _Worker, job: Job) -> tuple[bool, bytes]:
    """Ask, and once more if the worker dies over it: what killed it may have been the one before."""
    for _ in range(2):
        try:
            reply = worker.ask(job.verb, job.question)
            return reply.fine, reply.answer
        except (EOFError, OSError):
            worker.stop()
        except Exception as error:  # whoever asked is told
            return False, wire.encode(wire.Refusal.of(error))
    deadly = TooLargeError("Computing this ended its worker twice: a smaller setting may work.")
    return False, wire.encode(wire.Refusal.of(deadly))


def _replace(worker: _Worker) -> None:
    worker.stop()
    with contextlib.suppress(OSError):  # the next question tries again
        worker.start()


def _context() -> Any:
    """How processes are started.

    Workers are forked from a process that has imported jax and started nothing: they are up in a fifth of a second and
    share its memory. Elsewhere than on Linux system libraries do not survive a fork: there each starts anew.
    """
    if not sys.platform.startswith("linux"):
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["shapelab.engine.worker"])
    return context


def _work(connection: Connection, niceness: int, draws: bool) -> None:
    from shapelab.engine.worker import work

    work(connection, niceness, draws)
