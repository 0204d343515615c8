"""The dashboard beside the pipeline: started late, started again where it fails."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from edge_runtime.config import WebConfig
from edge_runtime.errors import GalaxyEdgeError
from edge_runtime.web import DashboardAccess, DashboardState, Health

if TYPE_CHECKING:
    from edge_runtime.bundle import Bundle
    from edge_runtime.occlusion.requested_maps import OcclusionMaps
    from edge_runtime.sighting import FrameResult
    from edge_runtime.store import Store
    from edge_runtime.web.server import ServerHandle

log = logging.getLogger(__name__)

CHECK_EVERY_S = 1.0
RETRY_EVERY_S = 30.0


class Dashboard:
    """Serves the dashboard from threads of its own.

    A port that is taken, or a server that dies, is logged and tried again;
    observing goes on meanwhile.

    Parameters
    ----------
    config : WebConfig
        Where to listen. Nothing happens where it is not enabled.
    store : callable
        Returns the store, or None while it is not open.
    retry_s : float
        Time between attempts to start.
    bundle : Bundle, optional
        The models at work, which occlusion maps are asked of.

    Raises
    ------
    ConfigError
        The address can be reached from elsewhere and there is no password.
    """

    def __init__(
        self,
        config: WebConfig,
        store: Callable[[], Store | None],
        retry_s: float = RETRY_EVERY_S,
        bundle: Bundle | None = None,
    ) -> None:
        self._access = access_of(config)
        self._config = config
        self._store = store
        self._retry_s = retry_s
        self._bundle = bundle
        self._maps: OcclusionMaps | None = None
        self._state = DashboardState(store)
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._url = ""

    @property
    def url(self) -> str:
        """Address for a browser; empty while it is not served."""
        return self._url

    def start(self) -> None:
        """Begin to serve; returns at once and may be called again."""
        if self._config.enabled and self._thread is None:
            self._thread = threading.Thread(
                target=self._supervise, name="dashboard-supervisor", daemon=True
            )
            self._thread.start()

    def publish(self, result: FrameResult, health: Health) -> None:
        """Show a frame."""
        self._state.publish(result, health)

    def publish_health(self, health: Health) -> None:
        """Show how the daemon is while no frame comes."""
        self._state.publish_health(health)

    def close(self, timeout_s: float = 10.0) -> None:
        """End the server and give up the maps that are being made."""
        self._closing.set()
        if self._maps is not None:
            self._maps.close()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _supervise(self) -> None:
        handle: ServerHandle | None = None
        while not self._closing.is_set():
            if handle is None:
                handle = self._serve()
            elif not handle.alive:
                log.error("the dashboard ended by itself; it is started again")
                handle, self._url = None, ""
            self._closing.wait(self._retry_s if handle is None else CHECK_EVERY_S)
        if handle is not None:
            handle.stop()
        self._url = ""

    def _serve(self) -> ServerHandle | None:
        from edge_runtime.occlusion.requested_maps import OcclusionMaps
        from edge_runtime.web.app import create_app
        from edge_runtime.web.server import serve

        if self._maps is None and self._bundle is not None:
            self._maps = OcclusionMaps(self._bundle)
        old, self._state = self._state, DashboardState(self._store)  # a stopped one stays closed
        self._state.publish_health(old.health)
        try:
            app = create_app(self._state, self._access, self._maps)
            handle = serve(app, self._config.host, self._config.port)
        except GalaxyEdgeError as error:
            log.error("no dashboard: %s; next attempt in %.0f s", error, self._retry_s)
            return None
        except Exception:  # supervision border: the telescope goes on without it
            log.exception("the dashboard failed; next attempt in %.0f s", self._retry_s)
            return None
        self._url = handle.url
        log.info("dashboard on %s", handle.url)
        return handle


def access_of(config: WebConfig) -> DashboardAccess:
    """Return who may see the dashboard.

    Raises
    ------
    ConfigError
        The address can be reached from elsewhere and there is no password.
    """
    password = config.password
    return DashboardAccess(
        host=config.host, password=None if password is None else password.get_secret_value()
    )
