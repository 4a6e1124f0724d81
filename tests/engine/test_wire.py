"""What travels arrives as it was, and nothing but records travels."""

import threading
import time

import msgspec
import numpy as np
import pytest

from shapelab.engine import wire
from shapelab.engine.answers import Activations
from shapelab.engine.in_process import Engine
from shapelab.engine.spec import check
from shapelab.errors import EngineAwayError, ShapeError, TooLargeError
from shapelab.tracing.records import Trace

SPECS = [
    ("conv1d", {}),
    ("conv2d", {"library": "linen"}),
    ("resnet", {}),
    ("unet", {"H": 8, "W": 8}),
    ("unet", {"H": 30}),
]


@pytest.fixture(scope="module")
def engine():
    return Engine()


@pytest.mark.parametrize(("lesson", "values"), SPECS)
def test_a_trace_arrives_as_it_was(engine, lesson, values):
    trace = engine.trace(check(lesson, values))
    assert wire.decode(wire.encode(wire.without_program(trace)), Trace) == trace


def test_values_arrive_as_they_were(engine):
    values = engine.run(check("conv2d", {"H": 5}))
    arrived = wire.decode(wire.encode(values), Activations)
    np.testing.assert_array_equal(arrived.input, values.input)
    assert list(arrived.stages) == list(values.stages)
    for mine, theirs in ((values.stages, arrived.stages), (values.parameters, arrived.parameters)):
        for key, array in mine.items():
            np.testing.assert_array_equal(theirs[key], array)
            assert theirs[key].dtype == array.dtype


@pytest.mark.parametrize("array", [np.zeros((0, 3), np.float32), np.arange(6, dtype=np.int8)[::-2], np.float32(3)])
def test_arrays_of_any_make_travel(array):
    arrived = wire.decode(wire.encode(Activations(np.asarray(array), {}, {})), Activations).input
    np.testing.assert_array_equal(arrived, array)
    assert arrived.shape == np.shape(array)


@pytest.mark.parametrize("error", [ShapeError("5 and 7"), TooLargeError("too much"), EngineAwayError("away")])
def test_a_refusal_is_raised_as_it_was(error):
    arrived = wire.decode(wire.encode(wire.Refusal.of(error)), wire.Refusal).error()
    assert type(arrived) is type(error)
    assert str(arrived) == str(error)


def test_a_fault_of_ours_keeps_its_name():
    assert "KeyError: 'gone'" in str(wire.Refusal.of(KeyError("gone")).error())


@pytest.mark.parametrize("data", [b"", b"\xc1", wire.encode({"lesson": 3, "values": {}}), wire.encode([1, 2])])
def test_what_is_no_question_is_refused(data):
    with pytest.raises(msgspec.MsgspecError):
        wire.decode(data, wire.Question)


@pytest.mark.parametrize("dtype", ["|O", "no such", "V"])
def test_an_array_of_objects_is_refused(dtype):
    hostile = wire.encode({"input": (dtype, (1,), b"\0" * 8), "stages": {}, "parameters": {}})
    with pytest.raises((msgspec.MsgspecError, ValueError, TypeError)):
        wire.decode(hostile, Activations)


def test_threads_make_their_decoders_one_after_the_other(monkeypatch):
    making, most = [], []

    class Slow:
        def __init__(self, kind, **options):
            making.append(kind)
            time.sleep(0.02)
            most.append(len(making))
            making.remove(kind)

        def decode(self, data):
            return data

    monkeypatch.setattr(msgspec.msgpack, "Decoder", Slow)
    wire._decoder.cache_clear()
    threads = [threading.Thread(target=wire.decode, args=(b"", kind)) for kind in (Trace, Trace, Activations, Trace)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wire._decoder.cache_clear()
    assert most == [1, 1]
