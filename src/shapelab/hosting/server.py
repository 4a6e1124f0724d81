"""Voila with this project's page, routes and gates."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
import webbrowser
from pathlib import Path
from typing import Any

from jupyter_server.services.kernels.handlers import KernelHandler
from jupyter_server.utils import url_path_join
from jupyterlab_server.config import get_federated_extensions
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop
from tornado.routing import Rule
from voila.app import Voila
from voila.shutdown_kernel_handler import VoilaShutdownKernelHandler
from voila.tornado.handler import TornadoVoilaHandler
from voila.tornado.kernel_websocket_handler import VoilaKernelWebsocketHandler
from voila.utils import get_page_config

from shapelab.engine.client import Client
from shapelab.explorers.first_view import first_view_style
from shapelab.hosting.app_folder import app_folder
from shapelab.hosting.assets import ROUTE as ASSETS
from shapelab.hosting.assets import AssetHandler, Assets, KeptHandler
from shapelab.hosting.bundle import (
    MODULE_ROUTE,
    ROUTE,
    address,
    bundle,
    module_address,
    whole_module,
)
from shapelab.hosting.channels import MOST_BYTES, ChannelsHandler
from shapelab.hosting.first_picture import FirstPicture
from shapelab.hosting.gates import BY_ANY_NAME, OPEN_TO_ALL, Foreign, ForeignHandler, LoginHandler, Strangers
from shapelab.hosting.headers import ALWAYS, policy
from shapelab.hosting.health import KERNEL_ROUTE, HealthHandler, LivesHandler, ModelHandler, ReadyHandler
from shapelab.hosting.kernels import kernel_environment
from shapelab.hosting.listening import why_not
from shapelab.hosting.logs import quiet_requests
from shapelab.hosting.metrics import Metrics, MetricsHandler
from shapelab.hosting.options import CannotServeError, Options
from shapelab.hosting.page import Page, PageHandler, ShutdownHandler, code_cells
from shapelab.hosting.share import share_address, share_handlers
from shapelab.hosting.spares import Spares
from shapelab.hosting.visitors import Visitors

BODY_BYTES = 64 * 2**10  # of a request: a password is the longest thing that anyone sends
HEADER_BYTES = 32 * 2**10

log = logging.getLogger("shapelab")


class Server(Voila):  # type: ignore[misc]
    """Voila with this project's template and routes, and without its search for another port."""

    options: Options
    spares: Spares
    first: FirstPicture
    visitors: Visitors
    metrics: Metrics
    engine_variables: dict[str, str]

    def setup_template_dirs(self) -> None:
        """Put this project's frame before Voila's own templates."""
        frame = app_folder() / "template"
        self.voila_configuration.template = "lab"  # what the frame extends
        super().setup_template_dirs()
        self.voila_configuration.template = "shapelab"
        self.template_paths: list[str] = [str(frame / "shapelab"), str(frame), *self.template_paths]

    def init_settings(self) -> dict[str, Any]:
        """Compress what is made for each visitor."""
        settings: dict[str, Any] = super().init_settings()
        settings["compress_response"] = True
        settings["websocket_compression_options"] = {"compression_level": 1}  # of pictures, 30 a second
        settings["websocket_max_message_size"] = MOST_BYTES
        settings["log_function"] = quiet_requests
        settings["headers"] = {**ALWAYS, "Content-Security-Policy": policy(self.options.frame_ancestors)}
        return settings

    def _find_assets(self) -> Assets:
        """Voila's scripts, and those of the extensions that the page loads."""
        extensions = {
            f"labextensions/{name}": [Path(found["ext_path"])]
            for name, found in get_federated_extensions(self.labextensions_path).items()
            if name not in self.voila_configuration.extension_denylist
        }
        return Assets({"voila": map(Path, self.static_paths), **extensions})

    def init_handlers(self) -> list[Any]:
        """This project's routes come first, and its page takes the place of Voila's."""
        found = self._find_assets()
        engine = Client.from_environment(self.engine_variables)
        self.metrics = Metrics()
        self.metrics.most_visitors.set(self.options.most_visitors)
        self.visitors = Visitors(self.kernel_manager, self.options.most_visitors, self.metrics)
        ready = (os.cpu_count() or 1) if self.options.public else 1
        self.spares = Spares(self.kernel_manager, kernel_environment(self.engine_variables), ready)
        self.first = FirstPicture(engine)
        page = Page(
            cells=code_cells(Path(self.notebook_path)),
            config=self._page_config(found),
            spares=self.spares,
            first=self.first,
            style=first_view_style(),
            visitors=self.visitors,
            metrics=self.metrics,
            frame_ancestors=self.options.frame_ancestors,
        )
        own: list[tuple[Any, ...]] = [
            (ROUTE, KeptHandler, {"find": bundle}),
            (MODULE_ROUTE, KeptHandler, {"find": whole_module}),
            (ASSETS, AssetHandler, {"assets": found}),
            (KERNEL_ROUTE, LivesHandler, {"visitors": self.visitors}),
            ("healthz", HealthHandler),
            ("readyz", ReadyHandler, {"hindrance": self.hindrance}),
            ("metrics", MetricsHandler, {"metrics": self.metrics, "engine": engine}),
        ]
        replaced = {
            KernelHandler: (ModelHandler,),
            TornadoVoilaHandler: (PageHandler, {"page": page}),
            VoilaKernelWebsocketHandler: (ChannelsHandler, {"visitors": self.visitors, "metrics": self.metrics}),
            VoilaShutdownKernelHandler: (ShutdownHandler, {"visitors": self.visitors}),
        }
        handlers = [(url_path_join(self.server_url, "/" + route), *rest) for route, *rest in own]
        handlers += share_handlers(self.server_url)
        for route in super().init_handlers():
            if route[1] in replaced:  # nothing else of Voila's is served: no files, no themes, no list of anything
                handlers.append((route[0], *replaced[route[1]]))
        return handlers

    def hindrance(self) -> str:
        """Why a visitor who came now could not be served; "" if nothing is in the way."""
        if self.visitors.draining:
            return "about to end"
        if not self.first.html:
            return "the engine is starting"
        return "full" if self.visitors.full else ""

    def guard(self) -> None:
        """Put what every request has to pass before all routes."""
        probes, nameless = (
            frozenset(url_path_join(self.server_url, "/" + path) for path in paths)
            for paths in (OPEN_TO_ALL, BY_ANY_NAME)
        )
        options, rules = self.options, self.app.default_router.rules
        if options.token:
            told = {"token": options.token, "path": self.base_url, "page": self._login_page, "metrics": self.metrics}
            rules.insert(0, Rule(Strangers(options.token, probes), LoginHandler, told))
        if options.allowed_hosts:
            rules.insert(0, Rule(Foreign(options.allowed_hosts, nameless), ForeignHandler, {"metrics": self.metrics}))

    def _login_page(self, **told: str) -> str:
        text: str = self.app.settings["voila_jinja2_env"].get_template("login.html.j2").render(told)
        return text

    def _page_config(self, found: Assets) -> dict[str, Any]:
        """What Voila's script is told, scripts at their lasting addresses, and the address of plotly.js."""
        told: dict[str, Any] = get_page_config(
            base_url=self.base_url,
            settings=self.app.settings,
            log=self.log,
            voila_configuration=self.voila_configuration,
        )
        return {
            **told,
            "fullStaticUrl": found.address(self.base_url, "voila"),
            "fullLabextensionsUrl": found.address(self.base_url, "labextensions"),
            "shapelabScript": found.address(self.base_url, found.join("voila/voila.js")),
            "shapelabPlotly": address(self.base_url),
            "shapelabModule": module_address(self.base_url),
            "shapelabShare": share_address(self.base_url),
            "jupyterLabTheme": self.voila_configuration.theme,
        }

    def listen(self) -> None:
        """Listen on the one port asked for, say so, and run until stopped.

        Raises:
          CannotServeError: when the address cannot be had.
        """
        self.guard()
        self.http = HTTPServer(
            self.app, xheaders=self.options.public, max_body_size=BODY_BYTES, max_header_size=HEADER_BYTES
        )
        try:
            self.http.listen(self.port, self.ip)
        except OSError as error:
            raise CannotServeError(why_not(error, self.ip, self.port)) from error
        shown = f"http://{'localhost' if self.ip in ('', '0.0.0.0', '::') else self.ip}:{self.port}{self.base_url}"
        print(f"shapelab is at {shown}  (Ctrl-C stops it)", flush=True)
        log.info("serving", extra={"most_visitors": self.options.most_visitors})
        if self.options.browser and _has_screen():
            webbrowser.open(shown)
        self.ioloop = IOLoop.current()
        for task in (self.spares.begin, self.first.find, self.visitors.watch):
            self.ioloop.add_callback(task)
        try:
            self.ioloop.start()
        except KeyboardInterrupt:
            print("\nstopping…", flush=True)
        finally:
            self.stop()

    def _handle_signal_stop(self, sig: int, frame: Any) -> None:
        """SIGTERM: take no more visitors, end when the last has left or time is up; a second one ends at once."""
        self.ioloop.add_callback_from_signal(self._drain)

    async def _drain(self) -> None:
        again, self.visitors.draining = self.visitors.draining, True
        if not again and len(self.visitors):
            log.info("draining", extra={"visitors": len(self.visitors), "seconds": self.options.drain_seconds})
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.visitors.closed(), self.options.drain_seconds)
        self.ioloop.stop()

    def stop(self) -> None:
        """End the kernels, also one that is just starting."""
        self.ioloop.run_sync(self.spares.end)
        super().stop()


def _has_screen() -> bool:
    """Whether a browser could show itself; without a screen ``webbrowser`` may start one in the terminal."""
    if sys.platform.startswith(("win", "darwin")):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
