"""Those who ask are served in turn, in an order that no number of questions changes."""

import asyncio

import pytest

from shapelab.engine import pool as pools
from shapelab.engine import wire
from shapelab.engine.fair import MOST_WAITING, FairQueue, Job
from shapelab.engine.pool import Pool
from shapelab.errors import EngineAwayError


def on_a_loop(work):
    async def run():
        return await work()

    return asyncio.run(run())


def emptied(queue):
    """What a queue gives, until it gives nothing."""
    found = []
    while (job := queue.pop()) is not None:
        found.append(job.question)
    return found


def test_sessions_are_served_in_turn_and_each_in_its_own_order():
    async def work():
        queue = FairQueue()
        for session, count in (("a", 5), ("b", 1), ("c", 2)):
            for number in range(count):
                queue.put(Job("run", b"%s%d" % (session.encode(), number)), session)
        held = len(queue)
        return held, emptied(queue), len(queue)

    assert on_a_loop(work) == (8, [b"a0", b"b0", b"c0", b"a1", b"c1", b"a2", b"a3", b"a4"], 0)


def test_of_too_many_the_oldest_are_given_up_with_a_sentence():
    async def work():
        queue, jobs = FairQueue(), [Job("run", b"%d" % number) for number in range(500)]
        for job in jobs:
            queue.put(job, "greedy")
        refused = [job for job in jobs if job.answer.done()]
        assert refused == jobs[:-MOST_WAITING]
        fine, refusal = refused[0].answer.result()
        assert not fine
        with pytest.raises(EngineAwayError, match=r"16 questions.*ask again"):
            raise wire.decode(refusal, wire.Refusal).error()
        assert queue.dropped == 500 - MOST_WAITING
        return emptied(queue)

    assert on_a_loop(work) == [b"%d" % number for number in range(500 - MOST_WAITING, 500)]


def test_a_question_that_two_wait_for_comes_with_the_first_turn_and_once():
    async def work():
        queue, shared = FairQueue(), Job("run", b"shared")
        for number in range(3):
            queue.put(Job("run", b"a%d" % number), "a")
        queue.put(shared, "a")
        queue.put(shared, "b")
        queue.put(shared, "b")
        assert len(queue) == 4
        return emptied(queue)

    assert on_a_loop(work) == [b"a0", b"shared", b"a1", b"a2"]


def test_what_another_waits_for_is_not_given_up_with_the_greedy_ones():
    async def work():
        queue, shared = FairQueue(), Job("run", b"shared")
        queue.put(shared, "greedy")
        queue.put(shared, "other")
        for number in range(MOST_WAITING + 5):
            queue.put(Job("run", b"%d" % number), "greedy")
        assert not shared.answer.done()
        return emptied(queue)

    assert on_a_loop(work).count(b"shared") == 1


def test_whoever_asks_five_hundred_slow_things_delays_another_by_one_at_most(monkeypatch):
    order = []

    def asked(worker, job):
        order.append(job.question)
        return True, job.question

    monkeypatch.setattr(pools, "_asked", asked)

    async def work():
        pool = Pool(1)
        try:
            greedy = [asyncio.ensure_future(pool.ask("run", b"greedy", "greedy")) for _ in range(500)]
            await asyncio.sleep(0)  # all of them wait, and the first has begun
            assert await pool.ask("run", b"modest", "modest") == (True, b"modest")
            await asyncio.gather(*greedy)
            assert pool.idle
            return pool.waiting()
        finally:
            pool.stop()

    told = on_a_loop(work)
    assert order.index(b"modest") <= 2
    assert told["slow"] == 0
    assert told["dropped"] + len(order) == 501
