"""``shapelab serve``: Voila on the dashboard's notebook, with this project's frame and routes."""

from __future__ import annotations

import errno
import logging
import os
import socket
import sys
import webbrowser
from pathlib import Path
from typing import Any

from jupyter_server.utils import url_path_join
from jupyterlab_server.config import get_federated_extensions
from tornado.ioloop import IOLoop
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader
from voila.app import Voila
from voila.tornado.handler import TornadoVoilaHandler
from voila.tornado.kernel_websocket_handler import VoilaKernelWebsocketHandler
from voila.utils import get_page_config

from shapelab.engine.client import Client
from shapelab.explorers.first_view import first_view_style
from shapelab.hosting.app_folder import app_folder
from shapelab.hosting.assets import ROUTE as ASSETS
from shapelab.hosting.assets import AssetHandler, Assets
from shapelab.hosting.bundle import (
    MODULE_ROUTE,
    ROUTE,
    BundleHandler,
    HealthHandler,
    ModuleHandler,
    address,
    module_address,
)
from shapelab.hosting.channels import ChannelsHandler
from shapelab.hosting.engine_process import EngineProcess
from shapelab.hosting.first_picture import FirstPicture
from shapelab.hosting.kernels import OwnKernel
from shapelab.hosting.page import Page, PageHandler, code_cells
from shapelab.hosting.ports import free_port
from shapelab.hosting.share import share_address, share_handlers
from shapelab.hosting.spares import Spares


class CannotServeError(Exception):
    """The server cannot start; the message says why and what to do."""


class Server(Voila):  # type: ignore[misc]
    """Voila with this project's template and routes, and without its search for another port."""

    open_a_browser = False
    spares: Spares
    first: FirstPicture

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
        self.spares = Spares(self.kernel_manager)
        self.first = FirstPicture(Client.from_environment())
        page = Page(
            cells=code_cells(Path(self.notebook_path)),
            config=self._page_config(found),
            spares=self.spares,
            first=self.first,
            style=first_view_style(),
        )
        handlers = [
            (url_path_join(self.server_url, "/" + ROUTE), BundleHandler),
            (url_path_join(self.server_url, "/" + MODULE_ROUTE), ModuleHandler),
            (url_path_join(self.server_url, "/" + ASSETS), AssetHandler, {"assets": found}),
            (url_path_join(self.server_url, "/healthz"), HealthHandler),
            *share_handlers(self.server_url),
        ]
        replaced = {
            TornadoVoilaHandler: (PageHandler, {"page": page}),
            VoilaKernelWebsocketHandler: (ChannelsHandler,),
        }
        for route in super().init_handlers():
            handlers.append((route[0], *replaced.get(route[1], route[1:])))
        return handlers

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
        try:
            self.app.listen(self.port, self.ip)
        except OSError as error:
            raise CannotServeError(_why(error, self.ip, self.port)) from error
        shown = f"http://{'localhost' if self.ip in ('', '0.0.0.0', '::') else self.ip}:{self.port}{self.base_url}"
        print(f"shapelab is at {shown}  (Ctrl-C stops it)", flush=True)
        if self.open_a_browser and _has_screen():
            webbrowser.open(shown)
        self.ioloop = IOLoop.current()
        self.ioloop.add_callback(self.spares.begin)
        self.ioloop.add_callback(self.first.find)
        try:
            self.ioloop.start()
        except KeyboardInterrupt:
            print("\nstopping…", flush=True)
        finally:
            self.stop()

    def stop(self) -> None:
        """End the kernels, also one that is just starting."""
        self.ioloop.run_sync(self.spares.end)
        super().stop()


def serve(*, host: str, port: int, browser: bool) -> None:
    """Serve the dashboard until interrupted.

    Args:
      host: address to listen on.
      port: port to listen on, 1 to 65535.
      browser: whether to open a browser where there is a screen.

    Raises:
      CannotServeError: when the address cannot be had; before anything is started.
    """
    _check_free(host, port)
    # Tornado warns that it shortens Jupyter's time-out for pings. To set a shorter one would silence it, and would make
    # Jupyter drop healthy connections: it compares with the time since the last answer, a whole interval ago.
    logging.getLogger("tornado.general").setLevel(logging.ERROR)
    folder = app_folder()
    server = Server.instance(config=_configuration(folder))
    server.open_a_browser = browser
    server.initialize([str(folder / "dashboard.ipynb"), f"--port={port}", f"--Voila.ip={host}", "--no-browser"])
    server.voila_configuration.kernel_spec_manager_class = OwnKernel
    engine = EngineProcess()
    os.environ.update(engine.kernel_environment)  # which kernels inherit
    engine.start()
    try:
        server.start()
    finally:
        engine.stop()


def _configuration(folder: Path) -> Config:
    loaded: Config = PyFileConfigLoader("jupyter_config.py", path=str(folder)).load_config()
    loaded.Voila.config_file_paths = []  # a voila.json of the user is for their own notebooks
    return loaded


def _check_free(host: str, port: int) -> None:
    """Try the address before Voila does, so that the answer is a sentence."""
    try:
        family, kind, _, _, place = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror as error:
        raise CannotServeError(f"{host!r} is not an address of this machine: try --host 127.0.0.1") from error
    with socket.socket(family, kind) as probe:
        if os.name == "posix":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port just left is free
        try:
            probe.bind(place)
        except OSError as error:
            raise CannotServeError(_why(error, host, port)) from error


def _why(error: OSError, host: str, port: int) -> str:
    if error.errno in (errno.EADDRINUSE, getattr(errno, "WSAEADDRINUSE", errno.EADDRINUSE)):
        return f"port {port} is in use, perhaps by another shapelab: stop that one, or try --port {free_port(host)}"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"port {port} needs rights that you do not have: ports from 1024 up need none, try --port 8866"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{host!r} is not an address of this machine: try --host 127.0.0.1"
    return f"cannot listen on {host}:{port}: {error.strerror or error}"


def _has_screen() -> bool:
    """Whether a browser could show itself; without a screen ``webbrowser`` may start one in the terminal."""
    if sys.platform.startswith(("win", "darwin")):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
