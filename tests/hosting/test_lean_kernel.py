"""What a hosted kernel says of its state, and what goes out before it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from ipykernel.ipkernel import IPythonKernel

from shapelab.hosting import lean_kernel


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """All that a kernel says, in its order; what changed in widgets as "changes"."""
    said: list[str] = []
    monkeypatch.setattr(lean_kernel, "flush", lambda: said.append("changes"))
    monkeypatch.setattr(
        IPythonKernel, "_publish_status", lambda self, status, channel, parent=None: said.append(status)
    )
    return said


def publish(kind: str, status: str, channel: str, monkeypatch: pytest.MonkeyPatch) -> None:
    parent: dict[str, Any] = {"header": {"msg_type": kind}}
    monkeypatch.setattr(IPythonKernel, "get_parent", lambda self, channel=None: parent)
    lean_kernel.LeanKernel.__new__(lean_kernel.LeanKernel)._publish_status(status, channel)


@pytest.mark.parametrize(
    ("kind", "told"),
    [("comm_msg", ["changes", "idle"]), ("kernel_info_request", ["busy", "changes", "idle"])],
)
def test_what_came_of_a_message_is_told_before_its_end(
    kind: str, told: list[str], said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for status in ("busy", "idle"):
        publish(kind, status, "shell", monkeypatch)
    assert said == told


@pytest.mark.parametrize("channel", ["control", "shell"])  # both have threads that say "idle"
def test_another_thread_leaves_the_changes_alone(
    channel: str, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with ThreadPoolExecutor(1) as elsewhere:
        elsewhere.submit(publish, "kernel_info_request", "idle", channel, monkeypatch).result()
    assert said == ["idle"]
