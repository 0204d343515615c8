import base64
import logging
import socket
import threading

import cv2
import httpx
import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families
from synthetic_results import make_detection, make_result

from edge_runtime.errors import ConfigError
from edge_runtime.store import Store
from edge_runtime.web import DashboardAccess, DashboardState, Health, check_bind
from edge_runtime.web.app import create_app, declination_text, right_ascension_text
from edge_runtime.web.server import serve

EVERY_PAGE = [
    "/",
    "/fragments/sightings",
    "/fragments/health",
    "/api/health",
    "/api/sightings",
    "/metrics",
    "/frame.jpg",
    "/static/style.css",
    "/nowhere",
]


@pytest.mark.parametrize("path", EVERY_PAGE)
def test_every_answer_carries_the_protective_headers(shared_client, path):
    headers = shared_client.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert "server" not in headers


def test_the_frame_is_a_picture_with_the_boxes_drawn(client, state, health, starry_picture):
    picture = starry_picture()
    state.publish(make_result([make_detection(528, 243, size=120)], picture), health)
    answer = client.get("/frame.jpg")
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["x-frame-number"] == "1"
    assert answer.headers["x-frame-caption"] == "M51, 22:00:00 UTC, 1 galaxy: spiral 0.80"
    shown = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_COLOR)[:, :, ::-1]
    assert shown.shape == picture.shape
    left_edge = shown[220:260, 467:470].reshape(-1, 3).astype(int)
    assert (left_edge[:, 1] - left_edge[:, 0]).max() > 100, "the box is green, not grey"


def test_before_the_first_frame_there_is_no_picture(client):
    assert client.get("/frame.jpg").status_code == 204


def test_waiting_for_a_frame_ends_when_it_comes(client, state, health):
    state.publish(make_result([], name="first"), health)
    assert client.get("/frame.jpg").headers["x-frame-number"] == "1"
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(client.get("/frame.jpg?after=1")))
    waiting.start()
    state.publish(make_result([], name="second"), health)
    waiting.join(10)
    assert answers[0].headers["x-frame-number"] == "2"
    assert answers[0].headers["x-frame-caption"].startswith("second")


def test_nothing_is_encoded_while_nobody_watches_and_at_most_five_a_second(health):
    now = [100.0]
    state = DashboardState(clock=lambda: now[0])
    for _ in range(50):
        state.publish(make_result([]), health)
    assert state._picture is None
    first = state.picture()
    assert first.number == 50
    state.publish(make_result([]), health)
    assert not state.picture_ready(50)
    assert state.picture() is first
    now[0] += 0.2
    assert state.picture_ready(50)
    assert state.picture().number == 51
    assert not state.picture_ready(51)


def test_publishing_takes_microseconds_even_while_a_picture_is_drawn(health):
    state = DashboardState()
    result = make_result([], np.zeros((1080, 1920, 3), np.uint8), width=1920, height=1080)
    with state._drawing:  # a request is drawing
        done = threading.Thread(target=lambda: [state.publish(result, health) for _ in range(100)])
        done.start()
        done.join(5)
        assert not done.is_alive()
    assert state.number == 100


def test_the_list_shows_class_votes_time_and_crop_and_escapes_names(client, sightings):
    text = client.get("/").text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "<script>alert" not in text
    assert "smooth round" in text
    assert "2024-03-01 22:01:00 UTC" in text
    assert f"/media/{sightings[1].id[:2]}/{sightings[1].id}-crop.png" in text
    assert text.index(sightings[2].id) < text.index(sightings[0].id), "the latest comes first"


def test_the_page_of_a_sighting_shows_the_votes_of_every_question(client, sightings):
    text = client.get(f"/sightings/{sightings[0].id}").text
    assert text.count('class="question') >= 11
    assert "How tightly wound do the spiral arms appear?" in text
    assert text.count("<svg") == 37
    assert "13h 29m 52.7s +47° 11′ 43″" in text
    assert "test 1.0.0" in text
    assert "style=" not in text, "inline styles would be blocked"


