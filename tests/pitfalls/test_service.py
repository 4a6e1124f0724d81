"""The same outcome from an engine somewhere else."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import shapelab
from shapelab.engine import wire
from shapelab.engine.client import TOKEN, Client
from shapelab.engine.in_process import Engine
from shapelab.errors import EngineAwayError, ShapeError
from shapelab.pitfalls.outcome import Outcome

SOURCES = str(Path(shapelab.__file__).resolve().parents[1])


@pytest.fixture(scope="module")
def here():
    return Engine()


@pytest.fixture
def service(tmp_path):
    """An engine of its own process, and the address of its socket."""
    socket = tmp_path / "engine.sock"
    told = {**os.environ, TOKEN: "secret", "PYTHONPATH": SOURCES, "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, "-m", "shapelab.engine", "--unix", str(socket)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, env=told) as process:
        yield f"unix:{socket}"
        process.stdin.close()
        process.wait(30)


def answered(client, name):
    deadline = time.monotonic() + 60
    while True:
        try:
            return client.pitfall(name)
        except EngineAwayError:
            assert time.monotonic() < deadline, "the engine does not come"
            time.sleep(0.05)


@pytest.mark.parametrize("name", ["kernel_in_oihw", "transposed_kernel_3"])
def test_an_outcome_arrives_as_it_was(here, name):
    outcome = here.pitfall(name)
    assert wire.decode(wire.encode(outcome), Outcome) == outcome


def test_an_engine_runs_a_mistake_once(here):
    assert here.pitfall("no_batch_axis") is here.pitfall("no_batch_axis")


def test_the_service_says_what_the_engine_here_says(here, service):
    client = Client(service, "secret")
    assert answered(client, "valid_in_block") == here.pitfall("valid_in_block")
    assert client.pitfall("valid_in_block") == here.pitfall("valid_in_block")
    with pytest.raises(ShapeError, match="no pitfall 'nosuch'"):
        client.pitfall("nosuch")
    with pytest.raises(EngineAwayError):
        Client(service, "another").pitfall("valid_in_block")
