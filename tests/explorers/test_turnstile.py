"""A burst passes, a flood waits, and of each kind only the latest."""

import asyncio

from shapelab.explorers.turnstile import Turnstile


def test_without_an_event_loop_everything_passes():
    heard = []
    gate = Turnstile(1, 1)
    for number in range(50):
        gate.take("kind", lambda number=number: heard.append(number))
    assert heard == list(range(50))


def test_a_burst_passes_and_the_rest_is_heard_once_a_kind_in_order():
    heard = []

    async def scene():
        gate = Turnstile(3, 1000, clock=lambda: 0.0)
        for number in range(100):
            gate.take(number % 2, lambda number=number: heard.append(number))
        assert heard == [0, 1, 2]
        assert gate.waiting == 2
        while gate.waiting:
            await asyncio.sleep(0.001)

    asyncio.run(scene())
    assert heard == [0, 1, 2, 98, 99]


def test_after_a_rest_a_burst_passes_again():
    heard, now = [], [0.0]

    async def scene():
        gate = Turnstile(3, 10, clock=lambda: now[0])
        for _ in range(3):
            gate.take("kind", lambda: heard.append("first"))
        now[0] = 1.0
        for _ in range(3):
            gate.take("kind", lambda: heard.append("second"))
        assert gate.waiting == 0

    asyncio.run(scene())
    assert heard == ["first"] * 3 + ["second"] * 3


def test_what_one_call_raises_holds_no_other_up():
    heard, complaints = [], []

    def fail():
        raise RuntimeError("no")

    async def scene():
        asyncio.get_running_loop().set_exception_handler(lambda _, told: complaints.append(told["exception"]))
        gate = Turnstile(1, 1000, clock=lambda: 0.0)
        gate.take("spent", lambda: None)
        gate.take("fails", fail)
        gate.take("comes", lambda: heard.append("come"))
        while not heard:
            await asyncio.sleep(0.001)

    asyncio.run(scene())
    assert [str(error) for error in complaints] == ["no"]
