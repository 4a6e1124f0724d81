"""A relay between browser and server that counts bytes: all of HTTP and websocket, as they are on the wire."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from concurrent.futures import Future

CHUNK = 1 << 16


class Wire:
    """Both servers are visited through one; it costs a fraction of a millisecond a message.

    Attributes:
      port: where the browser finds the server, on loopback.
    """

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._count = 0
        self._open: set[asyncio.StreamWriter] = set()
        self.port = 0

    def taken(self) -> int:
        """Bytes since it was last asked, both ways."""
        count, self._count = self._count, 0
        return count

    async def _serve(self, ready: Future[None], stop: asyncio.Event) -> None:
        listening = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        self.port = listening.sockets[0].getsockname()[1]
        ready.set_result(None)
        await stop.wait()
        listening.close()
        for writer in self._open:
            writer.transport.abort()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._server_port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(self._copy(reader, far_writer), self._copy(far_reader, writer))

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK):
                self._count += len(data)
                writer.write(data)
                await writer.drain()
        self._open.discard(writer)
        writer.close()


@contextlib.contextmanager
def counted(server_port: int) -> Iterator[Wire]:
    """A wire to a server's port, for as long as the block lasts."""
    wire = Wire(server_port)
    ready: Future[None] = Future()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    def run() -> None:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(wire._serve(ready, stop))
        loop.run_until_complete(asyncio.gather(*asyncio.all_tasks(loop)))
        loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    ready.result(10)
    try:
        yield wire
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
