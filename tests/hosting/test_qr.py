"""The QR code: of this server's own page and of nothing else, readable as SVG by whoever scans it."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import segno
from tornado.testing import AsyncHTTPTestCase
from tornado.web import Application

from shapelab.hosting.share import script, share_address, share_handlers

SVG = "{http://www.w3.org/2000/svg}"


def modules(svg: bytes) -> list[list[bool]]:
    """The dark modules, painted from the SVG's strokes, with the quiet zone around them."""
    root = ElementTree.fromstring(svg)
    side = int(root.attrib["viewBox"].split()[2])
    ground, drawn = root.iter(f"{SVG}path")
    assert ground.attrib["fill"] == "#fff"
    assert ground.attrib["d"] == f"M0 0h{side}v{side}h-{side}z"
    assert drawn.attrib["stroke"] == "#000"
    dark = [[False] * side for _ in range(side)]
    x = y = 0.0
    for verb, numbers in re.findall(r"([Mmh])([-\d. ]+)", drawn.attrib["d"]):
        moved = [float(number) for number in numbers.split()]
        if verb == "h":
            for column in range(round(x), round(x + moved[0])):
                dark[int(y)][column] = True
            x += moved[0]
        else:
            x, y = moved if verb == "M" else (x + moved[0], y + moved[1])
    return dark


def expected(text: str) -> list[list[bool]]:
    """The code of a text with four modules of white around."""
    return [
        [bool(module) for module in row]
        for row in segno.make_qr(text, error="m", boost_error=False).matrix_iter(border=4)
    ]


class TestRoutes(AsyncHTTPTestCase):
    base_url = "/lab/"
    behind_proxy = False

    def get_app(self) -> Application:
        return Application(share_handlers(self.base_url))

    def get_httpserver_options(self) -> dict[str, bool]:
        return {"xheaders": self.behind_proxy}

    def code(self, query: str, **headers: str) -> list[list[bool]]:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self.fetch(f"/lab/shapelab/qr.svg?{query}", headers=sent)
        assert answer.code == 200
        assert answer.headers["Content-Type"] == "image/svg+xml"
        assert answer.headers["Cache-Control"] == "no-store"
        return modules(answer.body)

    def test_the_page_by_the_address_that_was_used(self) -> None:
        assert self.code("") == expected(f"http://127.0.0.1:{self.get_http_port()}/lab/")
        asked = "lock=1&H=9"
        assert self.code(asked, Host="lecture.example.org") == expected("http://lecture.example.org/lab/?H=9&lock=1")

    def test_what_is_no_state_of_the_page_is_in_no_code(self) -> None:
        asked = "H=9&say=%3Cscript%3E&token=secret&picture=kept&W=none"
        assert self.code(asked, Host="here") == expected("http://here/lab/?H=9")

    def test_a_proxy_is_not_believed_unless_there_is_one(self) -> None:
        told = self.code("", Host="here", X_Scheme="https", X_Forwarded_Proto="https")
        assert told == expected("http://here/lab/")

    def test_a_link_that_no_code_holds_is_refused_in_a_sentence(self) -> None:
        for query in ("x" * 5000, "compare=" + "H%3D9%26" * 20 + "&" + "k=" * 2000):
            answer = self.fetch(f"/lab/shapelab/qr.svg?{query}")
            assert answer.code == 400
            assert "up to 4,000 are read" in answer.body.decode()
        answer = self.fetch("/lab/shapelab/qr.svg", headers={"Host": "h" * 2400})
        assert answer.code == 400
        assert "a QR code holds 2,331" in answer.body.decode()

    def test_the_dialogs_script_has_an_address_of_its_own(self) -> None:
        answer = self.fetch(share_address(self.base_url))
        assert answer.code == 200
        assert answer.headers["Content-Type"].startswith("text/javascript")
        assert "immutable" in answer.headers["Cache-Control"]
        assert b"export function open" in answer.body
        assert self.fetch(f"/lab/shapelab/static/{'0' * 16}/share.js").code == 404
        assert script()[0] in share_address("/")


class TestBehindAProxy(TestRoutes):
    behind_proxy = True

    def test_a_proxy_is_not_believed_unless_there_is_one(self) -> None:
        told = self.code("", Host="here", X_Scheme="https")
        assert told == expected("https://here/lab/")
