"""The engine as a kernel sees it: somewhere else, reached over a local socket. Imports no jax."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, Sequence
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING, Any

from shapelab.engine.answers import Activations, Field, Statistics
from shapelab.engine.spec import Spec
from shapelab.errors import EngineAwayError
from shapelab.tracing.records import Trace

if TYPE_CHECKING:
    from shapelab.pitfalls.outcome import Outcome

ADDRESS, TOKEN, SESSION = "SHAPELAB_ENGINE", "SHAPELAB_ENGINE_TOKEN", "SHAPELAB_SESSION"
SESSION_HEADER = "X-Shapelab-Session"
PATIENCE = 60.0  # seconds; the engine itself gives up earlier


class Client:
    """Asks the service. Safe to share between threads."""

    def __init__(self, address: str, token: str, session: str = "") -> None:
        """Set up a client; nothing is sent yet.

        Args:
          address: ``"unix:/path/to/socket"``, or ``"http://127.0.0.1:port"``.
          token: what the service wants to see.
          session: who asks; those who ask are served in turn.
        """
        self._address = address
        self._headers = {"Authorization": f"Bearer {token}", SESSION_HEADER: session}

    @classmethod
    def from_environment(cls, variables: Mapping[str, str] = os.environ) -> Client | None:
        """The client for the service that ``shapelab serve`` names to its kernels; None where it names none."""
        address = variables.get(ADDRESS)
        return cls(address, variables.get(TOKEN, ""), variables.get(SESSION, "")) if address else None

    def trace(self, spec: Spec) -> Trace:
        """The trace of a specification.

        Raises:
          ShapeError: for a specification that the engine refuses.
          EngineAwayError: when the engine does not answer.
        """
        trace: Trace = self._ask("trace", Trace, spec)
        return trace

    def run(self, spec: Spec, stages: Sequence[int] | None = None) -> Activations:
        """The values of some stages; all of them by default.

        Raises:
          ShapeError: for one that cannot run; TooLargeError for one too large to.
          EngineAwayError: when the engine does not answer.
        """
        values: Activations = self._ask("run", Activations, spec, stages)
        return values

    def known(self, spec: Spec, stages: Sequence[int] | None = None) -> Activations | None:
        """The values of some stages if anybody has asked for them before, else None."""
        values: Activations | None = self._ask("known", Activations, spec, stages)
        return values

    def ways_out(self, spec: Spec) -> tuple[dict[str, int | str], ...]:
        """Where the forward fails, sets of changes after which it runs, the least first."""
        found: tuple[dict[str, int | str], ...] = self._ask("ways_out", tuple[dict[str, int | str], ...], spec)
        return found

    def support(self, spec: Spec, stage: int, cell: Sequence[int]) -> Field:
        """The input cells that a cell of a stage depends on; raises as ``run`` does."""
        found: Field = self._ask("support", Field, spec, [stage], cell=tuple(cell))
        return found

    def statistics(self, spec: Spec, stage: int) -> Statistics:
        """What a batch norm normalises with; raises as ``run`` does."""
        found: Statistics = self._ask("statistics", Statistics, spec, [stage])
        return found

    def pitfall(self, name: str) -> Outcome:
        """What a classic mistake does beside its right version."""
        from shapelab.engine import wire
        from shapelab.pitfalls.outcome import Outcome

        outcome: Outcome = self._answer("pitfall", Outcome, wire.pitfall_question(name))
        return outcome

    def state(self) -> bytes:
        """What the service says of itself, as JSON.

        Raises:
          EngineAwayError: when the engine does not answer.
        """
        status, answer = self._request("GET", "/state", b"", PATIENCE)
        if status != 200:
            raise EngineAwayError(f"the engine answers {status}")
        return answer

    def _ask(
        self,
        verb: str,
        kind: Any,
        spec: Spec,
        stages: Sequence[int] | None = None,
        cell: tuple[int, ...] = (),
    ) -> Any:
        from shapelab.engine import wire  # not before it is needed: a kernel should be up soon

        question = wire.question(spec, None if stages is None else tuple(stages), cell)
        return self._answer(verb, kind, question)

    def _answer(self, verb: str, kind: Any, question: bytes) -> Any:
        from shapelab.engine import wire

        status, answer = self._post(f"/{verb}", question)
        if status == 422:
            raise wire.decode(answer, wire.Refusal).error()
        if status == 204:
            return None
        if status != 200:
            raise EngineAwayError(f"the engine answers {status}")
        return wire.decode(answer, kind)

    def healthy(self, seconds: float) -> bool:
        """Whether the service says within some seconds that it is there."""
        try:
            return self._request("GET", "/healthz", b"", seconds)[0] == 200
        except EngineAwayError:
            return False

    def _post(self, path: str, body: bytes) -> tuple[int, bytes]:
        return self._request("POST", path, body, PATIENCE)

    def _request(self, method: str, path: str, body: bytes, patience: float) -> tuple[int, bytes]:
        """Send a request over a connection of its own: that takes a fraction of a millisecond, and leaves nothing."""
        connection = _Connection(self._address, patience)
        try:
            connection.request(method, path, body, self._headers)
            response = connection.getresponse()
            return response.status, response.read()
        except (OSError, HTTPException) as error:
            raise EngineAwayError("the engine does not answer") from error
        finally:
            connection.close()


class _Connection(HTTPConnection):
    """HTTP to an address of either kind."""

    def __init__(self, address: str, patience: float) -> None:
        super().__init__(
            address.removeprefix("http://") if address.startswith("http://") else "engine", timeout=patience
        )
        self._path = address.removeprefix("unix:") if address.startswith("unix:") else None

    def connect(self) -> None:
        """Open the socket."""
        if self._path is None:
            super().connect()
            return
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)
