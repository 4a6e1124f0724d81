"""plotly.js and this package's own module as a page wants them: each at an address that changes with it."""

from __future__ import annotations

import hashlib
import importlib.util
from functools import lru_cache
from pathlib import Path

from shapelab.explorers.front import module
from shapelab.explorers.fronted import digest
from shapelab.hosting.assets import Asset

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


def whole_module() -> tuple[str, Asset]:
    """The digest by which pages ask for the module, and the module."""
    return digest(), _MODULE


def module_address(base_url: str) -> str:
    """Where the module is served."""
    return f"{base_url}shapelab/static/{digest()}/shapelab.js"
