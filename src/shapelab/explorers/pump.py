"""Getting answers off the event loop: one question at a time, and of many questions only the last."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any


class Pump:
    """Asks slow questions in a thread, and hands the answers back on the event loop.

    ``ask`` may be called for every move of a slider: while one question is being answered only the latest of the
    following ones is kept. Where no event loop runs (a script, a test) the answer comes before ``ask`` returns.
    """

    def __init__(self, answer: Callable[[Any], Any], give: Callable[[Any, Any], None]) -> None:
        """Set up a pump.

        Args:
          answer: computes in a thread; gets the question.
          give: takes the question and its answer, or the exception that ``answer`` raised, on the event loop.
        """
        self._answer = answer
        self._give = give
        self._waiting: list[Any] = []
        self._task: asyncio.Task[None] | None = None

    def ask(self, question: Any) -> None:
        """Ask; a question still waiting is dropped for this one."""
        self._waiting = [question]
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._waiting = []
            self._give(question, self._try(question))
            return
        if self._task is None or self._task.done():
            self._task = loop.create_task(self._run())

    def forget(self) -> None:
        """Drop the question that waits; one in flight is answered, and its answer given."""
        self._waiting = []

    @property
    def waiting(self) -> bool:
        """Whether a later question than the one answered last has been asked."""
        return bool(self._waiting)

    @property
    def busy(self) -> bool:
        """Whether a question waits or is in flight."""
        return self._task is not None and not self._task.done()

    async def idle(self) -> None:
        """Wait until nothing waits and nothing is in flight."""
        while self._task is not None and not self._task.done():
            await asyncio.shield(self._task)

    async def _run(self) -> None:
        while self._waiting:
            question = self._waiting.pop()
            answer = await asyncio.to_thread(self._try, question)
            try:
                self._give(question, answer)
            except Exception as error:  # the questions that wait are not lost for it
                told = {"message": "an answer could not be shown", "exception": error}
                asyncio.get_running_loop().call_exception_handler(told)

    def _try(self, question: Any) -> Any:
        try:
            return self._answer(question)
        except Exception as error:  # an answer like any other: the page says it
            return error


class Later:
    """One call to come; another takes its place. Where no event loop runs, nothing comes."""

    def __init__(self) -> None:
        self._handle: asyncio.TimerHandle | None = None

    @property
    def pending(self) -> bool:
        """Whether a call is to come."""
        return self._handle is not None

    def call(self, seconds: float, function: Callable[[], None]) -> None:
        """Call a function in some seconds."""
        self.cancel()

        def now() -> None:
            self._handle = None
            function()

        if running():
            self._handle = asyncio.get_running_loop().call_later(seconds, now)

    def cancel(self) -> None:
        """Call nothing."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None


def running() -> bool:
    """Whether an event loop runs here."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