def test_the_json_says_what_was_recorded(client, sightings):
    listed = client.get("/api/sightings?limit=2").json()
    assert listed["total"] == 3
    assert [item["id"] for item in listed["sightings"]] == [sightings[2].id, sightings[1].id]
    one = client.get(f"/api/sightings/{sightings[0].id}").json()
    assert one["label"] == "spiral"
    assert one["first_seen"] == "2024-03-01T22:00:00.123Z"
    assert one["bundle"] == {"name": "test", "version": "1.0.0", "sha256": "ab" * 32}
    assert one["votes"]["Class4.1"] == pytest.approx(float(sightings[0].votes[7]), abs=1e-6)
    assert len(one["votes"]) == 37
    assert len(one["detections"]) == 1
    crop = client.get(one["crop"])
    assert crop.headers["content-type"] == "image/png"
    shape = cv2.imdecode(np.frombuffer(crop.content, np.uint8), cv2.IMREAD_COLOR).shape
    assert shape == (64, 64, 3)
    assert client.get(one["annotated"]).headers["content-type"] == "image/jpeg"


def test_health_and_metrics_give_the_same_numbers(client, state, health, sightings):
    state.publish(make_result([]), health)
    document = client.get("/api/health").json()
    assert document["frames"] == 12
    assert document["camera"] == {"name": "sim", "state": "observing", "ok": True}
    assert document["bundle"]["version"] == "1.0.0"
    values = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(client.get("/metrics").text)
        for sample in family.samples
    }
    assert values["galaxy_edge_frames_total",] == 12
    assert values["galaxy_edge_frames_per_second",] == 3.5
    assert values["galaxy_edge_stage_seconds", "detect"] == 0.0125
    assert values["galaxy_edge_stored_sightings",] == 3
    assert values["galaxy_edge_bundle_info", "1.0.0", "ab" * 32, "test"] == 1


def test_a_last_error_and_a_failing_store_show_in_the_health_line(client, state):
    state.publish_health(Health(store_ok=False, pending=4, last_error="disk <full>"))
    text = client.get("/fragments/health").text
    assert "failing, 4 waiting" in text
    assert "disk &lt;full&gt;" in text


@pytest.mark.parametrize(
    "path",
    [
        "/sightings/" + "f" * 32,
        "/sightings/x",
        "/nowhere",
        "/docs",
        "/openapi.json",
        "/static/nothing.js",
    ],
)
def test_an_unknown_page_is_not_found(shared_client, path):
    assert shared_client.get(path).status_code == 404


def test_an_unknown_sighting_is_json_under_the_api(shared_client):
    answer = shared_client.get("/api/sightings/" + "f" * 32)
    assert (answer.status_code, answer.json()) == (404, {"detail": "no such sighting"})


@pytest.mark.parametrize("query", ["limit=0", "limit=501", "limit=x", "offset=-1"])
def test_wrong_queries_are_refused(shared_client, query):
    assert shared_client.get(f"/api/sightings?{query}").status_code == 422


@pytest.mark.parametrize(
    "path",
    [
        "/media/../sightings.sqlite",
        "/media/..%2Fsightings.sqlite",
        "/media/%2e%2e/sightings.sqlite",
        "/media/ab/..%2F..%2F..%2Fsightings.sqlite",
        "/media//etc/passwd",
        "/media/%2Fetc%2Fpasswd",
        "/media/..%5C..%5Cetc",
        "/media/",
        "/static/../app.py",
        "/static/..%2Fapp.py",
        "/media/ab/x%00-crop.png",
    ],
)
def test_no_path_leads_out_of_the_folders(shared_server, path):
    host, port = shared_server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as raw:
        # Written by hand: a client would tidy the path up.
        request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        raw.sendall(request.encode())
        answer = b"".join(iter(lambda: raw.recv(65536), b""))
    status = int(answer.split(b" ", 2)[1])
    assert status in (400, 404, 405)
    assert b"SQLite" not in answer
    assert b"root:" not in answer
    assert b"create_app" not in answer


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8756",
        "127.0.0.1.evil.example",
        "192.168.1.5",
        "localhost.evil.example",
        "",
    ],
)
def test_a_foreign_host_name_is_refused(shared_client, host):
    answer = shared_client.get("/api/health", headers={"Host": host})
    assert answer.status_code == 400
    assert "frames" not in answer.text


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:1234", "[::1]:8756", "LOCALHOST"])
def test_names_of_this_machine_are_accepted(shared_client, host):
    assert shared_client.get("/api/health", headers={"Host": host}).status_code == 200


