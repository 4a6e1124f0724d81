"""plotly.js as a page wants it: one address that changes with its content, compressed, cached for good."""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
from functools import lru_cache
from pathlib import Path

from tornado.web import HTTPError, RequestHandler

ROUTE = r"shapelab/static/([0-9a-f]{16})/plotly\.min\.js"


@lru_cache(maxsize=1)
def bundle() -> tuple[str, bytes, bytes]:
    """The first 16 digits of the bundle's SHA-256, the bundle, and the bundle gzipped.

    Raises:
      ModuleNotFoundError: when plotly is not installed.
    """
    found = importlib.util.find_spec("plotly")  # finds the package without paying for its import
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError("plotly is not installed", name="plotly")
    file = Path(found.submodule_search_locations[0]) / "package_data" / "plotly.min.js"
    code = file.read_bytes()
    return hashlib.sha256(code).hexdigest()[:16], code, gzip.compress(code, 9)


def address(base_url: str) -> str:
    """Where the bundle is served."""
    return f"{base_url}shapelab/static/{bundle()[0]}/plotly.min.js"


class BundleHandler(RequestHandler):
    """Serves the bundle."""

    def get(self, digest: str) -> None:
        """The bundle, gzipped for who accepts it."""
        known, code, zipped = bundle()
        if digest != known:
            raise HTTPError(404)
        self.set_header("Content-Type", "text/javascript; charset=utf-8")
        self.set_header("Cache-Control", "public, max-age=31536000, immutable")
        self.set_header("Vary", "Accept-Encoding")
        if "gzip" in self.request.headers.get("Accept-Encoding", ""):
            self.set_header("Content-Encoding", "gzip")
            self.finish(zipped)
        else:
            self.finish(code)


class HealthHandler(RequestHandler):
    """Says that the server answers; starts no kernel."""

    def get(self) -> None:
        """``ok``."""
        self.finish("ok")
