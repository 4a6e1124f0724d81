"""Of many questions only the last."""

import asyncio
import threading

from shapelab.explorers.pump import Later, Pump


def test_ten_questions_while_one_is_answered_give_two_answers():
    given, asked = [], []
    started, release = threading.Event(), threading.Event()

    def answer(question):
        asked.append(question)
        started.set()
        assert release.wait(30)
        return question * 10

    async def scene():
        pump = Pump(answer, lambda question, said: given.append((question, said)))
        pump.ask(1)
        while not started.is_set():
            await asyncio.sleep(0.001)
        for question in range(2, 12):
            pump.ask(question)
        release.set()
        await pump.idle()

    asyncio.run(scene())
    assert asked == [1, 11]
    assert given == [(1, 10), (11, 110)]


def test_answers_come_on_the_event_loop_and_are_computed_off_it():
    threads = {}

    async def scene():
        pump = Pump(
            lambda _: threads.setdefault("answer", threading.current_thread()),
            lambda *_: threads.setdefault("give", threading.current_thread()),
        )
        pump.ask(1)
        await pump.idle()

    asyncio.run(scene())
    assert threads["give"] is threading.main_thread()
    assert threads["answer"] is not threads["give"]


def test_the_event_loop_goes_on_while_an_answer_is_computed():
    release, turns = threading.Event(), []

    async def scene():
        pump = Pump(lambda _: release.wait(30), lambda *_: turns.append("answer"))
        pump.ask(1)
        for _ in range(5):
            await asyncio.sleep(0)
            turns.append("turn")
        release.set()
        await pump.idle()

    asyncio.run(scene())
    assert turns == ["turn"] * 5 + ["answer"]


def test_an_exception_is_an_answer_and_the_pump_goes_on():
    given = []

    def answer(question):
        if question == "bad":
            raise RuntimeError("no")
        return "fine"

    async def scene():
        pump = Pump(answer, lambda question, said: given.append((question, said)))
        pump.ask("bad")
        await pump.idle()
        pump.ask("good")
        await pump.idle()

    asyncio.run(scene())
    assert [question for question, _ in given] == ["bad", "good"]
    assert isinstance(given[0][1], RuntimeError)
    assert given[1][1] == "fine"


def test_a_receiver_that_raises_does_not_stop_the_pump():
    given = []

    def give(question, said):
        given.append(question)
        if question == 1:
            raise RuntimeError("the page is gone")

    async def scene():
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        pump = Pump(lambda question: question, give)
        pump.ask(1)
        await asyncio.sleep(0.05)
        pump.ask(2)
        while len(given) < 2:
            await asyncio.sleep(0.001)

    asyncio.run(asyncio.wait_for(scene(), 30))
    assert given == [1, 2]


def test_without_an_event_loop_the_answer_comes_at_once():
    given = []
    pump = Pump(lambda question: question + 1, lambda *pair: given.append(pair))
    pump.ask(1)
    assert given == [(1, 2)]


def test_a_question_forgotten_is_not_asked():
    asked, started, release = [], threading.Event(), threading.Event()

    def answer(question):
        asked.append(question)
        started.set()
        assert release.wait(30)

    async def scene():
        pump = Pump(answer, lambda *_: None)
        pump.ask(1)
        while not started.is_set():
            await asyncio.sleep(0.001)
        pump.ask(2)
        pump.forget()
        release.set()
        await pump.idle()

    asyncio.run(scene())
    assert asked == [1]


def test_an_answer_that_cannot_be_shown_does_not_lose_the_question_that_waits():
    shown, complaints = [], []

    def give(question, answer):
        if question == "first":
            raise RuntimeError("cannot be drawn")
        shown.append(question)

    async def scene():
        asyncio.get_running_loop().set_exception_handler(lambda _, told: complaints.append(told["exception"]))
        pump = Pump(lambda question: question, give)
        pump.ask("first")
        await asyncio.sleep(0)
        pump.ask("second")
        await pump.idle()

    asyncio.run(scene())
    assert shown == ["second"]
    assert [str(error) for error in complaints] == ["cannot be drawn"]


def test_of_several_calls_to_come_the_last_comes():
    called = []

    async def scene():
        later = Later()
        later.call(0.0, lambda: called.append("first"))
        later.call(0.0, lambda: called.append("second"))
        assert later.pending
        await asyncio.sleep(0.01)
        assert not later.pending
        later.call(0.0, lambda: called.append("third"))
        later.cancel()
        await asyncio.sleep(0.01)

    asyncio.run(scene())
    assert called == ["second"]
