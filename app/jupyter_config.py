"""How the dashboard is hosted. ``shapelab serve`` reads this file; each choice stands with its reason."""

from pathlib import Path

from jupyter_core.paths import jupyter_path

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

# Closing a tab ends its kernel; this catches those whose browser never said so. A connected page may idle for an hour.
c.MappingKernelManager.cull_interval = 60
c.MappingKernelManager.cull_idle_timeout = 3600
c.MappingKernelManager.cull_connected = True

# A line a request is for whoever debugs the server; the address is printed by `shapelab serve` itself.
c.Application.log_level = "ERROR"
