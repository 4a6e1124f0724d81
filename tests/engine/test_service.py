"""The engine as a service: real workers behind a real socket, and what happens when one of them dies."""

import contextlib
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import msgspec
import numpy as np
import psutil
import pytest

import shapelab
from shapelab.engine import wire
from shapelab.engine.client import TOKEN, Client
from shapelab.engine.in_process import Engine
from shapelab.engine.spec import IMAGE_BYTES, check
from shapelab.errors import EngineAwayError, ShapeError, TooLargeError

PATIENCE = 60.0
SOURCES = str(Path(shapelab.__file__).resolve().parents[1])


class Running:
    """A service, a client of it, and a plain HTTP connection to it."""

    def __init__(self, folder: Path) -> None:
        socket = folder / "engine.sock"
        told = {**os.environ, TOKEN: "secret", "PYTHONPATH": SOURCES, "JAX_PLATFORMS": "cpu"}
        command = [sys.executable, "-m", "shapelab.engine", "--unix", str(socket)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, env=told)
        self.visitor = lambda: Client(f"unix:{socket}", "secret")
        self.client = self.visitor()
        self.http = httpx.Client(
            transport=httpx.HTTPTransport(uds=str(socket)), base_url="http://engine", timeout=PATIENCE
        )
        self.token = {"Authorization": "Bearer secret"}
        self.until(lambda: self.client.trace(check("conv2d", {})))

    def until(self, ask):
        """Ask until the engine answers."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return ask()
            except EngineAwayError:
                assert time.monotonic() < deadline, "the engine does not come"
                assert self.process.poll() is None, "the engine has ended"
                time.sleep(0.05)

    def workers(self):
        return self.http.get("/state", headers=self.token).json()["workers"]

    def pids(self, *, busy=False):
        """Of the workers that are there: one that is just being replaced has no process, and None is this one."""
        return {worker["pid"] for worker in self.workers() if worker["pid"] and worker["busy"] >= busy}

    def family(self):
        return [psutil.Process(self.process.pid), *psutil.Process(self.process.pid).children(recursive=True)]

    def stop(self):
        self.http.close()
        family = self.family()
        self.process.stdin.close()
        assert self.process.wait(PATIENCE) == 0
        _, alive = psutil.wait_procs(family, timeout=PATIENCE)
        assert not alive


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    running = Running(tmp_path_factory.mktemp("engine"))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def own():
    return Engine()


@pytest.mark.parametrize(
    ("lesson", "values"), [("conv1d", {}), ("resnet", {"H": 6}), ("unet", {"H": 12}), ("unet", {"H": 30})]
)
def test_it_answers_as_an_engine_in_this_process_does(service, own, lesson, values):
    spec = check(lesson, values)
    trace = service.client.trace(spec)
    assert trace == own.trace(spec)
    if trace.error is None:
        ran, mine = service.client.run(spec, [0]), own.run(spec, [0])
        np.testing.assert_allclose(ran.stages[0], mine.stages[0], rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(ran.input, mine.input)
        assert set(ran.parameters) == set(mine.parameters)
    else:
        assert service.client.ways_out(spec) == own.ways_out(spec)


def test_what_a_cell_depends_on_and_what_a_batch_norm_uses_travel(service, own):
    spec = check("resnet", {"H": 6, "W": 5, "features": 2})
    there, here = service.client.support(spec, 3, (2, 2)), own.support(spec, 3, (2, 2))
    np.testing.assert_allclose(there.heat, here.heat, rtol=1e-4, atol=1e-6)
    assert (there.outline, there.cells, there.coupled_by) == (here.outline, here.cells, here.coupled_by)
    told = service.client.statistics(spec, 1)
    np.testing.assert_allclose(told.batch_mean, own.statistics(spec, 1).batch_mean, rtol=1e-4, atol=1e-6)
    assert service.client.statistics(spec.changed({"mode": "eval"}), 1).batch_mean is None
    for refused in (lambda: service.client.support(spec, 3, (9, 9)), lambda: service.client.statistics(spec, 0)):
        with pytest.raises(ShapeError):
            refused()


def test_an_uploaded_picture_travels_with_its_question(service, own):
    image = np.random.default_rng(3).integers(0, 256, IMAGE_BYTES, np.uint8).tobytes()
    spec = check("conv2d", {"H": 9, "pattern": "upload"}, image)
    np.testing.assert_array_equal(service.client.run(spec, [0]).input, own.run(spec, [0]).input)
    other = check("conv2d", {"H": 9, "pattern": "upload"}, image[::-1])
    assert service.client.known(other, [0]) is None


def test_what_one_visitor_had_computed_is_known_to_the_next(service):
    spec = check("conv2d", {"H": 11, "seed": 17})
    assert service.client.known(spec, [0]) is None
    ran = service.client.run(spec, [0])
    other = service.visitor().known(spec, [0])
    assert other is not None
    np.testing.assert_array_equal(other.stages[0], ran.stages[0])


def test_equal_questions_at_once_are_asked_once(service):
    spec = check("resnet", {"H": 13, "W": 9})
    before = service.http.get("/state", headers=service.token).json()["held"]["traces"]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: service.client.trace(spec), range(16)))
    assert all(answer == answers[0] for answer in answers)
    assert service.http.get("/state", headers=service.token).json()["held"]["traces"] > before


@pytest.mark.parametrize(
    ("values", "kind", "said"),
    [
        ({"H": 4096}, ShapeError, "4096.*1024"),
        ({"no": 1}, ShapeError, "no"),
        ({"H": [1]}, ShapeError, "not a number"),
        ({"H": 1024, "W": 1024, "C": 16, "stride": 1, "features": 16}, TooLargeError, "MiB"),
    ],
)
def test_the_engine_checks_what_it_is_asked_itself(service, values, kind, said):
    body = wire.encode(wire.Question("conv2d", values))
    answer = service.http.post("/run", content=body, headers=service.token)
    assert answer.status_code == 422
    with pytest.raises(kind, match=said):
        raise wire.decode(answer.content, wire.Refusal).error()


@pytest.mark.parametrize("body", [b"", b"\xc1\xc1", b"{}", b"\x00" * 100_000, wire.encode(wire.Question("nope", {}))])
def test_a_malformed_question_is_refused(service, body):
    answer = service.http.post("/trace", content=body, headers=service.token)
    assert answer.status_code == 422
    assert isinstance(wire.decode(answer.content, wire.Refusal).error(), ShapeError)


def packed(**given):
    """A question with some of its parts replaced by anything that MessagePack can carry."""
    return msgspec.msgpack.encode({"lesson": "conv2d", "values": {}, **given})


def deep(levels):
    return b"\x91" * levels + b"\xc0"


HOSTILE = [
    ("run", packed(stages=[-1]), "stage -1"),
    ("run", packed(stages=[2**40]), "stage"),
    ("run", packed(stages=[0, 0, 0]), "each once"),
    ("run", packed(stages=list(range(1001))), "at most 1000"),
    ("run", packed(stages=[True]), "no question"),
    ("run", packed(stages="all"), "no question"),
    ("known", packed(stages=[2**63]), "stage"),
    ("support", packed(stages=[0, 1], cell=[0, 0]), "exactly 1"),
    ("support", packed(cell=[0, 0]), "exactly 1"),
    ("support", packed(stages=[0], cell=[0] * 10_000), "10000 indices"),
    ("support", packed(stages=[0], cell=[-1, 0]), "row or column"),
    ("support", packed(stages=[0], cell=[99, 99]), "99"),
    ("support", packed(stages=[0], cell=[0]), "cell"),
    ("support", packed(stages=[99], cell=[0, 0]), "no stage 99"),
    ("statistics", packed(stages=[]), "exactly 1"),
    ("statistics", packed(stages=[0]), "batch"),
    ("trace", packed(values={"H": 2**64 - 1}), "H"),
    ("trace", packed(values={"H": -(2**63)}), "H"),
    ("trace", packed(values={"H": True}), "not a number"),
    ("trace", packed(values={"H": [7] * 10_000}), "not a number"),
    ("trace", packed(values={"H": float("nan")}), "whole"),
    ("trace", packed(values={"x" * 50_000: 1}), "choose from"),
    ("trace", packed(values=[1] * 20_000), "no question"),
    ("trace", packed(lesson=7), "no question"),
    ("trace", packed(lesson="x" * 50_000), "choose from"),
    ("trace", packed(image=b"x" * 70_000), "bytes"),
    ("trace", packed(values={"pattern": "upload"}, image=b"x"), "picture"),
    ("trace", deep(60_000), "no question"),
    ("pitfall", packed(lesson="nobody"), "no pitfall"),
    ("pitfall", b"\xff", "no question"),
    ("ways_out", packed(values={"H": "7"}), "not a number"),
]


@pytest.mark.parametrize(("verb", "body", "said"), HOSTILE)
def test_a_hostile_question_is_refused_with_a_short_sentence(service, verb, body, said):
    answer = service.http.post(f"/{verb}", content=body, headers=service.token)
    assert answer.status_code == 422
    refusal = wire.decode(answer.content, wire.Refusal)
    assert refusal.kind == "ShapeError"
    assert said in refusal.message
    assert len(refusal.message) < 500
    assert service.client.trace(check("conv2d", {})).outputs[0].shape == (4, 4, 4)


def test_it_counts_what_it_answers_and_refuses_by_verb_and_reason(service):
    def state():
        return service.http.get("/state", headers=service.token).json()

    before = state()
    spec = check("conv2d", {"H": 37})
    service.client.trace(spec)
    service.client.trace(spec)
    service.http.post("/trace", content=packed(lesson="nobody"), headers=service.token)
    after = state()
    assert after["misses"] - before["misses"] == 1
    assert after["hits"] - before["hits"] == 1
    assert after["refusals"]["ShapeError"] - before["refusals"]["ShapeError"] == 1
    assert after["waiting"] == {"quick": 0, "slow": 0, "dropped": 0}
    seconds = after["seconds"]["trace"]
    assert seconds["count"] - before["seconds"]["trace"]["count"] == 3
    assert seconds["buckets"]["+Inf"] == seconds["count"]
    assert list(seconds["buckets"].values()) == sorted(seconds["buckets"].values())
    assert seconds["sum"] > before["seconds"]["trace"]["sum"]


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "secret"}])
@pytest.mark.parametrize(("method", "path"), [("POST", "/trace"), ("GET", "/state"), ("GET", "/healthz")])
def test_who_does_not_know_the_token_gets_nothing(service, method, path, headers):
    assert service.http.request(method, path, headers=headers).status_code == 401


def test_a_worker_that_dies_is_replaced_and_its_question_answered(service, own):
    for pid in service.pids():
        psutil.Process(pid).kill()
    spec = check("unet", {"H": 20, "base_features": 3})
    assert service.client.trace(spec) == own.trace(spec)
    assert service.client.run(spec, [0]).stages[0].shape == (20, 48, 3)


def test_a_worker_killed_over_a_question_is_asked_again(service):
    spec = check("unet", {"H": 40, "base_features": 21, "seed": 9})
    before = service.pids()
    with ThreadPoolExecutor(1) as pool:
        pending = pool.submit(service.client.run, spec)
        deadline = time.monotonic() + PATIENCE
        while not (busy := service.pids(busy=True)) and time.monotonic() < deadline:
            time.sleep(0.01)
        for pid in busy:
            psutil.Process(pid).kill()
        assert pending.result(PATIENCE).stages[0].shape == (40, 48, 21 if 21 <= 16 else 16)
    assert service.pids() != before


def held_by(process):
    """Bytes of a process, pages that it shares by its share; none of a worker that has just been replaced."""
    try:
        return process.memory_full_info().pss
    except psutil.NoSuchProcess:
        return 0


def test_the_engine_stays_below_a_gigabyte_however_much_is_asked(service):
    def ask(number: int) -> None:
        spec = check(
            "unet",
            {
                "H": 64 + 4 * (number % 29),
                "W": 64 + 4 * (number % 31),
                "base_features": 1 + number % 12,
                "seed": number,
            },
        )
        service.client.trace(spec)
        with contextlib.suppress(TooLargeError):  # given up for its time on a slow machine: it held memory all the same
            service.client.run(spec, [number % 21])

    largest = 0
    with ThreadPoolExecutor(4) as pool:
        for start in range(0, 16, 8):
            list(pool.map(ask, range(start, start + 8)))
            largest = max(largest, sum(held_by(process) for process in service.family()))
    assert largest < 2**30, f"{largest / 2**20:.0f} MiB"


def test_nobody_there_is_an_engine_away(tmp_path):
    for address in (f"unix:{tmp_path}/nobody.sock", "http://127.0.0.1:9"):
        client = Client(address, "")
        with pytest.raises(EngineAwayError):
            client.trace(check("conv2d", {}))
