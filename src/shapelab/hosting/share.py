"""What a page fetches when somebody wants to share it: the dialog's script, and the QR code of the link."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from shapelab.hosting.app_folder import app_folder
from shapelab.hosting.assets import Asset, KeptHandler
from shapelab.hosting.qr import ROUTE as QR_ROUTE
from shapelab.hosting.qr import QRHandler

ROUTE = r"shapelab/static/([0-9a-f]{16})/share\.js"


class Script(Asset):
    """The script, without the lines that are comments."""

    @property
    def body(self) -> bytes:
        """The script as it is sent."""
        return re.sub(r"(?m)^\s*//.*\n", "", self.file.read_text(encoding="utf-8")).encode()


@lru_cache(maxsize=1)
def script() -> tuple[str, Script]:
    """The first 16 digits of the script's SHA-256, and the script."""
    found = Script(Path(app_folder()) / "template" / "shapelab" / "share.js")
    return hashlib.sha256(found.body).hexdigest()[:16], found


def share_address(base_url: str) -> str:
    """Where the script is served."""
    return f"{base_url}shapelab/static/{script()[0]}/share.js"


def share_handlers(base_url: str) -> list[Any]:
    """The routes, below where the page lies."""
    below = re.escape(base_url)
    return [(below + ROUTE, KeptHandler, {"find": script}), (below + QR_ROUTE, QRHandler, {"base_url": base_url})]
