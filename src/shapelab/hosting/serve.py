"""``shapelab serve``: Voila on the dashboard's notebook, with this project's frame and routes."""

from __future__ import annotations

import logging
from pathlib import Path

from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

from shapelab.hosting.app_folder import app_folder
from shapelab.hosting.engine_process import EngineProcess
from shapelab.hosting.forked import CAN_FORK, provide
from shapelab.hosting.kernel_manager import KernelManager
from shapelab.hosting.kernels import OwnKernel, kernel_environment
from shapelab.hosting.listening import check_free, check_temporary_folder
from shapelab.hosting.logs import structured
from shapelab.hosting.options import Options, refuse_gateway
from shapelab.hosting.server import Server


def serve(options: Options) -> None:
    """Serve the dashboard until interrupted.

    Args:
      options: how.

    Raises:
      CannotServeError: when the address cannot be had, a gateway is configured, or sockets have no room in the
        temporary folder; before anything is started.
    """
    refuse_gateway()
    check_free(options.host, options.port)
    check_temporary_folder()
    # Tornado warns that it shortens Jupyter's time-out for pings. To set a shorter one would silence it, and would make
    # Jupyter drop healthy connections: it compares with the time since the last answer, a whole interval ago.
    logging.getLogger("tornado.general").setLevel(logging.ERROR)
    if options.public:
        structured()
    folder = app_folder()
    server = Server.instance(config=_configuration(folder, options))
    server.options = options
    server.initialize([str(folder / "dashboard.ipynb"), f"--port={options.port}", "--no-browser"])
    server.voila_configuration.kernel_spec_manager_class = OwnKernel
    server.voila_configuration.multi_kernel_manager_class = KernelManager
    engine = EngineProcess()
    server.engine_variables = engine.kernel_environment
    nursery = provide(kernel_environment(engine.kernel_environment)) if CAN_FORK else None
    engine.start()
    try:
        server.start()
    finally:
        engine.stop()
        if nursery is not None:
            nursery.end()


def _configuration(folder: Path, options: Options) -> Config:
    loaded: Config = PyFileConfigLoader("jupyter_config.py", path=str(folder)).load_config()
    loaded.Voila.config_file_paths = []  # a voila.json of the user is for their own notebooks
    loaded.Voila.ip = options.host
    loaded.Voila.base_url = options.base_url
    loaded.MappingKernelManager.cull_idle_timeout = max(int(60 * options.idle_minutes), 1)
    loaded.MappingKernelManager.cull_interval = min(int(60 * options.idle_minutes), 15) or 1
    return loaded
