"""A public server over HTTP: names, password, health, counts, headers, places, and how it ends."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from app.server import PATIENCE, Server, environment, serving

TOKEN = "a-long-password"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("guarded")
    options = ["--public", "--base-url", "lab/shapes", "--allow-host", "shapes.example.org", "--max-visitors", "1"]
    with serving(
        folder,
        options=[*options, "--allow-host", "127.0.0.1", "--frame-ancestors", "https://course.example.org"],
        env=environment(folder, SHAPELAB_TOKEN=TOKEN),
        base_url="/lab/shapes/",
    ) as running:
        yield running


def ask(
    server: Server, path: str, method: str = "GET", body: str = "", **headers: str
) -> tuple[int, dict[str, str], str]:
    connection = HTTPConnection(urlsplit(server.url).netloc, timeout=PATIENCE)
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    if body:
        told["Content-Type"] = "application/x-www-form-urlencoded"
    connection.request(method, path, body or None, told)
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    return response.status, dict(response.getheaders()), text


def test_probes_need_neither_name_nor_password(guarded: Server) -> None:
    assert ask(guarded, "/lab/shapes/healthz", Host="10.0.0.7")[0] == 200
    deadline = time.monotonic() + PATIENCE
    while (answer := ask(guarded, "/lab/shapes/readyz"))[0] != 200:
        assert answer[0] == 503
        assert time.monotonic() < deadline, answer
    assert answer[2] == "ready"


@pytest.mark.parametrize("host", ["evil.example", "shapes.example.org.evil.example", "127.0.0.1.evil.example:80", ""])
def test_a_name_that_is_not_the_servers_is_refused(guarded: Server, host: str) -> None:
    status, _, text = ask(guarded, "/lab/shapes/", Host=host)
    assert status in (400, 421)
    assert "kernelId" not in text


def test_the_password_is_asked_for_and_opens(guarded: Server) -> None:
    status, headers, text = ask(guarded, "/lab/shapes/?H=9&stride=3")
    assert (status, headers["Cache-Control"]) == (401, "no-store")
    assert 'type="password"' in text
    assert "kernelId" not in text
    assert ask(guarded, "/lab/shapes/?H=9", "POST", "token=wrong-password")[0] == 401
    status, headers, _ = ask(guarded, "/lab/shapes/?H=9&stride=3", "POST", f"token={TOKEN}")
    assert (status, headers["Location"]) == (303, "/lab/shapes/?H=9&stride=3")
    cookie = headers["Set-Cookie"]
    assert {"HttpOnly", "Path=/lab/shapes/", "SameSite=Lax"} <= {part.strip() for part in cookie.split(";")}
    assert TOKEN not in cookie
    status, _, text = ask(guarded, "/lab/shapes/healthz", Cookie=cookie.split(";")[0])
    assert status == 200
    status, headers, _ = ask(guarded, f"/lab/shapes/?token={TOKEN}&H=9")
    assert (status, headers["Location"]) == (303, "/lab/shapes/?H=9")


def test_a_forged_cookie_opens_nothing(guarded: Server) -> None:
    for forged in ("", "0" * 64, TOKEN, "%00"):
        assert ask(guarded, "/lab/shapes/", Cookie=f"shapelab-pass={forged}")[0] == 401


def test_what_is_asked_as_the_password_is_never_markup(guarded: Server) -> None:
    _, _, text = ask(guarded, "/lab/shapes/?%22%3E%3Cscript%3Ealert(1)%3C/script%3E=1")
    assert "<script>alert" not in text


def test_counts_are_for_who_has_the_password(guarded: Server) -> None:
    assert ask(guarded, "/lab/shapes/metrics")[0] == 401
    status, _, text = ask(guarded, "/lab/shapes/metrics", Authorization=f"Bearer {TOKEN}")
    assert status == 200
    assert re.search(r"^shapelab_visitors_max 1\.0$", text, re.MULTILINE)
    assert re.search(r'^shapelab_refusals_total\{why="host"\} [1-9]', text, re.MULTILINE)
    assert "shapelab_engine_up" in text
    assert "evil" not in text, "what a visitor sent is counted by its words"


def test_the_next_visitor_is_told_to_wait_and_gets_the_place(guarded: Server) -> None:
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    status, headers, page = ask(guarded, "/lab/shapes/?H=9", **bearer)
    assert status == 200
    assert "frame-ancestors 'self' https://course.example.org" in headers["Content-Security-Policy"]
    nonce = re.search(r"'nonce-([\w-]+)'", headers["Content-Security-Policy"])
    assert nonce
    scripts = re.findall(r"<script\b(?![^>]*\bsrc=)(?![^>]*json)([^>]*)>", page)
    assert scripts
    assert all(f'nonce="{nonce[1]}"' in script for script in scripts), "an inline script that does not run"
    status, headers, text = ask(guarded, "/lab/shapes/?H=9", **bearer)
    assert status == 503
    assert 1 <= int(headers["Retry-After"]) <= 60
    assert "kernelId" not in text
    assert ask(guarded, "/lab/shapes/readyz")[2] == "full"
    guarded.kernel_of(page).kill()
    deadline = time.monotonic() + PATIENCE
    while (answer := ask(guarded, "/lab/shapes/", **bearer))[0] == 503:
        assert time.monotonic() < deadline, "a place whose kernel has died is never free again"
    assert answer[0] == 200


def test_logs_are_json_and_say_nothing_of_visitors(guarded: Server) -> None:
    printed = guarded.printed()
    assert '"message": "serving"' in printed
    for said in (TOKEN, "H=9", "evil", "kernelId"):
        assert said not in printed


def test_told_to_end_it_takes_nobody_new_and_waits_for_who_is_there(tmp_path: Path) -> None:
    with serving(tmp_path, options=["--drain-seconds", "60"]) as server:
        status, _, page = ask(server, "/")
        assert status == 200
        kernel = server.kernel_of(page)
        server.process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + PATIENCE
        while ask(server, "/readyz")[2] != "about to end":
            assert time.monotonic() < deadline
        assert ask(server, "/")[0] == 503
        assert kernel.is_running()
        assert server.process.poll() is None
        kernel.kill()  # the last visitor leaves
        assert server.process.wait(PATIENCE) == 0
        assert not psutil.pid_exists(kernel.pid)


def test_before_a_gateway_nothing_starts(tmp_path: Path) -> None:
    with (
        pytest.raises(AssertionError, match="could run code of their own"),
        serving(tmp_path, env=environment(tmp_path, JUPYTER_GATEWAY_URL="http://gateway:8888")),
    ):
        pass
