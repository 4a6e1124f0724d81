"""Before every route: by which name the server was called, and the password where there is one."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from typing import Any
from urllib.parse import parse_qsl, urlencode

from tornado.httputil import HTTPServerRequest, url_concat
from tornado.routing import Matcher
from tornado.web import RequestHandler

from shapelab.hosting.metrics import Metrics

COOKIE = "shapelab-pass"
OPEN_TO_ALL = ("healthz", "readyz")  # who asks whether the server lives has no password
BY_ANY_NAME = (*OPEN_TO_ALL, "metrics")  # who counts inside of a cluster knows the address alone
SLOW = 1.0  # seconds before a wrong password is answered
KEPT_DAYS = 30


class Foreign(Matcher):
    """Matches requests that call the server by a name it does not have; probes of health call it by any."""

    def __init__(self, names: tuple[str, ...], open_paths: frozenset[str]) -> None:
        self._names, self._open = {name.lower() for name in names}, open_paths

    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        """``{}`` for a request to refuse."""
        known = request.host_name.lower().rstrip(".") in self._names
        return None if known or request.path in self._open else {}


class ForeignHandler(RequestHandler):
    """Refuses."""

    def initialize(self, metrics: Metrics) -> None:
        """Take where refusals are counted."""
        self.metrics = metrics

    def prepare(self) -> None:
        """421: this server does not answer for that name."""
        self.metrics.refused("host")
        self.set_status(421)
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish("421: this server is not known by that name; whoever runs it can add it with --allow-host")


class Strangers(Matcher):
    """Matches requests without the password."""

    def __init__(self, token: str, open_paths: frozenset[str]) -> None:
        self._token, self._pass, self._open = token, pass_of(token), open_paths

    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        """``{}`` for a request that has to show the password first."""
        shown = request.cookies.get(COOKIE)
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
        fine = (shown is not None and _same(shown.value, self._pass)) or _same(bearer, self._token)
        return None if fine or request.path in self._open else {}


class LoginHandler(RequestHandler):
    """Asks for the password; right, it leaves a cookie, and goes where the visitor wanted to go."""

    def initialize(self, token: str, path: str, page: Any, metrics: Metrics) -> None:
        """Take the password, where its cookie holds, the page that asks, and where refusals are counted."""
        self.token, self.path, self.page, self.metrics = token, path, page, metrics

    async def get(self) -> None:
        """The question; a link may carry the answer as ``?token=``, which does not stay in the address."""
        given = self.get_query_arguments("token")
        if given:
            await self._try(given[-1])
        else:
            self._ask("")

    async def post(self) -> None:
        """The answer."""
        await self._try(self.get_body_argument("token", ""))

    async def _try(self, given: str) -> None:
        if not _same(given, self.token):
            self.metrics.refused("token")
            await asyncio.sleep(SLOW)  # who guesses, guesses slowly
            self._ask("That is not the password.")
            return
        self.set_cookie(
            COOKIE,
            pass_of(self.token),
            path=self.path,
            expires_days=KEPT_DAYS,
            httponly=True,
            samesite="Lax",
            secure=self.request.protocol == "https",
        )
        rest = [(name, value) for name, value in parse_qsl(self.request.query) if name != "token"]
        self.redirect(url_concat(self.request.path, rest), status=303)

    def _ask(self, trouble: str) -> None:
        if self.request.method == "GET" and "text/html" not in self.request.headers.get("Accept", "text/html"):
            self.set_status(401)
            self.finish("401: a password is needed")
            return
        self.set_status(401)
        self.set_header("Cache-Control", "no-store")
        self.finish(self.page(trouble=trouble, query=urlencode(parse_qsl(self.request.query))))


def pass_of(token: str) -> str:
    """What the cookie holds: the same on every server with that password, and no way back to it."""
    return hmac.new(token.encode(), b"shapelab: may enter", hashlib.sha256).hexdigest()


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode())
