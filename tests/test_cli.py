"""The `shapelab` command: what it answers, in which words, and with which exit code."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import shapelab as sl
from app.server import command, environment
from shapelab.hosting.ports import free_port

PATIENCE = 45


def shapelab(*arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*command(), *arguments], capture_output=True, text=True, timeout=PATIENCE, env=env, stdin=subprocess.DEVNULL
    )


def assert_sentence(result: subprocess.CompletedProcess[str], *words: str) -> None:
    """One line on stderr with these words, exit code 1, and no traceback."""
    assert result.returncode == 1, result
    assert result.stdout == ""
    (line,) = result.stderr.strip().splitlines()
    assert line.startswith("shapelab: ")
    for word in words:
        assert word in line


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def test_version() -> None:
    result = shapelab("--version")
    assert result.returncode == 0
    name, number = result.stdout.split()
    assert name == "shapelab"
    assert all(part.isdigit() for part in number.split(".")[:3])


def test_help_names_every_command() -> None:
    result = shapelab("--help")
    assert result.returncode == 0
    for name in ("serve", "trace", "list", "warm"):
        assert name in result.stdout


def test_help_of_serve_names_its_options_and_the_default_port() -> None:
    result = shapelab("serve", "--help")
    assert result.returncode == 0
    for word in ("--host", "--port", "--no-browser", "8866"):
        assert word in result.stdout


@pytest.mark.parametrize("arguments", [[], ["serv"], ["serve", "--prt", "1"], ["trace"], ["trace", "conv9d"]])
def test_a_misuse_is_answered_with_the_usage(arguments: list[str]) -> None:
    result = shapelab(*arguments)
    assert result.returncode == 2
    assert "usage: shapelab" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("port", ["0", "-1", "65536", "99999999999", "http", "8866.5", ""])
def test_a_port_that_is_none(port: str) -> None:
    result = shapelab("serve", f"--port={port}", "--no-browser")
    assert result.returncode == 2
    assert "1 to 65535" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_port_in_use_is_a_sentence_with_a_way_out(taken: int) -> None:
    result = shapelab("serve", "--port", str(taken), "--no-browser")
    assert_sentence(result, f"port {taken} is in use", "--port ")
    other = int(result.stderr.split("--port ")[1].split()[0])
    assert 1 <= other <= 65535
    assert other != taken
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", other))  # what it offers can be had


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="there are no sockets here whose names could be too long")
def test_a_temporary_folder_with_too_long_a_name_is_a_sentence_with_a_way_out(tmp_path: Path) -> None:
    folder = tmp_path / ("a" * 100)
    folder.mkdir()
    port = str(free_port("127.0.0.1"))
    result = shapelab("serve", "--port", port, "--no-browser", env=environment(tmp_path, TMPDIR=str(folder)))
    assert_sentence(result, f"{len(os.fsencode(folder))} bytes", "at most 71", "TMPDIR")
    assert not list(folder.iterdir())


def test_the_default_port_in_use_is_a_sentence_too() -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            other.bind(("127.0.0.1", 8866))
        except OSError:
            pass  # already in use by another: as good
        else:
            other.listen()
        assert_sentence(shapelab("serve", "--no-browser"), "port 8866 is in use", "--port ")


@pytest.mark.parametrize("host", ["no.such.host.invalid", "192.0.2.1", "999.1.1.1"])
def test_a_host_that_is_not_this_machine(host: str) -> None:
    assert_sentence(shapelab("serve", "--host", host, "--no-browser"), host, "--host 127.0.0.1")


@pytest.mark.parametrize(
    ("module", "package"),
    [
        ("voila", "voila"),
        ("jupyter_server", "jupyter-server"),
        ("ipykernel", "ipykernel"),
        ("ipywidgets", "ipywidgets"),
        ("anywidget", "anywidget"),
        ("plotly", "plotly"),
        ("jax", "jax"),
        ("flax", "flax"),
    ],
)
def test_a_missing_package_is_a_sentence_that_names_it(tmp_path: Path, module: str, package: str) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.abc, sys\n"
        "class Missing(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name.partition('.')[0] == {module!r}:\n"
        f"            raise ModuleNotFoundError(f'No module named {{name!r}}', name=name)\n"
        "sys.meta_path.insert(0, Missing())\n"
    )
    paths = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    result = shapelab(
        "serve", "--port", str(free_port("127.0.0.1")), "--no-browser", env=environment(tmp_path, PYTHONPATH=paths)
    )
    assert_sentence(result, f"pip install {package}")


@pytest.mark.parametrize("lesson", ["conv1d", "conv2d", "resnet", "unet"])
def test_trace_prints_the_stages(lesson: str) -> None:
    table = shapelab("trace", lesson)
    assert (table.returncode, table.stderr) == (0, "")
    record = json.loads(shapelab("trace", lesson, "--json").stdout)
    assert record["stages"]
    for stage in record["stages"]:
        assert f"({', '.join(map(str, stage['out_shape']))}" in table.stdout
    assert f"{record['totals']['params']:,}" in table.stdout
    assert f"{record['totals']['macs']:,}" in table.stdout


def test_trace_takes_the_settings_of_the_lesson() -> None:
    result = shapelab("trace", "unet", "--H", "20", "--W", "12", "--base-features", "3", "--json")
    record = json.loads(result.stdout)
    assert record["outputs"][0]["shape"] == [20, 12, 3]
    assert record["totals"]["params"] == sum(stage["params"] for stage in record["stages"])


def test_trace_of_a_size_that_cannot_be_says_why_and_fails() -> None:
    result = shapelab("trace", "unet", "--H", "30")
    assert result.returncode == 1
    assert "Traceback" not in result.stderr + result.stdout
    assert "(14, 24, 16)" in result.stdout
    assert "(15, 24, 16)" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["conv2d", "--H", "1025"], ("1025", "1 to 1024")),
        (["conv2d", "--stride", "1.5"], ("1.5", "1 to 8")),
        (["conv2d", "--H", "nan"], ("nan", "1 to 1024")),
        (["conv2d", "--library", "keras"], ("keras", "nnx", "linen")),
    ],
)
def test_trace_refuses_a_setting_in_the_words_of_the_lesson(arguments: list[str], words: tuple[str, ...]) -> None:
    assert_sentence(shapelab("trace", *arguments), *words)


def test_list_names_every_lesson_and_its_settings() -> None:
    result = shapelab("list")
    assert result.returncode == 0
    for lesson in sl.LESSONS.values():
        assert lesson.title in result.stdout
        for field in lesson.Config.rules():
            of_its_own = "--unet-depth"  # --depth folds the table
            assert (of_its_own if field == "depth" else f"--{field.replace('_', '-')}") in result.stdout


def test_a_pipe_that_closes_early_is_no_traceback() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as out:
        process = subprocess.Popen([*command(), "list"], stdout=out, stderr=subprocess.PIPE)
        _, errors = process.communicate(timeout=PATIENCE)
    assert b"Traceback" not in errors


def test_the_command_is_the_module_s_too() -> None:
    code = "import sys; from shapelab.cli import main; sys.exit(main(['list']))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE)
    assert result.returncode == 0
    assert "Conv2D" in result.stdout
