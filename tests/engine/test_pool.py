"""Workers that take too long, grow, or end: each is replaced, and the next question finds another."""

import asyncio

import pytest

from shapelab.engine import pool as pools
from shapelab.engine import wire
from shapelab.engine.pool import Pool
from shapelab.engine.spec import check
from shapelab.errors import EngineAwayError, TooLargeError
from shapelab.tracing.records import Trace

QUESTION = wire.question(check("conv1d", {}))


def with_pool(work, size=1):
    """What a coroutine gives of a pool that is up, which ends with it."""

    async def run():
        pool = Pool(size)
        try:
            await pool.start()
            return await work(pool)
        finally:
            pool.stop()

    return asyncio.run(run())


async def answer(pool, question=QUESTION, verb="trace"):
    fine, data = await pool.ask(verb, question)
    if not fine:
        raise wire.decode(data, wire.Refusal).error()
    return wire.decode(data, Trace) if verb == "trace" else data


@pytest.mark.parametrize("verb", ["trace", "run", "ways_out", "support"])
def test_a_question_that_takes_too_long_is_given_up_and_the_next_is_answered(monkeypatch, verb):
    async def work(pool):
        await answer(pool)
        monkeypatch.setattr(pools, "MOST_SECONDS", 0.0)
        with pytest.raises(TooLargeError, match="longer than"):
            await answer(pool, wire.question(check("unet", {"H": 30}), (3,), (2, 2)), verb)
        monkeypatch.setattr(pools, "MOST_SECONDS", 60.0)
        return await answer(pool)

    assert with_pool(work).name == "Conv"


def test_a_worker_that_has_grown_is_replaced_after_its_answer(monkeypatch):
    async def work(pool):
        monkeypatch.setattr(pools, "MOST_MEMORY", 1)
        before = pool.state()[0]["pid"]
        first = await answer(pool)
        again = await answer(pool)
        return before, pool.state()[0]["pid"], first, again

    before, after, first, again = with_pool(work)
    assert before != after
    assert first == again


def test_a_pool_that_is_stopped_says_that_the_engine_is_away():
    async def stopped():
        pool = Pool(1)
        await pool.start()
        worker = pool._workers[0]
        pool.stop()
        with pytest.raises(EngineAwayError):
            worker.ask("trace", QUESTION)

    asyncio.run(stopped())


def test_shapes_do_not_wait_for_values():
    async def work(pool):
        runs = [
            asyncio.ensure_future(answer(pool, wire.question(check("unet", {"base_features": 5 + i})), "run"))
            for i in range(4)
        ]
        await asyncio.sleep(0)  # all are waiting, and those that can have begun
        trace = await answer(pool)
        waiting = sum(not run.done() for run in runs)
        await asyncio.gather(*runs, return_exceptions=True)  # on a slow machine they may be given up for their time
        return trace, waiting

    trace, waiting = with_pool(work, size=2)
    assert trace.name == "Conv"
    assert waiting > 0


def test_work_ahead_is_answered_like_any_other():
    async def work(pool):
        fine, data = await pool.ask_ahead("trace", QUESTION)
        prepared, _ = await pool.ask_ahead("prepare", QUESTION)
        return fine, wire.decode(data, Trace), prepared, pool.idle

    fine, trace, prepared, idle = with_pool(work)
    assert fine
    assert prepared
    assert idle
    assert trace.outputs[0].shape == (10, 4)
