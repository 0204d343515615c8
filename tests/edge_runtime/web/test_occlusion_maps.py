"""Occlusion maps from the dashboard, with the real worker process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import replace

import cv2
import httpx
import numpy as np
import pytest
from synthetic_results import tracked
from tiny_bundles import make_tiny_bundle

from edge_runtime.bundle.loading import load_bundle
from edge_runtime.config import WebConfig
from edge_runtime.dashboard import Dashboard
from edge_runtime.occlusion.occlusion_map import OcclusionMap
from edge_runtime.occlusion.requested_maps import MOST_WAITING, TIMEOUT_S, OcclusionMaps, Stage
from edge_runtime.occlusion.worker_process import WorkerProcess
from edge_runtime.store.media import media_name
from edge_runtime.store.occlusion_files import read_map
from edge_runtime.tracked_sighting import BundleIdentity
from edge_runtime.web.app import create_app
from edge_runtime.web.occlusion_pages import describe, place_words
from edge_runtime.web.server import serve

DEADLINE_S = 200.0
EAGER = (
    "import sys; from edge_runtime.occlusion.worker import work; "
    "work(sys.stdin.buffer, sys.stdout.buffer)"
)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return load_bundle(make_tiny_bundle(tmp_path_factory.mktemp("bundle") / "tiny"))


def eager_worker():
    """The real work without the low priority, which would be long on a busy machine."""
    return WorkerProcess(600.0, (sys.executable, "-P", "-c", EAGER))


@pytest.fixture
def maps(bundle):
    made = OcclusionMaps(bundle, eager_worker())
    yield made
    made.close()


def report(bundle, number=1, *, corner=(250, 30, 30), kind=0):
    """A sighting made by ``bundle`` whose crop has coloured light in its lower right corner.

    The tiny classifier takes red light for a round galaxy, and nothing else.
    """
    identity = BundleIdentity(bundle.name, bundle.version, bundle.sha256)
    crop = np.full((60, 60, 3), 20, np.uint8)
    crop[40:, 40:] = corner
    return replace(tracked(number, pictures=True, bundle=identity, kind=kind), crop=crop)


@pytest.fixture
def item(store, bundle):
    made = report(bundle)
    store.record(made)
    return store.sighting(made.sighting.id)


def wait_for(condition, what):
    deadline_s = time.monotonic() + DEADLINE_S
    while not (found := condition()):
        assert time.monotonic() < deadline_s, f"waited {DEADLINE_S} s for {what}"
        threading.Event().wait(0.02)
    return found


def finished(maps, store, item):
    state = maps.state(store, item)
    return state if state.stage in (Stage.DONE, Stage.FAILED) else None


def sleeping_worker(timeout_s=600.0):
    """In place of the worker: a process that never answers."""
    return WorkerProcess(timeout_s, ("sleep", "600"))


def test_a_map_is_made_beside_the_crop_and_shows_where_the_light_is(maps, store, item):
    """By the worker as the daemon starts it."""
    maps._worker = WorkerProcess(TIMEOUT_S)
    assert maps.state(store, item).stage is Stage.NONE
    assert maps.request(store, item).stage is Stage.WAITING
    state = wait_for(lambda: finished(maps, store, item), "the map")
    assert state.stage is Stage.DONE, state.message
    assert state.outdated == ""
    found = state.recorded.found
    assert found.label == "smooth_round"
    assert found.drops.shape == (12, 12)
    assert found.drops.max() > 0.002
    assert min(found.strongest_place) > 0.5
    assert np.abs(found.drops[:5, :5]).max() < 1e-6
    kept = read_map(store.media_dir, item.sighting.id)
    np.testing.assert_allclose(kept.found.drops, found.drops, atol=1e-6)
    assert (store.media_dir / media_name(item.sighting.id, "occlusion.json")).is_file()


def test_a_map_on_the_disk_is_not_made_again(maps, bundle, store, item):
    maps.request(store, item)
    wait_for(lambda: finished(maps, store, item), "the map")
    later = OcclusionMaps(bundle)
    assert later.request(store, item).stage is Stage.DONE
    assert later._thread is None


def test_a_better_frame_other_models_or_another_class_make_a_map_outdated(
    maps, bundle, store, item
):
    maps.request(store, item)
    wait_for(lambda: finished(maps, store, item), "the map")
    other = OcclusionMaps(replace(bundle, sha256="cd" * 32))
    assert "models at work" in other.state(store, item).outdated
    spiral = replace(item.sighting, class_probabilities=np.float32([0.1, 0, 0, 0, 0.9]))
    assert "taken for spiral" in maps.state(store, replace(item, sighting=spiral)).outdated
    store.record(report(bundle, corner=(200, 40, 40)))
    state = maps.state(store, item)
    assert state.stage is Stage.DONE
    assert "better frame" in state.outdated
    assert maps.request(store, item).stage is Stage.WAITING


@pytest.mark.parametrize("content", [b"", b"{}", b"[1, 2", b'{"version": 1, "drops": "x"}'])
def test_a_damaged_map_on_the_disk_counts_as_none(maps, store, item, content, caplog):
    path = store.media_dir / media_name(item.sighting.id, "occlusion.json")
    path.write_bytes(content)
    assert maps.state(store, item).stage is Stage.NONE
    assert "occlusion.json cannot be read" in caplog.text


def test_a_sighting_without_a_picture_fails_with_the_reason(maps, bundle, store):
    made = replace(report(bundle, 7), crop=None, annotated=None)
    store.record(made)
    bare = store.sighting(made.sighting.id)
    maps.request(store, bare)
    state = wait_for(lambda: finished(maps, store, bare), "the refusal")
    assert state.stage is Stage.FAILED
    assert "no picture of this sighting" in state.message


@pytest.mark.parametrize("where", ["crop", "model"])
def test_what_is_damaged_is_named_and_the_next_map_is_made(bundle, store, item, where):
    if where == "crop":
        (store.media_dir / item.crop_file).write_bytes(b"no picture")
        broken, message = bundle, "picture of this sighting is damaged"
    else:
        contents = {**bundle.contents, bundle.manifest.classifier.file: b"no model" * 9}
        broken, message = replace(bundle, contents=contents), "not a TensorFlow Lite model"
    maps = OcclusionMaps(broken, eager_worker())
    try:
        maps.request(store, item)
        state = wait_for(lambda: finished(maps, store, item), "the failure")
        assert message in state.message
        maps._bundle = bundle
        store.record(report(bundle))
        assert maps.request(store, item).stage is Stage.WAITING, "a failure may be tried again"
        assert wait_for(lambda: finished(maps, store, item), "the map").stage is Stage.DONE
    finally:
        maps.close()


def test_closing_ends_the_process_and_all_requests(bundle, store, item, caplog):
    maps = OcclusionMaps(bundle, sleeping_worker())
    maps.request(store, item)
    process = wait_for(lambda: maps._worker._process, "the worker")
    assert maps.state(store, item).stage is Stage.RUNNING
    maps.close()
    assert process.returncode is not None
    assert not maps._thread.is_alive()
    assert maps.request(store, item).stage is Stage.FAILED
    assert caplog.text == "", "an end that was wanted is no failure"


def test_a_worker_that_takes_too_long_is_given_up(bundle, store, item):
    maps = OcclusionMaps(bundle, sleeping_worker(0.2))
    maps.request(store, item)
    state = wait_for(lambda: finished(maps, store, item), "the end of patience")
    maps.close()
    assert "took more than 0 s" in state.message


def test_a_worker_that_dies_is_told_and_tried_again(bundle, store, item):
    maps = OcclusionMaps(bundle, WorkerProcess(60.0, ("false",)))
    maps.request(store, item)
    state = wait_for(lambda: finished(maps, store, item), "the failure")
    assert "ended with code 1" in state.message
    maps._worker = eager_worker()
    maps.request(store, item)
    assert wait_for(lambda: finished(maps, store, item), "the map").stage is Stage.DONE
    maps.close()


@pytest.mark.skipif(not hasattr(os, "SCHED_IDLE"), reason="needs Linux's scheduler")
def test_the_worker_yields_to_everything_else():
    code = (
        "import os; from edge_runtime.occlusion.worker import yield_to_others; yield_to_others(); "
        "print(os.nice(0), os.sched_getscheduler(0) == os.SCHED_IDLE)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["19", "True"]


def test_maps_are_made_one_at_a_time_and_only_so_many_wait(bundle, state, store):
    maps = OcclusionMaps(bundle, sleeping_worker())
    items = [report(bundle, number) for number in range(MOST_WAITING + 2)]
    store.record(items)
    with served(state, maps) as client:
        ids = [made.sighting.id for made in items]
        first = client.post(f"/api/sightings/{ids[0]}/occlusion")
        assert (first.status_code, first.json()["state"]) == (202, "waiting")
        wait_for(lambda: maps._worker._process, "the first worker")
        codes = [client.post(f"/api/sightings/{key}/occlusion").status_code for key in ids[1:]]
        assert codes == [202] * MOST_WAITING + [429]
        stages = [client.get(f"/api/sightings/{key}/occlusion").json()["state"] for key in ids]
        assert stages == ["running"] + ["waiting"] * MOST_WAITING + ["none"]
        maps.close()


@contextmanager
def served(state, maps):
    handle = serve(create_app(state, maps=maps), "127.0.0.1", 0)
    try:
        with httpx.Client(base_url=handle.url, timeout=15.0) as client:
            yield client
    finally:
        handle.stop()


def test_the_map_is_asked_for_followed_and_shown(maps, state, store, item):
    address = f"/sightings/{item.sighting.id}"
    with served(state, maps) as client:
        page = client.get(address).text
        assert 'data-stage="none"' in page
        assert "/static/occlusion.js" in page
        assert client.get(f"{address}/occlusion.png").status_code == 404
        assert client.post(f"/api{address}/occlusion").status_code == 202
        wait_for(
            lambda: client.get(f"/api{address}/occlusion").json()["state"] == "done", "the map"
        )
        document = client.get(f"/api{address}/occlusion").json()
        assert document["map"]["label"] == "smooth_round"
        assert np.shape(document["map"]["drops"]) == (12, 12)
        json.dumps(document, allow_nan=False)
        fragment = client.get(f"/fragments/occlusion/{item.sighting.id}").text
        assert "No single place decides." in fragment  # the corner is small
        assert "in the lower right" in fragment
        assert fragment in client.get(address).text
        answer = client.get(f"{address}/occlusion.png")
        assert answer.headers["content-type"] == "image/png"
        drawn = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_COLOR)
        assert drawn.shape == (256, 256, 3)


def test_the_daemons_dashboard_makes_maps_and_ends_with_what_it_started(bundle, store, item):
    dashboard = Dashboard(WebConfig(port=0), lambda: store, bundle=bundle)
    dashboard.start()
    url = wait_for(lambda: dashboard.url, "the dashboard")
    maps = dashboard._maps
    maps._worker = sleeping_worker()
    answer = httpx.post(f"{url}/api/sightings/{item.sighting.id}/occlusion")
    assert answer.json()["state"] == "waiting"
    process = wait_for(lambda: maps._worker._process, "the worker")
    dashboard.close()
    assert process.returncode is not None
    assert not maps._thread.is_alive()
    assert dashboard.url == ""


def test_pages_of_elsewhere_cannot_ask_for_maps(maps, state, store, item):
    with served(state, maps) as client:
        headers = {"Sec-Fetch-Site": "cross-site"}
        address = f"/api/sightings/{item.sighting.id}/occlusion"
        assert client.post(address, headers=headers).status_code == 403
        assert client.get(address).json()["state"] == "none"


def test_unknown_sightings_have_no_map(maps, state, store):
    with served(state, maps) as client:
        for method, address in (
            ("GET", f"/api/sightings/{'0' * 32}/occlusion"),
            ("POST", f"/api/sightings/{'0' * 32}/occlusion"),
            ("GET", f"/sightings/{'0' * 32}/occlusion.png"),
            ("GET", "/fragments/occlusion/..%2f..%2fetc"),
        ):
            assert client.request(method, address).status_code == 404, address


def test_a_sighting_of_other_models_says_so(maps, state, store):
    made = tracked(3, pictures=True)
    store.record(made)
    with served(state, maps) as client:
        page = client.get(f"/sightings/{made.sighting.id}").text
    assert "classified by test 1.0.0" in page
    assert "asks tiny 1.2.3" in page


@pytest.mark.parametrize(
    ("x", "y", "words"),
    [
        (0.5, 0.5, "in the centre"),
        (0.1, 0.9, "in the lower left"),
        (0.5, 0.1, "in the upper middle"),
        (0.9, 0.5, "on the right"),
    ],
)
def test_places_have_words(x, y, words):
    assert place_words(x, y) == words


def test_small_changes_are_called_small():
    drops = np.full((4, 4), 0.004, np.float32)
    drops[0, 0] = -0.019
    assert describe(OcclusionMap("spiral", 0.9, drops)).faint
    drops[0, 0] = -0.3
    words = describe(OcclusionMap("spiral", 0.9, drops))
    assert not words.faint
    assert words.rise == pytest.approx(0.3)
    assert words.fall == pytest.approx(0.004)
