"""Kernels that are ready before their visitor comes: they have imported what a page needs, and run nothing for anybody.

Voila's own preheated kernels have executed the notebook, so that one visitor's query reaches the next. These have not.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from shapelab.hosting.kernels import NAME

PATIENCE = 60.0  # seconds for a kernel to start, and for a cell to run
PULSE = 0.5  # seconds between two looks at whether a kernel that runs a cell lives: nobody else would tell
REST = 2.0  # seconds from a visit to the next spare's start, so that the page that was just taken is live first
INSPECTION = 60.0  # seconds from one look at a spare that waits to the next: it may have died, or been culled as idle
IMPORTS = "__import__('shapelab').dashboard; __import__('shapelab.engine.wire')"

log = logging.getLogger("shapelab")


class KernelFailedError(Exception):
    """A cell raised, or did not end in time, or the kernel did."""


@dataclass(frozen=True)
class Kernel:
    """A running kernel, the connection by which it is told what to run, and whether it still lives."""

    id: str
    client: Any
    lives: Callable[[], Awaitable[bool]]

    async def run(self, code: str) -> list[dict[str, Any]]:
        """Execute a cell; its outputs as notebooks keep them.

        Raises:
          KernelFailedError: when it raises, takes longer than a minute, or the kernel dies over it.
        """
        outputs: list[dict[str, Any]] = []

        def keep(message: dict[str, Any]) -> None:
            if message["msg_type"] in ("execute_result", "display_data"):
                outputs.append({"output_type": message["msg_type"], **message["content"]})

        asked = asyncio.ensure_future(
            self.client.execute_interactive(
                code, store_history=False, allow_stdin=False, timeout=PATIENCE, output_hook=keep
            )
        )
        try:
            while not (await asyncio.wait([asked], timeout=PULSE))[0]:
                if not await self.lives():
                    raise KernelFailedError("the kernel has died")
            reply = await asked
        except TimeoutError as error:
            raise KernelFailedError(f"the cell runs longer than {PATIENCE:.0f} s") from error
        finally:
            asked.cancel()
        if reply["content"]["status"] != "ok":
            told = reply["content"]
            raise KernelFailedError(f"{told.get('ename', 'Error')}: {told.get('evalue', 'the cell did not run')}")
        return outputs

    async def tell(self, variables: Mapping[str, str]) -> None:
        """Set environment variables, as though it had been started with them."""
        await self.run(f"__import__('os').environ.update({dict(variables)!r})")

    def leave(self) -> None:
        """Close the connection; the kernel runs on."""
        self.client.stop_channels()


class Spares:
    """Gives each visitor a kernel, a spare one if there is one."""

    def __init__(self, manager: Any, environment: Mapping[str, str], count: int = 1) -> None:
        """Set up; nothing is started yet.

        Args:
          manager: the server's kernel manager; spares count among its kernels, and end with them.
          environment: the whole of every kernel's.
          count: how many are kept ready.
        """
        self._manager = manager
        self._environment = dict(environment)
        self._count = count
        cores = os.cpu_count() or 1
        self._starting = asyncio.Semaphore(cores)  # more at once would all be slower, and none sooner
        self.building = asyncio.Semaphore(max(cores // 2, 1))  # who is here already moves sliders meanwhile
        self._ready: list[Kernel] = []
        self._taken = asyncio.Event()
        self._keeping: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Keep spares ready from now on; called on the event loop."""
        self._keeping = asyncio.get_running_loop().create_task(self.keep())

    async def end(self) -> None:
        """Keep none ready any more; one that is just starting is ended, those that wait are the manager's to end."""
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.wait([self._keeping])

    async def take(self) -> Kernel:
        """A kernel for one visitor, nobody else's before or after."""
        self._taken.set()
        while self._ready:
            kernel = self._ready.pop(0)
            if await kernel.lives():
                self._manager.touched(kernel.id)  # it may have waited for long: nobody is idle yet
                return kernel
            await self._drop(kernel)
        try:
            return await self._start()
        except Exception as error:  # such as a port that somebody else took meanwhile: another kernel has other ports
            log.warning("a kernel did not start, another is tried: %s", type(error).__name__)
            return await self._start()

    async def keep(self) -> None:
        """Keep spares ready, for as long as the server runs."""
        while True:
            try:
                await self._stock()
            except Exception as error:  # whatever it is, visitors are still served, each by a kernel of their own
                log.error("no spare kernel: %s: %s", type(error).__name__, error)
            try:
                await asyncio.wait_for(self._taken.wait(), INSPECTION)
                await asyncio.sleep(REST)
            except TimeoutError:
                pass
            self._taken.clear()

    async def _stock(self) -> None:
        for kernel in list(self._ready):
            if not await kernel.lives() and kernel in self._ready:
                self._ready.remove(kernel)
                await self._drop(kernel)
        while len(self._ready) < self._count:
            self._ready.append(await self._start())

    async def _start(self) -> Kernel:
        async with self._starting:
            return await self._started()

    async def _started(self) -> Kernel:
        starting = asyncio.ensure_future(
            self._manager.start_kernel(kernel_name=NAME, path="", env=dict(self._environment))
        )
        try:
            kernel_id = await asyncio.shield(starting)
        except asyncio.CancelledError:  # half a start would leave a process that nobody knows
            await self._manager.shutdown_kernel(await starting, now=True)
            raise
        client = self._manager.get_kernel(kernel_id).client()
        kernel = Kernel(kernel_id, client, partial(self._lives, kernel_id))
        try:
            client.start_channels(stdin=False, hb=False)
            await client.wait_for_ready(timeout=PATIENCE)
            await kernel.run(IMPORTS)
        except BaseException:
            await self._drop(kernel)
            raise
        return kernel

    async def _drop(self, kernel: Kernel) -> None:
        kernel.leave()
        if kernel.id in self._manager:  # which would start it again if it has died
            await self._manager.shutdown_kernel(kernel.id, now=True)

    async def _lives(self, kernel_id: str) -> bool:
        return kernel_id in self._manager and await self._manager.get_kernel(kernel_id).is_alive()