def test_beyond_loopback_a_password_is_needed():
    for host in ("0.0.0.0", "::", "192.168.1.5", "observatory.local", "127.0.0.1.evil.example"):
        with pytest.raises(ConfigError, match="password"):
            check_bind(host, None)
        with pytest.raises(ConfigError, match="at least 8"):
            check_bind(host, "short")
        check_bind(host, "long enough")
    for host in ("127.0.0.1", "127.5.5.5", "localhost", "::1"):
        check_bind(host, None)
    with pytest.raises(ConfigError):
        DashboardAccess(host="0.0.0.0")


def test_a_dashboard_with_a_password_shows_nothing_without_it(state, caplog):
    access = DashboardAccess(host="0.0.0.0", password="über geheim", names=("scope.example",))
    assert "geheim" not in repr(access)
    handle = serve(create_app(state, access), "0.0.0.0", 0)
    try:
        with (
            httpx.Client(base_url=handle.url, timeout=10.0) as client,
            caplog.at_level(logging.INFO),
        ):
            for path in EVERY_PAGE:
                refused = client.get(path)
                assert refused.status_code == 401
                assert refused.headers["www-authenticate"].startswith("Basic ")
            for given in ("observer:wrong", "other:über geheim", "observer:", "::", "nonsense"):
                token = base64.b64encode(given.encode()).decode()
                headers = {"Authorization": f"Basic {token}"}
                assert client.get("/api/health", headers=headers).status_code == 401
            for header in ("Basic !!!", "Basic", "Bearer x", "Basic w7w"):
                assert client.get("/", headers={"Authorization": header}).status_code == 401
            token = base64.b64encode("observer:über geheim".encode()).decode()
            headers = {"Authorization": f"Basic {token}"}
            assert client.get("/api/health", headers=headers).status_code == 200
            for host, status in (
                ("192.168.1.5", 200),
                ("scope.example", 200),
                ("evil.example", 400),
            ):
                answer = client.get("/api/health", headers={**headers, "Host": host})
                assert answer.status_code == status
    finally:
        handle.stop()
    assert "Wrong password" in caplog.text
    assert "geheim" not in caplog.text


def test_a_taken_port_is_named(server, state):
    port = int(server.url.rsplit(":", 1)[1])
    with pytest.raises(ConfigError, match=f"port {port} on 127.0.0.1 is taken"):
        serve(create_app(state), "127.0.0.1", port)


def test_an_address_of_another_machine_is_named(state):
    with pytest.raises(ConfigError, match=r"cannot listen on 192\.0\.2\.1"):
        serve(create_app(state), "192.0.2.1", 0)


def test_stopping_ends_waiting_requests_and_frees_the_port(state, health):
    handle = serve(create_app(state), "127.0.0.1", 0)
    state.publish(make_result([]), health)
    results = []

    def wait():
        try:
            results.append(httpx.get(f"{handle.url}/frame.jpg?after=1", timeout=15).status_code)
        except httpx.HTTPError as error:
            results.append(type(error).__name__)

    waiting = threading.Thread(target=wait)
    waiting.start()
    handle.stop()
    handle.stop()
    waiting.join(10)
    assert not handle.alive
    assert len(results) == 1
    again = serve(create_app(DashboardState()), "127.0.0.1", int(handle.url.rsplit(":", 1)[1]))
    again.stop()


def test_without_a_store_the_page_says_so_and_the_live_view_goes_on(health):
    state = DashboardState()
    handle = serve(create_app(state), "127.0.0.1", 0)
    try:
        state.publish(make_result([]), health)
        with httpx.Client(base_url=handle.url) as client:
            assert "The store is not open" in client.get("/").text
            assert client.get("/frame.jpg").status_code == 200
            assert client.get("/api/sightings").status_code == 503
            assert client.get("/metrics").status_code == 200
    finally:
        handle.stop()


def test_a_store_that_fails_is_reported_not_hidden(client, store: Store, sightings):
    with store._engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE sightings RENAME TO gone")
    page = client.get("/")
    assert page.status_code == 200
    assert "cannot be read" in page.text
    assert client.get("/api/sightings").status_code == 503
    assert client.get(f"/sightings/{sightings[0].id}").status_code == 503


def test_positions_are_written_as_astronomers_do():
    assert right_ascension_text(359.99999) == "00h 00m 00.0s"
    assert right_ascension_text(10.6847) == "00h 42m 44.3s"
    assert declination_text(-0.5) == "\N{MINUS SIGN}00° 30′ 00″"
    assert declination_text(41.269) == "+41° 16′ 08″"
