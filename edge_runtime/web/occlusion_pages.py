"""Routes of the map that shows where the classifier looks, on a sighting's page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from fastapi import FastAPI, Header, HTTPException
from fastapi.responses import HTMLResponse, JSONResponse, Response

from edge_runtime.errors import GalaxyEdgeError, StoreError
from edge_runtime.heat_overlay import draw_heat
from edge_runtime.occlusion.occlusion_map import OcclusionMap
from edge_runtime.occlusion.requested_maps import MapState, OcclusionMaps
from edge_runtime.preview import encode_picture
from edge_runtime.recorded_crops import decode_crop
from edge_runtime.store import Store, StoredSighting

LEAST_FULL_SCALE = 0.05  # smaller changes are not drawn as if they were large
FAINT = 0.02

Find = Callable[[str], tuple[Store, StoredSighting]]
Render = Callable[..., HTMLResponse]


@dataclass(frozen=True, slots=True)
class MapDescription:
    """What a page says about an occlusion map.

    Attributes
    ----------
    probability : float
        Of the class in the crop as it is, 0 to 1.
    rise, fall : float
        Most that covering a place takes from the probability, and gives to it.
    place : str
        Where covering takes most, in words.
    faint : bool
        Whether no place changes the probability by more than 0.02.
    label : str
        The class explained.
    """

    label: str
    probability: float
    fall: float
    rise: float
    place: str
    faint: bool


def describe(found: OcclusionMap) -> MapDescription:
    """Put a map into words."""
    return MapDescription(
        label=found.label,
        probability=found.probability,
        fall=max(0.0, float(found.drops.max())),
        rise=max(0.0, -float(found.drops.min())),
        place=place_words(*found.strongest_place),
        faint=found.strongest < FAINT,
    )


def place_words(x: float, y: float) -> str:
    """A place of a picture in words; x and y run from 0 to 1, y downwards."""
    column = "left" if x < 0.4 else "right" if x > 0.6 else ""
    row = "upper" if y < 0.4 else "lower" if y > 0.6 else ""
    if not column and not row:
        return "in the centre"
    if row and column:
        return f"in the {row} {column}"
    if row:
        return f"in the {row} middle"
    return f"on the {column}"


def add_occlusion(app: FastAPI, maps: OcclusionMaps, find: Find, render: Render) -> None:
    """Add the routes.

    Parameters
    ----------
    app : FastAPI
    maps : OcclusionMaps
    find : callable
        Gives store and sighting of an identifier, or raises HTTPException.
    render : callable
        Renders a template with values.
    """

    @app.get("/fragments/occlusion/{sighting_id}", response_class=HTMLResponse)
    def fragment(sighting_id: str) -> Response:
        store, item = find(sighting_id)
        state = maps.state(store, item)
        return render("_occlusion.html", **occlusion_values(item, state, maps))

    @app.get("/api/sightings/{sighting_id}/occlusion")
    def document(sighting_id: str) -> dict[str, Any]:
        store, item = find(sighting_id)
        return map_document(maps.state(store, item))

    @app.post("/api/sightings/{sighting_id}/occlusion", status_code=202)
    def request(sighting_id: str, sec_fetch_site: Annotated[str, Header()] = "none") -> Response:
        if sec_fetch_site not in ("none", "same-origin"):
            raise HTTPException(403, "maps are asked for by the dashboard's own pages")
        store, item = find(sighting_id)
        try:
            state = maps.request(store, item)
        except StoreError:
            raise
        except GalaxyEdgeError as error:
            raise HTTPException(429, str(error), {"Retry-After": "60"}) from error
        return JSONResponse(map_document(state), status_code=202)

    @app.get("/sightings/{sighting_id}/occlusion.png")
    def picture(sighting_id: str) -> Response:
        store, item = find(sighting_id)
        recorded = maps.state(store, item).recorded
        if recorded is None:
            raise HTTPException(404, "no such picture")
        try:
            found, seen = recorded.found, decode_crop(recorded.view_jpeg)
        except GalaxyEdgeError as error:
            raise HTTPException(404, str(error)) from error
        drawn = draw_heat(seen, found.drops, max(LEAST_FULL_SCALE, found.strongest))
        return Response(encode_picture(drawn, ".png"), media_type="image/png")


def occlusion_values(item: StoredSighting, state: MapState, maps: OcclusionMaps) -> dict[str, Any]:
    """Values of the template ``_occlusion.html``."""
    return {
        "item": item,
        "map": state,
        "words": None if state.recorded is None else describe(state.recorded.found),
        "other_bundle": item.sighting.bundle_sha256 != maps.identity.sha256,
        "map_bundle": maps.identity,
    }


def map_document(state: MapState) -> dict[str, Any]:
    """State of a map for the JSON interface."""
    document: dict[str, Any] = {
        "state": state.stage.value,
        "done": state.done,
        "total": state.total,
        "message": state.message,
        "outdated": state.outdated,
    }
    if state.recorded is not None:
        found, bundle = state.recorded.found, state.recorded.bundle
        document["map"] = {
            "label": found.label,
            "probability": round(found.probability, 6),
            "drops": np.round(found.drops.astype(np.float64), 6).tolist(),
            "bundle": {"name": bundle.name, "version": bundle.version, "sha256": bundle.sha256},
        }
    return document
