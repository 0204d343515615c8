"""ASGI layer around the dashboard: host check, password, protective headers."""

from __future__ import annotations

import asyncio
import logging

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edge_runtime.web.access import DashboardAccess

log = logging.getLogger(__name__)

WRONG_PASSWORD_DELAY_S = 0.5

PROTECTIVE_HEADERS = {
    # Everything comes from this server; the live view shows fetched pictures
    # through blob: addresses. No inline script or style.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


class Guard:
    """Lets through only requests that ``DashboardAccess`` allows."""

    def __init__(self, app: ASGIApp, access: DashboardAccess) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check a request and add the headers to its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_protected(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(PROTECTIVE_HEADERS)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        headers = Headers(scope=scope)
        if not self._access.allows_host(headers.get("host", "")):
            answer = PlainTextResponse(
                "This dashboard does not go by that host name. Use the address it printed, "
                "or add the name to its configuration.\n",
                status_code=400,
            )
            await answer(scope, receive, send_protected)
            return
        if not self._access.allows_authorization(headers.get("authorization", "")):
            if "authorization" in headers:
                client = scope.get("client") or ("unknown",)
                log.warning("Wrong password for the dashboard from %s", client[0])
                await asyncio.sleep(WRONG_PASSWORD_DELAY_S)
            refusal = PlainTextResponse(
                "A password is needed.\n",
                status_code=401,
                headers={"WWW-Authenticate": 'Basic realm="galaxy-edge", charset="UTF-8"'},
            )
            await refusal(scope, receive, send_protected)
            return
        await self._app(scope, receive, send_protected)
