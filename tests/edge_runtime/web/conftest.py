from dataclasses import replace

import httpx
import numpy as np
import pytest
from synthetic_results import BUNDLE, tracked

from edge_runtime.store import Store
from edge_runtime.web import DashboardState, Health
from edge_runtime.web.app import create_app
from edge_runtime.web.server import serve


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "sightings.sqlite", tmp_path / "media") as opened:
        yield opened


@pytest.fixture
def state(store):
    return DashboardState(lambda: store)


@pytest.fixture
def server(state):
    handle = serve(create_app(state), "127.0.0.1", 0)
    yield handle
    handle.stop()


@pytest.fixture
def client(server):
    with httpx.Client(base_url=server.url, timeout=15.0) as opened:
        yield opened


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory):
    """A server for tests that only ask: one store with a sighting, no frame."""
    folder = tmp_path_factory.mktemp("shared")
    with Store(folder / "sightings.sqlite", folder / "media") as store:
        store.record(tracked(1, pictures=True))
        handle = serve(create_app(DashboardState(lambda: store)), "127.0.0.1", 0)
        yield handle
        handle.stop()


@pytest.fixture(scope="module")
def shared_client(shared_server):
    with httpx.Client(base_url=shared_server.url, timeout=15.0) as opened:
        yield opened


@pytest.fixture
def health():
    return Health(
        frames=12,
        faults=1,
        frames_per_second=3.5,
        camera="sim",
        camera_state="observing",
        bundle=BUNDLE,
        stage_ms={"detect": 12.5},
        last_error="",
    )


@pytest.fixture
def starry_picture():
    """Make a picture of a star field with a galaxy, different for each seed."""

    def make(seed=0, width=960, height=540):
        rng = np.random.default_rng(seed)
        picture = rng.normal(22, 5, (height, width)).clip(0, 255)
        for x, y, flux in rng.uniform([0, 0, 40], [width, height, 230], (150, 3)):
            rows = slice(max(0, int(y) - 3), int(y) + 4)
            columns = slice(max(0, int(x) - 3), int(x) + 4)
            yy, xx = np.mgrid[rows, columns]
            patch = flux * np.exp(-((xx - x) ** 2 + (yy - y) ** 2) / 2.5)
            inside = picture[rows, columns]
            inside += patch[: inside.shape[0], : inside.shape[1]]
        yy, xx = np.mgrid[:height, :width]
        radius = np.hypot(xx - width * 0.55, (yy - height * 0.45) * 1.6)
        angle = np.arctan2((yy - height * 0.45) * 1.6, xx - width * 0.55)
        arms = 1.0 + 0.7 * np.cos(2 * angle - radius / 9.0)
        picture += 150 * np.exp(-radius / 25.0) * arms
        grey = picture.clip(0, 255).astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2)

    return make


@pytest.fixture
def sightings(store):
    """Three recorded sightings; the first has a position and a hostile name."""
    first = tracked(1, pictures=True, ra_deg=202.4696, dec_deg=47.1952)
    evil = replace(first, sighting=replace(first.sighting, target="<script>alert(1)</script>"))
    items = [evil, tracked(2, seconds=60, pictures=True, kind=0), tracked(3, seconds=120, kind=3)]
    store.record(items)
    return [item.sighting for item in items]
