"""Kernels that are forked: each as good as one that was started, and gone when it should be."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.connect import write_connection_file

from shapelab.hosting.forked import CAN_FORK, ForkedProcess, Nursery
from shapelab.hosting.kernels import kernel_environment
from shapelab.hosting.ports import can_be_socket

pytestmark = pytest.mark.skipif(not CAN_FORK, reason="kernels are started here, not forked")
PATIENCE = 60


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    made = Nursery(kernel_environment({}))
    yield made
    made.end()


def born(nursery: Nursery, folder: Path, **told: str) -> tuple[ForkedProcess, BlockingKernelClient]:
    sockets = {"transport": "ipc", "ip": str(folder / "kernel")} if can_be_socket(str(folder / "kernel-5")) else {}
    file, _ = write_connection_file(str(folder / "kernel.json"), key=b"key", **sockets)
    process = nursery.fork(["-f", file, "--log-level=ERROR"], kernel_environment(told), str(folder))
    client = BlockingKernelClient(connection_file=file)
    client.load_connection_file()
    client.start_channels(stdin=False, hb=False)
    client.wait_for_ready(timeout=PATIENCE)
    return process, client


def says(client: BlockingKernelClient, expression: str) -> str:
    reply = client.execute("", user_expressions={"it": expression}, reply=True, timeout=PATIENCE)
    text: str = reply["content"]["user_expressions"]["it"]["data"]["text/plain"]
    return text


def test_each_is_of_its_own_and_begins_with_nothing(nursery: Nursery, tmp_path: Path) -> None:
    folders = [tmp_path / name for name in "ab"]
    for folder in folders:
        folder.mkdir()
    (first, one), (second, two) = (born(nursery, folder, WHO=folder.name) for folder in folders)
    one.execute("mine = 7", reply=True, timeout=PATIENCE)
    assert says(one, "mine") == "7"
    assert says(two, "'mine' in globals()") == "False"
    assert [says(client, "__import__('os').environ['WHO']") for client in (one, two)] == ["'a'", "'b'"]
    assert says(two, "__import__('os').getcwd()") == repr(str(folders[1]))
    assert says(one, "__import__('os').getpid()") == str(first.pid) != str(second.pid)
    seeds = {says(client, "__import__('random').random()") for client in (one, two)}
    assert len(seeds) == 2, "two visitors draw the same random numbers"
    for process, client in ((first, one), (second, two)):
        client.stop_channels()
        process.send_signal(signal.SIGKILL)
        assert process.wait(PATIENCE) == -1
        assert not psutil.pid_exists(process.pid), "a dead kernel is left unburied"


def test_it_may_not_take_more_than_its_share(nursery: Nursery, tmp_path: Path) -> None:
    process, client = born(nursery, tmp_path)
    assert says(client, "len(bytearray(100 * 2**20))") == str(100 * 2**20)
    reply = client.execute("bytearray(2 * 2**30)", reply=True, timeout=PATIENCE)
    assert reply["content"]["ename"] == "MemoryError"
    assert says(client, "1 + 1") == "2"
    client.stop_channels()
    process.send_signal(signal.SIGKILL)


def test_one_that_died_is_replaced(tmp_path: Path) -> None:
    nursery = Nursery(kernel_environment({}))
    (tmp_path / "a").mkdir()
    process, client = born(nursery, tmp_path / "a")
    client.stop_channels()
    mother = psutil.Process(process.pid).parent()
    assert mother is not None
    mother.kill()
    process.wait(PATIENCE)  # it does not outlive the one that forked it
    (tmp_path / "b").mkdir()
    _, client = born(nursery, tmp_path / "b")
    assert says(client, "1 + 1") == "2"
    client.stop_channels()
    nursery.end()


def test_all_end_with_it(tmp_path: Path) -> None:
    nursery = Nursery(kernel_environment({}))
    process, client = born(nursery, tmp_path)
    client.stop_channels()
    nursery.end()
    assert process.wait(PATIENCE) == -1


def test_a_kernel_that_cannot_begin_ends(nursery: Nursery, tmp_path: Path) -> None:
    process = nursery.fork([], {"PATH": os.environ["PATH"]}, str(tmp_path / "nowhere"))
    assert process.wait(PATIENCE) == -1
