"""Whose turn it is: questions wait by who asks, and those who ask are served in turn."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field

from shapelab.engine import wire
from shapelab.errors import EngineAwayError

MOST_WAITING = 16  # questions of one session; a kernel has at most a handful under way


@dataclass(eq=False)
class Job:
    """A question on its way.

    Attributes:
      verb: "trace", "run", "ways_out", "support", "statistics", "pitfall" or "prepare".
      question: a ``wire.Question``, encoded.
      sessions: those in whose line it stands.
      begun: whether a worker has it.
      answer: what comes of it: (whether it is an answer and not a refusal, MessagePack).
    """

    verb: str
    question: bytes
    sessions: set[str] = field(default_factory=set)
    begun: bool = False
    answer: asyncio.Future[tuple[bool, bytes]] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class FairQueue:
    """One line a session; of the lines each gives its oldest question in turn."""

    def __init__(self) -> None:
        self._lines: dict[str, deque[Job]] = {}
        self.dropped = 0
        """How many questions were given up because too many of one session waited."""

    def __len__(self) -> int:
        return len({id(job) for line in self._lines.values() for job in line if not job.begun})

    def put(self, job: Job, session: str) -> None:
        """Queue a question for a session. One that waits in another's line already comes when either is served.

        Of more than ``MOST_WAITING`` the session's oldest is given up, unless somebody else waits for it too. Who has
        no name is the server itself, which asks for all.
        """
        line = self._lines.setdefault(session, deque())
        if session in job.sessions:
            return
        job.sessions.add(session)
        line.append(job)
        while session and len(line) > MOST_WAITING:
            self._give_up(line.popleft(), session)

    def pop(self) -> Job | None:
        """The next question, or None; whose it was goes to the end of the lines."""
        while self._lines:
            session = next(iter(self._lines))
            line = self._lines.pop(session)
            job = line.popleft()
            if line:
                self._lines[session] = line
            job.sessions.discard(session)
            if not job.begun and not job.answer.done():
                job.begun = True
                return job
        return None

    def _give_up(self, job: Job, session: str) -> None:
        job.sessions.discard(session)
        if job.begun or job.sessions or job.answer.done():
            return
        self.dropped += 1
        busy = EngineAwayError(
            f"more than {MOST_WAITING} questions of one visitor wait: the oldest is given up; ask again"
        )
        job.answer.set_result((False, wire.encode(wire.Refusal.of(busy))))
