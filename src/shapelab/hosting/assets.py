"""Voila's own scripts as a page wants them: under an address that changes with them, compressed once, kept for good."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import mimetypes
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from pathlib import Path

from tornado.web import HTTPError, RequestHandler

ROUTE = r"shapelab/assets/([0-9a-f]{16})/(.+)"
COMPRESSIBLE = ("text/", "application/json", "image/svg+xml")
LEVEL = 6  # 9 saves one part in a hundred, and takes twice as long


class Asset:
    """A file as it is served."""

    def __init__(self, file: Path) -> None:
        """Name the file; it is read when it is asked for."""
        self.file = file

    @property
    def body(self) -> bytes:
        """Its content."""
        return self.file.read_bytes()

    @cached_property
    def zipped(self) -> bytes:
        """Its content compressed, once for all visitors."""
        return gzip.compress(self.body, LEVEL)

    @property
    def kind(self) -> str:
        """Its media type."""
        if self.file.suffix in (".js", ".mjs"):
            return "text/javascript"  # whatever this machine's registry of types says
        return mimetypes.guess_type(self.file.name)[0] or "application/octet-stream"


class Joined(Asset):
    """Voila's script in one piece with the pieces that it begins by asking for, which are more than fifty."""

    @property
    def body(self) -> bytes:
        """The pieces, each in a function of its own for its own strictness, then the script, which finds them there."""
        script = self.file.read_text(encoding="utf-8")
        pieces = (self.file.with_name(f"{number}.{self.file.name}") for number in _asked_for(script))
        whole = [f"(function(){{{piece.read_text(encoding='utf-8')}\n}})();" for piece in pieces if piece.is_file()]
        return "\n".join([*whole, script]).encode()


def _asked_for(script: str) -> list[str]:
    """The numbers of the pieces that a script of webpack's may load; some of them are within it."""
    return sorted(set(re.findall(r"\b\w+\.e\((\d+)\)", script)), key=int)


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
        self._assets: dict[str, Asset] = {}
        for name, places in folders.items():
            for place in places:
                for file in sorted(place.rglob("*")):
                    if file.is_file():
                        self._assets.setdefault(f"{name}/{file.relative_to(place).as_posix()}", Asset(file))
        seen = hashlib.sha256()
        for name, asset in sorted(self._assets.items()):
            seen.update(f"{name}\0".encode())
            seen.update(hashlib.sha256(asset.body).digest())
        self.digest = seen.hexdigest()[:16]

    def join(self, name: str) -> str:
        """Serve a script of Voila's together with its pieces; the name of the whole."""
        whole = f"joined/{name}"
        self._assets[whole] = Joined(self._assets[name].file)
        return whole

    def address(self, base_url: str, name: str) -> str:
        """Where a file, or a folder of them, is served."""
        return f"{base_url}shapelab/assets/{self.digest}/{name}"

    def find(self, digest: str, name: str) -> Asset | None:
        """What an address names, if anything."""
        return self._assets.get(name) if digest == self.digest else None


class AssetHandler(RequestHandler):
    """Serves assets."""

    def initialize(self, assets: Assets) -> None:
        """Take the files to serve."""
        self.assets = assets

    async def get(self, digest: str, name: str) -> None:
        """A file, gzipped for who accepts it."""
        asset = self.assets.find(digest, name)
        if asset is None:
            raise HTTPError(404)
        await send_for_good(self, asset)


class KeptHandler(RequestHandler):
    """Serves one asset, at an address that changes with it."""

    def initialize(self, find: Callable[[], tuple[str, Asset]]) -> None:
        """Take what tells the digest in its address, and the asset."""
        self.find = find

    async def get(self, asked: str) -> None:
        """The asset, gzipped for who accepts it."""
        known, asset = self.find()
        if asked != known:
            raise HTTPError(404)
        await send_for_good(self, asset)


async def send_for_good(handler: RequestHandler, asset: Asset) -> None:
    """Answer with what never changes under its address; ``Vary`` is set by the server's own compression."""
    kind = asset.kind
    handler.set_header("Content-Type", f"{kind}; charset=utf-8" if kind.startswith("text/") else kind)
    handler.set_header("Cache-Control", "public, max-age=31536000, immutable")
    handler.set_header("X-Content-Type-Options", "nosniff")
    if kind.startswith(COMPRESSIBLE) and "gzip" in handler.request.headers.get("Accept-Encoding", ""):
        handler.set_header("Content-Encoding", "gzip")
        handler.finish(await asyncio.to_thread(lambda: asset.zipped))
    else:
        handler.finish(asset.body)
