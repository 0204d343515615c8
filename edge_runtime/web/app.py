"""Routes of the dashboard."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, HTTPException, Query, Request
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.concurrency import run_in_threadpool

from edge_runtime import __version__
from edge_runtime.errors import StoreError
from edge_runtime.occlusion.requested_maps import OcclusionMaps
from edge_runtime.store import Store, StoredSighting
from edge_runtime.store.media import media_path
from edge_runtime.web.access import DashboardAccess
from edge_runtime.web.documents import health_document, sighting_document
from edge_runtime.web.guard import Guard
from edge_runtime.web.metrics import metrics_text
from edge_runtime.web.occlusion_pages import add_occlusion, occlusion_values
from edge_runtime.web.state import DashboardState
from edge_runtime.web.vote_tree import asked_questions, summary

HERE = Path(__file__).resolve().parent
LIST_LENGTH = 50
LONGEST_WAIT_S = 10.0
POLL_S = 0.04

Limit = Annotated[int, Query(ge=1, le=500)]


def create_app(
    state: DashboardState,
    access: DashboardAccess | None = None,
    maps: OcclusionMaps | None = None,
) -> FastAPI:
    """Make the dashboard.

    Parameters
    ----------
    state : DashboardState
        What it shows.
    access : DashboardAccess, optional
        Who may see it; this machine only where it is left out.
    maps : OcclusionMaps, optional
        Explains sightings; their pages do without where it is left out.

    Returns
    -------
    FastAPI
        ``app.state.dashboard`` is ``state``.
    """
    app = FastAPI(
        title="galaxy-edge", version=__version__, docs_url=None, redoc_url=None, openapi_url=None
    )
    app.state.dashboard = state
    app.add_middleware(Guard, access=access or DashboardAccess())
    app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")
    pages = _Pages(state)
    _add_pages(app, state, pages, maps)
    _add_api(app, state)
    _add_pictures(app, state)
    if maps is not None:
        add_occlusion(app, maps, lambda sighting_id: _found(state, sighting_id), pages.render)

    @app.exception_handler(404)
    def not_found(request: Request, error: Exception) -> Response:
        detail = error.detail if isinstance(error, HTTPException) else "Not found"
        if request.url.path.startswith("/api/"):
            return JSONResponse({"detail": detail}, status_code=404)
        return pages.problem("Not found", f"There is no page {request.url.path}.", 404)

    @app.exception_handler(StoreError)
    def store_failed(request: Request, error: Exception) -> Response:
        if request.url.path.startswith("/api/"):
            return JSONResponse({"detail": str(error)}, status_code=503)
        return pages.problem("The store does not answer", str(error), 503)

    return app


class _Pages:
    """Renders the templates."""

    def __init__(self, state: DashboardState) -> None:
        self._state = state
        self._templates = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters["percent"] = lambda value: (
            f"{100.0 * value:.0f}\N{NARROW NO-BREAK SPACE}%"
        )
        self._templates.filters["words"] = lambda label: label.replace("_", " ")
        self._templates.filters["utc"] = lambda time: f"{time:%Y-%m-%d %H:%M:%S} UTC"
        self._templates.filters["sexagesimal_ra"] = right_ascension_text
        self._templates.filters["sexagesimal_dec"] = declination_text
        self._templates.globals.update(version=__version__, summary=summary)

    def render(self, name: str, status_code: int = 200, **values: Any) -> HTMLResponse:
        """Render a template with the daemon's health."""
        health = self._state.health
        text = self._templates.get_template(name).render(health=health, **values)
        return HTMLResponse(text, status_code=status_code)

    def problem(self, title: str, message: str, status_code: int) -> HTMLResponse:
        """Render a page that says what is wrong."""
        return self.render("problem.html", status_code, title=title, message=message)


