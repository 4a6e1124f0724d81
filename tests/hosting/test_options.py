"""What the server is told: refused with a sentence before anything starts, and how many visitors memory holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from shapelab.hosting.options import CannotServeError, Options, base_url, memory, refuse_gateway, visitors_in

GIB = 2**30


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"idle_minutes": 0.0}, "--idle-minutes 0"),
        ({"drain_seconds": float("nan")}, "--drain-seconds nan"),
        ({"max_visitors": 0}, "0 is out of range: it goes from 1 to"),
        ({"token": "short"}, "has 5 characters"),
        ({"base_url": "lab"}, "is no path"),
        ({"base_url": "/<script>/"}, "is no path"),
        ({"allowed_hosts": ("https://shapes.example.org",)}, "no name of a host"),
        ({"frame_ancestors": ("https://a.example; script-src *",)}, "is no source"),
    ],
)
def test_what_cannot_be_served_with_is_refused(wrong: dict[str, object], says: str) -> None:
    with pytest.raises(CannotServeError, match=says):
        Options(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("written", "path"), [("", "/"), ("/", "/"), ("lab", "/lab/"), ("/lab", "/lab/"), ("/a/b/", "/a/b/")]
)
def test_a_path_is_taken_as_people_write_it(written: str, path: str) -> None:
    assert base_url(written) == path
    assert Options(base_url=path).base_url == path


def test_memory_says_how_many_may_come() -> None:
    assert visitors_in(24 * GIB) == (0.8 * 24 - 1) * 1024 // 64
    assert visitors_in(GIB) == 1
    assert Options(max_visitors=7).most_visitors == 7


@pytest.mark.parametrize("file", ["sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory/memory.limit_in_bytes"])
def test_a_containers_limit_is_memory(tmp_path: Path, file: str) -> None:
    machine = memory(tmp_path)
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).write_text("268435456\n")
    assert memory(tmp_path) == 256 * 2**20 < machine
    (tmp_path / file).write_text("max\n")
    assert memory(tmp_path) == machine


def test_no_server_before_a_gateway() -> None:
    refuse_gateway({})
    with pytest.raises(CannotServeError, match="run code"):
        refuse_gateway({"JUPYTER_GATEWAY_URL": "http://gateway:8888"})
