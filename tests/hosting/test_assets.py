"""Voila's scripts over HTTP: small, kept for good under an address of their own, and no other file beside them."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.server import Server, serving
from shapelab.hosting.assets import Assets


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("assets")) as running:
        yield running


@pytest.fixture(scope="module")
def html(server: Server) -> str:
    return server.get("/")[1].decode()


@pytest.fixture(scope="module")
def config(html: str) -> dict[str, str]:
    found = re.search(r'id="jupyter-config-data"[^>]*>(.*?)</script>', html, re.DOTALL)
    assert found
    told: dict[str, str] = json.loads(found[1])
    return told


def test_scripts_are_compressed_and_kept_for_good(server: Server, html: str, config: dict[str, str]) -> None:
    scripts = re.findall(r'<script[^>]* src="([^"]+)"', html)
    assert any(path.startswith(config["fullStaticUrl"]) for path in scripts)
    assert any(path == config["shapelabScript"] for path in scripts)
    for path in scripts:
        whole = server.get(path)[1]
        response, body = server.get(path, Accept_Encoding="gzip, deflate, br")
        assert response.headers["Content-Encoding"] == "gzip"
        assert response.headers["Content-Type"].startswith("text/javascript")
        assert "immutable" in response.headers["Cache-Control"]
        assert response.headers["Vary"] == "Accept-Encoding"
        assert gzip.decompress(body) == whole
        assert len(body) < len(whole) / 2


def test_the_extensions_that_the_page_loads_are_served_and_no_other(server: Server, config: dict[str, str]) -> None:
    named = {extension["name"]: extension["load"] for extension in config["federated_extensions"]}  # type: ignore[index]
    assert "anywidget" in named
    assert "jupyterlab-plotly" not in named, "a second plotly.js, of 4.8 MB, that the page does not use"
    for name, load in named.items():
        assert server.get(f"{config['fullLabextensionsUrl']}/{name}/{load.removeprefix('./')}")[0].status == 200
    assert server.get(f"{config['fullLabextensionsUrl']}/jupyterlab-plotly/package.json")[0].status == 404


@pytest.mark.parametrize(
    "wrong",
    [
        "/shapelab/assets/0123456789abcdef/voila/voila.js",
        "{voila}/nosuch.js",
        "{voila}/../../../../../../etc/passwd",
        "{voila}/%2e%2e/%2e%2e/conf.json",
        "{voila}//etc/passwd",
        "{voila}/",
    ],
)
def test_another_address_has_nothing(server: Server, config: dict[str, str], wrong: str) -> None:
    response, _ = server.get(wrong.format(voila=config["fullStaticUrl"]))
    assert response.status == 404
    assert "Cache-Control" not in response.headers


def test_the_page_itself_is_compressed_and_not_kept(server: Server) -> None:
    response, body = server.get("/", Accept_Encoding="gzip")
    assert response.headers["Content-Encoding"] == "gzip"
    assert "no-store" in response.headers["Cache-Control"]
    assert b"shapelab-header" in gzip.decompress(body)


def found(assets: Assets, name: str) -> bytes:
    asset = assets.find(assets.digest, name)
    assert asset is not None
    return asset.body


def test_the_address_changes_with_any_file(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "one.js").write_text("1")
    before = Assets({"x": [tmp_path]})
    assert found(before, "x/a/one.js") == b"1"
    assert Assets({"x": [tmp_path]}).digest == before.digest
    (tmp_path / "a" / "one.js").write_text("2")
    assert Assets({"x": [tmp_path]}).digest != before.digest


def test_of_two_folders_the_first_is_served(tmp_path: Path) -> None:
    for name in ("mine", "theirs"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "page.js").write_text(name)
    both = Assets({"x": [tmp_path / "mine", tmp_path / "theirs"]})
    assert found(both, "x/page.js") == b"mine"


def test_a_script_is_served_with_the_pieces_that_it_asks_for(tmp_path: Path) -> None:
    (tmp_path / "voila.js").write_text("t=()=>Promise.all([r.e(20),r.e(3),x.e(7)])")
    (tmp_path / "3.voila.js").write_text("three() // at its end")
    (tmp_path / "20.voila.js").write_text('"use strict";twenty()')
    (tmp_path / "99.voila.js").write_text("unasked()")
    assets = Assets({"voila": [tmp_path]})
    text = found(assets, assets.join("voila/voila.js")).decode()
    assert text.index("three()") < text.index("twenty()") < text.index("Promise.all")
    assert "unasked" not in text
    assert found(assets, "voila/voila.js").startswith(b"t=()")
