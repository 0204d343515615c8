"""The dashboard's HTTP server, in a thread of the daemon."""

from __future__ import annotations

import errno
import logging
import socket
import threading
import time
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI

from edge_runtime.errors import ConfigError

log = logging.getLogger(__name__)

START_TIMEOUT_S = 10.0


class ServerHandle:
    """A running server.

    Attributes
    ----------
    url : str
        Address for a browser.
    """

    def __init__(
        self,
        server: uvicorn.Server,
        listener: socket.socket,
        url: str,
        before_stop: Callable[[], None],
    ) -> None:
        self.url = url
        self._server = server
        self._listener = listener
        self._before_stop = before_stop
        self._thread = threading.Thread(
            target=server.run, kwargs={"sockets": [listener]}, name="dashboard", daemon=True
        )
        self._thread.start()

    def wait_until_started(self, timeout_s: float) -> bool:
        """Whether the server answers within a time."""
        deadline_s = time.monotonic() + timeout_s
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline_s:
                return False
            self._thread.join(0.01)
        return True

    @property
    def alive(self) -> bool:
        """Whether the server's thread runs."""
        return self._thread.is_alive()

    def stop(self, timeout_s: float = 5.0) -> None:
        """End the server; may be called twice."""
        self._before_stop()
        self._server.should_exit = True
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            log.warning("The dashboard did not stop within %.0f s", timeout_s)
        self._listener.close()


def serve(app: FastAPI, host: str, port: int) -> ServerHandle:
    """Serve the dashboard from a thread.

    Parameters
    ----------
    app : FastAPI
        From ``create_app`` with the same host in its ``DashboardAccess``.
    host : str
        Address or name to listen on.
    port : int
        0 takes a free one.

    Returns
    -------
    ServerHandle
        Answering already.

    Raises
    ------
    ConfigError
        The port is taken or not allowed, or the address is not of this machine.
    """
    listener = _listen(host, port)
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    config = uvicorn.Config(
        app,
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        limit_concurrency=100,
        timeout_graceful_shutdown=2,
    )
    url = f"http://{shown}:{listener.getsockname()[1]}"
    handle = ServerHandle(uvicorn.Server(config), listener, url, app.state.dashboard.close)
    if not handle.wait_until_started(START_TIMEOUT_S):
        handle.stop()
        raise ConfigError(f"The dashboard did not start on {url}; see the log")
    return handle


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM
        )[0]
    except OSError as error:
        raise ConfigError(f"[web] host {host!r} is not an address: {error.strerror}") from error
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(128)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise ConfigError(
                f"[web] port {port} on {host} is taken by another program (perhaps another "
                "galaxy-edge); set [web] port to another number, or 0 for any free one"
            ) from error
        raise ConfigError(
            f"[web] cannot listen on {host} port {port}: {error.strerror or error}"
        ) from error
    return listener
