"""plotly.js as a page wants it: one address that changes with its content, compressed, cached for good."""

from __future__ import annotations

import hashlib
import importlib.util
from functools import lru_cache
from pathlib import Path

from tornado.web import HTTPError, RequestHandler

from shapelab.hosting.assets import Asset, send_for_good

ROUTE = r"shapelab/static/([0-9a-f]{16})/plotly\.min\.js"


@lru_cache(maxsize=1)
def bundle() -> tuple[str, Asset]:
    """The first 16 digits of the bundle's SHA-256, and the bundle.

    Raises:
      ModuleNotFoundError: when plotly is not installed.
    """
    found = importlib.util.find_spec("plotly")  # finds the package without paying for its import
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError("plotly is not installed", name="plotly")
    file = Path(found.submodule_search_locations[0]) / "package_data" / "plotly.min.js"
    return hashlib.sha256(file.read_bytes()).hexdigest()[:16], Asset(file)


def address(base_url: str) -> str:
    """Where the bundle is served."""
    return f"{base_url}shapelab/static/{bundle()[0]}/plotly.min.js"


class BundleHandler(RequestHandler):
    """Serves the bundle."""

    async def get(self, digest: str) -> None:
        """The bundle, gzipped for who accepts it."""
        known, asset = bundle()
        if digest != known:
            raise HTTPError(404)
        await send_for_good(self, asset)


class HealthHandler(RequestHandler):
    """Says that the server answers; starts no kernel."""

    def get(self) -> None:
        """``ok``."""
        self.finish("ok")
