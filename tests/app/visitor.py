"""A visitor without a browser, for tests that are no coroutines: beside playwright no other event loop may run."""

from __future__ import annotations

import asyncio
import contextlib
import re
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

from app.server import PATIENCE, Server

sys.path.append(str(Path(__file__).resolve().parents[2] / "benchmarks"))  # last: what lies there has common names
from visits.caller import Caller, TurnedAwayError

Result = TypeVar("Result")


class _Loop:
    """An event loop in a thread, begun when first needed."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            threading.Thread(target=self._loop.run_forever, name="visitors", daemon=True).start()
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(4 * PATIENCE)


do = _Loop().run


class Visitor:
    """Somebody with a page whose Conv2D lesson is shown, and its connection.

    Attributes:
      caller: what speaks to the server.
    """

    def __init__(self, caller: Caller) -> None:
        self.caller = caller

    @property
    def kernel(self) -> str:
        return self.caller.kernel

    def set(self, model: str, **state: Any) -> None:
        do(self.caller.set(model, **state))

    def slider(self, field: str) -> str:
        return self.caller.slider(field)

    def value(self, field: str) -> int:
        found: int = self.caller.models[self.slider(field)]["value"]
        return found

    def move(self, **fields: int) -> None:
        """Move sliders, one after the other; each time wait until the picture shows it."""
        for field, value in fields.items():
            self.set(self.slider(field), value=value)
            self.until(lambda field=field, value=value: self.value(field) == value and self.is_right())  # type: ignore[misc]

    def is_right(self) -> bool:
        """Whether the picture shows what the sliders say, for a SAME convolution."""
        rows, columns, channels = self.value("H"), self.value("W"), self.value("C")
        shown = re.search(r"input \((\d+), (\d+), (\d+)\).*output \((\d+), (\d+), (\d+)\)", self.caller.alt())
        stride = self.caller.models[self.slider("stride")]["value"]
        out = [-(-rows // stride), -(-columns // stride), self.value("features")]
        return bool(shown) and [int(size) for size in shown.groups()] == [rows, columns, channels, *out]

    def answers(self) -> bool:
        """Whether a move is still answered, by the right picture."""
        self.move(H=self.value("H") % 30 + 7, W=self.value("W") % 30 + 7)
        return self.is_right()

    def until(self, seen: Callable[[], bool]) -> None:
        do(self.caller.until(seen, PATIENCE))

    def reconnect(self) -> None:
        do(self.caller.connect())
        do(self.caller.read_widgets())

    def leave(self) -> int:
        code: int = do(self.caller.leave()).code
        return code


@contextlib.contextmanager
def visiting(server: Server, query: str = "", **headers: str) -> Iterator[Visitor]:
    """A visit; it waits while there is no place, since those of the tests before are freed within some seconds."""
    caller = Caller(server.url, query, {name.replace("_", "-"): value for name, value in headers.items()})
    until(lambda: _opened(caller), "no place became free")
    visitor = Visitor(caller)
    visitor.until(visitor.is_right)
    try:
        yield visitor
    finally:
        visitor.leave()


def _opened(caller: Caller) -> bool:
    try:
        do(caller.open())
    except TurnedAwayError as error:
        if error.args[0].code != 503:
            raise
        return False
    return True


def until(true: Callable[[], bool], sorry: str, patience: float = PATIENCE) -> None:
    """Wait until something is true, and fail with a sentence when it does not come."""
    deadline = time.monotonic() + patience
    while not true():
        assert time.monotonic() < deadline, sorry
        time.sleep(0.1)
