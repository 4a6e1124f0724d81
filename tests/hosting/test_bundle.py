"""plotly.js over HTTP: the whole of it, compressed for who accepts that, and nothing under another address."""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Iterator
from importlib.resources import files

import pytest

from app.server import Server, serving


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("bundle")) as running:
        yield running


@pytest.fixture(scope="module")
def code() -> bytes:
    return files("plotly").joinpath("package_data", "plotly.min.js").read_bytes()


@pytest.fixture(scope="module")
def path(code: bytes) -> str:
    return f"/shapelab/static/{hashlib.sha256(code).hexdigest()[:16]}/plotly.min.js"


def test_it_is_compressed_for_who_accepts_that(server: Server, path: str, code: bytes) -> None:
    response, body = server.get(path, Accept_Encoding="gzip, deflate, br")
    assert response.status == 200
    assert response.headers["Content-Encoding"] == "gzip"
    assert int(response.headers["Content-Length"]) == len(body) < len(code) / 2
    assert gzip.decompress(body) == code


def test_it_is_whole_for_who_does_not(server: Server, path: str, code: bytes) -> None:
    response, body = server.get(path, Accept_Encoding="identity")
    assert response.status == 200
    assert "Content-Encoding" not in response.headers
    assert body == code


def test_it_may_be_kept_for_good_and_is_not_confused_by_a_cache_between(server: Server, path: str) -> None:
    response, _ = server.get(path)
    assert response.headers["Content-Type"].startswith("text/javascript")
    kept = response.headers["Cache-Control"]
    assert {"public", "immutable"} <= set(re.split(r",\s*", kept))
    assert int(re.findall(r"max-age=(\d+)", kept)[0]) >= 31_536_000
    assert response.headers["Vary"] == "Accept-Encoding"


@pytest.mark.parametrize(
    "wrong",
    [
        "/shapelab/static/0000000000000000/plotly.min.js",
        "/shapelab/static/plotly.min.js",
        "/shapelab/static/../../etc/passwd",
    ],
)
def test_another_address_has_nothing(server: Server, wrong: str) -> None:
    response, body = server.get(wrong)
    assert response.status != 200
    assert "immutable" not in response.headers.get("Cache-Control", "")
    assert len(body) < 100_000


def test_an_old_address_is_not_found(server: Server) -> None:
    assert server.get("/shapelab/static/0123456789abcdef/plotly.min.js")[0].status == 404


def test_asking_for_health_starts_no_kernel(server: Server) -> None:
    for _ in range(5):
        response, body = server.get("/healthz")
        assert (response.status, body) == (200, b"ok")
    assert len(server.kernels()) <= 1, "more than the one that waits for a visitor"


@pytest.mark.parametrize(
    "path", ["/voila/files/dashboard.ipynb", "/voila/files/jupyter_config.py", "/files/dashboard.ipynb"]
)
def test_the_files_beside_the_page_are_not_served(server: Server, path: str) -> None:
    response, body = server.get(path)
    assert response.status != 200
    assert b"sl.dashboard" not in body
