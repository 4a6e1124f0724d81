"""plotly.js and this package's own module as a page wants them: each at an address that changes with it."""

from __future__ import annotations

import hashlib
import importlib.util
from functools import lru_cache
from pathlib import Path

from tornado.web import HTTPError, RequestHandler

from shapelab.explorers.front import module
from shapelab.explorers.fronted import digest
from shapelab.hosting.assets import Asset, send_for_good

ROUTE = r"shapelab/static/([0-9a-f]{16})/plotly\.min\.js"
MODULE_ROUTE = r"shapelab/static/([0-9a-f]{16})/shapelab\.js"


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


class Module(Asset):
    """The module that draws pictures, written as several files."""

    def __init__(self) -> None:
        super().__init__(Path("shapelab.js"))

    @property
    def body(self) -> bytes:
        """The module, whole."""
        return module().encode()


_MODULE = Module()


def module_address(base_url: str) -> str:
    """Where the module is served."""
    return f"{base_url}shapelab/static/{digest()}/shapelab.js"


class ModuleHandler(RequestHandler):
    """Serves the module."""

    async def get(self, asked: str) -> None:
        """The module, gzipped for who accepts it."""
        if asked != digest():
            raise HTTPError(404)
        await send_for_good(self, _MODULE)


class BundleHandler(RequestHandler):
    """Serves the bundle."""

    async def get(self, digest: str) -> None:
        """The bundle, gzipped for who accepts it."""
        known, asset = bundle()
        if digest != known:
            raise HTTPError(404)
        await send_for_good(self, asset)
