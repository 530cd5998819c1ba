"""Answers browsers that ask for the status page, in a thread of its own."""

import dataclasses
import ipaddress
import json
import logging
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Self

from tff_health.federation.errors import FederationError
from tff_health.federation.status.page import render
from tff_health.federation.status.snapshot import ServerStatus

LOOPBACK: Final = "127.0.0.1"
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
log = logging.getLogger(__name__)


class StatusPage:
    """Serves `/`, for people, and `/status.json`, for programs; ends with its block.

    On loopback it answers only who asks for it by a name of this machine: else a page of somebody
    else's could have a browser here read it under a name of its own.

    Args:
        snapshot: returns what is to be shown; called in other threads.
        host: address to listen at.
        port: number of the port; 0 for any that is free.

    Raises:
        FederationError: if it cannot be opened.
    """

    def __init__(
        self, snapshot: Callable[[], ServerStatus], host: str = LOOPBACK, port: int = 0
    ) -> None:
        try:
            self._server = _Server((host, port), _Handler)
        except (OSError, OverflowError) as error:
            raise FederationError(
                f"{host}:{port}: the status page cannot be served there: {error}"
            ) from None
        self._server.snapshot = snapshot
        self._server.only_local = _is_loopback(host)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self.address = f"http://{host}:{self._server.server_address[1]}/"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    """Knows what its handlers answer."""

    daemon_threads = True
    snapshot: Callable[[], ServerStatus]
    only_local: bool


class _Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    server: _Server
    server_version = "tff_health"
    sys_version = ""
    timeout = 10  # seconds that a request may take to come

    def do_GET(self) -> None:
        """Answers GET."""
        if self.server.only_local and not _is_loopback(self._asked_host()):
            self._answer(HTTPStatus.FORBIDDEN, "text/plain", "ask for localhost\n")
            return
        match self.path.partition("?")[0]:
            case "/":
                self._show("text/html", render)
            case "/status.json":
                self._show("application/json", _to_json)
            case _:
                self._answer(HTTPStatus.NOT_FOUND, "text/plain", "there are / and /status.json\n")

    def _show(self, kind: str, write: Callable[[ServerStatus], str]) -> None:
        try:
            snapshot = self.server.snapshot()
        except (TimeoutError, FederationError):
            text = "the server is busy; ask again\n"
            self._answer(HTTPStatus.SERVICE_UNAVAILABLE, "text/plain", text)
            return
        self._answer(HTTPStatus.OK, kind, write(snapshot))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name in the base
        """Logs a request, for who looks for it."""
        log.debug(format, *args)

    def _asked_host(self) -> str:
        host = self.headers.get("Host", "")
        return host.rpartition(":")[0] if ":" in host and not host.endswith("]") else host

    def _answer(self, status: HTTPStatus, kind: str, text: str) -> None:
        content = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _to_json(snapshot: ServerStatus) -> str:
    return json.dumps(dataclasses.asdict(snapshot)) + "\n"
