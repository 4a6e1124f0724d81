"""Who gets a place, and whose kernel is ended."""

from __future__ import annotations

import asyncio

import pytest

from shapelab.hosting.metrics import Metrics
from shapelab.hosting.visitors import GONE, LATE, UNSEEN, Visitor, Visitors


class Kernel:
    def __init__(self) -> None:
        self.alive = True

    async def is_alive(self) -> bool:
        return self.alive


class Manager(dict[str, Kernel]):
    """Jupyter's, as far as it is asked.

    Attributes:
      most: how many kernels there ever were.
      broken: kernels that cannot be ended.
    """

    def __init__(self) -> None:
        self.most = 0
        self.broken: set[str] = set()

    def start(self, kernel: str) -> None:
        self[kernel] = Kernel()
        self.most = max(self.most, len(self))

    def get_kernel(self, kernel: str) -> Kernel:
        return self[kernel]

    async def shutdown_kernel(self, kernel: str, *, now: bool) -> None:
        await asyncio.sleep(0)  # in which others ask for a place
        if kernel in self.broken:
            raise RuntimeError(kernel)
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


async def ask(visitors: Visitors, manager: Manager, kernel: str) -> Visitor | None:
    visitor = await visitors.admit()
    if visitor is not None:
        manager.start(kernel)
        visitors.give(visitor, kernel)
    return visitor


def come(visitors: Visitors, manager: Manager, kernel: str) -> Visitor | None:
    return asyncio.run(ask(visitors, manager, kernel))


def look(visitors: Visitors) -> None:
    asyncio.run(visitors.look())


def test_one_more_than_there_is_room_for_waits_until_one_leaves(visitors: Visitors, manager: Manager) -> None:
    come(visitors, manager, "a")
    assert asyncio.run(visitors.admit()), "a page that is still starting takes a place"
    assert not come(visitors, manager, "b")
    del manager["a"]  # its tab was closed
    look(visitors)
    assert come(visitors, manager, "b")


def test_none_is_taken_while_the_server_is_about_to_end(visitors: Visitors, manager: Manager) -> None:
    visitors.draining = True
    assert not come(visitors, manager, "a")


def test_who_left_before_connecting_is_ended(visitors: Visitors, manager: Manager, clock: Clock) -> None:
    come(visitors, manager, "a")
    clock.now += UNSEEN - 1
    look(visitors)
    assert "a" in manager
    clock.now += 2
    look(visitors)
    assert not manager
    assert len(visitors) == 0


def test_in_a_full_house_who_has_been_late_for_longest_gives_way(
    visitors: Visitors, manager: Manager, clock: Clock
) -> None:
    come(visitors, manager, "a")
    clock.now += LATE / 2
    come(visitors, manager, "b")
    clock.now += LATE / 2
    assert visitors.full
    assert not come(visitors, manager, "c"), "a browser is given its time"
    assert set(manager) == {"a", "b"}
    clock.now += LATE / 2 + 1
    assert not visitors.full
    assert come(visitors, manager, "c")
    assert set(manager) == {"b", "c"}
    assert not visitors.idled("a"), "its page would wait for somebody to come, and somebody is there"
    clock.now += LATE / 2
    assert come(visitors, manager, "d")
    assert set(manager) == {"c", "d"}
    assert manager.most == len(visitors) == 2


def test_who_is_late_stays_while_nobody_wants_the_place(visitors: Visitors, manager: Manager, clock: Clock) -> None:
    come(visitors, manager, "a")
    clock.now += LATE + 1
    look(visitors)
    come(visitors, manager, "b")
    assert set(manager) == {"a", "b"}
    visitors.connected("a", SOCKET)
    assert not come(visitors, manager, "c")


def test_who_ever_connected_never_gives_way(visitors: Visitors, manager: Manager, clock: Clock) -> None:
    for kernel in ("a", "b"):
        come(visitors, manager, kernel)
        visitors.connected(kernel, SOCKET)
    visitors.disconnected("a", SOCKET)
    clock.now += GONE - 1
    assert visitors.full
    assert not come(visitors, manager, "c")
    assert set(manager) == {"a", "b"}


def test_a_page_that_is_still_starting_never_gives_way(visitors: Visitors, manager: Manager, clock: Clock) -> None:
    for _ in range(2):
        asyncio.run(visitors.admit())
    clock.now += 10 * LATE
    assert not come(visitors, manager, "a")


def test_who_asks_while_a_place_is_being_given_does_not_take_it_too(
    visitors: Visitors, manager: Manager, clock: Clock
) -> None:
    come(visitors, manager, "a")
    clock.now += LATE + 1
    come(visitors, manager, "b")

    async def at_once() -> list[Visitor | None]:
        return await asyncio.gather(*(ask(visitors, manager, kernel) for kernel in ("c", "d", "e")))

    assert sum(visitor is not None for visitor in asyncio.run(at_once())) == 1
    assert manager.most == len(visitors) == 2


def test_a_page_that_connects_while_its_place_is_being_given_hears_it(
    visitors: Visitors, manager: Manager, clock: Clock
) -> None:
    come(visitors, manager, "a")
    come(visitors, manager, "b")
    clock.now += LATE + 1
    socket = Socket()

    async def scene() -> None:
        asking = asyncio.create_task(ask(visitors, manager, "c"))
        await asyncio.sleep(0)
        for kernel in ("a", "b"):
            visitors.connected(kernel, socket)
        assert await asking

    asyncio.run(scene())
    assert socket.closed


def test_a_kernel_that_cannot_be_ended_keeps_its_place_and_another_is_given(
    visitors: Visitors, manager: Manager, clock: Clock
) -> None:
    come(visitors, manager, "a")
    clock.now += 1
    come(visitors, manager, "b")
    clock.now += LATE + 1
    manager.broken = {"a"}
    assert come(visitors, manager, "c")
    assert set(manager) == {"a", "c"}
    clock.now += LATE + 1
    assert come(visitors, manager, "d")
    manager.broken = set()
    clock.now += UNSEEN + 1
    look(visitors)
    assert not manager


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
        visitor = await ask(visitors, manager, "a")
        assert visitor
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(visitors.closed(), 0)
        visitors.leave(visitor, "closed")
        await visitors.closed()

    asyncio.run(scene())


def test_connections_of_unknown_kernels_change_nothing(visitors: Visitors) -> None:
    visitors.connected("nobody", SOCKET)
    visitors.disconnected("nobody", SOCKET)
    assert len(visitors) == 0
