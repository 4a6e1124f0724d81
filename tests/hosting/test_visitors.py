"""Who gets a place, and whose kernel is ended."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from shapelab.hosting.metrics import Metrics
from shapelab.hosting.visitors import GONE, UNSEEN, Visitors


class Kernel:
    def __init__(self) -> None:
        self.alive = True

    async def is_alive(self) -> bool:
        return self.alive


class Manager(dict[str, Kernel]):
    def get_kernel(self, kernel: str) -> Kernel:
        return self[kernel]

    async def shutdown_kernel(self, kernel: str, *, now: bool) -> None:
        del self[kernel]


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Socket:
    closed = False

    def close(self) -> None:
        self.closed = True


SOCKET = Socket()


@pytest.fixture
def manager() -> Manager:
    return Manager()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def visitors(manager: Manager, clock: Clock) -> Visitors:
    return Visitors(manager, 2, Metrics(), clock)


def come(visitors: Visitors, manager: Manager, kernel: str) -> Any:
    visitor = visitors.admit()
    assert visitor is not None
    manager[kernel] = Kernel()
    visitors.give(visitor, kernel)
    return visitor


def look(visitors: Visitors) -> None:
    asyncio.run(visitors.look())


def test_one_more_than_there_is_room_for_waits_until_one_leaves(visitors: Visitors, manager: Manager) -> None:
    come(visitors, manager, "a")
    assert visitors.admit() is not None, "a page that is still starting takes a place"
    assert visitors.admit() is None
    del manager["a"]  # its tab was closed
    look(visitors)
    assert visitors.admit() is not None


def test_none_is_taken_while_the_server_is_about_to_end(visitors: Visitors) -> None:
    visitors.draining = True
    assert visitors.admit() is None


def test_who_left_before_connecting_is_ended(visitors: Visitors, manager: Manager, clock: Clock) -> None:
    come(visitors, manager, "a")
    clock.now += UNSEEN - 1
    look(visitors)
    assert "a" in manager
    clock.now += 2
    look(visitors)
    assert not manager
    assert len(visitors) == 0


def test_a_lost_connection_may_come_back(visitors: Visitors, manager: Manager, clock: Clock) -> None:
    come(visitors, manager, "a")
    visitors.connected("a", SOCKET)
    clock.now += 10 * UNSEEN
    look(visitors)
    assert "a" in manager
    visitors.disconnected("a", SOCKET)
    clock.now += GONE - 1
    visitors.connected("a", SOCKET)
    clock.now += 10 * GONE
    look(visitors)
    assert "a" in manager
    visitors.disconnected("a", SOCKET)
    clock.now += GONE + 1
    look(visitors)
    assert not manager


def test_a_kernel_that_died_frees_its_place(visitors: Visitors, manager: Manager) -> None:
    come(visitors, manager, "a")
    visitors.connected("a", SOCKET)
    manager["a"].alive = False
    look(visitors)
    assert not manager
    assert len(visitors) == 0


def test_a_page_whose_kernel_was_culled_hears_it_and_is_told_why(visitors: Visitors, manager: Manager) -> None:
    come(visitors, manager, "a")
    come(visitors, manager, "b")
    socket = Socket()
    visitors.connected("a", socket)
    del manager["a"]
    look(visitors)
    assert socket.closed
    assert visitors.idled("a")
    visitors.closed_tab("b")
    look(visitors)
    assert not visitors.idled("b")
    assert len(visitors) == 0


def test_the_last_to_leave_is_waited_for(visitors: Visitors, manager: Manager) -> None:
    async def scene() -> None:
        visitor = come(visitors, manager, "a")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(visitors.closed(), 0)
        visitors.leave(visitor, "closed")
        await visitors.closed()

    asyncio.run(scene())


def test_connections_of_unknown_kernels_change_nothing(visitors: Visitors) -> None:
    visitors.connected("nobody", SOCKET)
    visitors.disconnected("nobody", SOCKET)
    assert len(visitors) == 0
