"""The module over HTTP: compressed for who accepts that, to be kept for good, and nothing under another digest."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator

import pytest

from app.server import Server, serving
from shapelab.explorers.front import module
from shapelab.explorers.fronted import digest

PATH = f"/shapelab/static/{digest()}/shapelab.js"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("module")) as running:
        yield running


def test_it_is_compressed_for_who_accepts_that_and_whole_for_who_does_not(server: Server) -> None:
    response, body = server.get(PATH, Accept_Encoding="gzip, deflate, br")
    assert response.status == 200
    assert response.headers["Content-Encoding"] == "gzip"
    assert int(response.headers["Content-Length"]) == len(body) < len(module().encode()) / 2
    assert gzip.decompress(body) == module().encode()
    response, body = server.get(PATH, Accept_Encoding="identity")
    assert "Content-Encoding" not in response.headers
    assert body == module().encode()


def test_it_may_be_kept_for_good_and_is_not_confused_by_a_cache_between(server: Server) -> None:
    response, _ = server.get(PATH)
    assert response.headers["Content-Type"].startswith("text/javascript")
    kept = response.headers["Cache-Control"]
    assert {"public", "immutable"} <= set(re.split(r",\s*", kept))
    assert int(re.findall(r"max-age=(\d+)", kept)[0]) >= 31_536_000
    assert response.headers["Vary"] == "Accept-Encoding"


@pytest.mark.parametrize(
    "wrong", ["/shapelab/static/0123456789abcdef/shapelab.js", "/shapelab/static/shapelab.js", f"{PATH}.map"]
)
def test_another_address_has_nothing(server: Server, wrong: str) -> None:
    response, body = server.get(wrong)
    assert response.status != 200
    assert "immutable" not in response.headers.get("Cache-Control", "")
    assert len(body) < 100_000


def test_the_page_names_the_address(server: Server) -> None:
    _, page = server.get("/")
    assert re.findall(r'<meta name="shapelab-module" content="([^"]*)"', page.decode()) == [PATH]
