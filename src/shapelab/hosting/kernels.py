"""The one kernel there is: this interpreter, whatever kernels the user has installed beside it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpec, KernelSpecManager, NoSuchKernel
from platformdirs import user_cache_path

NAME = "python3"


def kernel_environment() -> dict[str, str]:
    """What kernels are told of JAX: keep compiled programs on disk, and that this is a CPU's work."""
    cache = user_cache_path("shapelab") / "jax"
    chosen = {
        "JAX_COMPILATION_CACHE_DIR": str(cache),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
        "JAX_COMPILATION_CACHE_MAX_SIZE": str(256 * 2**20),
        "PYTHONPATH": os.pathsep.join(_paths()),
    }
    return {name: os.environ.get(name, value) if name.startswith("JAX") else value for name, value in chosen.items()}


def _paths() -> list[str]:
    """The folder this package was imported from, so that kernels import the same one; and what was set before."""
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
            argv=[sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}", "--log-level=ERROR"],
            display_name="Python 3",
            language="python",
            env=kernel_environment(),
        )

    def get_all_specs(self) -> dict[str, Any]:
        """The one kernel, as Jupyter lists them."""
        return {NAME: {"resource_dir": "", "spec": self.get_kernel_spec(NAME).to_dict()}}
