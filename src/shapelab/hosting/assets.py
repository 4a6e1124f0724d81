"""Voila's own scripts as a page wants them: under an address that changes with them, compressed once, kept for good."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import mimetypes
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path

from tornado.web import HTTPError, RequestHandler

ROUTE = r"shapelab/assets/([0-9a-f]{16})/(.+)"
COMPRESSIBLE = ("text/", "application/json", "image/svg+xml")
LEVEL = 6  # 9 saves one part in a hundred, and takes twice as long


class Assets:
    """The files below some folders, fixed when it is made: what is not listed then is not served.

    Attributes:
      digest: the first 16 digits of a SHA-256 over all names and contents.
    """

    def __init__(self, folders: Mapping[str, Iterable[Path]]) -> None:
        """List the files.

        Args:
          folders: for each name that an address may begin with, folders; a file of an earlier one hides a later one's.
        """
        self._files: dict[str, Path] = {}
        for name, places in folders.items():
            for place in places:
                for file in sorted(place.rglob("*")):
                    if file.is_file():
                        self._files.setdefault(f"{name}/{file.relative_to(place).as_posix()}", file)
        seen = hashlib.sha256()
        for name, file in sorted(self._files.items()):
            seen.update(f"{name}\0".encode())
            seen.update(hashlib.sha256(file.read_bytes()).digest())
        self.digest = seen.hexdigest()[:16]

    def __contains__(self, name: str) -> bool:
        return name in self._files

    def address(self, base_url: str, name: str) -> str:
        """Where a file, or a folder of them, is served."""
        return f"{base_url}shapelab/assets/{self.digest}/{name}"

    def file(self, digest: str, name: str) -> Path | None:
        """The file of an address, if there is one."""
        return self._files.get(name) if digest == self.digest else None


class AssetHandler(RequestHandler):
    """Serves assets."""

    def initialize(self, assets: Assets) -> None:
        """Take the files to serve."""
        self.assets = assets

    async def get(self, digest: str, name: str) -> None:
        """A file, gzipped for who accepts it."""
        file = self.assets.file(digest, name)
        if file is None:
            raise HTTPError(404)
        await send_for_good(self, file)


async def send_for_good(handler: RequestHandler, file: Path) -> None:
    """Answer with a file that never changes under its address; ``Vary`` is set by the server's own compression."""
    kind = _kind(file)
    handler.set_header("Content-Type", f"{kind}; charset=utf-8" if kind.startswith("text/") else kind)
    handler.set_header("Cache-Control", "public, max-age=31536000, immutable")
    handler.set_header("X-Content-Type-Options", "nosniff")
    if not kind.startswith(COMPRESSIBLE):
        handler.finish(file.read_bytes())
        return
    if "gzip" in handler.request.headers.get("Accept-Encoding", ""):
        handler.set_header("Content-Encoding", "gzip")
        handler.finish(await asyncio.to_thread(gzipped, file))
    else:
        handler.finish(file.read_bytes())


@lru_cache(maxsize=1024)  # every file that a page asks for, and no more than are installed
def gzipped(file: Path) -> bytes:
    """A file's content, compressed once for all visitors."""
    return gzip.compress(file.read_bytes(), LEVEL)


def _kind(file: Path) -> str:
    if file.suffix in (".js", ".mjs"):
        return "text/javascript"  # whatever this machine's registry of types says
    return mimetypes.guess_type(file.name)[0] or "application/octet-stream"
