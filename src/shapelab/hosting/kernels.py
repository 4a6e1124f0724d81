"""The one kernel there is: this interpreter, whatever kernels the user has installed beside it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpec, KernelSpecManager, NoSuchKernel

NAME = "python3"


def kernel_environment() -> dict[str, str]:
    """What kernels are told beside what they inherit.

    Widgets need not echo what a page sends: echoes serve several pages of one kernel, and each visitor has their own.
    """
    return {"PYTHONPATH": os.pathsep.join(import_paths()), "JUPYTER_WIDGETS_ECHO": "0"}


def import_paths() -> list[str]:
    """The folder this package was imported from, so that child processes import the same; and what was set before."""
    here = str(Path(__file__).resolve().parents[2])
    return [here, *[path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path and path != here]]


class OwnKernel(KernelSpecManager):  # type: ignore[misc]
    """Knows one kernel."""

    def find_kernel_specs(self) -> dict[str, str]:
        """The one name, and a folder of resources that it does not have."""
        return {NAME: ""}

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """The one kernel.

        Raises:
          NoSuchKernel: for any other name.
        """
        if kernel_name != NAME:
            raise NoSuchKernel(kernel_name)
        return KernelSpec(
            argv=[
                sys.executable,
                "-m",
                "ipykernel_launcher",
                "-f",
                "{connection_file}",
                "--log-level=ERROR",
                "--HistoryManager.enabled=False",
            ],
            display_name="Python 3",
            language="python",
            env=kernel_environment(),
        )

    def get_all_specs(self) -> dict[str, Any]:
        """The one kernel, as Jupyter lists them."""
        return {NAME: {"resource_dir": "", "spec": self.get_kernel_spec(NAME).to_dict()}}
