"""The engine as a kernel sees it: somewhere else, reached over a local socket. Imports no jax."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from shapelab.engine.answers import Activations
from shapelab.engine.spec import Spec
from shapelab.errors import EngineAwayError
from shapelab.tracing.records import Trace

ADDRESS, TOKEN = "SHAPELAB_ENGINE", "SHAPELAB_ENGINE_TOKEN"
PATIENCE = 60.0  # seconds; the engine itself gives up earlier


class Client:
    """Asks the service. Safe to share between threads."""

    def __init__(self, address: str, token: str) -> None:
        """Set up a client; nothing is sent yet.

        Args:
          address: ``"unix:/path/to/socket"``, or ``"http://127.0.0.1:port"``.
          token: what the service wants to see.
        """
        self._address, self._token = address, token
        self._path = address.removeprefix("unix:") if address.startswith("unix:") else None
        self._making = threading.Lock()
        self._http: Any = None

    @classmethod
    def from_environment(cls, variables: Mapping[str, str] = os.environ) -> Client | None:
        """The client for the service that ``shapelab serve`` names to its kernels; None where it names none."""
        address = variables.get(ADDRESS)
        return cls(address, variables.get(TOKEN, "")) if address else None

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

    def near(self, spec: Spec, field: str) -> tuple[int, ...]:
        """The nearest values of a field that work."""
        values: tuple[int, ...] = self._ask("near", tuple[int, ...], spec, field=field)
        return values

    def close(self) -> None:
        """Close the connections; the next question opens others."""
        with self._making:
            if self._http is not None:
                self._http.close()
                self._http = None

    def _ask(self, verb: str, kind: Any, spec: Spec, stages: Sequence[int] | None = None, field: str = "") -> Any:
        import httpx  # a tenth of a second that a kernel's start does not wait for

        from shapelab.engine import wire

        if not self._socket_is_there():  # httpcore would leave a socket open for each attempt
            raise EngineAwayError("the engine has not come up, or has ended")
        question = wire.question(spec, None if stages is None else tuple(stages), field)
        try:
            response = self._connected().post(f"/{verb}", content=question)
        except httpx.TransportError as error:
            raise EngineAwayError("the engine does not answer") from error
        if response.status_code == 422:
            raise wire.decode(response.content, wire.Refusal).error()
        if response.status_code == 204:
            return None
        if response.status_code != 200:
            raise EngineAwayError(f"the engine answers {response.status_code}")
        return wire.decode(response.content, kind)

    def _socket_is_there(self) -> bool:
        return self._path is None or os.path.exists(self._path)

    def _connected(self) -> Any:
        import httpx

        with self._making:
            if self._http is None:
                self._http = httpx.Client(
                    transport=httpx.HTTPTransport(uds=self._path),
                    base_url="http://engine" if self._path else self._address,
                    headers={"Authorization": f"Bearer {self._token}"},
                    timeout=PATIENCE,
                    trust_env=False,
                )
            return self._http
