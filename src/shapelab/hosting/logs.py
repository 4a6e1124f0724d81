"""Logs of a public server: a JSON object a line, and nothing of who came or what they set."""

from __future__ import annotations

import logging
import sys

from pythonjsonlogger.json import JsonFormatter
from tornado.web import RequestHandler

log = logging.getLogger("shapelab")


def quiet_requests(handler: RequestHandler) -> None:
    """In place of tornado's line a request, which has address and query: those that failed, by handler alone."""
    if handler.get_status() >= 500 and handler.get_status() != 503:
        log.error("a request failed", extra={"handler": type(handler).__name__, "status": handler.get_status()})


class WithoutRequests(logging.Filter):
    """Takes the request out of what tornado logs when a handler raises: kind and place of the error stay."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let everything pass, altered."""
        kind = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else record.levelname
        where = ""
        if record.exc_info and record.exc_info[2]:
            last = record.exc_info[2]
            while last.tb_next:
                last = last.tb_next
            where = f" at {last.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{last.tb_lineno}"
        record.msg, record.args, record.exc_info, record.exc_text = f"{kind}{where}", (), None, None
        return True


def structured() -> None:
    """Write what this server logs as JSON from now on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter("{asctime}{levelname}{name}{message}", style="{"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    log.setLevel(logging.INFO)
    for name in ("tornado.application", "tornado.access", "ServerApp", "Voila"):
        logging.getLogger(name).addFilter(WithoutRequests())
        logging.getLogger(name).setLevel(logging.ERROR)
