"""Whether the server lives, whether it could serve a visitor now, and whether a page's kernel is still there."""

from __future__ import annotations

from collections.abc import Callable

from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.services.kernels.handlers import KernelHandler
from tornado.web import RequestHandler

from shapelab.hosting.visitors import Visitors

KERNEL_ROUTE = r"shapelab/kernel/([0-9a-f-]{36})"


class HealthHandler(RequestHandler):
    """Says that the server answers; starts no kernel."""

    def get(self) -> None:
        """``ok``."""
        self.finish("ok")


class ReadyHandler(RequestHandler):
    """Says whether a visitor who came now would be served; starts no kernel."""

    def initialize(self, hindrance: Callable[[], str]) -> None:
        """Take what tells why not, "" if nothing is in the way."""
        self.hindrance = hindrance

    def get(self) -> None:
        """``ready``, or 503 and why not."""
        why = self.hindrance()
        if why:
            self.set_status(503)
        self.set_header("Cache-Control", "no-store")
        self.finish(why or "ready")


class ModelHandler(KernelHandler):  # type: ignore[misc]
    """Jupyter's, as far as a page asks it: which kernel is mine?"""

    SUPPORTED_METHODS = ("GET",)


class LivesHandler(JupyterHandler):  # type: ignore[misc]
    """Says whether a page's kernel lives; if not, whether the page should begin anew at once."""

    def initialize(self, visitors: Visitors) -> None:
        """Take who is here."""
        self.visitors = visitors

    async def get(self, kernel_id: str) -> None:
        """204; 410 when it was ended because nobody was there, else 404."""
        lives = kernel_id in self.kernel_manager and await self.kernel_manager.get_kernel(kernel_id).is_alive()
        self.set_header("Cache-Control", "no-store")
        self.set_status(204 if lives else 410 if self.visitors.idled(kernel_id) else 404)
        self.finish()
