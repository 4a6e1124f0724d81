"""How the dashboard is hosted. ``shapelab serve`` reads this file; each choice stands with its reason."""

import tempfile
from pathlib import Path

from jupyter_core.paths import jupyter_path

from shapelab.hosting.ports import OF_KERNELS, can_be_socket

c = get_config()

# The page frame of this project; a visitor's ?template= or ?theme= could load another, or slip text into the page.
c.VoilaConfiguration.template = "shapelab"
c.VoilaConfiguration.allow_template_override = "NO"
c.VoilaConfiguration.allow_theme_override = "NO"

# Visitors see the widgets, not the notebook's code, and no traceback with paths of this machine.
c.VoilaConfiguration.strip_sources = True
c.VoilaConfiguration.show_tracebacks = False

# Whatever else is installed for JupyterLab stays out: plotly's extension weighs 4.8 MB for a widget that this page does
# not use, and Notebook's own breaks on a page that is none of its. As a denylist, because Voila's allow-list leaves the
# page blank.
NEEDED = {"@jupyter-widgets/jupyterlab-manager", "anywidget"}
FOUND = {
    "/".join(package.parent.relative_to(folder).parts)
    for folder in map(Path, jupyter_path("labextensions"))
    for package in (*folder.glob("*/package.json"), *folder.glob("@*/*/package.json"))
}
c.VoilaConfiguration.extension_denylist = sorted(FOUND - NEEDED)

# Nothing beside the page is served from the notebook's folder.
c.VoilaConfiguration.file_allowlist = []
c.VoilaConfiguration.file_denylist = [r".*"]

# Closing a tab ends its kernel; a page that lost its connection has half a minute to come back (hosting/visitors.py).
# This is for pages that are left open and alone (--idle-minutes: 15 where others may wait for the place, else 60): the
# kernel ends, and the page goes on in the same state when somebody is there again.
c.MappingKernelManager.cull_connected = True

# What kernels say is this project's own and bounded at its source; Jupyter would look at each message for floods.
c.ZMQChannelsWebsocketConnection.limit_rate = False

# A kernel that died stays dead: started anew it would have no widgets, and the page would not know. The page sees that
# it is gone and begins anew in the same state.
c.KernelManager.autorestart = False

# No kernel in advance of Voila's own: those have run the notebook before their visitor's query exists, so that one
# visitor would get another's. The spares of this server (hosting/spares.py) have run nothing.
c.VoilaConfiguration.preheat_kernel = False

# Server and kernels speak through sockets in a folder that this user alone may enter. Ports can be found by anyone on
# this machine, and one that was free when the server chose it may be taken when its kernel comes to listen there. Where
# the system has no such sockets, or the folder's name leaves no room for theirs, it is ports all the same.
if can_be_socket(tempfile.gettempdir() + OF_KERNELS):
    c.KernelManager.transport = "ipc"

# Scripts of other sites' pages may not speak to this server.
c.Voila.tornado_settings = {"allow_origin": ""}

# Warnings and requests are for whoever debugs the server; the address is printed by `shapelab serve` itself.
c.Application.log_level = "ERROR"