def _add_pages(
    app: FastAPI, state: DashboardState, pages: _Pages, maps: OcclusionMaps | None
) -> None:
    @app.get("/", response_class=HTMLResponse)
    def live() -> Response:
        sightings, problem = _latest(state)
        return pages.render("live.html", sightings=sightings, problem=problem, number=state.number)

    @app.get("/fragments/sightings", response_class=HTMLResponse)
    def sightings_fragment() -> Response:
        sightings, problem = _latest(state)
        return pages.render("_sightings.html", sightings=sightings, problem=problem)

    @app.get("/fragments/health", response_class=HTMLResponse)
    def health_fragment() -> Response:
        return pages.render("_health.html")

    @app.get("/sightings/{sighting_id}", response_class=HTMLResponse)
    def sighting_page(sighting_id: str) -> Response:
        store, item = _found(state, sighting_id)
        values: dict[str, Any] = {"item": item, "map": None}
        if maps is not None:
            values |= occlusion_values(item, maps.state(store, item), maps)
        found = store.detections(sighting_id, limit=500)
        questions = asked_questions(item.sighting.votes)
        return pages.render("sighting.html", questions=questions, detections=found, **values)


def _add_api(app: FastAPI, state: DashboardState) -> None:
    @app.get("/api/health")
    def health() -> dict[str, Any]:
        return health_document(state)

    @app.get("/api/sightings")
    def sightings(limit: Limit = 100, offset: Annotated[int, Query(ge=0)] = 0) -> dict[str, Any]:
        store = _store(state)
        items = store.sightings(limit=limit, offset=offset)
        return {
            "total": store.counts().sightings,
            "sightings": [sighting_document(item) for item in items],
        }

    @app.get("/api/sightings/{sighting_id}")
    def sighting(sighting_id: str, detections: Limit = 100) -> dict[str, Any]:
        store, item = _found(state, sighting_id)
        return sighting_document(item, store.detections(sighting_id, limit=detections))

    @app.get("/metrics")
    def metrics() -> Response:
        return Response(metrics_text(state), media_type=CONTENT_TYPE_LATEST)


def _add_pictures(app: FastAPI, state: DashboardState) -> None:
    @app.get("/frame.jpg")
    async def frame(after: Annotated[int, Query(ge=0)] = 0) -> Response:
        """Send the latest frame; with ``after``, wait for a later one than that number."""
        deadline_s = time.monotonic() + LONGEST_WAIT_S
        while after and not state.picture_ready(after):
            if state.closed or time.monotonic() > deadline_s:
                return Response(status_code=204)
            await asyncio.sleep(POLL_S)
        picture = await run_in_threadpool(state.picture)
        if picture is None:
            return Response(status_code=204)
        headers = {
            "X-Frame-Number": str(picture.number),
            "X-Frame-Caption": picture.caption.encode("ascii", "replace").decode("ascii"),
        }
        return Response(picture.jpeg, media_type="image/jpeg", headers=headers)

    @app.get("/media/{name:path}")
    def media(name: str) -> Response:
        path = media_path(_store(state).media_dir, name)
        if path is None:
            raise HTTPException(404, "no such picture")
        return FileResponse(path, headers={"Cache-Control": "private, no-cache"})


def _store(state: DashboardState) -> Store:
    store = state.store
    if store is None:
        raise StoreError("The store is not open; sightings wait until it is")
    return store


def _found(state: DashboardState, sighting_id: str) -> tuple[Store, StoredSighting]:
    store = _store(state)
    item = store.sighting(sighting_id)
    if item is None:
        raise HTTPException(404, "no such sighting")
    return store, item


def _latest(state: DashboardState) -> tuple[tuple[StoredSighting, ...], str]:
    """Sightings for the list, or why there are none."""
    try:
        return _store(state).sightings(limit=LIST_LENGTH), ""
    except StoreError as error:
        return (), str(error)


def right_ascension_text(ra_deg: float) -> str:
    """Right ascension as hours, minutes and seconds."""
    tenths = round(ra_deg / 15.0 * 36_000.0) % 864_000
    minutes, tenths = divmod(tenths, 600)
    return f"{minutes // 60:02d}h {minutes % 60:02d}m {tenths / 10.0:04.1f}s"


def declination_text(dec_deg: float) -> str:
    """Declination as degrees, arc minutes and arc seconds."""
    seconds = round(abs(dec_deg) * 3600.0)
    sign = "\N{MINUS SIGN}" if dec_deg < 0.0 else "+"
    minutes, seconds = divmod(seconds, 60)
    return f"{sign}{minutes // 60:02d}° {minutes % 60:02d}′ {seconds:02d}″"
