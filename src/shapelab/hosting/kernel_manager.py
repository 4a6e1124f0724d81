"""Jupyter's kernels, without an ear at each of them: who touches a page is seen at the page's own connection."""

from __future__ import annotations

from datetime import UTC, datetime

from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager


class KernelManager(AsyncMappingKernelManager):  # type: ignore[misc]
    """Jupyter's own would read all that every kernel says a second time, to know which of them are idle."""

    def start_watching_activity(self, kernel_id: str) -> None:
        """A kernel has begun."""
        kernel = self._kernels[kernel_id]
        kernel.reason, kernel.execution_state = "", "idle"
        self.touched(kernel_id)

    def touched(self, kernel_id: str) -> None:
        """A page has asked something of its kernel: it is not idle."""
        if kernel_id in self:
            self.last_kernel_activity = self.get_kernel(kernel_id).last_activity = datetime.now(UTC)
