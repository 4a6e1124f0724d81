"""Where the page itself lies: in a checkout beside ``src``, in a wheel inside the package."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent


def app_folder() -> Path:
    """The folder that holds ``dashboard.ipynb``.

    Raises:
      FileNotFoundError: when the installation is incomplete.
    """
    places = (PACKAGE / "app", PACKAGE.parent.parent / "app")
    for place in places:
        if (place / "dashboard.ipynb").is_file():
            return place
    raise FileNotFoundError(
        f"dashboard.ipynb is neither in {places[0]} nor in {places[1]}: "
        "reinstall with pip install --force-reinstall shapelab"
    )
