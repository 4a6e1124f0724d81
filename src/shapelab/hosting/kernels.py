"""The one kernel there is: this interpreter, whatever kernels the user has installed beside it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpec, KernelSpecManager, NoSuchKernel

from shapelab.hosting.forked import CAN_FORK
from shapelab.hosting.forked import NAME as NURSERY
from shapelab.hosting.kernel_process import DATA_VARIABLE

NAME = "python3"
MOST_BYTES = 384 * 2**20  # of memory that one kernel may hold as its own; a long visit takes 70 MB of it

INHERITED = (
    "HOME",
    "LANG",
    "LC_ALL",
    "PATH",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONPYCACHEPREFIX",
    "PYTHONWARNINGS",
    "SYSTEMROOT",
    "TEMP",
    "TMP",
    "TMPDIR",
    "TZ",
    "USERPROFILE",
    "VIRTUAL_ENV",
)
"""All that a kernel hears of the server's environment: what else stands there, passwords and keys, is not for it."""


def kernel_environment(told: Mapping[str, str]) -> dict[str, str]:
    """The whole environment of a kernel.

    Widgets need not echo what a page sends: echoes serve several pages of one kernel, and each visitor has their own.
    Libraries that would start a thread a core are told that there is one: a kernel computes nothing.

    Args:
      told: how it finds the engine.
    """
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NPROC"), "1")
    return {
        **{name: os.environ[name] for name in INHERITED if name in os.environ},
        **one_thread,
        **told,
        "PYTHONPATH": os.pathsep.join(import_paths()),
        "JUPYTER_WIDGETS_ECHO": "0",
        DATA_VARIABLE: str(MOST_BYTES),
    }


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
                "shapelab.hosting.kernel_process",
                "-f",
                "{connection_file}",
                "--log-level=ERROR",
                "--HistoryManager.enabled=False",
            ],
            display_name="Python 3",
            language="python",
            metadata={"kernel_provisioner": {"provisioner_name": NURSERY}} if CAN_FORK else {},
        )

    def get_all_specs(self) -> dict[str, Any]:
        """The one kernel, as Jupyter lists them."""
        return {NAME: {"resource_dir": "", "spec": self.get_kernel_spec(NAME).to_dict()}}
