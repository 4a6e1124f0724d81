"""The QR code of a link, for a room to open it: of this server's own page, whatever the query asked for says."""

from __future__ import annotations

import io
from dataclasses import replace

import segno
from tornado.web import RequestHandler

from shapelab.explorers.link_reading import MOST
from shapelab.explorers.links import read, write

ROUTE = r"shapelab/qr\.svg"
QUIET = 4  # modules of white around it, without which it is not found


class TooLongError(ValueError):
    """A link that no QR code holds."""


def qr_svg(text: str) -> bytes:
    """The QR code of a text as SVG: black on white in every theme, and as large as its place.

    Raises:
      TooLongError: for more than 2,331 bytes.
    """
    try:
        code = segno.make_qr(text, error="m", boost_error=False)
    except segno.DataOverflowError as error:
        raise TooLongError(
            f"the link has {len(text.encode()):,} bytes, a QR code holds 2,331: compare with nothing, or send the link "
            "as text"
        ) from error
    out = io.BytesIO()
    code.save(out, kind="svg", border=QUIET, dark="#000", light="#fff", omitsize=True, xmldecl=False, nl=False)
    return out.getvalue()


class QRHandler(RequestHandler):
    """Serves the code; starts no kernel."""

    def initialize(self, base_url: str) -> None:
        """Take where the page lies on this server."""
        self._base_url = base_url

    def get(self) -> None:
        """The code of the page with the query asked for, as far as that means something."""
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Content-Type-Options", "nosniff")
        try:
            code = qr_svg(self._page(self.request.query))
        except TooLongError as error:
            self.set_status(400)
            self.set_header("Content-Type", "text/plain; charset=utf-8")
            self.finish(str(error))
            return
        self.set_header("Content-Type", "image/svg+xml")
        self.finish(code)

    def _page(self, query: str) -> str:
        """This server's page by the address that the visitor used: behind a proxy, the one that the proxy tells."""
        if len(query) > MOST:
            raise TooLongError(
                f"the query has {len(query):,} characters, up to {MOST:,} are read: share a shorter link"
            )
        said = write(replace(read(query), kept=False))
        page = f"{self.request.protocol}://{self.request.host}{self._base_url}"
        return f"{page}?{said}" if said else page
