"""`shapelab serve` among what a user may have at home, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import psutil
import pytest
from jupyter_client.kernelspec import NoSuchKernel

from app.server import PATIENCE, Server, environment, listens, serving
from shapelab.hosting.kernels import OwnKernel, kernel_environment
from shapelab.hosting.ports import OF_KERNELS, can_be_socket

WIDGET = "application/vnd.jupyter.widget-view+json"


def page_of(server: Server) -> str:
    with urlopen(server.url, timeout=PATIENCE) as answer:
        html: str = answer.read().decode()
    return html


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server for a user whose own kernels cannot start, and whose own settings would make another page."""
    home = tmp_path_factory.mktemp("home")
    elsewhere = home / "elsewhere"
    for place in (home / ".local/share/jupyter", elsewhere, home / "Library/Jupyter"):
        for name in ("python3", "julia"):
            kernel = place / "kernels" / name / "kernel.json"
            kernel.parent.mkdir(parents=True)
            kernel.write_text(json.dumps({"argv": ["/nonexistent", "{connection_file}"], "display_name": name}))
    settings = {
        "VoilaConfiguration": {"template": "lab", "theme": "dark", "strip_sources": False, "show_tracebacks": True},
        "Voila": {"port": 1, "base_url": "/elsewhere/"},
    }
    for name in ("voila", "jupyter_config", "jupyter_server_config"):
        file = home / ".jupyter" / f"{name}.json"
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(settings))
    env = environment(home, JUPYTER_PATH=str(elsewhere))
    with serving(home, env=env) as running:
        yield running


def test_the_kernel_is_this_interpreter_whatever_kernels_the_user_has(hostile: Server) -> None:
    html = page_of(hostile)
    assert WIDGET in html
    kernel = hostile.kernel_of(html)
    assert Path(kernel.cmdline()[0]).samefile(sys.executable)
    assert kernel.cmdline()[1:3] == ["-m", "shapelab.hosting.nursery"]


@pytest.mark.skipif(not can_be_socket(tempfile.gettempdir() + OF_KERNELS), reason="no room for sockets' names here")
def test_what_a_kernel_is_told_comes_through_sockets_that_are_the_user_s_alone(hostile: Server) -> None:
    kernel = hostile.kernel_of(page_of(hostile))
    places = [Path(place) for place in listens(kernel) if isinstance(place, str)]
    assert len(places) == 5, "one for each channel, and the heartbeat's"
    assert all(place.is_socket() for place in places)
    assert {stat.S_IMODE(place.parent.stat().st_mode) for place in places} == {0o700 | stat.S_ISVTX}


def test_a_temporary_folder_whose_name_leaves_no_room_for_a_kernel_s_sockets_will_do_and_is_left_empty(
    tmp_path: Path,
) -> None:
    with tempfile.TemporaryDirectory(suffix="a" * (50 - len(tempfile.gettempdir()))) as folder:
        with serving(tmp_path, env=environment(tmp_path, TMPDIR=folder)) as server:
            assert WIDGET in page_of(server)
            assert all(isinstance(place, int) for kernel in server.kernels() for place in listens(kernel))
            assert server.stop() == 0
        assert not list(Path(folder).iterdir())


def test_the_page_is_this_project_s_whatever_the_user_has_set(hostile: Server) -> None:
    html = page_of(hostile)
    assert "shapelab-header" in html
    assert "sl.dashboard()" not in html, "the notebook's code is shown"


def test_a_file_of_settings_where_the_server_is_started_changes_nothing(tmp_path: Path) -> None:
    settings = {"VoilaConfiguration": {"template": "lab", "strip_sources": False}}
    for name in ("voila.json", "jupyter_config.json"):
        (tmp_path / name).write_text(json.dumps(settings))
    (tmp_path / "voila.py").write_text("raise SystemExit('the wrong voila')")
    with serving(tmp_path, cwd=tmp_path) as server:
        html = page_of(server)
    assert "shapelab-header" in html
    assert "sl.dashboard()" not in html


def test_there_is_one_kernel_and_it_is_this_interpreter(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    kernel = tmp_path / "kernels" / "python3" / "kernel.json"
    kernel.parent.mkdir(parents=True)
    kernel.write_text(json.dumps({"argv": ["/nonexistent"], "display_name": "theirs", "language": "python"}))
    known = OwnKernel()
    assert known.get_kernel_spec("python3").argv[0] == sys.executable
    assert list(known.find_kernel_specs()) == list(known.get_all_specs()) == ["python3"]
    assert known.get_all_specs()["python3"]["spec"]["argv"][0] == sys.executable
    with pytest.raises(NoSuchKernel):
        known.get_kernel_spec("julia")


def test_kernels_import_this_package_first_and_then_what_the_user_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/theirs")
    first, *rest = kernel_environment({})["PYTHONPATH"].split(os.pathsep)
    assert (Path(first) / "shapelab" / "__init__.py").is_file()
    assert rest == ["/theirs"]


def test_kernels_hear_nothing_else_of_the_servers_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hidden")
    monkeypatch.setenv("SHAPELAB_TOKEN", "hidden")
    told = kernel_environment({"SHAPELAB_ENGINE": "unix:/somewhere"})
    assert "hidden" not in told.values()
    assert told["SHAPELAB_ENGINE"] == "unix:/somewhere"
    assert told["PATH"] == os.environ["PATH"]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_server_and_its_kernels(tmp_path: Path, how: signal.Signals) -> None:
    with serving(tmp_path) as server:
        assert WIDGET in page_of(server)
        kernels = server.kernels()
        assert kernels
        assert server.stop(how) == 0
        _, alive = psutil.wait_procs(kernels, timeout=PATIENCE)
        assert not alive
        assert "Traceback" not in server.printed()
        with pytest.raises(OSError):  # noqa: PT011 - refused, whatever the system calls it
            urlopen(f"{server.url}healthz", timeout=5)


def test_a_port_just_left_can_be_had_again(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        page_of(server)
        port = int(server.url.rsplit(":", 1)[1].strip("/"))
    with serving(tmp_path, port=port) as again:
        assert str(port) in again.url
        assert WIDGET in page_of(again)


def test_what_the_server_prints_is_for_the_user(tmp_path: Path) -> None:
    """Its address, and how to stop it; no line for each visitor."""
    with serving(tmp_path) as server:
        page_of(server)
        page_of(server)
        lines = server.printed().strip().splitlines()
    assert lines == [f"shapelab is at {server.url}  (Ctrl-C stops it)"]
