"""Caches that stay small, and ask a question once however many ask it at once."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from shapelab.engine.cache import Bounded, Remembered


def test_equal_questions_in_flight_are_computed_once():
    remembered, calls, started = Remembered(most=4), [], threading.Event()
    release = threading.Event()

    def slow():
        calls.append(1)
        started.set()
        assert release.wait(30)
        return object()

    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(remembered, "question", slow) for _ in range(8)]
        assert started.wait(30)
        other = pool.submit(remembered, "another", lambda: "quick")
        release.set()
        answers = {id(future.result(30)) for future in asked}
        assert other.result(30) == "quick"
    assert len(calls) == 1
    assert len(answers) == 1


def test_a_different_question_does_not_wait_for_a_slow_one():
    remembered, started, release = Remembered(most=4), threading.Event(), threading.Event()

    def slow():
        started.set()
        assert release.wait(30)
        return "slow"

    with ThreadPoolExecutor(2) as pool:
        waiting = pool.submit(remembered, "slow", slow)
        assert started.wait(30)
        assert remembered("quick", lambda: "quick") == "quick"
        assert not waiting.done()
        release.set()
        assert waiting.result(30) == "slow"


def test_a_question_that_raised_is_asked_again():
    remembered, tries = Remembered(most=4), []

    def sometimes():
        tries.append(1)
        if len(tries) == 1:
            raise RuntimeError("once")
        return "answer"

    with pytest.raises(RuntimeError, match="once"):
        remembered("question", sometimes)
    assert remembered("question", sometimes) == "answer"
    assert len(tries) == 2


def test_the_least_recently_asked_goes_first():
    remembered, computed = Remembered(most=3), []

    def ask(key):
        return remembered(key, lambda: computed.append(key) or key)

    for key in "abc":
        ask(key)
    ask("a")
    ask("d")  # b goes
    for key in "acd":
        ask(key)
    assert computed == list("abcd")
    ask("b")
    assert computed == list("abcdb")


def test_an_engine_does_not_grow_without_end():
    remembered = Remembered(most=8)
    for key in range(1000):
        remembered(key, lambda key=key: key)
    assert sum(len(held) for held in vars(remembered).values() if hasattr(held, "__len__")) <= 16


def test_what_is_kept_stays_below_its_weight():
    kept = Bounded(most=100, weigh=len, budget=10)
    for key, answer in enumerate((b"aaaa", b"bbbb", b"cc")):
        kept.put(key, answer)
    assert kept.weight == 10
    kept.put(3, b"d")  # the oldest goes
    assert [kept.get(key) for key in range(4)] == [None, b"bbbb", b"cc", b"d"]
    assert kept.weight == 7


def test_an_answer_too_heavy_by_itself_is_not_kept_and_drives_nothing_out():
    kept = Bounded(most=100, weigh=len, budget=10)
    kept.put("small", b"aaaa")
    kept.put("giant", b"x" * 11)
    assert kept.get("giant") is None
    assert kept.get("small") == b"aaaa"


def test_the_same_key_again_takes_the_old_answer_s_place():
    kept = Bounded(most=100, weigh=len, budget=10)
    kept.put("key", b"aaaa")
    kept.put("key", b"bb")
    assert (kept.get("key"), kept.weight, len(kept)) == (b"bb", 2, 1)


def test_questions_that_fail_leave_nothing_behind():
    remembered = Remembered(most=8)

    def refuse():
        raise ValueError("too large")

    for key in range(100):
        with pytest.raises(ValueError, match="too large"):
            remembered(key, refuse)
    assert sum(len(held) for held in vars(remembered).values() if hasattr(held, "__len__")) == 0
